// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.math.BigInteger;

/**
 * What a sealed {@link Meter} leaves to its successor, in units that every kind understands. The tokens are the permits
 * that could pass at this moment: {@code tokens / per}, below zero in debt.
 */
final class Carried {
    /** Numerator of the tokens; negative in debt. */
    long tokens;

    /** Denominator of the tokens, at least 1. */
    long per = 1;

    /** The most tokens there could be. */
    long capacity;

    /** Nanoseconds until there are no longer less than 0 tokens; 0 unless in debt. */
    long debtNanos;

    /** Nanoseconds until it would have been full. */
    long busyNanos;

    /** Nanoseconds that a throttle still lasts; 0 for none. */
    long throttleNanos;

    /** The sealed one, for a successor of the same kind that wants to know more. */
    final Meter from;

    Carried(Meter from) {
        this.from = from;
    }

    boolean fewerThan(Carried other) {
        BigInteger mine = BigInteger.valueOf(tokens).multiply(BigInteger.valueOf(other.per));
        return mine.compareTo(BigInteger.valueOf(other.tokens).multiply(BigInteger.valueOf(per))) < 0;
    }
}
