// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The tasks that a manual clock waits for before it moves on: those that were handed to executors it watches, and the
 * timers that are running on threads that move it.
 */
final class Watch {
    private static final long POLL = TimeUnit.MILLISECONDS.toNanos(1);
    /** A thread that has been blocked for so long outside of the clock waits for something that the test does. */
    private static final long BLOCKED = TimeUnit.MILLISECONDS.toNanos(100);
    /**
     * And has been seen so at so many polls: on a machine that is busy, a thread that only waits for a processor seems
     * blocked, but then whoever polls waits for one too.
     */
    private static final int LOOKS = 60;
    /**
     * A task that no thread has begun for so long stands in the queue of a pool whose threads are all parked. Far longer
     * than a new thread waits for its first processor on a busy machine, where the clock must not run away from it.
     */
    private static final long QUEUED = TimeUnit.SECONDS.toNanos(2);
    /** And it was looked for so often: the process may have stood still, and then nobody could begin it. */
    private static final int QUEUED_LOOKS = 500;

    private static final TimeSource REAL = TimeSource.system();

    private final Agenda agenda;
    private final Duration patience;
    private final Set<Task> tasks = Collections.newSetFromMap(new IdentityHashMap<>());
    /**
     * One who waits for the others to rest.
     *
     * @param parked its wait on the clock in which it does so; null when it is in {@code advance}
     */
    record Look(Agenda.@Nullable Parked parked) {
        boolean leaves() {
            return parked != null && parked.over();
        }
    }

    Watch(Agenda agenda, Duration patience) {
        this.agenda = agenda;
        this.patience = patience;
    }

    Executor over(Executor executor) {
        return executor instanceof Watched watched && watched.watch() == this ? executor : new Watched(this, executor);
    }

    /** The wrapped executor shows through, for descriptions. */
    private record Watched(Watch watch, Executor executor) implements Executor {
        @Override
        public void execute(Runnable command) {
            watch.execute(executor, command);
        }

        @Override
        public String toString() {
            return executor.toString();
        }
    }

    private void execute(Executor executor, Runnable command) {
        Task task = new Task(command, null);
        add(task);
        try {
            executor.execute(task);
        } catch (Throwable refused) {
            remove(task);
            throw refused;
        }
    }

    private void add(Task task) {
        agenda.lock.lock();
        try {
            tasks.add(task);
        } finally {
            agenda.lock.unlock();
        }
    }

    private void remove(Task task) {
        agenda.lock.lock();
        try {
            tasks.remove(task);
            agenda.signal();
        } finally {
            agenda.lock.unlock();
        }
    }

    /**
     * Waits, in real time, until every watched task has ended, is parked on the clock or is blocked elsewhere for
     * good; a task of the calling thread does not count.
     */
    void awaitRest() {
        awaitRest(null, () -> null);
    }

    /**
     * Waits as {@link #awaitRest()} does and takes what is next in the same breath, under the lock: of two threads
     * that move one clock, the second must see the thread that the first has woken, and that the first runs a timer.
     *
     * @param me the wait of the calling thread in which it moves the clock
     * @param next asked once, when all rest
     * @return what is next; null when there is nothing or {@code me} is over
     */
    @Nullable
    Due awaitRest(Agenda.@Nullable Parked me, Supplier<Agenda.@Nullable Event> next) {
        long since = REAL.nanoTime();
        Look look = new Look(me);
        lock();
        try {
            agenda.looking.put(Thread.currentThread(), look);
            while (!restAll(look) && !isInterrupted(me)) {
                if (REAL.nanoTime() - since > patience.toNanos()) {
                    throw new AssertionError("the manual time cannot move on, something still runs: " + running());
                }
                pause(look);
            }
            return look.leaves() ? null : begin(next.get());
        } finally {
            agenda.looking.remove(Thread.currentThread());
            agenda.lock.unlock();
        }
    }

    /** Who is interrupted in its wait leaves at once; an advance goes on, the flag is for what its thread does next. */
    private static boolean isInterrupted(Agenda.@Nullable Parked me) {
        return me != null && Thread.currentThread().isInterrupted();
    }

    /**
     * Without taking an interrupt down meanwhile, as a lock and its conditions do for who queues for them: the others
     * would take an interrupted thread for one that still waits, and move the clock past what it does next.
     */
    @SuppressWarnings("ThreadPriorityCheck") // a hint, to who holds the lock; nothing relies on it
    private void lock() {
        while (!agenda.lock.tryLock()) {
            Thread.yield();
        }
    }

