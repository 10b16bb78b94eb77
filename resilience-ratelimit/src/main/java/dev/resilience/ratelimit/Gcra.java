// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.Description;
import dev.resilience.TimeSource;
import java.math.BigInteger;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The arithmetic of a token bucket (GCRA: the generic cell rate algorithm, ITU-T I.371), in ticks of its {@link Rate}.
 * The state of a bucket is one number, its <i>theoretical arrival time</i> (TAT): when it will be full. Immutable; many
 * buckets of one limit share it.
 *
 * <p>Ticks wrap around like the clock does: points are compared by subtraction, and the span that the state may be
 * ahead of the clock is kept below 2^61 ticks (S25).
 */
final class Gcra {
    /** The greatest burst, in ticks. */
    private static final long MOST_SPAN = 1L << 59;

    /** The greatest debt, in ticks; the other bound is 30 days. */
    private static final long MOST_DEBT = 1L << 60;

    private static final long MOST_DEBT_NANOS = TimeUnit.DAYS.toNanos(30);

    final Limit limit;
    final TimeSource time;
    /** Ticks per nanosecond. */
    final long p;
    /** Ticks per permit. */
    final long c;
    /** The most permits at once. */
    final long burst;
    /** Burst in ticks: how far the state may be ahead of the clock. */
    final long tau;
    /** How far beyond {@link #tau} debts, throttles and waits may bring it, in ticks. */
    final long maxDebt;
    /** The longest wait that is granted, in ticks. */
    final long maxWait;
    /** A permit of any weight goes when the last one's interval is over. */
    final boolean paced;
    /** After so many nanoseconds without a grant it is surely full, while differences of ticks are still true. */
    final long idleNanos;

    /** The most that one caller may ever take. */
    final long heaviest;
    /** What a permit adds to the wait for itself: nothing at a pacer. */
    final long weighs;
    /** What may be missing for a permit to pass. */
    final long slack;

    /** Of one bucket, which has a copy of its own then; null while nobody has waited. */
    final @Nullable Ledger ledger;

    private Gcra(Limit limit, TimeSource time, Rate rate, long burst, long queue) {
        this.limit = limit;
        this.time = time;
        this.p = rate.ticksPerNano();
        this.c = rate.ticksPerPermit();
        this.burst = burst;
        this.tau = burst * c;
        this.maxDebt = Math.min(MOST_DEBT, times(MOST_DEBT_NANOS, p));
        this.paced = queue >= 0;
        this.maxWait = paced ? Math.min(maxDebt / 2, times(queue, c)) : maxDebt;
        this.idleNanos = (1L << 62) / p;
        this.heaviest = paced ? Math.max(1, maxDebt / 2 / c) : burst;
        this.weighs = paced ? 0 : c;
        this.slack = paced ? 0 : tau;
        this.ledger = null;
    }

    private Gcra(Gcra from, Ledger ledger) {
        limit = from.limit;
        time = from.time;
        p = from.p;
        c = from.c;
        burst = from.burst;
        tau = from.tau;
        maxDebt = from.maxDebt;
        maxWait = from.maxWait;
        paced = from.paced;
        idleNanos = from.idleNanos;
        heaviest = from.heaviest;
        weighs = from.weighs;
        slack = from.slack;
        this.ledger = ledger;
    }

    static Gcra bucket(Limit limit, TimeSource time, Rate rate, long burst) {
        return new Gcra(limit, time, rate, burst, -1);
    }

    static Gcra pacer(Limit limit, TimeSource time, Rate rate, long queue) {
        return new Gcra(limit, time, rate, 1, queue);
    }

    /** A bucket of one permit with this rate: lets no more pass than a pacer does. */
    Gcra even() {
        return bucket(limit, time, rate(), 1);
    }

    Rate rate() {
        return new Rate(p, c);
    }

    Gcra with(Ledger own) {
        return new Gcra(this, own);
    }

    /** A burst that takes too long to refill cannot be counted in ticks. */
    static void checkSpan(List<String> problems, Rate rate, long burst) {
        long most = MOST_SPAN / rate.ticksPerPermit();
        if (burst <= most) return;
        Duration span = Duration.ofNanos(MOST_SPAN / rate.ticksPerNano());
        problems.add("a burst must refill within " + Description.text(span) + " at this rate"
                + (most >= 1 ? ", that is burst must be at most " + most : ", one permit takes longer") + ", was "
                + burst);
    }

    /** {@code a * b}, saturating; both positive. */
    static long times(long a, long b) {
        return b != 0 && a > Long.MAX_VALUE / b ? Long.MAX_VALUE : a * b;
    }

    /** A point of the clock in ticks. Wraps. */
    long ticks(long nanoTime) {
        return nanoTime * p;
    }

    /** The most that one caller may ever take. */
    long heaviest() {
        return heaviest;
    }

    /** Ticks until n permits may pass, zero or less for now. n is at most {@link #heaviest}. */
    long over(long tat, long nowT, long n) {
        return Math.max(0, tat - nowT) + n * weighs - slack;
    }

    /** The state after n permits. */
    long next(long tat, long nowT, long n) {
        return (tat - nowT > 0 ? tat : nowT) + n * c;
    }

    /** How many permits may pass now. */
    long remaining(long tat, long nowT) {
        long left = tau - Math.max(0, tat - nowT);
        return left <= 0 ? 0 : left / c;
    }

    /** Ticks as nanoseconds, rounded up; zero for less. */
    long nanosUp(long ticks) {
        if (ticks <= 0) return 0;
        return p == 1 ? ticks : (ticks - 1) / p + 1;
    }

    /** Nanoseconds as ticks, at most the greatest debt. */
    long debt(long nanos) {
        return Math.min(maxDebt, times(nanos, p));
    }

    /** How long an empty bucket takes to be full. */
    long spanNanos() {
        return nanosUp(tau);
    }

    /** The state of a bucket with so many permits less than it holds. */
    long missing(long nowT, BigInteger ticks) {
        return nowT
                + ticks.min(BigInteger.valueOf(tau + maxDebt))
                        .max(BigInteger.ZERO)
                        .longValue();
    }
}
