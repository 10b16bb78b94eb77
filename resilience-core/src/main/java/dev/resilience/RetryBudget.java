// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How many extra attempts may be made for the first attempts that were made: keeps retries and hedges from multiplying
 * the load on something that is already failing. Share one budget among all policies that call the same dependency.
 *
 * <p>Each first attempt deposits {@code ratio} of a token, each extra attempt withdraws one; what was deposited expires
 * after 10 s. Besides, {@code minPerSecond} extra attempts are allowed whatever the ratio, so that a service with little
 * traffic can retry at all; these are used first.
 *
 * {@snippet class="dev.resilience.retry.Snippets" region="budget"}
 *
 * <p><b>Bound.</b> Over any T seconds from the start, extra attempts that ran ≤ ratio · first attempts + minPerSecond ·
 * (1 + T), exactly, under any concurrency. In any interval of T seconds the first term counts the first attempts of the
 * interval and of the 20 s before it (up to 10 s until they are counted in, 10 s until they expire); after more than 10 s
 * without an extra attempt those since are counted in as if they had come evenly. And what is given back in the interval
 * for attempts that had been granted before it can be used in it.
 *
 * <p><b>Threads and cost.</b> {@link #deposit()} is one striped increment: no lock, no clock, no allocation.
 * {@link #withdraw()} takes a lock for a few dozen instructions, runs no user code under it, and does not wait for
 * tokens. Starts no thread. The idea is Finagle's RetryBudget (a leaky token bucket of deposits, 2016); the folding of
 * striped deposits on withdrawal is described in {@code docs/internals/retry.md}.
 */
public final class RetryBudget {
    private static final long TOKEN = 1_000_000;
    private static final long SECOND = 1_000_000_000;
    private static final int SLICES = 10;
    private static final long WINDOW = SLICES * SECOND;
    /* Receipts: where a token came from. */
    private static final long REFUSED = 0;
    private static final long RESERVE = 1;
    private static final long SLICE_ZERO = 2;

    private final double ratio;
    private final long perFirst;
    private final int minPerSecond;
    private final TimeSource time;
    private final LongAdder firsts = new LongAdder();

    private final ReentrantLock lock = new ReentrantLock();
    private final long origin;
    /* Guarded by the lock from here on. */
    private final long[] slices = new long[SLICES];
    private long newestSlice;
    private long folded;
    private long foldedAt;
    /** In tokens · seconds⁻¹ · nanoseconds: grows by elapsed · minPerSecond, one attempt costs a SECOND. */
    private long reserve;

    private long reserveAt;

    private RetryBudget(Builder builder) {
        ratio = builder.ratio;
        perFirst = BigDecimal.valueOf(ratio).movePointRight(6).longValue();
        minPerSecond = builder.minPerSecond;
        time = builder.time;
        origin = time.nanoTime();
        foldedAt = origin;
        reserveAt = origin;
        reserve = capacity();
    }

    /**
     * A budget with this ratio and everything else by default.
     *
     * @param ratio extra attempts per first attempt, 0 to 1
     * @return a new budget
     * @throws IllegalArgumentException if the ratio is out of range
     */
    public static RetryBudget of(double ratio) {
        return builder().ratio(ratio).build();
    }

    /**
     * A builder with ratio 0.2 and minPerSecond 10.
     *
     * @return a new builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Counts one first attempt. For policies: once per call, when the first attempt that was not rejected locally has come
     * to an end (a rejected one never reached the dependency).
     */
    public void deposit() {
        firsts.increment();
    }

    /**
     * Takes a token for one extra attempt, if there is one. For policies: when an extra attempt is decided, after every
     * other reason not to make it.
     *
     * @return a receipt for {@link #restore}, more than zero; zero if the extra attempt must not be made
     */
    public long withdraw() {
        lock.lock();
        try {
            advanceLocked();
            return fromReserveLocked() ? RESERVE : fromOldestLocked();
        } finally {
            lock.unlock();
        }
    }

    /**
     * {@link #withdraw()} for those who never give back.
     *
     * @return whether the extra attempt may be made
     */
    public boolean tryWithdraw() {
        return withdraw() != REFUSED;
    }

    /**
     * Puts a token back whose attempt never ran: rejected locally, cancelled or interrupted before it began. It returns
     * to where it was taken from, unless it would have expired or overflowed there by now.
     *
     * @param receipt of {@link #withdraw()}, at most once for each; zero does nothing
     * @throws IllegalArgumentException if it is negative
     */
    public void restore(long receipt) {
        if (receipt < 0)
            throw new IllegalArgumentException("retry budget: receipt must not be negative, was " + receipt);
        if (receipt == REFUSED) return;
        lock.lock();
        try {
            advanceLocked();
            long slice = receipt - SLICE_ZERO;
            if (receipt == RESERVE) reserve = Math.min(capacity(), reserve + SECOND);
            else if (newestSlice - slice < SLICES) slices[slot(slice)] += TOKEN;
        } finally {
            lock.unlock();
        }
    }

    /**
     * How many extra attempts could be made at this moment, if nobody else asked: for gauges and logs.
     *
     * @return whole tokens, zero or more
     */
    public int available() {
        lock.lock();
        try {
            advanceLocked();
            return (int) Math.min(Integer.MAX_VALUE, depositedLocked() / TOKEN + reserve / SECOND);
        } finally {
            lock.unlock();
        }
    }

    /**
     * The ratio.
     *
     * @return extra attempts per first attempt, 0 to 1
     */
    public double ratio() {
        return ratio;
    }

    /**
     * What is allowed whatever the ratio.
     *
     * @return extra attempts per second, zero or more
     */
    public int minPerSecond() {
        return minPerSecond;
    }

    /**
     * The settings, for logs: {@code ratio 0.2, at least 10/s}.
     *
     * @return the settings as text
     */
    @Override
    public String toString() {
        return "ratio " + ratio + ", at least " + minPerSecond + "/s";
    }

    private long capacity() {
        return minPerSecond * SECOND;
    }

    private void advanceLocked() {
        assert lock.isHeldByCurrentThread();
        long now = time.nanoTime();
        rollLocked(now);
        foldLocked(now);
        refillLocked(now);
    }

    private void rollLocked(long now) {
        assert lock.isHeldByCurrentThread();
        long current = (now - origin) / SECOND;
        for (long slice = Math.max(newestSlice, current - SLICES) + 1; slice <= current; slice++)
            slices[slot(slice)] = 0;
        newestSlice = Math.max(newestSlice, current);
    }

    /** A pause of more than the window is folded as if its first attempts had been even over it: only the last 10 s count. */
    private void foldLocked(long now) {
        assert lock.isHeldByCurrentThread();
        long total = firsts.sum();
        long fresh = total - folded;
        long since = now - foldedAt;
        double share = since <= WINDOW ? 1 : (double) WINDOW / since;
        long tokens = share == 1 ? fresh * perFirst : (long) (fresh * share * perFirst);
        slices[slot(newestSlice)] += tokens;
        folded = total;
        foldedAt = now;
    }

    /** Exact: no division, so no nanosecond is lost between two looks. */
    private void refillLocked(long now) {
        assert lock.isHeldByCurrentThread();
        long elapsed = Math.min(Math.max(now - reserveAt, 0), SECOND);
        reserve = Math.min(capacity(), reserve + elapsed * minPerSecond);
        reserveAt = now;
    }

    private boolean fromReserveLocked() {
        assert lock.isHeldByCurrentThread();
        if (reserve < SECOND) return false;
        reserve -= SECOND;
        return true;
    }

    /** The oldest first: they expire first. */
    private long fromOldestLocked() {
        assert lock.isHeldByCurrentThread();
        if (depositedLocked() < TOKEN) return REFUSED;
        long missing = TOKEN;
        long oldest = -1;
        for (long slice = Math.max(0, newestSlice - SLICES + 1); missing > 0; slice++) {
            int slot = slot(slice);
            long taken = Math.min(missing, slices[slot]);
            if (taken > 0 && oldest < 0) oldest = slice;
            slices[slot] -= taken;
            missing -= taken;
        }
        return SLICE_ZERO + oldest;
    }

    private long depositedLocked() {
        assert lock.isHeldByCurrentThread();
        long sum = 0;
        for (long tokens : slices) sum += tokens;
        return sum;
    }

    private static int slot(long slice) {
        return Math.floorMod(slice, SLICES);
    }

    /** Collects the settings of a {@link RetryBudget}. Not thread-safe. */
    public static final class Builder {
        private double ratio = 0.2;
        private int minPerSecond = 10;
        private TimeSource time = TimeSource.system();

        private Builder() {}

        /**
         * Extra attempts per first attempt.
         *
         * @param ratio 0 to 1, counted in millionths (the rest is cut off); default 0.2
         * @return this builder
         */
        public Builder ratio(double ratio) {
            this.ratio = ratio;
            return this;
        }

        /**
         * Extra attempts that are allowed each second whatever the ratio; up to one second's worth is kept for a burst.
         *
         * @param minPerSecond zero or more; default 10
         * @return this builder
         */
        public Builder minPerSecond(int minPerSecond) {
            this.minPerSecond = minPerSecond;
            return this;
        }

        /**
         * Where time comes from; give the one of the pipelines that share the budget.
         *
         * @param time the source of time; default {@link TimeSource#system()}
         * @return this builder
         */
        public Builder timeSource(TimeSource time) {
            this.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Makes the budget.
         *
         * @return a new budget, whose minPerSecond reserve is full
         * @throws IllegalArgumentException naming every setting that is out of range
         */
        public RetryBudget build() {
            List<String> problems = new ArrayList<>();
            if (!(ratio >= 0 && ratio <= 1)) problems.add("ratio must be in [0, 1], was " + ratio);
            else if (ratio > 0 && ratio < 1e-6) problems.add("ratio must be 0 or at least 0.000001, was " + ratio);
            if (minPerSecond < 0) problems.add("minPerSecond must not be negative, was " + minPerSecond);
            if (ratio == 0 && minPerSecond == 0)
                problems.add(
                        "ratio and minPerSecond must not both be 0: no retry could ever be made (use maxAttempts(1))");
            if (!problems.isEmpty()) throw new IllegalArgumentException("retry budget: " + String.join("; ", problems));
            return new RetryBudget(this);
        }
    }
}
