// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import java.util.OptionalDouble;

/** The thresholds that a window is judged by. {@code slowRate} above 1 means that slow calls do not matter. */
record Rules(double failureRate, double slowRate, int minimumCalls) {
    static final double OFF = 2;

    /**
     * {@code running} calls have been running for too long already: they count as slow calls, but not as calls for
     * the failure rate, which they would dilute.
     */
    Finding judge(long calls, long failures, long slow, long running) {
        if (calls >= minimumCalls && (double) failures / calls >= failureRate) {
            return Finding.FAILURE_RATE;
        }
        long all = calls + running;
        return all >= minimumCalls && (double) (slow + running) / all >= slowRate ? Finding.SLOW_RATE : Finding.NONE;
    }

    /** A rate to show: empty below minimumCalls. */
    OptionalDouble rate(long part, long whole) {
        return whole >= minimumCalls ? OptionalDouble.of((double) part / whole) : OptionalDouble.empty();
    }
}
