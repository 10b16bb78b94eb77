// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * How long the machine has kept this program from running: a thread that wants to run every few milliseconds sees it.
 * Who is late because of that is not late because of a policy.
 */
final class Stalls implements AutoCloseable {
    private static final TimeSource TIME = TimeSource.system();
    private static final long TICK = TimeUnit.MILLISECONDS.toNanos(10);
    /** Every busy machine has shorter ones, all the time. */
    private static final long NOTICEABLE = TimeUnit.MILLISECONDS.toNanos(50);

    private volatile boolean closed;
    private volatile long latest = TIME.nanoTime();
    private volatile long stalled;

    /** Watches from now on. */
    void start() {
        latest = TIME.nanoTime();
        Threads.named("stalls").newThread(this::watch).start();
    }

    private void watch() {
        while (!closed) {
            TIME.park(this, TICK);
            stalled = nanos(); // written by this thread alone
            latest = TIME.nanoTime();
        }
    }

    /** All stalls together, one that goes on included. */
    Duration total() {
        return Duration.ofNanos(nanos());
    }

    private long nanos() {
        long late = TIME.nanoTime() - latest - TICK;
        return late > NOTICEABLE ? stalled + late : stalled;
    }

    @Override
    public void close() {
        closed = true;
    }
}
