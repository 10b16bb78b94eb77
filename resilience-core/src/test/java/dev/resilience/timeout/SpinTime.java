// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import dev.resilience.TimeSource;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** Real time whose timers are fired by two threads that look all the time: microseconds after they are due. */
final class SpinTime implements TimeSource, AutoCloseable {
    private static final int THREADS = 2;

    private final TimeSource real = TimeSource.system();
    private final AtomicReferenceArray<Armed> slots = new AtomicReferenceArray<>(4 * THREADS);
    private final AtomicInteger turn = new AtomicInteger();
    private volatile boolean closed;

    private final class Armed extends AtomicInteger implements Timer {
        private static final long serialVersionUID = 1L;
        private static final int CANCELLED = 1;
        private static final int RUNNING = 2;

        private final transient Runnable task;
        private final long due;
        private final int slot;

        Armed(Runnable task, long due, int slot) {
            this.task = task;
            this.due = due;
            this.slot = slot;
        }

        @Override
        public boolean cancel() {
            boolean mine = compareAndSet(0, CANCELLED);
            if (mine) slots.set(slot, null);
            return mine;
        }

        void fire() {
            if (!compareAndSet(0, RUNNING)) return;
            task.run();
            slots.set(slot, null);
        }
    }

    SpinTime() {
        for (int i = 0; i < THREADS; i++) {
            int first = i;
            Thread thread = new Thread(() -> serve(first), "spin-timer-" + i);
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void serve(int first) {
        while (!closed) {
            for (int i = first; i < slots.length(); i += THREADS) {
                Armed armed = slots.get(i);
                if (armed != null && real.nanoTime() - armed.due >= 0) armed.fire();
            }
            Thread.yield();
        }
    }

    /** Nothing armed, nothing running. */
    boolean idle() {
        for (int i = 0; i < slots.length(); i++) {
            if (slots.get(i) != null) return false;
        }
        return true;
    }

    @Override
    public long nanoTime() {
        return real.nanoTime();
    }

    @Override
    public void park(Object blocker, long nanos) {
        real.park(blocker, nanos);
    }

    @Override
    public void unpark(Thread thread) {
        real.unpark(thread);
    }

    @Override
    public Timer schedule(Runnable task, long nanos) {
        while (true) {
            int slot = Math.floorMod(turn.getAndIncrement(), slots.length());
            Armed armed = new Armed(task, real.nanoTime() + nanos, slot);
            if (slots.compareAndSet(slot, null, armed)) return armed;
        }
    }

    @Override
    public void close() {
        closed = true;
    }
}
