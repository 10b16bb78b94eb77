// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

/** How a host behaves for a while. */
enum Phase {
    HEALTHY("healthy", false),
    SLOW("slow", false),
    FLAKY("some 500s", false),
    DOWN("all 500s", true),
    THROTTLED("some 429s", false),
    HANGING("hanging", true),
    RESETTING("resets", true);

    /** For people. */
    final String words;

    /** Whether no call can succeed. */
    final boolean outage;

    Phase(String words, boolean outage) {
        this.words = words;
        this.outage = outage;
    }
}
