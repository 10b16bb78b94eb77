// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A {@link TimeSource} that stands still until a test moves it. It fakes the three things that code does with time:
 * reading it, waiting in it and scheduling by it. A test that would have slept for ten minutes runs in microseconds
 * and gives the same answer each time.
 *
 * {@snippet class="dev.resilience.testkit.TestingGuideTest" region="advance"}
 *
 * <h2>Waiting</h2>
 *
 * There are two modes, fixed at creation:
 *
 * <ul>
 *   <li>{@link #create()}, {@link #startingAt}: a thread that parks stays parked until <em>another</em> thread moves
 *       the clock to its time, unparks it or interrupts it. For everything with more than one thread. The test uses
 *       {@link #awaitParked(int)} to know that the other side has arrived in its wait, and then {@link #advance}.
 *   <li>{@link #autoAdvancing()}, {@link #autoAdvancingFrom}: a thread that parks moves the clock itself, event by
 *       event, to the moment at which it would have woken. A blocking retry with its delays then runs on the test's
 *       own thread. Several threads that park push the same clock: the next event happens to whom it may concern.
 * </ul>
 *
 * <h2>Order</h2>
 *
 * Timers and wake-ups happen in the order of their times, those of one time in the order in which they were asked
 * for, on the thread that moves the clock, which stands at exactly the event's time meanwhile. What a task schedules
 * within the span being passed happens within the same {@code advance}.
 *
 * <h2>What goes on meanwhile</h2>
 *
 * Real threads take part: a delayed attempt runs on a worker, a woken thread goes on. The clock waits for the ones
 * it knows: before it moves to the next event, and before {@code advance} returns, every task that was handed to a
 * {@linkplain #watched watched} executor has ended, is parked here again, or has been blocked elsewhere for a while.
 * All that policies with this time source hand over goes through watched executors, so what a test sees after
 * {@code advance} does not depend on the scheduler. A thread that the test itself starts takes part when it is
 * started through {@code time.watched(executor)}; any other goes on concurrently while the clock moves.
 *
 * <p>A task that throws stops neither the clock nor the other tasks; the first exception is thrown to the caller when
 * the clock has reached its target, the others are suppressed in it.
 *
 * <h2>Threads</h2>
 *
 * All methods may be called by any thread, virtual threads included, and by the tasks themselves. No lock is held
 * while a task runs. What a thread does before {@code unpark}, {@code schedule} or {@code advance} happens-before
 * what the woken thread or the task does.
 */
public final class ManualTime implements TimeSource {

    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private final Agenda agenda;
    private final Watch watch;
    private final boolean autoAdvancing;

    private ManualTime(long start, boolean autoAdvancing) {
        this.agenda = new Agenda(start);
        this.watch = new Watch(agenda, PATIENCE);
        this.autoAdvancing = autoAdvancing;
    }

    /**
     * A clock that only {@link #advance} moves. It starts one second before zero, so that code which takes zero for
     * "unset" or a negative time for "past" shows itself early.
     *
     * @return a new, independent time source
     */
    public static ManualTime create() {
        return startingAt(-1_000_000_000L);
    }

    /**
     * A clock that only {@link #advance} moves, starting at a given reading: {@code Long.MAX_VALUE - 1000} makes it
     * wrap around after a microsecond, as {@link System#nanoTime()} may.
     *
     * @param nanoTime the first reading, any value
     * @return a new, independent time source
     */
    public static ManualTime startingAt(long nanoTime) {
        return new ManualTime(nanoTime, false);
    }

    /**
     * A clock that also moves when a thread parks: to the moment at which that thread would have woken.
     *
     * @return a new, independent time source
     */
    public static ManualTime autoAdvancing() {
        return autoAdvancingFrom(-1_000_000_000L);
    }

    /**
     * As {@link #autoAdvancing()}, starting at a given reading.
     *
     * @param nanoTime the first reading, any value
     * @return a new, independent time source
     */
    public static ManualTime autoAdvancingFrom(long nanoTime) {
        return new ManualTime(nanoTime, true);
    }

    /** {@inheritDoc} Never moves by itself. */
    @Override
    public long nanoTime() {
        return agenda.now();
    }

    /**
     * {@inheritDoc}
     *
     * <p>In the auto-advancing mode the calling thread moves the clock, and so runs the tasks that are due before its
     * own time; one that unparks or interrupts it ends the wait at that task's time. It waits for real only when it
     * parks for ever and nothing is scheduled.
     */
    @Override
    public void park(Object blocker, long nanos) {
        Agenda.Parked me = agenda.park(nanos);
        if (me == null) {
            return;
        }
        try {
            if (autoAdvancing) {
                moveUntilWoken(me);
            }
            while (!me.over()) {
                LockSupport.park(blocker);
            }
        } finally {
            agenda.leave(me);
        }
    }

    /** {@inheritDoc} Works on threads parked by this time source, and leaves the permit to others' next park here. */
    @Override
    public void unpark(Thread thread) {
        agenda.unpark(Objects.requireNonNull(thread, "thread"));
    }

    /**
     * {@inheritDoc}
     *
     * <p>The task runs on the thread that moves the clock to its time. One that is due at once runs at the next
     * {@link #advance}, even by zero, never inside this method.
     */
    @Override
    public Timer schedule(Runnable task, long nanos) {
        return agenda.schedule(Objects.requireNonNull(task, "task"), nanos);
    }

    /**
     * {@inheritDoc}
     *
     * <p>The clock does not move on while a task that was handed to the returned executor runs.
     */
    @Override
    public Executor watched(Executor executor) {
        return watch.over(Objects.requireNonNull(executor, "executor"));
    }

    /**
     * Moves the clock forward and lets happen what falls due: timers run here, parked threads are woken. Waits, in
     * real time, for the watched tasks before each step and at the end.
     *
     * @param by how far; zero only lets happen what is due already; saturates at 292 years
     * @throws IllegalArgumentException if {@code by} is negative
     * @throws AssertionError if a watched task goes on running for a minute of real time, with its stack
     * @throws RuntimeException what a task threw, when the clock has reached its target; also an {@code Error}
     */
    public void advance(Duration by) {
        if (by.isNegative()) {
            throw new IllegalArgumentException("advance: the duration must not be negative, was " + by);
        }
        watch.awaitRest();
        Agenda.Thrown thrown = new Agenda.Thrown();
        long target = agenda.now() + TimeSource.nanos(by);
        for (Watch.Due due = nextUntil(target); due != null; due = nextUntil(target)) {
            due.happen(thrown);
        }
        thrown.rethrow();
    }

    /**
     * Moves the clock to the next timer or wake-up and lets exactly the events of that time happen.
     *
     * @return whether there was one; otherwise the clock stands where it stood
     * @throws RuntimeException what a task threw; also an {@code Error}
     */
    public boolean advanceToNextEvent() {
        watch.awaitRest();
        Optional<Duration> next = nextEventIn();
        next.ifPresent(this::advance);
        return next.isPresent();
    }

    /**
     * How far the next timer or wake-up is; zero if it is due already.
     *
     * @return the distance, empty if nothing is scheduled and no thread is parked with an end
     */
    public Optional<Duration> nextEventIn() {
        return agenda.nextIn();
    }

    /**
     * How far the clock was moved since its creation.
     *
     * @return the sum of all advances
     */
    public Duration elapsed() {
        return agenda.elapsed();
    }

    /**
     * How many timers are armed: scheduled, neither run nor cancelled. Zero when nothing leaks (L13).
     *
     * @return the number of live timers
     */
    public int pendingTimers() {
        return agenda.timers();
    }

    /**
     * How many threads are parked here and have not been woken.
     *
     * @return the number of waiting threads
     */
    public int parkedThreads() {
        return agenda.waiting();
    }

    /**
     * Waits, in real time, until at least so many threads are parked here; at most a minute.
     *
     * @param threads how many
     * @throws AssertionError if they have not arrived by then, naming those that have
     * @throws IllegalStateException if the waiting thread is interrupted; the flag is set again
     */
    public void awaitParked(int threads) {
        awaitParked(threads, PATIENCE);
    }

    /**
     * Waits, in real time, until at least so many threads are parked here.
     *
     * @param threads how many
     * @param patience how long to wait for them in real time
     * @throws AssertionError if they have not arrived by then, naming those that have
     * @throws IllegalStateException if the waiting thread is interrupted; the flag is set again
     */
    public void awaitParked(int threads, Duration patience) {
        long left = TimeSource.nanos(patience);
        agenda.lock.lock();
        try {
            while (agenda.waiting() < threads) {
                if (left <= 0) {
                    throw new AssertionError("expected " + threads + " parked threads within " + patience
                            + " of real time, but: " + agenda.describe());
                }
                left = agenda.changed.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for " + threads + " parked threads", e);
        } finally {
            agenda.lock.unlock();
        }
    }

    /**
     * What is going on, for failure messages: the time passed, the live timers and the parked threads by name.
     *
     * @return one line
     */
    @Override
    public String toString() {
        return agenda.describe();
    }

    /** Waits, in real time, until no watched task runs. */
    void awaitRest() {
        watch.awaitRest();
    }

    private void moveUntilWoken(Agenda.Parked me) {
        Agenda.Thrown thrown = new Agenda.Thrown();
        Watch.Due next = nextFor(me);
        while (next != null) {
            next.happen(thrown);
            next = nextFor(me);
        }
        thrown.rethrow();
    }

    private Watch.@Nullable Due nextUntil(long target) {
        return watch.awaitRest(null, () -> agenda.nextUntil(target));
    }

    private Watch.@Nullable Due nextFor(Agenda.Parked me) {
        return watch.awaitRest(me, () -> agenda.nextFor(me));
    }
}
