// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.ratelimit;

import dev.resilience.TimeSource;
import java.math.BigInteger;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A token bucket that knows what will be cancelled. It keeps every grant, forgets the cancelled ones, and replays the
 * rest from the start to say when the next permits could be used at the earliest: sooner would break the bucket's
 * bound for some window. No limiter that keeps its bound gives back more than this when a reservation is cancelled; one
 * that gives back less only over-restricts.
 *
 * {@snippet class="dev.resilience.testkit.ratelimit.ReplayOracleTest" region="oracle"}
 *
 * <p>Exact, in integers of any size, and slow: an answer costs as much as there are grants. Its methods may be called
 * by any thread; they take a lock.
 */
public final class ReplayOracle {
    private final ReentrantLock lock = new ReentrantLock();
    private final Grants grants = new Grants();
    private final BigInteger rate;
    private final BigInteger cost;
    private final BigInteger most;

    private ReplayOracle(long permits, long per, long burst) {
        this.rate = BigInteger.valueOf(permits);
        this.cost = BigInteger.valueOf(per);
        this.most = cost.multiply(BigInteger.valueOf(burst));
    }

    /**
     * An oracle for a token bucket that is full.
     *
     * @param permits the rate's permits, at least 1
     * @param per the time in which they come, more than zero
     * @param burst the most at once, at least 1
     * @return a new oracle without grants
     * @throws IllegalArgumentException if a number is less than 1
     */
    public static ReplayOracle of(long permits, Duration per, long burst) {
        long nanos = TimeSource.nanos(per);
        if (permits < 1 || nanos < 1 || burst < 1)
            throw new IllegalArgumentException(
                    "permits, per and burst must be at least 1, were " + permits + ", " + per + " and " + burst);
        return new ReplayOracle(permits, nanos, burst);
    }

    /**
     * Notes a grant.
     *
     * @param nanoTime when the permits are used
     * @param permits how many, at least 1
     * @throws IllegalArgumentException if {@code permits} is less than 1
     */
    public void granted(long nanoTime, long permits) {
        lock.lock();
        try {
            grants.add(nanoTime, permits);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Forgets a grant: it was cancelled and its permits were not used.
     *
     * @param nanoTime as noted
     * @param permits as noted
     * @return whether there was such a grant
     */
    public boolean cancelled(long nanoTime, long permits) {
        lock.lock();
        try {
            return grants.remove(nanoTime, permits);
        } finally {
            lock.unlock();
        }
    }

    /**
     * How long permits asked for now have to wait at least. They may go before a reservation that is due later, when
     * that one can still keep its time. As in a bucket's published bound, one nanosecond of refill is allowed for the
     * rounding of action times.
     *
     * @param nanoTime now
     * @param permits how many, at least 1 and at most the burst
     * @return the shortest wait that keeps the bound; zero when none is needed
     * @throws IllegalArgumentException if {@code permits} is out of range
     */
    public Duration delay(long nanoTime, long permits) {
        BigInteger asked = cost.multiply(BigInteger.valueOf(permits));
        if (permits < 1 || asked.compareTo(most) > 0)
            throw new IllegalArgumentException(
                    "permits must be between 1 and the burst " + most.divide(cost) + ", was " + permits);
        lock.lock();
        try {
            return Duration.ofNanos(earliest(grants.at(nanoTime), asked) - grants.at(nanoTime));
        } finally {
            lock.unlock();
        }
    }

    /** Looks into each gap between two grants: in a gap the earliest time leaves most to those that follow. */
    private long earliest(long now, BigInteger asked) {
        if (grants.size() == 0) return now;
        BigInteger debt = BigInteger.ZERO;
        long before = Math.min(now, grants.get(0).at());
        for (int i = 0; i < grants.size(); i++) {
            Grants.Grant next = grants.get(i);
            long at =
                    Math.max(now, before + nanos(debt.add(asked).subtract(most).subtract(rate)));
            if (at < next.at() && fits(i, debt(debt, at - before).add(asked), at)) return at;
            debt = debt(debt, next.at() - before).add(cost.multiply(BigInteger.valueOf(next.permits())));
            before = next.at();
        }
        return Math.max(now, before + nanos(debt.add(asked).subtract(most).subtract(rate)));
    }

    /** Whether the grants from one index on keep the bound, coming after such a debt. */
    private boolean fits(int from, BigInteger debt, long at) {
        for (int i = from; i < grants.size(); i++) {
            Grants.Grant grant = grants.get(i);
            debt = debt(debt, grant.at() - at).add(cost.multiply(BigInteger.valueOf(grant.permits())));
            if (debt.compareTo(most.add(rate)) > 0) return false;
            at = grant.at();
        }
        return true;
    }

    private BigInteger debt(BigInteger debt, long after) {
        return debt.subtract(rate.multiply(BigInteger.valueOf(after))).max(BigInteger.ZERO);
    }

    /** The time in which so much comes, rounded up. */
    private long nanos(BigInteger debt) {
        if (debt.signum() <= 0) return 0;
        return debt.add(rate).subtract(BigInteger.ONE).divide(rate).longValueExact();
    }

    /**
     * When the bucket is full again.
     *
     * @param nanoTime now
     * @return the time from now; zero when it is full
     */
    public Duration untilFull(long nanoTime) {
        lock.lock();
        try {
            if (grants.size() == 0) return Duration.ZERO;
            BigInteger debt = BigInteger.ZERO;
            long before = grants.get(0).at();
            for (Grants.Grant grant : grants.sorted()) {
                debt = debt(debt, grant.at() - before).add(cost.multiply(BigInteger.valueOf(grant.permits())));
                before = grant.at();
            }
            return Duration.ofNanos(Math.max(0, before + nanos(debt) - grants.at(nanoTime)));
        } finally {
            lock.unlock();
        }
    }
}
