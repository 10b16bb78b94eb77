// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * One asking: what a {@link Meter} answered, from one look at its state, and what it needs to take a grant back. Filled
 * in by the meter; belongs to one caller until it is published.
 */
final class Answer {
    private static final VarHandle GIVEN_BACK;

    static {
        try {
            GIVEN_BACK = MethodHandles.lookup().findVarHandle(Answer.class, "givenBack", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** How many permits were asked for. */
    long n;

    /** Granted: nanoseconds until the action, 0 for now. Refused: as the meter answered. */
    long wait;

    /** Granted: when the action is, a point of the TimeSource. */
    long at;

    /** What is left after this decision, never below 0. */
    long remaining;

    /** Nanoseconds until the limit is full again if nobody asks; {@link Meter#NEVER} for never. */
    long resetAfter;

    /** The binding limit: of several, the one that refused, or the one that has least left. */
    @Nullable
    Limit limit;

    /** The meter that granted; null when refused. */
    @Nullable
    Meter meter;

    // --- for giving back (S22): of a bucket, in ticks ---

    /** The state right after the grant. */
    long after;

    /** The state before it. */
    long before;

    /** What had been refunded in all, read before the state. */
    long refundedBefore;

    /** Of several limits, or of a kind that needs something else. */
    @Nullable
    Object token;

    /** Who counts that it was given back; null when nobody can. */
    @Nullable
    Counting counting;

    @SuppressWarnings("unused") // through GIVEN_BACK
    private volatile boolean givenBack;

    /**
     * Gives the grant back, as far as its meter may.
     *
     * @return true for the first call
     */
    boolean giveBack() {
        if (!GIVEN_BACK.compareAndSet(this, false, true)) return false;
        if (meter != null) meter.giveBack(this);
        if (counting != null) counting.refunded(n);
        return true;
    }
}
