// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.time.Duration;

/** Nanoseconds that do not overflow (L10). {@link Entry#ETERNAL} is for ever. */
final class Saturating {
    /** Distances of readings must stay below half of the range, so that they can be compared by subtraction. */
    private static final long LONGEST = 1L << 62;

    private Saturating() {}

    /** Beyond 146 years it is for ever. */
    static long nanos(Duration duration) {
        long nanos = TimeSource.nanos(duration);
        return nanos >= LONGEST ? Entry.ETERNAL : nanos;
    }

    static long sum(long one, long other) {
        return one >= LONGEST || other >= LONGEST - one ? Entry.ETERNAL : one + other;
    }
}
