// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.concurrent.Executor;

/**
 * The one source of monotonic time, waiting and scheduling. Everything in the library that reads a clock, waits or
 * arms a timer does so through a {@code TimeSource}, and a test that brings its own moves all of it by hand: see
 * {@code ManualTime} in the {@code resilience-testkit}.
 *
 * <p>Users only choose one: {@link #system()}, which every builder takes by default, or a manual one. Implementers of
 * gates and drivers use the methods. Nobody needs to write another implementation; who does keeps these contracts:
 *
 * <ul>
 *   <li>Readings are nanoseconds from an arbitrary origin, may be negative and may wrap around: compare them only by
 *       subtraction, {@code a - b < 0}. Distances are below 292 years.
 *   <li>{@link #park} may return for no reason, as {@link java.util.concurrent.locks.LockSupport#park()} may: the
 *       caller looks at its condition and at the clock, and parks again.
 *   <li>A task never runs before its time, at most once, and never after a {@link Timer#cancel()} that answered
 *       {@code true}.
 * </ul>
 *
 * <p>All methods may be called by any thread, virtual threads included. What a thread does before
 * {@link #unpark} or {@link #schedule} happens-before what the unparked thread or the task does.
 */
public interface TimeSource {

    /**
     * The time of this JVM: {@link System#nanoTime()}, real waiting, and one daemon thread for all timers that is
     * started by the first one.
     *
     * @return the shared instance
     */
    static TimeSource system() {
        return SystemTimeSource.shared();
    }

    /**
     * A duration as nanoseconds, saturating instead of overflowing: settings of any length can be handed to
     * {@link #park} and {@link #schedule}.
     *
     * @param duration any duration
     * @return its nanoseconds; {@link Long#MAX_VALUE} or {@link Long#MIN_VALUE} when they do not fit, which is beyond
     *     292 years
     */
    static long nanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException e) {
            return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
        }
    }

    /**
     * The current reading in nanoseconds, meaningful only as a difference to another reading of the same source.
     *
     * @return the reading
     */
    long nanoTime();

    /**
     * Parks the calling thread until it is unparked, is interrupted or the time has passed, whichever comes first;
     * it may also return for no reason. An interrupt is not consumed: the flag stays set. An {@link #unpark} that
     * came before lets it return at once, as with {@link java.util.concurrent.locks.LockSupport}.
     *
     * @param blocker what the thread waits for, shown in thread dumps
     * @param nanos the longest wait; zero and less return at once, {@link Long#MAX_VALUE} means for ever
     */
    void park(Object blocker, long nanos);

    /**
     * Lets a thread that is parked by this time source return, or its next {@link #park} return at once.
     *
     * @param thread the thread to wake
     */
    void unpark(Thread thread);

    /**
     * Runs a task once, after a time. The task runs on the timer thread, which serves all timers of the process: it
     * may compare, set and hand over to an executor; it never blocks, never runs user code and never completes a
     * future that belongs to a user (L6). What it throws is reported and goes nowhere else.
     *
     * <p>Neither blocks nor grows with the number of live timers. Nothing is retained of a timer that has run or was
     * cancelled.
     *
     * @param task what to run
     * @param nanos when, from now; zero and less mean at once, on the timer thread as well;
     *     {@link Long#MAX_VALUE} means never
     * @return a handle to cancel it
     */
    Timer schedule(Runnable task, long nanos);

    /**
     * An executor through which this source sees the tasks that it executes. The library hands over through it all
     * that a timer, a delay or a queue lets go on: a manual source then lets time stand still until those tasks rest.
     *
     * @param executor where the tasks run
     * @return an executor that runs them there; by default, and for the system's source, the executor itself
     */
    default Executor watched(Executor executor) {
        return executor;
    }

    /** A task that was scheduled, to be cancelled. */
    interface Timer {

        /**
         * Cancels the task unless it has run or is running. Does not wait for one that is running. Its cost does not
         * grow with the number of live timers.
         *
         * @return true if the task has not run and never will, also when it had been cancelled before; false if it
         *     has run, is running or is about to
         */
        boolean cancel();
    }
}
