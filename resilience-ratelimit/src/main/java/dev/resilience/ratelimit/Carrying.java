// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.ratelimit.RateLimiter.Carry;
import java.math.BigInteger;

/** How a bucket takes over from what was there before (S26). Exact; fractions of a tick are lost, never won. */
final class Carrying {
    private Carrying() {}

    /** Ticks of the new bucket that are missing to be full. */
    static BigInteger missing(Gcra to, Carried from, Carry carry) {
        return switch (carry) {
            case KEEP_DEBT_TIME -> time(to, from.busyNanos);
            case KEEP_TOKENS -> from.tokens < 0 ? debt(to, from) : keep(to, from, BigInteger.ONE, BigInteger.ONE);
            case PROPORTIONAL ->
                from.tokens < 0 ? debt(to, from) : keep(to, from, big(to.burst), big(Math.max(1, from.capacity)));
            case ADD_DIFFERENCE -> big(to.tau).subtract(tokens(to, from)).subtract(difference(to, from));
            case RESET -> BigInteger.ZERO;
        };
    }

    private static BigInteger time(Gcra to, long nanos) {
        return big(nanos).multiply(big(to.p));
    }

    /** In debt: the time to the first token is kept. */
    private static BigInteger debt(Gcra to, Carried from) {
        return big(to.tau).add(time(to, from.debtNanos));
    }

    private static BigInteger keep(Gcra to, Carried from, BigInteger times, BigInteger per) {
        BigInteger ticks = big(from.tokens)
                .multiply(big(to.c))
                .multiply(times)
                .divide(big(from.per).multiply(per));
        return big(to.tau).subtract(ticks);
    }

    private static BigInteger tokens(Gcra to, Carried from) {
        BigInteger[] ticks = big(from.tokens).multiply(big(to.c)).divideAndRemainder(big(from.per));
        return ticks[1].signum() < 0 ? ticks[0].subtract(BigInteger.ONE) : ticks[0];
    }

    private static BigInteger difference(Gcra to, Carried from) {
        return big(to.burst).subtract(big(from.capacity)).multiply(big(to.c));
    }

    private static BigInteger big(long value) {
        return BigInteger.valueOf(value);
    }
}
