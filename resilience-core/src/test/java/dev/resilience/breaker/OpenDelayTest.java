// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.Reported;
import dev.resilience.breaker.CircuitBreaker.State;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** S31: how long it stays open. */
class OpenDelayTest {
    private static final Backoff DOUBLING =
            Backoff.exponential(ofSeconds(1)).cap(ofMinutes(1)).noJitter();

    private static CircuitBreaker.Builder doubling(CircuitBreaker.Builder b) {
        return Rig.small(b).openFor(DOUBLING);
    }

    private static Duration left(Rig rig) {
        return rig.breaker.snapshot().nextTransitionIn().orElseThrow();
    }

    @Test
    void the_delay_grows_with_each_consecutive_opening() {
        Rig rig = Rig.of(OpenDelayTest::doubling).fail(2);
        for (int seconds : new int[] {1, 2, 4, 8, 16, 32, 60, 60}) {
            assertThat(left(rig)).isEqualTo(ofSeconds(seconds));
            rig.after(left(rig)).fail(1).fail(1);
            assertThat(rig.state()).isEqualTo(State.OPEN);
        }
    }

    @Test
    void a_flapping_dependency_does_not_get_the_first_delay_again() {
        // closed for a moment is not recovered
        Rig rig = Rig.of(OpenDelayTest::doubling).fail(2);
        rig.after(ofSeconds(1)).succeed(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        rig.fail(2);
        assertThat(left(rig)).isEqualTo(ofSeconds(2));
    }

    @Test
    void neither_time_nor_calls_alone_bring_the_first_delay_back() {
        Rig calls = Rig.of(OpenDelayTest::doubling).fail(2).after(ofSeconds(1)).succeed(1);
        calls.succeed(100).after(ofSeconds(1).minusNanos(1)).fail(2);
        assertThat(left(calls)).as("many calls, not long enough").isEqualTo(ofSeconds(2));
        Rig time = Rig.of(b -> doubling(b).consecutiveFailures(1))
                .fail(1)
                .after(ofSeconds(1))
                .succeed(1);
        time.after(ofDays(1)).fail(1);
        assertThat(left(time)).as("long enough, one outcome of two").isEqualTo(ofSeconds(2));
    }

    @Test
    void the_first_delay_is_back_after_the_last_delay_and_the_minimum_of_calls() {
        Rig rig = Rig.of(OpenDelayTest::doubling).fail(2);
        rig.after(ofSeconds(1)).fail(2);
        rig.after(ofSeconds(2)).succeed(1);
        rig.succeed(2).after(ofSeconds(2)).fail(2);
        assertThat(left(rig)).isEqualTo(ofSeconds(1));
    }

    @Test
    void forced_closed_and_reset_begin_with_the_first_delay() {
        Rig rig = Rig.of(OpenDelayTest::doubling).fail(2).after(ofSeconds(1)).fail(2);
        rig.breaker.forceClosed("fixed");
        assertThat(left(rig.fail(2))).isEqualTo(ofSeconds(1));
        rig.breaker.reset();
        assertThat(left(rig.fail(2))).isEqualTo(ofSeconds(1));
    }

    @Test
    void a_backoff_rule_that_throws_is_reported_and_does_not_hold_the_circuit() {
        // L5
        Rig rig = Rig.of(b -> Rig.small(b).openFor(Backoff.of((k, p, r) -> {
            throw new IllegalStateException("broken rule");
        })));
        try (Reported reported = new Reported()) {
            rig.fail(2);
            assertThat(reported.messages()).hasSize(1);
        }
        assertThat(rig.state()).isIn(State.OPEN, State.HALF_OPEN);
        assertThat(rig.after(ofMinutes(1)).succeed(1).state()).isEqualTo(State.CLOSED);
    }

    @Test
    void the_rule_is_asked_once_per_opening_and_knows_the_delay_before() {
        StringBuilder asked = new StringBuilder();
        Rig rig = Rig.of(b -> Rig.small(b).openFor(Backoff.of((k, previous, random) -> {
            asked.append(k).append(':').append(previous).append(' ');
            return ofSeconds(10L * k);
        })));
        rig.fail(2).after(ofSeconds(10)).fail(2).after(ofSeconds(20)).fail(2);
        assertThat(asked).hasToString("1:PT0S 2:PT10S 3:PT20S ");
    }

    @Test
    void the_hint_of_the_outcome_that_opens_lengthens_the_opening() {
        Rig rig = Rig.of(b -> Rig.small(b).hintFrom(Busy.class, busy -> Optional.of(busy.retryAfter)));
        rig.fail(new Busy(ofMinutes(9))).fail(new Busy(ofSeconds(40)));
        assertThat(left(rig)).as("its own hint, not that of an earlier outcome").isEqualTo(ofSeconds(40));
    }

    @Test
    void a_hint_never_shortens_and_never_exceeds_max_open() {
        Rig shorter = Rig.of(b -> Rig.small(b).hintFrom(Busy.class, busy -> Optional.of(busy.retryAfter)));
        assertThat(left(shorter.fail(1).fail(new Busy(ofMillis(3))))).isEqualTo(ofSeconds(5));
        Rig longer = Rig.of(b -> Rig.small(b).hintFrom(Busy.class, busy -> Optional.of(busy.retryAfter)));
        assertThat(left(longer.fail(1).fail(new Busy(ofDays(3650))))).isEqualTo(ofMinutes(10));
        Rig negative = Rig.of(b -> Rig.small(b).hintFrom(Busy.class, busy -> Optional.of(busy.retryAfter)));
        assertThat(left(negative.fail(1).fail(new Busy(ofSeconds(-9))))).isEqualTo(ofSeconds(5));
    }

    @Test
    void max_open_bounds_hints_only() {
        // clarification 8
        Rig rig = Rig.of(b -> Rig.small(b).openFor(ofMinutes(30)).maxOpen(ofSeconds(1)))
                .fail(2);
        assertThat(left(rig)).isEqualTo(ofMinutes(30));
    }

    @Test
    void a_result_may_carry_the_hint_and_so_may_a_failed_probe() {
        Rig rig = Rig.of(b -> Rig.small(b)
                .failures(dev.resilience.Failures.standard().orResult(Integer.class, r -> r > 0))
                .probes(1)
                .hintFrom(Integer.class, seconds -> Optional.of(ofSeconds(seconds))));
        rig.breaker.call(() -> 7);
        rig.breaker.call(() -> 60);
        assertThat(left(rig)).isEqualTo(ofMinutes(1));
        rig.after(ofMinutes(1));
        rig.breaker.call(() -> 90);
        assertThat(left(rig)).isEqualTo(ofSeconds(90));
        rig.after(ofSeconds(90));
        rig.fail(1);
        assertThat(left(rig)).as("the hint is not remembered").isEqualTo(ofSeconds(5));
    }

    @Test
    void a_hint_that_throws_or_answers_null_means_none() {
        // L5
        AtomicInteger asked = new AtomicInteger();
        Rig rig = Rig.of(b -> Rig.small(b)
                .hintFrom(IOException.class, e -> {
                    asked.incrementAndGet();
                    throw new IllegalStateException("broken hint");
                })
                .hintFrom(IOException.class, e -> nothing()));
        try (Reported reported = new Reported()) {
            rig.fail(2);
            assertThat(reported.messages()).hasSize(1).first().asString().contains("hintFrom");
        }
        assertThat(asked).hasValue(1);
        assertThat(left(rig)).isEqualTo(ofSeconds(5));
    }

    @SuppressWarnings("NullOptional")
    private static Optional<Duration> nothing() {
        return null;
    }

    @Test
    void a_rejection_that_somebody_calls_a_failure_carries_its_hint() {
        Rig inner = Rig.of(b -> Rig.small(b).openFor(ofMinutes(2))).fail(2);
        Rig outer = Rig.of(Rig::small).fail(1);
        outer.admit().failure(inner.refusal());
        assertThat(left(outer)).isEqualTo(ofMinutes(2));
    }

    private static final class Busy extends Exception {
        private static final long serialVersionUID = 1L;
        final transient Duration retryAfter;

        Busy(Duration retryAfter) {
            this.retryAfter = retryAfter;
        }
    }
}
