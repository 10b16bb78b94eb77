// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/** Every kind × every jitter against a model in exact arithmetic that loops over the attempts. */
class BackoffPropertyTest {
    private static final BigDecimal MOST = BigDecimal.valueOf(Long.MAX_VALUE);
    private static final RandomGenerator LOWEST = () -> 0L;
    private static final RandomGenerator HIGHEST = () -> -1L;

    /** What was asked for, as data, and how both sides make it. */
    record Asked(String kind, long first, long growth, String jitter, int percent, long min, long cap) {
        Backoff backoff() {
            Duration start = Duration.ofNanos(first);
            Backoff plain = switch (kind) {
                case "none" -> Backoff.none();
                case "constant" -> Backoff.constant(start);
                case "linear" -> Backoff.linear(start, Duration.ofNanos(growth));
                case "exponential" -> Backoff.exponential(start).factor(factor());
                case "sequence" -> Backoff.sequence(start, Duration.ofNanos(growth));
                default -> Backoff.of((attempt, previous, random) -> ruled(attempt, previous.toNanos()));
            };
            Backoff jittered = switch (jitter) {
                case "none" -> plain.noJitter();
                case "full" -> plain.fullJitter();
                case "equal" -> plain.equalJitter();
                case "plusMinus" -> plain.jitter(percent / 100.0);
                default -> plain.decorrelated();
            };
            return jittered.min(Duration.ofNanos(min)).cap(Duration.ofNanos(cap));
        }

        long factor() {
            return 1 + growth % 9;
        }

        Duration ruled(int attempt, long previous) {
            return Duration.ofNanos((first + attempt % 1000 * 1_000_003L + previous / 2) & Long.MAX_VALUE);
        }

        /** Naive: one step per attempt, no limit of size. */
        BigDecimal modelBase(int attempt, long previous) {
            BigDecimal delay = BigDecimal.valueOf(kind.equals("none") ? 0 : first);
            if (kind.equals("rule"))
                return BigDecimal.valueOf(ruled(attempt, previous).toNanos());
            if (jitter.equals("decorrelated")) return delay;
            for (int k = 2; k <= attempt; k++) {
                if (kind.equals("linear")) delay = delay.add(BigDecimal.valueOf(growth));
                if (kind.equals("exponential")) delay = delay.multiply(BigDecimal.valueOf(factor()));
                if (kind.equals("sequence")) delay = BigDecimal.valueOf(growth);
            }
            return delay;
        }

        BigDecimal bounded(BigDecimal delay) {
            return delay.max(BigDecimal.valueOf(min))
                    .min(BigDecimal.valueOf(cap))
                    .min(MOST);
        }

        List<BigDecimal> modelRange(int attempt, long previous) {
            BigDecimal d = bounded(modelBase(attempt, previous));
            BigDecimal reach = d.multiply(BigDecimal.valueOf(percent / 100.0));
            BigDecimal three = BigDecimal.valueOf(3);
            return switch (jitter) {
                case "none" -> List.of(d, d);
                case "full" -> List.of(bounded(BigDecimal.ZERO), d);
                case "equal" -> List.of(bounded(d.divide(BigDecimal.valueOf(2), MathContext.UNLIMITED)), d);
                case "plusMinus" -> List.of(bounded(d.subtract(reach)), bounded(d.add(reach)));
                default ->
                    List.of(d, bounded(d.max(BigDecimal.valueOf(previous)).multiply(three)));
            };
        }
    }

    @Provide
    Arbitrary<Asked> asked() {
        Arbitrary<String> kinds = Arbitraries.of("none", "constant", "linear", "exponential", "sequence", "rule");
        Arbitrary<String> jitters = Arbitraries.of("none", "full", "equal", "plusMinus", "decorrelated");
        Arbitrary<Long> delays = Arbitraries.longs().between(1, Long.MAX_VALUE);
        Arbitrary<long[]> bounds = Combinators.combine(Arbitraries.longs().between(0, Long.MAX_VALUE), delays)
                .as((a, b) -> new long[] {Math.min(a, b), Math.max(a, b)});
        return Combinators.combine(
                        kinds, delays, delays, jitters, Arbitraries.integers().between(1, 100), bounds)
                .as((kind, first, growth, jitter, percent, minCap) ->
                        new Asked(kind, first, growth, jitter, percent, minCap[0], minCap[1]));
    }

