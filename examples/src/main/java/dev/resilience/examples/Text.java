// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.util.Locale;

/** Durations and shares for people, the same on every machine. */
final class Text {
    private Text() {}

    /** Seconds from one on, milliseconds below, with the digits that mean something. */
    static String of(long nanos) {
        double millis = nanos / 1e6;
        if (millis >= 999.5) return String.format(Locale.ROOT, "%.1f s", millis / 1000);
        if (millis >= 10) return String.format(Locale.ROOT, "%.0f ms", millis);
        return String.format(Locale.ROOT, millis >= 1 ? "%.1f ms" : "%.2f ms", millis);
    }

    static String percent(long part, long whole) {
        return whole == 0 ? "none" : String.format(Locale.ROOT, "%.1f %%", 100.0 * part / whole);
    }
}
