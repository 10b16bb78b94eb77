// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Op;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Threads and loads for tests that need real ones; they wait for conditions, with a minute of patience. */
final class Flyers {
    private Flyers() {}

    /** A call on a thread of its own. */
    static final class Flyer<T extends @Nullable Object> {
        private final Thread thread;
        private volatile @Nullable T value;
        private volatile @Nullable Throwable thrown;
        private volatile boolean flagged;

        Flyer(Op<T, ?> call) {
            thread = new Thread(() -> {
                try {
                    value = call.call();
                } catch (Throwable t) {
                    thrown = t;
                }
                flagged = Thread.currentThread().isInterrupted();
            });
            thread.setDaemon(true);
            thread.start();
        }

        void interrupt() {
            thread.interrupt();
        }

        private void join() {
            try {
                thread.join(60_000);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            if (thread.isAlive())
                throw new AssertionError("still at it: " + java.util.Arrays.toString(thread.getStackTrace()));
        }

        @Nullable
        T value() {
            join();
            if (thrown != null) throw new AssertionError(thrown);
            return value;
        }

        Throwable thrown() {
            join();
            if (thrown == null) throw new AssertionError("returned " + value);
            return thrown;
        }

        /** Whether the interrupt flag was set when the call had ended. */
        boolean flagged() {
            join();
            return flagged;
        }
    }

    static <T extends @Nullable Object> Flyer<T> fly(Op<T, ?> call) {
        return new Flyer<>(call);
    }

    /** A load that waits inside until it is let out, or interrupted. */
    static final class Held<T> implements Op<T, Exception> {
        private final CountDownLatch in = new CountDownLatch(1);
        private final CountDownLatch out = new CountDownLatch(1);
        private final Op<T, Exception> then;
        final AtomicInteger runs = new AtomicInteger();
        volatile boolean interrupted;

        Held(Op<T, Exception> then) {
            this.then = then;
        }

        @Override
        public T call() throws Exception {
            runs.incrementAndGet();
            in.countDown();
            try {
                await(out);
            } catch (InterruptedException e) {
                interrupted = true;
                throw e;
            }
            return then.call();
        }

        void awaitIn() throws InterruptedException {
            await(in);
        }

        void letOut() {
            out.countDown();
        }
    }

    static void await(CountDownLatch latch) throws InterruptedException {
        if (!latch.await(60, TimeUnit.SECONDS)) throw new AssertionError("nobody came");
    }

    /** Looks again and again. */
    static void until(java.util.function.BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > 60_000_000_000L) throw new AssertionError("never came true");
            Thread.yield();
        }
    }
}
