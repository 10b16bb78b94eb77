// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.WeakHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** What is going to happen on a manual clock: timers and the wake-ups of parked threads, in one order. */
final class Agenda {

    /* Implementation notes.
     *
     * I1. `now`, `events`, `parked` and `permits` change only under `lock`; nothing foreign runs under it.
     * I2. An event is in `events` iff it will still happen. Whoever removes it (the clock or a cancel) owns it.
     * I3. Unpark permits are kept here and not in LockSupport: the lock itself parks, and would swallow one.
     */

    /** Times further away than 146 years count as never: all other pairs of times can then be subtracted (L10). */
    private static final long NEVER = Long.MAX_VALUE >> 1;

    final ReentrantLock lock = new ReentrantLock();
    /** Signalled when a thread parks. */
    final Condition changed = lock.newCondition();
    /** The threads that wait for the others to rest, to move the clock; under the lock. */
    final IdentityHashMap<Thread, Watch.Look> looking = new IdentityHashMap<>();

    private final TreeSet<Event> events = new TreeSet<>();
    private final IdentityHashMap<Thread, Parked> parked = new IdentityHashMap<>();
    private final Set<Thread> permits = Collections.newSetFromMap(new WeakHashMap<>());
    private final long start;
    private volatile long now;
    private long armed;

    Agenda(long start) {
        this.start = start;
        this.now = start;
    }

    long now() {
        return now;
    }

    Duration elapsed() {
        return Duration.ofNanos(now - start);
    }

    TimeSource.Timer schedule(Runnable task, long nanos) {
        lock.lock();
        try {
            Scheduled timer = new Scheduled(task, nanos);
            events.add(timer);
            return timer;
        } finally {
            lock.unlock();
        }
    }

    /** Null when there is nothing to wait for: an interrupt or an unpark came before, or the time is up already. */
    @Nullable
    Parked park(long nanos) {
        Thread thread = Thread.currentThread();
        if (nanos <= 0 || thread.isInterrupted()) {
            return null;
        }
        lock.lock();
        try {
            if (permits.remove(thread)) {
                return null;
            }
            Parked me = new Parked(thread, nanos, parked.get(thread));
            events.add(me);
            parked.put(thread, me);
            signal();
            return me;
        } finally {
            lock.unlock();
        }
    }

