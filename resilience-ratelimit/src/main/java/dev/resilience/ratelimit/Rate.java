// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.math.BigInteger;

/**
 * Permits per time in whole ticks: a tick is {@code 1/ticksPerNano} ns, a permit takes {@code ticksPerPermit} of them.
 * Exact where the rate in lowest terms has at most 2^10 permits per so many nanoseconds (10/s, 3/s, 1000/h); beyond that
 * a permit is rounded up by at most 2^-10 ns, so that the rate is never exceeded.
 */
record Rate(long ticksPerNano, long ticksPerPermit) {
    static final int MOST_TICKS_PER_NANO = 1 << 10;

    /**
     * The rate.
     *
     * @param permits at least 1, at most {@code nanos}
     * @param nanos at least 1
     */
    static Rate of(long permits, long nanos) {
        BigInteger p = BigInteger.valueOf(permits);
        BigInteger t = BigInteger.valueOf(nanos);
        BigInteger gcd = p.gcd(t);
        long exact = p.divide(gcd).longValueExact();
        if (exact <= MOST_TICKS_PER_NANO) {
            return new Rate(exact, t.divide(gcd).longValueExact());
        }
        BigInteger[] ticks = t.multiply(BigInteger.valueOf(MOST_TICKS_PER_NANO)).divideAndRemainder(p);
        BigInteger rounded = ticks[1].signum() == 0 ? ticks[0] : ticks[0].add(BigInteger.ONE);
        return new Rate(MOST_TICKS_PER_NANO, rounded.bitLength() < 63 ? rounded.longValue() : Long.MAX_VALUE);
    }
}
