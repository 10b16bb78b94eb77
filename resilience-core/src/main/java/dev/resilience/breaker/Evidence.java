// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

/**
 * The outcomes that one regime has seen lately. Safe for any number of threads, never blocks; times are nanoseconds
 * since the regime began.
 */
abstract sealed class Evidence permits CountWindow, TimeWindow {
    /**
     * Keeps one outcome. {@code stripe} spreads threads over counters; any number does.
     *
     * @return whether the window must be judged now: false only if this outcome cannot have raised a rate
     */
    abstract boolean record(int outcome, int stripe, long elapsed);

    /** Judges what the window holds; {@code running} calls are slow already. */
    abstract Finding judge(Rules rules, long running, long elapsed);

    abstract Tally tally(long elapsed);

    /** False while successes change nothing and are not counted by {@link #recorded()}: the window is full of them. */
    boolean counting() {
        return true;
    }

    /**
     * How many outcomes were ever recorded here, without successes over a window full of them: exact when nobody records
     * meanwhile.
     */
    abstract long recorded();

    /** The newest outcomes, oldest first, at most {@code max}. */
    abstract byte[] newest(int max, long elapsed);

    /** Fills an unpublished window with outcomes of an older one; they do not count as {@link #recorded()}. */
    abstract void prefill(Evidence older, long elapsed);
}
