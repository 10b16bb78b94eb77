// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.Locale;

/** How messages write durations and names; independent of the locale. */
final class Text {
    private static final long MICRO = 1_000;
    private static final long MILLI = 1_000 * MICRO;
    private static final long SECOND = 1_000 * MILLI;
    private static final long MINUTE = 60 * SECOND;
    private static final long HOUR = 60 * MINUTE;
    private static final long DAY = 24 * HOUR;

    private Text() {}

    static String duration(Duration duration) {
        long nanos = TimeSource.nanos(duration);
        return nanos < 0 ? "-" + duration(nanos == Long.MIN_VALUE ? Long.MAX_VALUE : -nanos) : duration(nanos);
    }

    /** {@code 840 ms}, {@code 3.8 s}, {@code 2 min}: one decimal at most. */
    private static String duration(long nanos) {
        if (nanos == 0) return "0 s";
        if (nanos < MICRO) return nanos + " ns";
        if (nanos < MILLI) return tenths(nanos, MICRO, "µs");
        if (nanos < SECOND) return tenths(nanos, MILLI, "ms");
        if (nanos < MINUTE) return tenths(nanos, SECOND, "s");
        if (nanos < HOUR) return tenths(nanos, MINUTE, "min");
        return nanos < DAY ? tenths(nanos, HOUR, "h") : tenths(nanos, DAY, "d");
    }

    /** Cut, not rounded: 59.96 s is not yet 60 s. */
    private static String tenths(long nanos, long unit, String name) {
        long whole = nanos / unit;
        long tenth = nanos % unit / (unit / 10);
        boolean exact = tenth == 0 || (whole >= 100 && unit < SECOND);
        return (exact ? String.valueOf(whole) : whole + "." + tenth) + " " + name;
    }

    /** A type's name as words: {@code CircuitBreaker} is "circuit breaker". Without a regex: also a full stack can tell. */
    static String words(String typeName) {
        StringBuilder words = new StringBuilder(typeName.length() + 4);
        for (int i = 0; i < typeName.length(); i++) {
            char letter = typeName.charAt(i);
            boolean begins = i > 0 && isUpper(letter) && isLower(typeName.charAt(i - 1));
            if (begins) words.append(' ');
            words.append(letter);
        }
        return words.toString().toLowerCase(Locale.ROOT);
    }

    private static boolean isUpper(char letter) {
        return letter >= 'A' && letter <= 'Z';
    }

    private static boolean isLower(char letter) {
        return letter >= 'a' && letter <= 'z';
    }
}
