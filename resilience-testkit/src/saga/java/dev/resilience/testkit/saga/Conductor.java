// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.TimeSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Time and threads of one run: every task of every {@link Life} runs on a thread of its own, but only the one that has
 * the baton runs, and it passes the baton on only where it parks, gives way or ends. So a run goes the same way each
 * time. When nobody can run, the clock jumps to the next event.
 */
final class Conductor {

    /* Implementation notes.
     *
     * I1. Whoever has the baton is `holder`; it alone decides who is next. The lock is there for those who do not have
     *     it and yet come along, as a thread of somebody's own that unparks.
     * I2. The one who gives the baton away looks for the next one itself: a saga that waits for nothing runs from its
     *     start to its end on one thread, with two switches of threads in the whole run.
     * I3. A thread that waits for the baton spins while it is interrupted: its flag must stay up, since an interrupt
     *     ends a park, and only who has the baton may decide so.
     */

    private static final TimeSource REAL = TimeSource.system();
    private static final ThreadLocal<@Nullable Strand> CURRENT = new ThreadLocal<>();
    private static final ExecutorService WORKERS = workers();
    private static final long LOOK = 10_000_000;
    /** How many looks the holder of the baton may stand elsewhere before the run is given up. */
    private static final int PATIENCE = 2_000;
    /** How often a killed thread may come back for more before it is left where it stands. */
    private static final int UNWINDING = 10_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Item> ready = new ArrayDeque<>();
    private final TreeSet<Event> events = new TreeSet<>();
    private final List<Strand> parked = new ArrayList<>();
    private final Deque<Strand> idle = new ArrayDeque<>();
    private final Set<Thread> permits = new HashSet<>();
    private final List<Throwable> thrown = new ArrayList<>();
    private final @Nullable Random restless;
    private final Strand caller = new Strand();
    private volatile Strand holder = caller;
    private volatile long now = -1_000_000_000L;
    private volatile boolean over;
    private long armed;
    private long horizon;
    private long latest;
    private int strands;

    /** {@code restless} chooses who is next, and whether to give way at a boundary; null: in order, and never. */
    Conductor(@Nullable Random restless) {
        this.restless = restless;
    }

    /** What is to run: a task that nobody has begun, or a thread that goes on. */
    record Item(@Nullable Life life, @Nullable Runnable task, @Nullable Strand strand) {}

    private record Event(long at, long number, Life life, @Nullable Runnable task, @Nullable Strand strand)
            implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            int byTime = Long.compare(at, other.at);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    long now() {
        return now;
    }

    /** Whose thread calls; null if it is none of a run's. */
    static @Nullable Life current() {
        Strand me = CURRENT.get();
        return me == null ? null : me.life;
    }

    /** What tasks of living ones threw. */
    List<Throwable> thrown() {
        return thrown;
    }

    /** How many threads it took. */
    int strands() {
        return strands;
    }

    /** By the caller: lets all go on until nobody can and the next event is later than that. */
    void runUntilQuiet(long nanosFromNow) {
        latest = now + nanosFromNow;
        horizon = latest;
        caller.thread = Thread.currentThread();
        caller.free = false;
        conduct(caller);
    }

    /** Those who can go on still do, but the clock stands. */
    void stopClock() {
        horizon = now;
    }

    /** What it was stopped for did not last. */
    void goOn() {
        horizon = latest;
    }

    /** By the caller, at the end: nothing is left of the run but threads that have ended. */
    void end(List<Life> lives) {
        for (Life life : lives) life.kill();
        locked(() -> events.clear());
        runUntilQuiet(0);
        over = true;
        for (Strand strand : idle) strand.pass();
    }

    void execute(Life life, Runnable task) {
        lock.lock();
        try {
            if (!life.dead()) ready.add(new Item(life, task, null));
        } finally {
            lock.unlock();
        }
    }

    TimeSource.Timer schedule(Life life, Runnable task, long nanos) {
        Event event = arm(life, task, null, nanos);
        return () -> cancel(event);
    }

    private Event arm(Life life, @Nullable Runnable task, @Nullable Strand strand, long nanos) {
        lock.lock();
        try {
            long in = Math.max(0, Math.min(nanos, Long.MAX_VALUE >> 2));
            Event event = new Event(now + in, armed++, life, task, strand);
            events.add(event);
            return event;
        } finally {
            lock.unlock();
        }
    }

    private boolean cancel(Event event) {
        lock.lock();
        try {
            return events.remove(event);
        } finally {
            lock.unlock();
        }
    }

    void park(Life life, long nanos) {
        Strand me = CURRENT.get();
        if (me == null) { // a thread of somebody's own has no part in this, and no time passes for it
            REAL.park(this, LOOK);
            return;
        }
        Thread thread = Thread.currentThread();
        if (nanos <= 0 || thread.isInterrupted() || took(thread)) return;
        Event end = arm(life, null, me, nanos);
        me.life = life;
        locked(() -> parked.add(me));
        conduct(me);
        cancel(end);
    }

    private boolean took(Thread permit) {
        lock.lock();
        try {
            return permits.remove(permit);
        } finally {
            lock.unlock();
        }
    }

    void unpark(Thread thread) {
        lock.lock();
        try {
            for (Strand strand : parked) {
                if (strand.thread == thread) {
                    wake(strand);
                    return;
                }
            }
            permits.add(thread);
        } finally {
            lock.unlock();
        }
    }

    /** Lets others go first at a boundary, if this run is restless. */
    void pass(Life life) {
        if (restless != null && restless.nextBoolean()) giveWay(life);
    }

