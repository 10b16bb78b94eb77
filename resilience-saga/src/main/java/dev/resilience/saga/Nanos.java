// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

/** Spans of time as {@link dev.resilience.TimeSource} counts them. */
final class Nanos {
    static final long MILLI = 1_000_000L;
    static final long SECOND = 1_000 * MILLI;

    private Nanos() {}
}
