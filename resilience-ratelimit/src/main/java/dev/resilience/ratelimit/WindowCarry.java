// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.ratelimit.RateLimiter.Carry;
import java.math.BigInteger;

/** How a window takes over from what was there before (S26): how many permits of it count as used. */
final class WindowCarry {
    private WindowCarry() {}

    /**
     * Used permits of a window that follows another kind of limit. In debt the window is full; that nobody passes before
     * the debt is paid is for the caller to see to.
     */
    static long used(long limit, Carried from, Carry carry) {
        if (from.tokens < 0) return limit;
        BigInteger tokens = BigInteger.valueOf(from.tokens);
        BigInteger left = switch (carry) {
            case KEEP_TOKENS -> tokens.divide(BigInteger.valueOf(from.per));
            case PROPORTIONAL ->
                tokens.multiply(BigInteger.valueOf(limit))
                        .divide(BigInteger.valueOf(from.per).multiply(BigInteger.valueOf(Math.max(1, from.capacity))));
            case ADD_DIFFERENCE, KEEP_DEBT_TIME ->
                tokens.divide(BigInteger.valueOf(from.per))
                        .add(BigInteger.valueOf(limit))
                        .subtract(BigInteger.valueOf(from.capacity));
            case RESET -> BigInteger.valueOf(limit);
        };
        BigInteger most = BigInteger.valueOf(limit);
        return most.subtract(left.min(most)).longValue();
    }

    /**
     * What a window that follows one of its own kind adds to the {@code used} permits that it took over with their
     * times; less than zero takes away. Nothing when nothing has changed: reconfiguring again and again must not keep
     * permits from being forgotten.
     */
    static long difference(long limit, long used, Carried from, Carry carry) {
        if (from.tokens >= 0) return used(limit, from, carry) - used;
        boolean keepsTokens = carry == Carry.KEEP_TOKENS || carry == Carry.PROPORTIONAL;
        return keepsTokens ? Math.max(0, limit - from.capacity) : 0;
    }
}
