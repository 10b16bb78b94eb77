// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.TimeUnit;

/** A blocking call on a thread of its own, and what came of it. */
final class Calling<T> {
    private final Thread thread;
    private volatile Outcome<T> outcome;
    private volatile boolean interrupted;

    private Calling(Op<T, Exception> op) {
        thread = new Thread(() -> {
            try {
                outcome = Outcome.success(op.call());
            } catch (Throwable thrown) {
                outcome = Outcome.failure(thrown);
            }
            interrupted = Thread.currentThread().isInterrupted();
        });
        thread.setDaemon(true);
        thread.start();
    }

    static <T> Calling<T> start(Op<T, Exception> op) {
        return new Calling<>(op);
    }

    void interrupt() {
        thread.interrupt();
    }

    Outcome<T> ended() throws InterruptedException {
        thread.join(TimeUnit.SECONDS.toMillis(60));
        if (thread.isAlive()) throw new AssertionError("the call did not end");
        return outcome;
    }

    /** The flag as the call left it. */
    boolean interrupted() {
        return interrupted;
    }
}
