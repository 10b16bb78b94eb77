// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

/** What only the library makes, for tests that play the library: a waiter, and its leaving. */
public final class Waiting {
    private static final TimeSource NEVER = new TimeSource() {
        @Override
        public long nanoTime() {
            return 0;
        }

        @Override
        public void park(Object blocker, long nanos) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void unpark(Thread thread) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Timer schedule(Runnable task, long nanos) {
            throw new UnsupportedOperationException();
        }
    };

    private Waiting() {}

    public static Waiter waiter() {
        return new Waiter(CallContext.root(), NEVER, Long.MAX_VALUE, () -> {});
    }

    /** False: it has been answered. */
    public static boolean leave(Waiter waiter) {
        return waiter.leave();
    }

    public static boolean granted(Waiter waiter) {
        return waiter.answered() && !waiter.refused();
    }

    public static boolean waiting(Waiter waiter) {
        return waiter.waiting();
    }
}
