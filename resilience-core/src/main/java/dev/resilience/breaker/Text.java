// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Deadline;
import dev.resilience.Description;
import dev.resilience.TimeSource;
import java.time.Duration;

/** Numbers as people read them; independent of the locale. */
final class Text {

    private Text() {}

    static String duration(long nanos) {
        return Description.text(Duration.ofNanos(nanos));
    }

    /** {@code 50 %}, {@code 12.5 %}; two decimals at most. */
    static String percent(double ratio) {
        long hundredths = Math.round(ratio * 10_000);
        long whole = hundredths / 100;
        long rest = hundredths % 100;
        if (rest == 0) {
            return whole + " %";
        }
        String digits = rest % 10 == 0 ? Long.toString(rest / 10) : (rest < 10 ? "0" : "") + rest;
        return whole + "." + digits + " %";
    }

    static String percents(double[] ratios) {
        StringBuilder all = new StringBuilder();
        for (double ratio : ratios) {
            all.append(all.length() == 0 ? "" : ", ").append(percent(ratio));
        }
        return all.toString();
    }

    /** The nanoseconds of a duration that must be positive. */
    static long positive(String name, Duration duration) {
        if (duration.isNegative() || duration.isZero())
            throw refuse(name, "duration must be positive, was " + duration);
        return TimeSource.nanos(duration);
    }

    /** The nanoseconds to a deadline that must come some time. */
    static long until(String name, Deadline deadline) {
        long nanos = TimeSource.nanos(deadline.remaining());
        if (nanos == Long.MAX_VALUE) throw refuse(name, "deadline must come some time, was never; use forceOpen");
        return Math.max(0, nanos);
    }

    private static IllegalArgumentException refuse(String name, String problem) {
        return new IllegalArgumentException("circuit breaker '" + name + "': " + problem);
    }
}
