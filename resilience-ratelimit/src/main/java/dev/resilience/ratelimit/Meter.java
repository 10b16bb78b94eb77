// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.ratelimit.RateLimiter.Carry;

/**
 * The state of one limit, used by any number of threads: the seam between the verbs of {@link RateLimiter} and
 * {@link KeyedRateLimiter}, and the algorithms. A kind of limit is one {@link Limit} (settings) and one meter.
 *
 * <p><b>Contract.</b>
 *
 * <ul>
 *   <li>{@code n} is at least 1; the verbs have checked it. A weight that can never pass is answered {@link #NEVER}.
 *   <li>A meter reads its own {@link dev.resilience.TimeSource}. Windows read the state first and then the clock, in every turn of the
 *       CAS loop (S24); a bucket may read the clock once before the loop, an older reading only under-admits.
 *   <li>{@link #take(long)}, {@link #look} and {@link #takeUpTo} allocate nothing, and a refusal writes nothing (L15).
 *       The others may allocate and lock.
 *   <li>Nothing here waits, knows a thread, or calls user code.
 *   <li>A meter that was sealed never grants again: every method answers {@link #SEALED} or false, and the caller looks
 *       up the meter that took its place. Sealing and granting are ordered by the one CAS on the state (S26, S27).
 *   <li>Waits are nanoseconds, rounded up; the action of a grant with a wait is at {@link Answer#at}. Actions are in the
 *       order of the grants.
 *   <li>Points in time are compared by subtraction (L10).
 * </ul>
 */
abstract class Meter {
    /** Answer: the permits are taken, now. */
    static final long GRANTED = 0;

    /** Answer: no wait is long enough. */
    static final long NEVER = Long.MAX_VALUE;

    /** Answer: this meter has been replaced or evicted; nothing was taken. */
    static final long SEALED = -1;

    /**
     * Takes n permits now, or none.
     *
     * @return {@link #GRANTED}; or how long until the same asking would succeed when nobody else asks (more than 0);
     *     or {@link #NEVER} or {@link #SEALED}
     */
    abstract long take(long n);

    /**
     * What {@link #take(long)} would answer. Writes nothing.
     *
     * @return as {@link #take(long)}
     */
    abstract long look(long n);

    /**
     * Takes n permits for the earliest time that is at most {@code maxWaitNanos} from now, or none. Fills in
     * {@code answer}, in both cases from the very look that decided: {@link Answer#wait}, {@link Answer#at},
     * {@link Answer#remaining}, {@link Answer#resetAfter}, {@link Answer#limit}; and after a grant what
     * {@link #giveBack} needs.
     *
     * @param maxWaitNanos 0 for now or not at all; a meter caps it by {@link #longestWait()}
     * @return {@link #GRANTED}, also for a grant with a wait; or how long until the same asking, with the same longest
     *     wait, would succeed; or {@link #NEVER} or {@link #SEALED}
     */
    abstract long take(long n, long maxWaitNanos, Answer answer);

    /**
     * Fills in {@code answer} as {@link #take(long, long, Answer)} with no wait would, but takes nothing:
     * {@link Answer#remaining} is then what is there. Writes no state.
     *
     * @return as {@link #look}
     */
    abstract long peek(long n, Answer answer);

    /**
     * Takes what is there, at most n.
     *
     * @return how many, 0 to n; or {@link #SEALED}
     */
    abstract long takeUpTo(long n);

    /**
     * Takes n permits although they may not be there: the debt is paid by those who come later. Saturates at the
     * limit's greatest debt. n may exceed the burst.
     *
     * @return false when sealed
     */
    abstract boolean charge(long n);

    /**
     * No permit for so long: a floor of its own, which neither {@link #giveBack} nor a carry shortens. Leaves those alone
     * who have been granted a time already.
     *
     * @param nanos more than 0; saturates at the limit's greatest debt
     * @return false when sealed
     */
    abstract boolean throttle(long nanos);

    /**
     * Takes all that is there; a debt stays.
     *
     * @return false when sealed
     */
    abstract boolean drain();

    /**
     * As full as can be; forgives debts and throttles.
     *
     * @return false when sealed
     */
    abstract boolean reset();

    /**
     * Gives back what {@link #take(long, long, Answer)} has granted, as far as that keeps the limit's bound whatever has
     * been granted since; perhaps nothing (S22). Called at most once per answer. Does nothing when sealed (L2).
     *
     * @return how many nanoseconds earlier the limit is full again; 0 when nothing was given back
     */
    abstract long giveBack(Answer answer);

    /**
     * The longest wait that this kind of limit grants: a pacer's queue, or the greatest debt.
     *
     * @return nanoseconds; 0 when nobody can wait for it
     */
    abstract long longestWait();

    /**
     * Whether callers wait for it unless told otherwise: a pacer's do.
     *
     * @return false unless overridden
     */
    boolean waits() {
        return false;
    }

    /**
     * Whether it would answer exactly as a new one, for any time to come: the keyed limiter may forget it.
     *
     * @return false also when sealed
     */
    abstract boolean full();

    /**
     * Seals it if it is {@link #full()}, by one CAS from the full state that was seen.
     *
     * @return whether this call sealed it
     */
    abstract boolean sealIfFull();

    /**
     * Seals it and tells, from exactly the state that was replaced, what its successor takes over (S26).
     *
     * @return null when it was sealed already
     */
    abstract @org.jspecify.annotations.Nullable Carried seal();

    /**
     * Takes over from another meter, perhaps of another kind. Called before this meter is published, by one thread.
     *
     * @param carried from {@link #seal()} of the predecessor, a moment ago
     * @param carry how; never {@code RESET}
     */
    abstract void load(Carried carried, Carry carry);
}