    void leave(Parked me) {
        me.woken = true; // before the lock: who queues for it has taken its interrupt down until it gets it
        lock.lock();
        try {
            events.remove(me);
            if (me.outer == null) {
                parked.remove(me.thread);
            } else {
                parked.put(me.thread, me.outer);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends also the waits in which the thread moves the clock and runs a timer that waits: the unpark may be meant for
     * one of them, and a wait may end without a reason.
     */
    void unpark(Thread thread) {
        lock.lock();
        try {
            Parked target = parked.get(thread);
            if (target == null || target.woken) {
                permits.add(thread);
            }
            for (Parked each = target; each != null; each = each.outer) {
                if (!each.woken) {
                    wake(each);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Something has changed that others wait for. */
    void signal() {
        assert lock.isHeldByCurrentThread();
        changed.signalAll();
        looking.keySet().forEach(LockSupport::unpark);
    }

    /** The earliest event, at the latest the waiting thread's own; null when it was woken or may wait for ever. */
    @Nullable
    Event nextFor(Parked me) {
        lock.lock();
        try {
            return me.woken || events.first().never ? null : take(events.first());
        } finally {
            lock.unlock();
        }
    }

    /** Takes the earliest event up to the target; without one, leaves the clock at the target. */
    @Nullable
    Event nextUntil(long target) {
        lock.lock();
        try {
            Event first = events.isEmpty() ? null : events.first();
            if (first == null || first.never || first.time - target > 0) {
                moveTo(target);
                return null;
            }
            return take(first);
        } finally {
            lock.unlock();
        }
    }

    Optional<Duration> nextIn() {
        lock.lock();
        try {
            return events.isEmpty() || events.first().never
                    ? Optional.empty()
                    : Optional.of(Duration.ofNanos(Math.max(0, events.first().time - now)));
        } finally {
            lock.unlock();
        }
    }

    int timers() {
        lock.lock();
        try {
            return (int) events.stream().filter(Scheduled.class::isInstance).count();
        } finally {
            lock.unlock();
        }
    }

    int waiting() {
        lock.lock();
        try {
            return (int) parked.values().stream().filter(p -> !p.woken).count();
        } finally {
            lock.unlock();
        }
    }

    /** The wait that a thread is in or is just leaving. */
    @Nullable
    Parked waitOf(Thread thread) {
        assert lock.isHeldByCurrentThread();
        return parked.get(thread);
    }

    String describe() {
        lock.lock();
        try {
            List<String> waits = parked.values().stream()
                    .filter(p -> !p.woken)
                    .map(Parked::describe)
                    .sorted()
                    .toList();
            return "manual time +" + elapsed() + ", " + timers() + " timers, parked threads " + waits;
        } finally {
            lock.unlock();
        }
    }

    private Event take(Event event) {
        assert lock.isHeldByCurrentThread();
        events.remove(event);
        moveTo(event.time);
        if (event instanceof Parked thread) {
            wake(thread); // under the lock, so that no unpark in between is lost on a thread that is leaving
        }
        return event;
    }

    private void moveTo(long time) {
        assert lock.isHeldByCurrentThread();
        if (time - now > 0) {
            now = time;
        }
    }

    private void wake(Parked target) {
        assert lock.isHeldByCurrentThread();
        target.woken = true;
        events.remove(target);
        LockSupport.unpark(target.thread);
    }

    /** Something that happens at a time, once; ordered by time, then by when it was asked for. */
    abstract class Event implements Comparable<Event> {
        final long time;
        final long order = armed++;
        final boolean never;

        Event(long nanos) {
            assert lock.isHeldByCurrentThread();
            this.never = nanos > NEVER;
            this.time = now + Math.max(0, nanos);
        }

        /** On the thread that moves the clock, without the lock. */
        abstract void happen(Thrown thrown);

        @Override
        public final int compareTo(Event other) {
            if (never != other.never) {
                return never ? 1 : -1;
            }
            long later = never ? 0 : time - other.time;
            return later != 0 ? Long.signum(later) : Long.compare(order, other.order);
        }
    }

    /** A thread that waits. */
    final class Parked extends Event {
        final Thread thread;
        /** The wait of the same thread during which this one began: it is moving the clock and runs a task that waits. */
        final @Nullable Parked outer;

        volatile boolean woken;

        Parked(Thread thread, long nanos, @Nullable Parked outer) {
            super(nanos);
            this.thread = thread;
            this.outer = outer;
        }

        boolean over() {
            return woken || thread.isInterrupted();
        }

        @Override
        void happen(Thrown thrown) {
            // woken when it was taken
        }

        String describe() {
            return thread.getName() + (never ? " for ever" : " for " + Duration.ofNanos(time - now));
        }
    }

    private final class Scheduled extends Event implements TimeSource.Timer {
        private final Runnable task;
        private boolean cancelled;

        Scheduled(Runnable task, long nanos) {
            super(nanos);
            this.task = task;
        }

        @Override
        void happen(Thrown thrown) {
            thrown.guard(task);
        }

        @Override
        public boolean cancel() {
            lock.lock();
            try {
                cancelled |= events.remove(this);
                return cancelled;
            } finally {
                lock.unlock();
            }
        }
    }

    /** Collects what tasks throw, so that one bad task does not leave the clock half way. */
    static final class Thrown {
        private @Nullable Throwable first;

        private void guard(Runnable task) {
            try {
                task.run();
            } catch (RuntimeException | Error e) {
                if (first == null) {
                    first = e;
                } else if (first != e) {
                    first.addSuppressed(e);
                }
            }
        }

        void rethrow() {
            if (first instanceof RuntimeException e) {
                throw e;
            }
            if (first instanceof Error e) {
                throw e;
            }
        }
    }
}
