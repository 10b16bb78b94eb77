// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

/** What a look at a regime, or an outcome recorded in it, leads to. */
enum Finding {
    /** Nothing changes. */
    NONE,
    /** The time of a refusing regime is over: probes may go. */
    DEADLINE,
    /** Enough probes succeeded. */
    PROBES_PASSED,
    /** A step of the ramp is done. */
    STEP,
    /** So many probes failed that the others cannot matter. */
    PROBES_FAILED,
    /** The failure rate reached its threshold. */
    FAILURE_RATE,
    /** The slow rate reached its threshold. */
    SLOW_RATE,
    /** So many failures came in a row. */
    CONSECUTIVE,
    /** One outcome that trips at once. */
    TRIPPED;

    boolean opens() {
        return compareTo(PROBES_FAILED) >= 0;
    }
}
