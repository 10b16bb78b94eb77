// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/**
 * How long to pause before the next attempt: a growth rule, a randomisation and two bounds. A pure function of the
 * attempt, the previous delay and a source of randomness; it waits for nobody.
 *
 * <p>Settings, not decorators: the order in which factor, jitter, min and cap are written does not matter. A backoff
 * does what is written and nothing else: {@code Backoff.exponential(ofMillis(100))} doubles from 100 ms, has no cap and
 * no jitter. A {@link dev.resilience.retry.Retry Retry} that is told nothing uses the first of these:
 *
 * {@snippet class="dev.resilience.retry.Snippets" region="backoff"}
 *
 * <p><b>Which one.</b> For calls over a network: exponential with {@link #fullJitter()} and a {@link #cap(Duration)};
 * callers that failed together otherwise come back together. {@link #equalJitter()} when a delay close to zero is
 * useless, {@link #decorrelated()} when delays should spread from the very first one, {@link #constant(Duration)} for
 * polling, {@link #none()} for conflicts that a second look resolves (optimistic locking).
 *
 * <p><b>Arithmetic.</b> The k-th delay d is first bounded: min ≤ d ≤ cap. Then the jitter chooses a range, which is cut
 * to [min, cap], and one number is drawn from it, uniformly: a delay is never above the cap and still spread at the
 * cap. Nanoseconds are exact (also with a fractional factor as far as a {@code double} carries); nothing is negative,
 * nothing overflows, whatever the attempt; the cost does not grow with the attempt.
 *
 * <p>Immutable and thread-safe. The jitters are those of M. Brooker, <cite>Exponential Backoff and Jitter</cite>, AWS
 * Architecture Blog 2015.
 */
public final class Backoff {
    private static final long NO_CAP = Long.MAX_VALUE;
    /** Stands in for a rule that misbehaves, and is the default of a retry. */
    private static final Backoff STANDARD =
            exponential(Duration.ofMillis(100)).cap(Duration.ofSeconds(10)).fullJitter();

    private final Growth growth;
    private final Jitter jitter;
    private final long min;
    private final long cap;

    private Backoff(Growth growth, Jitter jitter, long min, long cap) {
        if (min > cap)
            throw refuse(
                    "min must not exceed cap, was min " + Duration.ofNanos(min) + ", cap " + Duration.ofNanos(cap));
        this.growth = growth;
        this.jitter = jitter;
        this.min = min;
        this.cap = cap;
    }

    private static Backoff of(Growth growth) {
        return new Backoff(growth, Jitter.NONE, 0, NO_CAP);
    }

    /**
     * No delay: attempts follow each other at once.
     *
     * @return a backoff of zero
     */
    public static Backoff none() {
        return of(new Linear(0, 0));
    }

    /**
     * The same delay before every attempt.
     *
     * @param delay the delay, zero or more
     * @return a constant backoff
     * @throws IllegalArgumentException if the delay is negative
     */
    public static Backoff constant(Duration delay) {
        return of(new Linear(notNegative("delay", delay), 0));
    }

    /**
     * Grows by the same step: first, first + step, first + 2 · step, …
     *
     * @param first the delay after the first attempt, zero or more
     * @param step what each further attempt adds, zero or more
     * @return a linear backoff
     * @throws IllegalArgumentException if one of them is negative
     */
    public static Backoff linear(Duration first, Duration step) {
        return of(new Linear(notNegative("first", first), notNegative("step", step)));
    }

    /**
     * Grows by a factor: first, first · factor, first · factor², … The factor is 2 unless {@link #factor(double)} says
     * otherwise; there is no cap and no jitter until they are written.
     *
     * @param first the delay after the first attempt, more than zero
     * @return an exponential backoff
     * @throws IllegalArgumentException if the delay is not positive
     */
    public static Backoff exponential(Duration first) {
        long nanos = notNegative("first", first);
        if (nanos == 0) throw refuse("first must be positive, was " + first + " (use none() for no delay)");
        return of(new Exponential(nanos, 2));
    }

    /**
     * These delays one after the other, then the last of them for ever.
     *
     * @param delays at least one, each zero or more
     * @return a backoff that follows a list
     * @throws IllegalArgumentException if there is none or one is negative
     */
    public static Backoff sequence(Duration... delays) {
        Objects.requireNonNull(delays, "delays");
        if (delays.length == 0) throw refuse("sequence must have at least one delay, had none");
        List<Long> nanos = new ArrayList<>();
        for (Duration delay : delays) nanos.add(notNegative("delays[" + nanos.size() + "]", delay));
        return of(new Sequence(List.copyOf(nanos)));
    }

    /**
     * A rule of one's own. Jitter, min and cap apply to what it answers.
     *
     * @param rule the rule, called once for each delay
     * @return a backoff that asks the rule
     */
    public static Backoff of(Rule rule) {
        return of(new Custom(Objects.requireNonNull(rule, "rule")));
    }

    /**
     * How fast an exponential backoff grows.
     *
     * @param factor at least 1, finite; default 2
     * @return a copy with this factor
     * @throws IllegalArgumentException if the factor is out of range or this backoff is not exponential
     */
    public Backoff factor(double factor) {
        if (!(growth instanceof Exponential exponential))
            throw refuse("factor belongs to an exponential backoff, was set on " + this);
        if (!(factor >= 1 && factor <= Double.MAX_VALUE))
            throw refuse("factor must be at least 1 and finite, was " + factor);
        return new Backoff(new Exponential(exponential.first, factor), jitter, min, cap);
    }

    /**
     * No delay is shorter, jitter included.
     *
     * @param min zero or more, not above the cap; default zero
     * @return a copy with this lower bound
     * @throws IllegalArgumentException if it is negative or above the cap
     */
    public Backoff min(Duration min) {
        return new Backoff(growth, jitter, notNegative("min", min), cap);
    }

    /**
     * No delay is longer, jitter included; and jitter goes on working there.
     *
     * @param cap zero or more, not below min; default none
     * @return a copy with this upper bound
     * @throws IllegalArgumentException if it is negative or below min
     */
    public Backoff cap(Duration cap) {
        return new Backoff(growth, jitter, min, notNegative("cap", cap));
    }

    /**
     * Exactly the computed delay (the default).
     *
     * @return a copy without jitter
     */
    public Backoff noJitter() {
        return with(Jitter.NONE);
    }

    /**
     * Uniform between zero (or min) and the delay d: spreads callers the most and puts the least load on what is
     * failing; half of d on average.
     *
     * @return a copy with full jitter
     */
    public Backoff fullJitter() {
        return with(Jitter.FULL);
    }

    /**
     * Uniform between half the delay and the delay: never close to zero, three quarters of it on average.
     *
     * @return a copy with equal jitter
     */
    public Backoff equalJitter() {
        return with(Jitter.EQUAL);
    }

    /**
     * Uniform between d · (1 − p) and d · (1 + p); what would lie above the cap is cut off the range, so that at the
     * cap it is uniform between cap · (1 − p) and the cap.
     *
     * @param plusMinus p, the greatest deviation as a share of the delay; 0 exclusive to 1
     * @return a copy with symmetric jitter
     * @throws IllegalArgumentException if the share is out of range
     */
    public Backoff jitter(double plusMinus) {
        if (!(plusMinus > 0 && plusMinus <= 1)) throw refuse("jitter must be in (0, 1], was " + plusMinus);
        return with(new Jitter(Spread.AROUND, plusMinus));
    }

    /**
     * Uniform between the first delay and three times the previous one: every caller walks a path of its own. It
     * replaces the growth of the kind, of which only the first delay is used (and no factor); of a {@link Rule} its
     * answer for the attempt.
     *
     * @return a copy with decorrelated jitter
     */
    public Backoff decorrelated() {
        return with(Jitter.DECORRELATED);
    }

    private Backoff with(Jitter other) {
        return new Backoff(growth, other, min, cap);
    }

    /**
     * The delay after an attempt that failed.
     *
     * @param attempt the attempt that has just failed, counted from 1
     * @param previous what this backoff answered for the attempt before; zero for the first
     * @param random where randomness comes from; asked for one number at most (a rule may ask for more)
     * @return the delay: at least min, at most the cap
     * @throws IllegalArgumentException if the attempt is below 1 or the previous delay negative
     * @see #delayNanos
     */
    public Duration delay(int attempt, Duration previous, RandomGenerator random) {
        return Duration.ofNanos(delayNanos(attempt, notNegative("previous", previous), random));
    }

    /**
     * {@link #delay} in nanoseconds and without an object, for policies. Never throws because of user code: if the rule
     * or the random generator throws, or the rule answers null or less than zero, that is reported to the logger
     * {@code dev.resilience} and the default backoff (100 ms × 2, full jitter, cap 10 s) stands in for this one delay,
     * inside this backoff's min and cap.
     *
     * @param attempt the attempt that has just failed, counted from 1
     * @param previousNanos what this backoff answered for the attempt before; zero for the first
     * @param random where randomness comes from
     * @return the delay in nanoseconds: at least min, at most the cap
     * @throws IllegalArgumentException if the attempt is below 1 or the previous delay negative
     */
    public long delayNanos(int attempt, long previousNanos, RandomGenerator random) {
        Objects.requireNonNull(random, "random");
        if (attempt < 1) throw refuse("attempt must be at least 1, was " + attempt);
        if (previousNanos < 0) throw refuse("previous must not be negative, was " + Duration.ofNanos(previousNanos));
        try {
            return draw(attempt, previousNanos, random);
        } catch (Throwable guest) {
            Reports.guest("backoff", "the rule or random generator of " + growth, guest);
            Backoff standIn =
                    new Backoff(STANDARD.growth, Jitter.FULL, min, Math.max(min, Math.min(cap, STANDARD.cap)));
            return standIn.draw(attempt, previousNanos, ThreadLocalRandom.current());
        }
    }

    /**
     * The upper bound, for policies that compare it with a server's hint.
     *
     * @return the cap in nanoseconds, {@link Long#MAX_VALUE} if there is none
     */
    public long capNanos() {
        return cap;
    }

    /**
     * The lower bound of the delay after a first attempt, for policies that compare it with the time that they have.
     *
     * @return nanoseconds, whatever the jitter draws; for a rule of one's own, which is not asked, {@link #min}
     */
    public long leastNanos() {
        return growth instanceof Custom ? min : draw(1, 0, () -> 0);
    }

    private long draw(int attempt, long previous, RandomGenerator random) {
        boolean walks = jitter.spread == Spread.DECORRELATED;
        long delay = bounded(growth.delay(walks ? growth.start(attempt) : attempt, previous, random));
        return switch (jitter.spread) {
            case NONE -> delay;
            case FULL -> between(0, delay, random);
            case EQUAL -> between(delay - delay / 2, delay, random);
            case AROUND -> {
                long reach = Math.min(delay, Math.round(delay * jitter.share));
                yield between(delay - reach, plus(delay, reach), random);
            }
            case DECORRELATED -> between(delay, times(Math.max(delay, previous), 3), random);
        };
    }

    private long bounded(long delay) {
        return Math.min(Math.max(delay, min), cap);
    }

    /** Cuts the range, not the number drawn: else a share of all delays would be exactly the cap. */
    private long between(long low, long high, RandomGenerator random) {
        long from = bounded(low);
        return from + below(bounded(high) - from, random);
    }

    /**
     * Uniform in [0, most]. Scales one 63-bit number instead of rejecting unsuitable ones: one draw, no loop that a
     * constant generator could keep for ever.
     */
    private static long below(long most, RandomGenerator random) {
        long bits = random.nextLong() >>> 1;
        if (most == Long.MAX_VALUE) return bits;
        long bound = most + 1;
        return (Math.multiplyHigh(bits, bound) << 1) | ((bits * bound) >>> 63);
    }

    private static long plus(long a, long b) {
        long sum = a + b;
        return sum < 0 ? Long.MAX_VALUE : sum;
    }

    private static long times(long a, long b) {
        long product = a * b;
        return Math.multiplyHigh(a, b) != 0 || product < 0 ? Long.MAX_VALUE : product;
    }

    private static long notNegative(String what, Duration duration) {
        Objects.requireNonNull(duration, what);
        if (duration.isNegative()) throw refuse(what + " must not be negative, was " + duration);
        return TimeSource.nanos(duration);
    }

    private static IllegalArgumentException refuse(String problem) {
        return new IllegalArgumentException("backoff: " + problem);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Backoff that
                && growth.equals(that.growth)
                && jitter.equals(that.jitter)
                && min == that.min
                && cap == that.cap;
    }

    @Override
    public int hashCode() {
        return Objects.hash(growth, jitter, min, cap);
    }

    /**
     * The settings, for logs: {@code exponential 100 ms x2.0, cap 10 s, full jitter}.
     *
     * @return the settings as text
     */
    @Override
    public String toString() {
        return growth + (min == 0 ? "" : ", min " + text(min)) + (cap == NO_CAP ? "" : ", cap " + text(cap)) + jitter;
    }

    private static String text(long nanos) {
        return Text.duration(Duration.ofNanos(nanos));
    }

    /** A rule of one's own: a function of the attempt, the previous delay and a source of randomness. */
    @FunctionalInterface
    public interface Rule {
        /**
         * The delay after an attempt that failed, before jitter, min and cap. Runs on the thread that is about to pause,
         * outside any lock; must not block.
         *
         * @param attempt the attempt that has just failed, counted from 1
         * @param previous what the backoff answered for the attempt before, bounds and jitter included; zero for the
         *     first
         * @param random the caller's source of randomness
         * @return the delay, zero or more
         */
        Duration delay(int attempt, Duration previous, RandomGenerator random);
    }

    private sealed interface Growth {
        long delay(int attempt, long previous, RandomGenerator random);

        /** The attempt whose delay a decorrelated walk starts from. */
        default int start(int attempt) {
            return 1;
        }
    }

    private record Linear(long first, long step) implements Growth {
        @Override
        public long delay(int attempt, long previous, RandomGenerator random) {
            return plus(first, times(step, attempt - 1L));
        }

        @Override
        public String toString() {
            if (step != 0) return "linear " + text(first) + " +" + text(step);
            return first == 0 ? "none" : "constant " + text(first);
        }
    }

    private record Exponential(long first, double factor) implements Growth {
        @Override
        public long delay(int attempt, long previous, RandomGenerator random) {
            double scale = Math.pow(factor, attempt - 1);
            // pow is exact for whole results up to 2^53 and for powers of two: those are multiplied as whole numbers
            return scale < 0x1p63 && scale == Math.rint(scale) ? times(first, (long) scale) : Math.round(first * scale);
        }

        @Override
        public String toString() {
            return "exponential " + text(first) + " x" + factor;
        }
    }

    private record Sequence(List<Long> delays) implements Growth {
        @Override
        public long delay(int attempt, long previous, RandomGenerator random) {
            return delays.get(Math.min(attempt, delays.size()) - 1);
        }

        @Override
        public String toString() {
            return delays.stream().map(Backoff::text).collect(Collectors.joining(" ", "sequence ", ""));
        }
    }

    private record Custom(Rule rule) implements Growth {
        @Override
        public long delay(int attempt, long previous, RandomGenerator random) {
            Duration answer = rule.delay(attempt, Duration.ofNanos(previous), random);
            return notNegative("the rule's answer", answer);
        }

        @Override
        public int start(int attempt) {
            return attempt;
        }

        @Override
        public String toString() {
            return "rule " + rule.getClass().getName();
        }
    }

    private enum Spread {
        NONE,
        FULL,
        EQUAL,
        AROUND,
        DECORRELATED
    }

    private record Jitter(Spread spread, double share) {
        static final Jitter NONE = new Jitter(Spread.NONE, 0);
        static final Jitter FULL = new Jitter(Spread.FULL, 0);
        static final Jitter EQUAL = new Jitter(Spread.EQUAL, 0);
        static final Jitter DECORRELATED = new Jitter(Spread.DECORRELATED, 0);

        @Override
        public String toString() {
            return switch (spread) {
                case NONE -> "";
                case FULL -> ", full jitter";
                case EQUAL -> ", equal jitter";
                case AROUND -> ", jitter +-" + share;
                case DECORRELATED -> ", decorrelated jitter";
            };
        }
    }
}
