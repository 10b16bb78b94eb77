// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Work of an engine that is repeated: one timer while it waits, a thread of {@code hands} while it runs, never two at
 * once. The work answers in how many nanoseconds it is to run again; {@link #NEVER} waits for {@link #within}.
 */
final class Rhythm {
    static final long NEVER = Long.MAX_VALUE;

    private final String what;
    private final TimeSource time;
    private final Executor hands;
    private final LongSupplier work;
    private final ReentrantLock lock = new ReentrantLock();
    private TimeSource.@Nullable Timer timer;
    private long due;
    /** Who does the work now. */
    private @Nullable Thread running;

    private boolean wanted;
    private boolean closed;

    @Nullable
    private volatile Thread closer;

    Rhythm(String what, TimeSource time, Executor hands, LongSupplier work) {
        this.what = what;
        this.time = time;
        this.hands = hands;
        this.work = work;
    }

    /** Lets the work run within this time, sooner than it would have if need be. */
    void within(long nanos) {
        lock.lock();
        try {
            if (closed || nanos == NEVER) return;
            long at = time.nanoTime() + Math.max(0, nanos);
            if (running != null) {
                if (!wanted || at - due < 0) due = at;
                wanted = true;
                return;
            }
            if (timer != null && due - at <= 0) return;
            if (timer != null) timer.cancel();
            due = at;
            timer = time.schedule(this::ring, Math.max(0, nanos));
        } finally {
            lock.unlock();
        }
    }

    /** On the timer's thread: only hands over (L6). */
    private void ring() {
        try {
            hands.execute(this::run);
        } catch (RejectedExecutionException closing) {
            // its engine is closed
        } catch (OutOfMemoryError noThreadLeft) {
            again();
        }
    }

    private void again() {
        lock.lock();
        try {
            if (!closed) timer = time.schedule(this::ring, Nanos.SECOND);
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        lock.lock();
        try {
            if (closed || running != null) return;
            running = Thread.currentThread();
            wanted = false;
            timer = null;
        } finally {
            lock.unlock();
        }
        long next = Nanos.SECOND;
        try {
            next = work.getAsLong();
        } catch (RuntimeException thrown) {
            Guest.warn("saga engine: its " + what + " failed and is repeated in a second", thrown);
        } finally {
            rest(next);
        }
    }

    private void rest(long next) {
        long left = next;
        lock.lock();
        try {
            running = null;
            if (wanted) left = Math.min(left, Math.max(0, due - time.nanoTime()));
        } finally {
            lock.unlock();
        }
        Thread waiting = closer;
        if (waiting != null) time.unpark(waiting);
        within(left);
    }

    /**
     * No more of it, and none under way when this returns but one that does not come back within {@code nanos}, or that
     * closes it itself.
     */
    void close(long nanos) {
        lock.lock();
        try {
            closed = true;
            if (timer != null) timer.cancel();
            timer = null;
        } finally {
            lock.unlock();
        }
        closer = Thread.currentThread();
        Pause.until(time, this, nanos, this::resting);
    }

    private boolean resting() {
        lock.lock();
        try {
            return running == null || running == Thread.currentThread();
        } finally {
            lock.unlock();
        }
    }
}