    @Property
    void the_ends_of_the_range_are_the_models(
            @ForAll("asked") Asked asked,
            @ForAll @IntRange(min = 1, max = 200) int attempt,
            @ForAll @LongRange(min = 0) long previous) {
        Backoff backoff = asked.backoff();
        List<BigDecimal> model = asked.modelRange(attempt, previous);
        assertCloseTo(backoff.delayNanos(attempt, previous, LOWEST), model.get(0));
        assertCloseTo(backoff.delayNanos(attempt, previous, HIGHEST), model.get(1));
    }

    @Property
    void the_least_delay_is_the_lower_end_after_the_first_attempt(@ForAll("asked") Asked asked) {
        Backoff backoff = asked.backoff();
        long lowest = backoff.delayNanos(1, 0, LOWEST);
        if (asked.kind.equals("rule"))
            assertThat(backoff.leastNanos()).isEqualTo(asked.min).isLessThanOrEqualTo(lowest);
        else assertThat(backoff.leastNanos()).isEqualTo(lowest);
    }

    /** Exact to the nanosecond below 2^53 (104 days); above, a plusMinus share is a double of 53 bits. */
    private static void assertCloseTo(long nanos, BigDecimal model) {
        BigDecimal slack = BigDecimal.ONE.max(model.scaleByPowerOfTen(-15));
        assertThat(BigDecimal.valueOf(nanos)
                        .subtract(model.setScale(0, RoundingMode.HALF_UP))
                        .abs())
                .as("%s against %s", nanos, model)
                .isLessThanOrEqualTo(slack);
    }

    @Property // L10
    void any_delay_of_any_attempt_is_within_min_and_cap(
            @ForAll("asked") Asked asked,
            @ForAll @IntRange(min = 1) int attempt,
            @ForAll @LongRange(min = 0) long previous,
            @ForAll long seed) {
        Backoff backoff = asked.backoff();
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 5; i++)
            assertThat(backoff.delayNanos(attempt, previous, random)).isBetween(asked.min, asked.cap);
        for (int edge : new int[] {1, 2, 62, 63, 64, 65, 1 << 30, Integer.MAX_VALUE})
            assertThat(backoff.delayNanos(edge, previous, random)).isBetween(asked.min, asked.cap);
    }

    @Property
    void a_growing_backoff_never_shrinks(
            @ForAll @LongRange(min = 1) long first,
            @ForAll @IntRange(min = 1000, max = 9000) int thousandths,
            @ForAll @IntRange(min = 1, max = Integer.MAX_VALUE - 1) int attempt) {
        Backoff backoff = Backoff.exponential(Duration.ofNanos(first)).factor(thousandths / 1000.0);
        assertThat(backoff.delayNanos(attempt + 1, 0, LOWEST))
                .isGreaterThanOrEqualTo(backoff.delayNanos(attempt, 0, LOWEST));
    }

    @Property // a call that is retried long enough walks: previous is what came before
    void a_decorrelated_walk_stays_between_first_and_cap(
            @ForAll @LongRange(min = 1, max = 1_000_000_000L) long first, @ForAll long seed) {
        long cap = first * 20;
        Backoff backoff = Backoff.constant(Duration.ofNanos(first))
                .cap(Duration.ofNanos(cap))
                .decorrelated();
        SplittableRandom random = new SplittableRandom(seed);
        long previous = 0;
        for (int attempt = 1; attempt <= 50; attempt++) {
            long delay = backoff.delayNanos(attempt, previous, random);
            assertThat(delay).isBetween(first, Math.min(cap, 3 * Math.max(first, previous)));
            previous = delay;
        }
    }
}
