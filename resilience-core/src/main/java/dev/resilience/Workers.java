// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The library's own threads: started when first needed, daemons, gone after some idle seconds. */
final class Workers {
    /** Attempts that must leave the thread they are on: a virtual thread each where the JDK has them. */
    static final Executor DEFAULT = task -> Attempts.EXECUTOR.execute(task);

    private Workers() {}

    /**
     * Completions by a timer. Never virtual threads: carriers that are busy or pinned must not delay a timeout; never
     * the user's executor, which may be full (L6).
     */
    static void handOff(TimeSource time, Runnable completion) {
        orHere(time.watched(Completions.POOL), completion);
    }

    static void orHere(Executor pool, Runnable task) {
        try {
            pool.execute(task);
        } catch (Throwable noThreadLeft) {
            task.run(); // late timers are better than calls that never end
        }
    }

    /** An executor that never refuses: what {@code executor} does not take runs on a thread of ours. */
    static Executor neverRefusing(Executor executor) {
        return task -> {
            try {
                executor.execute(task);
            } catch (Throwable refused) {
                Reports.guest("call", "the pipeline's executor refused a task (it runs on a spare thread);", refused);
                orHere(Completions.POOL, task);
            }
        };
    }

    private static final class Completions {
        static final ExecutorService POOL = pool("resilience-completion-");
    }

    private static final class Attempts {
        static final Executor EXECUTOR = virtualOrPooled();

        private static Executor virtualOrPooled() {
            try {
                return (Executor) Executors.class
                        .getMethod("newVirtualThreadPerTaskExecutor")
                        .invoke(null);
            } catch (ReflectiveOperationException olderJdk) {
                return pool("resilience-worker-");
            }
        }
    }

    private static ExecutorService pool(String prefix) {
        AtomicInteger number = new AtomicInteger();
        ThreadFactory threads = task -> {
            Thread thread = new Thread(null, task, prefix + number.incrementAndGet(), 0, false);
            thread.setDaemon(true);
            thread.setContextClassLoader(null);
            return thread;
        };
        return new ThreadPoolExecutor(0, Integer.MAX_VALUE, 5, TimeUnit.SECONDS, new SynchronousQueue<>(), threads);
    }
}
