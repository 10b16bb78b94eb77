// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;

/**
 * A circuit between two changes: immutable but for the evidence it gathers. Times are a parameter; nothing here reads a
 * clock, waits or calls user code.
 */
abstract sealed class Regime permits Judging, HalfOpen, Refusing, Passing {
    static final int OWN_BITS = 16;
    static final long OWN_MASK = (1L << OWN_BITS) - 1;
    /** Instead of a permit: ask {@link #admit}, or refused without a hint. */
    static final long NO_PERMIT = -1;

    final State state;
    final Entry entry;
    final Past past;

    /** Calls are timed: the driver reads the clock at admission and at settlement. */
    final boolean timed;

    /** A permit that every call may have without a clock or a decision, or {@link #NO_PERMIT}. */
    final long permit;

    Regime(State state, Entry entry, Past past, Admits admits) {
        this.state = state;
        this.entry = entry;
        this.past = past;
        timed = admits == Admits.TIMED;
        permit = admits == Admits.ALL ? permit(0) : NO_PERMIT;
    }

    /** How much there is to an admission: nothing, the time, or a decision. */
    enum Admits {
        ALL,
        TIMED,
        SOME
    }

    /**
     * How a regime came about.
     *
     * @param settings the settings that rule it
     * @param generation its number, part of every permit
     * @param since when it began
     * @param arrival the transition that led to its state
     */
    record Entry(Settings settings, long generation, long since, Transition arrival) {}

    /** A permit, or the longest time in nanoseconds to wait before asking again as a refusal ({@code ~nanos}). */
    abstract long admit(long now);

    /** What time alone has brought about. */
    abstract Finding due(long now);

    abstract Tally tally(long now);

    /** Nanoseconds until time alone can change the regime; {@link Long#MAX_VALUE} when it never does. */
    abstract long nextChange(long now);

    /** Why calls are refused, for people. */
    abstract String why();

    /** Why the state is what it is. */
    String reason() {
        return entry.arrival().reason();
    }

    final long generation() {
        return entry.generation();
    }

    final boolean admitted(long permit) {
        return permit >>> OWN_BITS == entry.generation();
    }

    final long permit(long own) {
        return (entry.generation() << OWN_BITS) | own;
    }

    /** Never negative: a reading that is older than the regime is as good as its beginning. */
    final long elapsed(long now) {
        return Math.max(0, now - entry.since());
    }

    final Settings settings() {
        return entry.settings();
    }
}
