// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import dev.resilience.testkit.ManualTime;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadPoolExecutor;

/**
 * A manual clock for tests that run handed-over tasks themselves: it does not wait for those, and what a timer hands over
 * to the library's own threads is done at once, so that the test sees it done.
 */
record DrainedTime(ManualTime time) implements TimeSource {
    @Override
    public long nanoTime() {
        return time.nanoTime();
    }

    @Override
    public void park(Object blocker, long nanos) {
        time.park(blocker, nanos);
    }

    @Override
    public void unpark(Thread thread) {
        time.unpark(thread);
    }

    @Override
    public Timer schedule(Runnable task, long nanos) {
        return time.schedule(task, nanos);
    }

    @Override
    public Executor watched(Executor executor) {
        return executor instanceof ThreadPoolExecutor ? Runnable::run : executor;
    }
}
