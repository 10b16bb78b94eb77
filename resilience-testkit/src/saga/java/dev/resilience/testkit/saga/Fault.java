// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What may happen at a boundary of a {@link SagaCrashMatrix}. */
public enum Fault {
    /** The engine is dead from here on. Another one is opened. */
    KILL,
    /** The engine stands still from here on, until the saga has ended without it or {@link #THAW}. Another is opened. */
    FREEZE,
    /** The frozen engine wakes up, while the other one is here. */
    THAW,
    /** The engine is closed, as at a deployment. Another one is opened. */
    CLOSE,
    /** The call throws here: before it did anything, or after it did all (a lost acknowledgement). */
    FAIL,
    /** The participant refuses. */
    REJECT,
    /** The participant answers no more. */
    HANG,
    /** The call takes longer than anything may: past the lease, past deadlines. */
    STALL,
    /** Somebody asks for the saga to be undone. */
    CANCEL,
    /** The signal comes here, instead of right after the start. */
    SIGNAL,
    /**
     * The journal's database fails over and forgets its newest commits, though it has acknowledged them; engines run on.
     * How many is said by {@link SagaCrashMatrix#losing}; a start is never lost.
     */
    FAIL_OVER;

    /** Whether it makes a difference there. */
    boolean fits(Boundary at) {
        boolean locked = at.spot() == Spot.COMMIT; // the saga's row, by the transaction: others would wait for real
        return switch (this) {
            case KILL -> true;
            case FREEZE, STALL, FAIL_OVER -> !locked;
            case CLOSE -> !locked && at.open();
            case CANCEL, SIGNAL -> !locked && at.open() && at.spot() != Spot.START;
            case THAW -> at.someoneFrozen();
            case FAIL -> at.spot() != Spot.CLAIMED && at.open();
            case REJECT -> at.spot() == Spot.CALL && at.fresh();
            case HANG -> at.spot() == Spot.CALL || at.spot() == Spot.CALLED;
        };
    }

    /** Whether it is worth a second fault beside it: it takes an engine, or what the journal knew. */
    boolean takes() {
        return ends() || this == FAIL_OVER;
    }

    /** Whether another engine has to go on. */
    boolean ends() {
        return this == KILL || this == FREEZE || this == CLOSE;
    }

    static Fault of(String word) {
        return Arrays.stream(values())
                .filter(f -> f.toString().equals(word))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no fault is called '" + word + "'; there are "
                        + Arrays.stream(values()).map(Fault::toString).collect(Collectors.joining(", "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
