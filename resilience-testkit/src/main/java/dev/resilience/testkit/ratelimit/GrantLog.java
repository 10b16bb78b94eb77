// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.ratelimit;

import dev.resilience.TimeSource;
import java.math.BigInteger;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongUnaryOperator;

/**
 * What a limiter let through, and whether that kept a bound. A test notes every grant with the time at which the
 * permits were used (their <em>action time</em>: now, or when a reservation is due), and asks at the end whether
 * any window ever saw more than the limit promises. The check looks at every pair of grants, not at samples.
 *
 * {@snippet class="dev.resilience.testkit.ratelimit.GrantLogTest" region="log"}
 *
 * <p>Works for any limiter, of this library or not. For what a cancelled reservation gives back, see
 * {@link ReplayOracle}.
 *
 * <p>Times are readings of one {@link TimeSource} and may wrap around; all of one log lie within 292 years. Grants may
 * be noted in any order and by any thread; the methods take a lock.
 */
public final class GrantLog {
    private final ReentrantLock lock = new ReentrantLock();
    private final Grants grants = new Grants();

    /** A log without grants. */
    public GrantLog() {}

    /**
     * Notes a grant.
     *
     * @param nanoTime when the permits are used, a reading of the limiter's time source
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
     * Takes a grant out again: it was cancelled and its permits were not used.
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
     * How many permits were used in all.
     *
     * @return the sum of the grants that were not cancelled
     */
    public long total() {
        lock.lock();
        try {
            return grants.sorted().stream().mapToLong(Grants.Grant::permits).sum();
        } finally {
            lock.unlock();
        }
    }

    /**
     * The most permits that any half-open window {@code [s, s + window)} saw.
     *
     * @param window its length, more than zero
     * @return the most; 0 without grants
     * @throws IllegalArgumentException if {@code window} is not positive
     */
    public long most(Duration window) {
        lock.lock();
        try {
            return fullest(length(window)).sum;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Checks that no half-open window of a length saw more than so many permits: the promise of a strict, a sliding
     * and a logged limit.
     *
     * @param permits the most that may be
     * @param window the window's length, more than zero
     * @throws AssertionError if one did, with its grants
     * @throws IllegalArgumentException if {@code window} is not positive
     */
    public void checkWindow(long permits, Duration window) {
        lock.lock();
        try {
            Span worst = fullest(length(window));
            if (worst.sum > permits) throw broken(permits + " in any " + window, worst);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Checks the bound of a token bucket: between any two grants, both included, at most
     * {@code burst + permits · t / per} where {@code t} is the time between them, plus one nanosecond because action
     * times are rounded up to one. Exact for any numbers; its cost grows with the number of grants.
     *
     * @param permits the rate's permits, at least 1
     * @param per the time in which they come, more than zero
     * @param burst the most at once, at least 1
     * @throws AssertionError if two grants have more between them, with the grants
     * @throws IllegalArgumentException if {@code per} is not positive
     */
    public void checkBucket(long permits, Duration per, long burst) {
        BigInteger rate = BigInteger.valueOf(permits);
        BigInteger cost = BigInteger.valueOf(length(per));
        BigInteger most = cost.multiply(BigInteger.valueOf(burst)).add(rate);
        lock.lock();
        try {
            // the sum over i..j less the refill between them, at its greatest over all i, for one j after the other
            BigInteger debt = BigInteger.ZERO;
            int from = 0;
            for (int to = 0; to < grants.size(); to++) {
                long gap =
                        to == 0 ? 0 : grants.get(to).at() - grants.get(to - 1).at();
                debt = debt.subtract(rate.multiply(BigInteger.valueOf(gap)));
                if (debt.signum() <= 0) {
                    debt = BigInteger.ZERO;
                    from = to;
                }
                debt = debt.add(cost.multiply(BigInteger.valueOf(grants.get(to).permits())));
                if (debt.compareTo(most) > 0)
                    throw broken(burst + " at once and " + permits + " per " + per, span(from, to));
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Checks the bound of a fixed window: between any two grants, both included, at most
     * {@code permits · (ceil(t / window) + 1)} where {@code t} is the time between them.
     *
     * @param permits the limit of one window
     * @param window its length, more than zero
     * @throws AssertionError if two grants have more between them, with the grants
     * @throws IllegalArgumentException if {@code window} is not positive
     */
    public void checkFixed(long permits, Duration window) {
        long length = length(window);
        checkEverySpan(t -> permits * ((t == 0 ? 0 : (t - 1) / length + 1) + 1));
    }

    /**
     * Checks a bound of any shape against every pair of grants. Its cost grows with the square of their number.
     *
     * @param most for a time in nanoseconds, zero included, the most permits that two grants so far apart may have
     *     between them, both included
     * @throws AssertionError if two grants have more between them, with the grants
     */
    public void checkEverySpan(LongUnaryOperator most) {
        Objects.requireNonNull(most, "most");
        lock.lock();
        try {
            for (int from = 0; from < grants.size(); from++) {
                long sum = 0;
                for (int to = from; to < grants.size(); to++) {
                    sum += grants.get(to).permits();
                    long span = grants.get(to).at() - grants.get(from).at();
                    // between equal times only the last one closes the interval
                    if (sum > most.applyAsLong(span))
                        throw broken(most.applyAsLong(span) + " in " + span + " ns", span(from, to));
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private record Span(int from, int to, long sum) {}

    private Span fullest(long window) {
        Span fullest = new Span(0, -1, 0);
        long sum = 0;
        for (int from = 0, to = 0; to < grants.size(); to++) {
            sum += grants.get(to).permits();
            while (grants.get(to).at() - grants.get(from).at() >= window)
                sum -= grants.get(from++).permits();
            if (sum > fullest.sum) fullest = new Span(from, to, sum);
        }
        return fullest;
    }

    private Span span(int from, int to) {
        long sum = 0;
        for (int i = from; i <= to; i++) sum += grants.get(i).permits();
        return new Span(from, to, sum);
    }

    private AssertionError broken(String bound, Span span) {
        long length = grants.get(span.to).at() - grants.get(span.from).at();
        return new AssertionError("at most " + bound + ", but " + span.sum + " within " + length + " ns:"
                + grants.describe(span.from, span.to));
    }

    private static long length(Duration window) {
        long length = TimeSource.nanos(window);
        if (length < 1) throw new IllegalArgumentException("window must be more than zero, was " + window);
        return length;
    }
}