    /** Lets all go first who can. */
    void giveWay(Life life) {
        Strand me = CURRENT.get();
        if (me == null) return;
        me.life = life;
        locked(() -> ready.add(new Item(life, null, me)));
        conduct(me);
    }

    /** Stands still, with all of its life, until {@link #thaw}. */
    void freeze(Life life) {
        life.frozen(true);
        giveWay(life);
    }

    /** Lets a frozen life go on, before the others. */
    void thaw(Life life) {
        lock.lock();
        try {
            life.frozen(false);
            List<Item> stood = new ArrayList<>(life.stash);
            life.stash.clear();
            for (int i = stood.size() - 1; i >= 0; i--) ready.addFirst(stood.get(i));
        } finally {
            lock.unlock();
        }
    }

    /** Wakes what a killed life has parked or frozen: each of its threads finds out by itself. */
    void wakeAll(Life life) {
        lock.lock();
        try {
            ready.addAll(life.stash);
            life.stash.clear();
            for (Strand strand : List.copyOf(parked)) if (strand.life == life) wake(strand);
        } finally {
            lock.unlock();
        }
    }

    /** For a killed thread: counts how often it comes back, and lets it stand for ever when that is too often. */
    void unwinds(Life life) {
        Strand me = CURRENT.get();
        if (me == null || ++me.killed < UNWINDING) return;
        if (me.killed == UNWINDING)
            thrown.add(new AssertionError("a thread of killed " + life + " does not end, whatever it is told",
                    new Killed()));
        conduct(me);
    }

    private void locked(Runnable change) {
        lock.lock();
        try {
            change.run();
        } finally {
            lock.unlock();
        }
    }

    private void wake(Strand strand) {
        parked.remove(strand);
        ready.add(new Item(strand.life, null, strand));
    }

    /** Gives the baton away, and comes back with it; an idle thread comes back with a task, or because all is over. */
    private void conduct(Strand me) {
        Item next = next();
        if (next.strand == me) return;
        if (next.task != null && me.free) {
            me.task = next;
            return;
        }
        if (me.free) idle.add(me);
        if (next.strand != null) {
            holder = next.strand;
            next.strand.pass();
        } else {
            begin(next);
        }
        me.awaitBaton();
    }

    private void begin(Item item) {
        Strand to = idle.poll();
        boolean fresh = to == null;
        if (to == null) {
            to = new Strand();
            strands++;
        }
        to.task = item;
        holder = to;
        if (fresh) WORKERS.execute(to);
        else to.pass();
    }

    private Item next() {
        lock.lock();
        try {
            while (true) {
                for (Strand strand : List.copyOf(parked)) if (strand.isInterrupted()) wake(strand);
                Item item = nextReady();
                if (item != null) return item;
                if (events.isEmpty() || events.first().at > horizon) return new Item(null, null, caller);
                happen(events.pollFirst());
            }
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Item nextReady() {
        while (!ready.isEmpty()) {
            if (restless != null) for (int turns = restless.nextInt(ready.size()); turns > 0; turns--) ready.add(ready.poll());
            Item item = ready.poll();
            Life life = item.life;
            if (life != null && life.dead() && item.task != null) continue;
            if (life == null || !life.frozen() || life.dead()) return item;
            life.stash.add(item);
        }
        return null;
    }

    private void happen(Event event) {
        now = Math.max(now, event.at);
        if (event.strand == null) ready.add(new Item(event.life, event.task, null));
        else if (parked.contains(event.strand)) wake(event.strand);
    }

    /** A thread of the run. */
    final class Strand implements Runnable {
        private volatile @Nullable Thread thread;
        private @Nullable Life life;
        private @Nullable Item task;
        private boolean free = true;
        private int killed;

        @Override
        public void run() {
            thread = Thread.currentThread();
            CURRENT.set(this);
            try {
                while (!over) {
                    work();
                    conduct(this);
                }
            } finally {
                CURRENT.remove();
            }
        }

        private void work() {
            Item item = task;
            task = null;
            if (item == null || item.task == null) return;
            free = false;
            life = item.life;
            killed = 0;
            try {
                item.task.run();
            } catch (Killed unwound) {
                // as it should
            } catch (Throwable t) {
                if (life == null || !life.dead()) thrown.add(t);
            } finally {
                Thread.interrupted(); // meant for the task
                free = true;
            }
        }

        boolean isInterrupted() {
            Thread on = thread;
            return on != null && on.isInterrupted();
        }

        void pass() {
            LockSupport.unpark(thread);
        }

        @SuppressWarnings("ThreadPriorityCheck") // a hint, to who has the baton; nothing relies on it
        void awaitBaton() {
            for (int looks = 0; holder != this && !(over && free); ) {
                if (Thread.currentThread().isInterrupted()) Thread.yield();
                else if (this != caller) LockSupport.park(this);
                else looks = look(looks);
            }
        }

        /** The caller watches over the others: who waits for something that is not on the clock would wait for ever. */
        private int look(int looks) {
            Strand on = holder;
            REAL.park(this, LOOK);
            Thread stands = on.thread;
            if (on != holder || stands == null || stands.getState() == Thread.State.RUNNABLE) return 0;
            if (looks < PATIENCE) return looks + 1;
            throw new AssertionError("a thread of the run waits for something that is not on its clock: "
                    + Arrays.stream(stands.getStackTrace()).limit(15).toList());
        }
    }

    private static ExecutorService workers() {
        return new ThreadPoolExecutor(0, Integer.MAX_VALUE, 5, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
            Thread thread = new Thread(null, task, "saga-crash-matrix", 0, false);
            thread.setDaemon(true);
            return thread;
        });
    }
}