    private void pause(Look look) {
        boolean interrupted = look.parked == null && Thread.interrupted(); // or it would not pause at all
        agenda.lock.unlock();
        REAL.park(this, POLL);
        lock();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean restAll(Look look) {
        boolean leaves = look.leaves();
        Thread me = Thread.currentThread();
        boolean working = tasks.stream().anyMatch(task -> task.thread == me);
        boolean all = true;
        for (Task task : tasks) {
            all &= task.rests(leaves, working); // looks at each, so that their times run side by side
        }
        return all;
    }

    private @Nullable Due begin(Agenda.@Nullable Event event) {
        if (event == null) {
            return null;
        }
        Task timer = event instanceof Agenda.Parked ? null : timer();
        if (timer != null) {
            tasks.add(timer);
        }
        return new Due(event, timer);
    }

    private Task timer() {
        Thread on = Thread.currentThread();
        Task timer = new Task(() -> {}, agenda.waitOf(on));
        timer.thread = on;
        return timer;
    }

    /** An event that the calling thread has taken and has to let happen: until then the clock stands. */
    final class Due {
        private final Agenda.Event event;
        private final @Nullable Task timer;

        private Due(Agenda.Event event, @Nullable Task timer) {
            this.event = event;
            this.timer = timer;
        }

        void happen(Agenda.Thrown thrown) {
            try {
                event.happen(thrown);
            } finally {
                if (timer != null) {
                    remove(timer);
                }
            }
        }
    }

    private String running() {
        return tasks.stream()
                .filter(task -> !task.rests(false, false))
                .map(Task::toString)
                .collect(Collectors.joining("; "));
    }

    private final class Task implements Runnable {
        private final Runnable command;
        /** The wait in which the thread moves the clock and runs this timer: as long as it is in no other, it runs. */
        private final Agenda.@Nullable Parked within;

        private final long asked = REAL.nanoTime();
        private final Looks unbegun = new Looks();
        private final Looks blocked = new Looks();
        private @Nullable Object blocker;
        private volatile @Nullable Thread thread;

        Task(Runnable command, Agenda.@Nullable Parked within) {
            this.command = command;
            this.within = within;
        }

        @Override
        public void run() {
            thread = Thread.currentThread();
            try {
                command.run();
            } finally {
                remove(this);
            }
        }

        /**
         * Of two that were woken while they moved the clock neither may wait for the other, nor of two that work and move
         * it. Who only looks on, as the test's thread does, waits for those that work: a move is work.
         */
        boolean rests(boolean leaving, boolean working) {
            Thread on = thread;
            if (on == null) {
                return unbegun.last(QUEUED, QUEUED_LOOKS);
            }
            if (on == Thread.currentThread()) {
                return true;
            }
            Look look = agenda.looking.get(on);
            if (look != null) {
                return look.parked == null ? working : leaving || !look.leaves();
            }
            Agenda.Parked wait = agenda.waitOf(on);
            return (wait == null || wait == within) ? isBlocked(on) : !wait.over();
        }

        private boolean isBlocked(Thread on) {
            Object by = LockSupport.getBlocker(on);
            boolean seems = seemsBlocked(on);
            if (!seems || by != blocker) {
                blocked.restart(); // it has run meanwhile
                blocker = by;
            }
            return seems && blocked.last(BLOCKED, LOOKS);
        }

        /** Who waits for the agenda waits for the one that looks. */
        private boolean seemsBlocked(Thread on) {
            return switch (on.getState()) {
                case BLOCKED, WAITING, TIMED_WAITING -> !agenda.lock.hasQueuedThread(on);
                default -> false;
            };
        }

        @Override
        public String toString() {
            Thread on = thread;
            return on == null
                    ? "a task that no thread has begun for " + Duration.ofNanos(REAL.nanoTime() - asked)
                    : on.getName() + " in state " + on.getState() + " at "
                            + Arrays.stream(on.getStackTrace()).limit(8).toList();
        }
    }

    /** How long, and at how many polls, something has been seen. */
    private static final class Looks {
        private long since;
        private long latest;
        private int count;

        void restart() {
            count = 0;
        }

        /** Sees it once more: for longer than that, and more often? */
        boolean last(long nanos, int times) {
            long now = REAL.nanoTime();
            if (count == 0) {
                since = now;
            }
            if (count == 0 || now - latest >= POLL) {
                count++;
                latest = now;
            }
            return count > times && now - since > nanos;
        }
    }
}
