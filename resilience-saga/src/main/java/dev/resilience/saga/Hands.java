// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The threads of one engine: started when first needed, gone when it is closed. Sagas run on a virtual thread each where
 * the JDK has them; what keeps the engine alive never does, because carriers that are busy must not delay a heartbeat,
 * and never on the user's executor, which may be full.
 */
final class Hands {
    private final ExecutorService background;
    private final @Nullable ExecutorService own;

    /** Heartbeats, claims, and what completes futures. */
    final Executor work;

    /** Sagas and their branches. */
    final Executor sagas;

    Hands(String node, TimeSource time, @Nullable Executor users, int concurrency) {
        this.background = pool("resilience-saga-" + node + "-", Integer.MAX_VALUE);
        this.work = time.watched(background);
        if (users == null) {
            ExecutorService mine = virtualOrPooled("resilience-saga-" + node + "-run-", concurrency);
            this.own = mine;
            this.sagas = time.watched(mine);
        } else {
            this.own = null;
            this.sagas = time.watched(elsewhere(users));
        }
    }

    /**
     * An executor may run a task on the thread that brings it, as one that is full often does. That thread is a
     * starter's, the claims', or one that drives a saga and has to see that a branch does not come back: what would run
     * there runs on a thread of the engine's own.
     */
    private Executor elsewhere(Executor users) {
        return task -> {
            Thread caller = Thread.currentThread();
            users.execute(() -> {
                if (Thread.currentThread() == caller) background.execute(task);
                else task.run();
            });
        };
    }

    private static ExecutorService virtualOrPooled(String prefix, int concurrency) {
        try {
            return (ExecutorService)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException olderJdk) {
            // a saga's branches need threads beside its own; without one they are done one after the other
            return pool(prefix, (int) Math.min(Integer.MAX_VALUE, 2L * concurrency + 8));
        }
    }

    private static ExecutorService pool(String prefix, int most) {
        AtomicInteger number = new AtomicInteger();
        ClassLoader opener = Thread.currentThread().getContextClassLoader();
        ThreadFactory threads = task -> {
            Thread thread = new Thread(null, task, prefix + number.incrementAndGet(), 0, false);
            thread.setDaemon(true);
            thread.setContextClassLoader(opener);
            return thread;
        };
        return new ThreadPoolExecutor(0, most, 5, TimeUnit.SECONDS, new SynchronousQueue<>(), threads);
    }

    /** Idle threads end now, others with what they do. */
    void close() {
        background.shutdown();
        if (own != null) own.shutdown();
    }
}
