// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofDays;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongUnaryOperator;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private static final RandomGenerator LOWEST = () -> 0L;
    private static final RandomGenerator HIGHEST = () -> -1L;

    private static List<Duration> first(int count, Backoff backoff) {
        List<Duration> delays = new ArrayList<>();
        Duration previous = ZERO;
        for (int attempt = 1; attempt <= count; attempt++) {
            previous = backoff.delay(attempt, previous, HIGHEST);
            delays.add(previous);
        }
        return delays;
    }

    @Test
    void each_kind_grows_as_it_says() {
        assertThat(first(3, Backoff.none())).containsExactly(ZERO, ZERO, ZERO);
        assertThat(first(3, Backoff.constant(ofMillis(7)))).containsOnly(ofMillis(7));
        assertThat(first(3, Backoff.linear(ofMillis(10), ofMillis(3))))
                .containsExactly(ofMillis(10), ofMillis(13), ofMillis(16));
        assertThat(first(4, Backoff.exponential(ofMillis(100))))
                .containsExactly(ofMillis(100), ofMillis(200), ofMillis(400), ofMillis(800));
        assertThat(first(3, Backoff.exponential(ofMillis(100)).factor(1.5)))
                .containsExactly(ofMillis(100), ofMillis(150), ofMillis(225));
        assertThat(first(4, Backoff.sequence(ofMillis(5), ofMillis(1))))
                .containsExactly(ofMillis(5), ofMillis(1), ofMillis(1), ofMillis(1));
        assertThat(first(2, Backoff.of((attempt, previous, random) -> previous.plusNanos(attempt))))
                .containsExactly(ofNanos(1), ofNanos(3));
    }

    @Test
    void nothing_is_on_that_was_not_written() {
        assertThat(Backoff.exponential(ofMillis(100)).delay(30, ZERO, LOWEST)).isEqualTo(ofNanos(100_000_000L << 29));
        assertThat(Backoff.exponential(ofMillis(100)).capNanos()).isEqualTo(Long.MAX_VALUE);
    }

    @Test // L10
    void nanoseconds_are_exact_with_whole_factors() {
        assertThat(Backoff.exponential(ofNanos(1)).delayNanos(63, 0, LOWEST)).isEqualTo(1L << 62);
        assertThat(Backoff.exponential(ofNanos(123_456_789)).factor(3).delayNanos(20, 0, LOWEST))
                .isEqualTo(123_456_789L * 1_162_261_467L);
        assertThat(Backoff.exponential(ofNanos(7)).factor(10).delayNanos(16, 0, LOWEST))
                .isEqualTo(7_000_000_000_000_000L);
    }

    @Test // L10
    void the_last_attempt_of_all_saturates() {
        int last = Integer.MAX_VALUE;
        assertThat(Backoff.exponential(ofMillis(1)).delayNanos(last, 0, LOWEST)).isEqualTo(Long.MAX_VALUE);
        assertThat(Backoff.exponential(ofMillis(1)).factor(Double.MAX_VALUE).delayNanos(last, 0, LOWEST))
                .isEqualTo(Long.MAX_VALUE);
        assertThat(Backoff.linear(ofSeconds(1), ofDays(300)).delayNanos(last, 0, LOWEST))
                .isEqualTo(Long.MAX_VALUE);
        assertThat(Backoff.exponential(ofMillis(1)).factor(1).delayNanos(last, 0, LOWEST))
                .isEqualTo(1_000_000);
        assertThat(Backoff.constant(ofSeconds(Long.MAX_VALUE)).jitter(1).delayNanos(1, 0, HIGHEST))
                .isEqualTo(Long.MAX_VALUE);
        assertThat(Backoff.exponential(ofMillis(1)).decorrelated().delayNanos(last, Long.MAX_VALUE, HIGHEST))
                .isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void the_order_of_writing_does_not_matter() {
        Backoff one = Backoff.exponential(ofMillis(10))
                .factor(3)
                .cap(ofSeconds(1))
                .min(ofMillis(2))
                .fullJitter();
        Backoff other = Backoff.exponential(ofMillis(10))
                .fullJitter()
                .min(ofMillis(2))
                .cap(ofSeconds(1))
                .factor(3);
        assertThat(one).isEqualTo(other).hasSameHashCodeAs(other).hasToString(other.toString());
        assertThat(one.noJitter()).isNotEqualTo(one);
        assertThat(Backoff.sequence(ofMillis(1), ofMillis(2))).isEqualTo(Backoff.sequence(ofMillis(1), ofMillis(2)));
    }

    @Test
    void each_jitter_has_its_range() {
        Backoff second = Backoff.constant(ofSeconds(1));
        assertThat(range(second.fullJitter(), 1, 0)).containsExactly(0, 1_000_000_000);
        assertThat(range(second.equalJitter(), 1, 0)).containsExactly(500_000_000, 1_000_000_000);
        assertThat(range(second.jitter(0.25), 1, 0)).containsExactly(750_000_000, 1_250_000_000);
        assertThat(range(second.decorrelated(), 1, 0)).containsExactly(1_000_000_000, 3_000_000_000L);
        assertThat(range(second.decorrelated(), 2, 2_000_000_000)).containsExactly(1_000_000_000, 6_000_000_000L);
    }

    @Test
    void min_and_cap_cut_the_range() {
        Backoff second = Backoff.constant(ofSeconds(1)).cap(ofMillis(1100)).min(ofMillis(900));
        assertThat(range(second.fullJitter(), 1, 0)).containsExactly(900_000_000, 1_000_000_000);
        assertThat(range(second.jitter(0.5), 1, 0)).containsExactly(900_000_000, 1_100_000_000);
        assertThat(range(second.decorrelated(), 9, 5_000_000_000L)).containsExactly(1_000_000_000, 1_100_000_000);
        assertThat(range(Backoff.exponential(ofSeconds(1)).cap(ofSeconds(8)).jitter(0.5), 30, 0))
                .containsExactly(4_000_000_000L, 8_000_000_000L);
        assertThat(Backoff.none().min(ofMillis(5)).delay(1, ZERO, LOWEST)).isEqualTo(ofMillis(5));
    }

    private static long[] range(Backoff backoff, int attempt, long previous) {
        return new long[] {backoff.delayNanos(attempt, previous, LOWEST), backoff.delayNanos(attempt, previous, HIGHEST)
        };
    }

    @Test
    void full_jitter_is_half_on_average_and_even_at_the_cap() {
        long cap = 10_000_000_000L;
        Backoff backoff = Backoff.exponential(ofMillis(100)).cap(ofNanos(cap)).fullJitter();
        long[] delays = sample(previous -> 0, backoff, 60);
        assertThat(LongStream.of(delays).average().orElseThrow() / cap).isCloseTo(0.5, within(0.01));
        assertThat(deciles(delays, 0, cap))
                .allSatisfy(share -> assertThat(share).isCloseTo(0.1, within(0.02)));
    }

    @Test
    void plus_minus_and_decorrelated_do_not_pile_up_at_the_cap() {
        long cap = 10_000_000_000L;
        Backoff grown = Backoff.exponential(ofMillis(100)).cap(ofNanos(cap));
        assertThat(deciles(sample(previous -> 0, grown.jitter(0.5), 60), cap / 2, cap))
                .allSatisfy(share -> assertThat(share).isCloseTo(0.1, within(0.02)));
        assertThat(deciles(sample(previous -> cap, grown.decorrelated(), 60), 100_000_000, cap))
                .allSatisfy(share -> assertThat(share).isCloseTo(0.1, within(0.02)));
    }

    private static long[] sample(LongUnaryOperator previous, Backoff backoff, int attempt) {
        SplittableRandom random = new SplittableRandom(42);
        return LongStream.range(0, 20_000)
                .map(i -> backoff.delayNanos(attempt, previous.applyAsLong(i), random))
                .toArray();
    }

    private static Double[] deciles(long[] delays, long from, long to) {
        Double[] shares = new Double[10];
        Arrays.fill(shares, 0.0);
        for (long delay : delays) shares[(int) Math.min(9, (delay - from) * 10 / (to - from))] += 1.0 / delays.length;
        return shares;
    }

    @Test // L5
    void a_rule_that_misbehaves_is_replaced_for_one_delay() {
        Backoff.Rule broken = (attempt, previous, random) -> {
            throw new IllegalStateException("rule");
        };
        Backoff.Rule negative = (attempt, previous, random) -> ofMillis(-1);
        @SuppressWarnings("NullAway") // what a careless user writes
        Backoff.Rule nothing = (attempt, previous, random) -> null;
        try (Reported reported = new Reported()) {
            for (Backoff.Rule rule : List.of(broken, negative, nothing)) assertReplaced(rule);
            assertThat(reported.messages())
                    .hasSize(3 * (2 * 39 + 1))
                    .allMatch(m -> m.startsWith("backoff: the rule or random generator of rule"));
        }
    }

    private static void assertReplaced(Backoff.Rule rule) {
        for (int attempt = 1; attempt < 40; attempt++) {
            Backoff bounded = Backoff.of(rule).min(ofMillis(3)).cap(ofMillis(250));
            assertThat(bounded.delayNanos(attempt, 0, HIGHEST)).isBetween(3_000_000L, 250_000_000L);
            assertThat(Backoff.of(rule).delayNanos(attempt, 0, HIGHEST))
                    .isBetween(0L, Math.min(10_000_000_000L, 100_000_000L << Math.min(attempt - 1, 30)));
        }
        assertThat(Backoff.of(rule).min(ofMinutes(1)).delay(1, ZERO, LOWEST)).isEqualTo(ofMinutes(1));
    }

    @Test // L5
    void a_random_generator_that_throws_does_not_reach_the_call() {
        RandomGenerator broken = () -> {
            throw new IllegalStateException("entropy");
        };
        try (Reported reported = new Reported()) {
            assertThat(Backoff.constant(ofMillis(5))
                            .fullJitter()
                            .cap(ofMillis(5))
                            .delay(1, ZERO, broken))
                    .isBetween(ZERO, ofMillis(5));
            assertThat(reported.messages()).hasSize(1);
        }
    }

    @Test // L11
    void bad_settings_are_refused_with_the_value() {
        assertRefused(() -> Backoff.constant(ofSeconds(-1)), "backoff: delay must not be negative, was PT-1S");
        assertRefused(() -> Backoff.linear(ofSeconds(-1), ZERO), "backoff: first must not be negative, was PT-1S");
        assertRefused(() -> Backoff.linear(ZERO, ofSeconds(-2)), "backoff: step must not be negative, was PT-2S");
        assertRefused(
                () -> Backoff.exponential(ZERO), "backoff: first must be positive, was PT0S (use none() for no delay)");
        assertRefused(() -> Backoff.exponential(ofSeconds(-3)), "backoff: first must not be negative, was PT-3S");
        assertRefused(Backoff::sequence, "backoff: sequence must have at least one delay, had none");
        assertRefused(
                () -> Backoff.sequence(ZERO, ofSeconds(-4)), "backoff: delays[1] must not be negative, was PT-4S");
        Backoff good = Backoff.exponential(ofSeconds(1));
        for (double factor : new double[] {0.99, 0, -2, Double.NaN, Double.POSITIVE_INFINITY})
            assertRefused(() -> good.factor(factor), "backoff: factor must be at least 1 and finite, was " + factor);
        for (double share : new double[] {0, -0.1, 1.01, Double.NaN})
            assertRefused(() -> good.jitter(share), "backoff: jitter must be in (0, 1], was " + share);
        assertRefused(() -> good.min(ofSeconds(-5)), "backoff: min must not be negative, was PT-5S");
        assertRefused(() -> good.cap(ofSeconds(-6)), "backoff: cap must not be negative, was PT-6S");
        String crossed = "backoff: min must not exceed cap, was min PT2S, cap PT1S";
        assertRefused(() -> good.min(ofSeconds(2)).cap(ofSeconds(1)), crossed);
        assertRefused(() -> good.cap(ofSeconds(1)).min(ofSeconds(2)), crossed);
        assertRefused(
                () -> Backoff.constant(ofSeconds(1)).factor(2),
                "backoff: factor belongs to an exponential backoff, was set on constant 1 s");
        assertRefused(() -> good.delayNanos(0, 0, LOWEST), "backoff: attempt must be at least 1, was 0");
        assertRefused(
                () -> good.delayNanos(1, -1, LOWEST), "backoff: previous must not be negative, was PT-0.000000001S");
    }

    private static void assertRefused(Runnable setting, String message) {
        assertThatIllegalArgumentException().isThrownBy(setting::run).withMessage(message);
    }

    @Test // L11
    @SuppressWarnings("NullAway") // on purpose
    void null_is_refused_by_name() {
        assertThatNullPointerException()
                .isThrownBy(() -> Backoff.constant(null))
                .withMessage("delay");
        assertThatNullPointerException()
                .isThrownBy(() -> Backoff.exponential(null))
                .withMessage("first");
        assertThatNullPointerException()
                .isThrownBy(() -> Backoff.of((Backoff.Rule) null))
                .withMessage("rule");
        assertThatNullPointerException()
                .isThrownBy(() -> Backoff.sequence(ZERO, null))
                .withMessage("delays[1]");
        assertThatNullPointerException()
                .isThrownBy(() -> Backoff.none().cap(null))
                .withMessage("cap");
    }

    @Test
    void it_says_what_it_is() {
        assertThat(Backoff.exponential(ofMillis(100)).cap(ofSeconds(10)).fullJitter())
                .hasToString("exponential 100 ms x2.0, cap 10 s, full jitter");
        assertThat(Backoff.linear(ofMillis(1), ofMillis(2)).min(ofMillis(1)).jitter(0.1))
                .hasToString("linear 1 ms +2 ms, min 1 ms, jitter +-0.1");
        assertThat(Backoff.none()).hasToString("none");
        assertThat(Backoff.sequence(ofMillis(1), ofMillis(2)).decorrelated())
                .hasToString("sequence 1 ms 2 ms, decorrelated jitter");
        assertThat(Backoff.constant(ofMillis(1)).equalJitter()).hasToString("constant 1 ms, equal jitter");
    }
}
