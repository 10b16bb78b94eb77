// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** The module's own threads: started when first needed, daemons, gone after some idle seconds. */
final class Hands {
    private Hands() {}

    /** Where loads run that leave their caller's thread: a virtual thread each where the JDK has them. */
    static Executor loads() {
        return Loads.EXECUTOR;
    }

    /**
     * Lets a timer's work go on elsewhere (L6). Never on virtual threads: carriers that are busy or pinned must not delay
     * a deadline; never on the user's executor, which may be full.
     */
    static void handOver(TimeSource time, Runnable task) {
        try {
            time.watched(Completions.POOL).execute(task);
        } catch (Throwable noThreadLeft) {
            task.run(); // late timers are better than calls that never end
        }
    }

    /**
     * Runs a task on somebody's executor or tells why not, and never both: an executor may throw although it has taken
     * the task, as a thread pool does that finds no thread for its queue.
     */
    static void execute(Executor executor, Runnable task, Consumer<Throwable> refused) {
        AtomicBoolean decided = new AtomicBoolean();
        try {
            executor.execute(() -> {
                if (decided.compareAndSet(false, true)) task.run();
            });
        } catch (Throwable thrown) {
            if (decided.compareAndSet(false, true)) refused.accept(thrown);
        }
    }

    private static final class Completions {
        static final ExecutorService POOL = pool("resilience-cache-completion-");
    }

    private static final class Loads {
        static final Executor EXECUTOR = virtualOrPooled();

        private static Executor virtualOrPooled() {
            try {
                return (Executor) Executors.class
                        .getMethod("newVirtualThreadPerTaskExecutor")
                        .invoke(null);
            } catch (ReflectiveOperationException olderJdk) {
                return pool("resilience-cache-load-");
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
