// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

/** One outcome as a byte: bit 0 says that there is one, bit 1 that it failed, bit 2 that it was slow. */
final class Outcomes {
    static final int EMPTY = 0;
    static final int SUCCESS = 1;
    static final int FAILURE = 1 | 2;
    static final int SLOW = 4;

    private Outcomes() {}

    static boolean failed(int outcome) {
        return (outcome & 2) != 0;
    }

    static boolean slow(int outcome) {
        return (outcome & SLOW) != 0;
    }
}
