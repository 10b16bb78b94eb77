// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The cache's own threads: started when first needed; virtual ones where the JDK has them, else daemons that go after some idle seconds. */
final class Threads {
    private Threads() {}

    static Executor background() {
        return Lazy.EXECUTOR;
    }

    private static final class Lazy {
        static final Executor EXECUTOR = virtualOrPooled();
    }

    private static Executor virtualOrPooled() {
        try {
            return (Executor)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException olderJdk) {
            AtomicInteger number = new AtomicInteger();
            return new ThreadPoolExecutor(0, Integer.MAX_VALUE, 5, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
                Thread thread = new Thread(null, task, "resilience-cache-" + number.incrementAndGet(), 0, false);
                thread.setDaemon(true);
                thread.setContextClassLoader(null);
                return thread;
            });
        }
    }
}
