// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

/** How many outcomes a window holds, and of which kind; slow failures count in both. */
record Tally(long calls, long failures, long slow) {
    static final Tally NONE = new Tally(0, 0, 0);

    static int saturated(long number) {
        return (int) Math.min(number, Integer.MAX_VALUE);
    }
}
