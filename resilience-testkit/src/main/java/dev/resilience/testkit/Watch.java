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
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The tasks that a manual clock waits for before it moves on: those that were handed to executors it watches. */
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
        Task task = new Task(command);
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
            agenda.changed.signalAll();
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
     * that move one clock, the second must see the thread that the first has woken.
     *
     * @param me the wait of the calling thread in which it moves the clock
     * @param next asked once, when all rest
     * @return what is next; null when there is nothing or {@code me} is over
     */
    Agenda.@Nullable Event awaitRest(Agenda.@Nullable Parked me, Supplier<Agenda.@Nullable Event> next) {
        long since = REAL.nanoTime();
        agenda.lock.lock();
        try {
            moving(me, true);
            while (!restAll(me)) {
                if (REAL.nanoTime() - since > patience.toNanos()) {
                    throw new AssertionError("the manual time cannot move on, something still runs: " + running());
                }
                agenda.changed.awaitNanos(POLL);
            }
            return take(me, next);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // it is for what this thread does next, and that may be a wait
            return take(me, next);
        } finally {
            moving(me, false);
            agenda.lock.unlock();
        }
    }

    private static Agenda.@Nullable Event take(Agenda.@Nullable Parked me, Supplier<Agenda.@Nullable Event> next) {
        return me != null && me.over() ? null : next.get();
    }

    private static void moving(Agenda.@Nullable Parked me, boolean moving) {
        if (me != null) {
            me.moving = moving;
        }
    }

    /** Of two that were woken while they moved the clock neither may wait for the other. */
    private boolean restAll(Agenda.@Nullable Parked me) {
        boolean leaving = me != null && me.over();
        boolean all = true;
        for (Task task : tasks) {
            all &= task.rests(leaving); // looks at each, so that their times run side by side
        }
        return all;
    }

    private String running() {
        return tasks.stream()
                .filter(task -> !task.rests(false))
                .map(Task::toString)
                .collect(Collectors.joining("; "));
    }

    private final class Task implements Runnable {
        private final Runnable command;
        private final long asked = REAL.nanoTime();
        private final Looks unbegun = new Looks();
        private final Looks blocked = new Looks();
        private volatile @Nullable Thread thread;

        Task(Runnable command) {
            this.command = command;
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

        boolean rests(boolean leaving) {
            Thread on = thread;
            if (on == null) {
                return unbegun.last(QUEUED, QUEUED_LOOKS);
            }
            Agenda.Parked wait = agenda.waitOf(on);
            return on == Thread.currentThread()
                    || (wait == null ? isBlocked(on) : !wait.over() || (leaving && wait.moving));
        }

        private boolean isBlocked(Thread on) {
            if (!seemsBlocked(on)) {
                blocked.restart();
                return false;
            }
            return blocked.last(BLOCKED, LOOKS);
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
