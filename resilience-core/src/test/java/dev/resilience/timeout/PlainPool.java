// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import dev.resilience.TimeSource;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/** A pool of one thread that, unlike the JDK's, does not take an interrupt flag that a task leaves behind, but counts it. */
final class PlainPool implements Executor, AutoCloseable {
    private final LinkedBlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger accepted = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();
    private final AtomicInteger dirty = new AtomicInteger();
    private final Thread thread = new Thread(this::serve, "plain-pool");
    private volatile boolean closed;

    PlainPool() {
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void execute(Runnable task) {
        accepted.incrementAndGet();
        queue.add(task);
    }

    private void serve() {
        while (!closed) {
            Runnable task = queue.poll();
            if (task == null) {
                Thread.yield();
                if (Thread.interrupted()) dirty.incrementAndGet(); // came between two tasks
                continue;
            }
            task.run();
            if (Thread.interrupted()) dirty.incrementAndGet();
            ended.incrementAndGet();
        }
    }

    /** Every task that it was given has ended. */
    boolean idle() {
        return ended.get() == accepted.get();
    }

    /** Tasks that it was given. */
    int accepted() {
        return accepted.get();
    }

    /** How often the thread was found interrupted outside of a task. */
    int dirty() {
        return dirty.get();
    }

    @Override
    public void close() {
        closed = true;
    }

    /** Waits for what other threads do; at most a minute, for machines that are busy. */
    static boolean soon(BooleanSupplier condition) {
        TimeSource real = TimeSource.system();
        long since = real.nanoTime();
        while (!condition.getAsBoolean()) {
            if (real.nanoTime() - since > TimeUnit.SECONDS.toNanos(60)) return false;
            Thread.yield();
        }
        return true;
    }

    /** An executor that only keeps its tasks. */
    static final class Full implements Executor {
        final Queue<Runnable> tasks = new ArrayDeque<>();

        @Override
        public void execute(Runnable task) {
            tasks.add(task);
        }
    }
}
