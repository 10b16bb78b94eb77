// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What the tests of limiters share: durations, limiters on a manual clock, threads with an end. */
final class Rig {
    static final Duration SECOND = Duration.ofSeconds(1);
    static final long PATIENCE_SECONDS = 60;

    private Rig() {}

    static Duration ms(long millis) {
        return Duration.ofMillis(millis);
    }

    static RateLimiter limiter(Limit limit, ManualTime time) {
        return RateLimiter.builder("search").limit(limit).timeSource(time).build();
    }

    static GcraMeter bucket(RateLimiter limiter) {
        return (GcraMeter) limiter.meter();
    }

    /** How many single permits pass at this moment; at most 10,000. */
    static int drained(RateLimiter limiter) {
        int passed = 0;
        while (passed < 10_000 && limiter.tryAcquire()) passed++;
        return passed;
    }

    /** A thread of the test that has begun; {@link #end} waits for it. */
    static final class Running<T> {
        private final FutureTask<T> task;
        final Thread thread;

        private Running(FutureTask<T> task) {
            this.task = task;
            this.thread = new Thread(task, "rig");
        }

        T end() throws InterruptedException, ExecutionException, TimeoutException {
            return task.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
    }

    static <T> Running<T> start(java.util.concurrent.Callable<T> work) {
        Running<T> running = new Running<>(new FutureTask<>(work));
        running.thread.setDaemon(true);
        running.thread.start();
        return running;
    }

    /** Runs the same in several threads, from one signal on; ends when all have. */
    static void together(int threads, java.util.function.IntConsumer work) throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        java.util.List<Running<Integer>> all = new java.util.ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            all.add(start(() -> {
                go.await();
                work.accept(number);
                return number;
            }));
        }
        go.countDown();
        for (Running<Integer> one : all) one.end();
    }
}
