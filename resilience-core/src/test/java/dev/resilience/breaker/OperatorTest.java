// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Deadline;
import dev.resilience.Permit;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The verbs that a person or a health check uses. */
class OperatorTest {

    @Test
    void forced_open_has_no_end_of_its_own() {
        // S42: the exception of L3 by name
        Rig rig = Rig.of(Rig::small);
        rig.breaker.forceOpen("maintenance");
        assertThat(rig.after(ofDays(1000)).refuses()).isTrue();
        assertThat(rig.breaker.snapshot().nextTransitionIn()).isEmpty();
        assertThat(rig.breaker.snapshot().reason()).isEqualTo("maintenance");
        rig.breaker.forceClosed("done");
        assertThat(rig.refuses()).isFalse();
        assertThat(rig.told()).containsExactly("CLOSED->FORCED_OPEN", "FORCED_OPEN->CLOSED");
    }

    @Test
    void forced_open_for_a_time_ends_with_probes() {
        Rig rig = Rig.of(Rig::small);
        rig.breaker.forceOpen("deployment", ofMinutes(1));
        assertThat(rig.after(ofMinutes(1).minusNanos(1)).refuses()).isTrue();
        assertThat(rig.after(Duration.ofNanos(1)).succeed(1).state()).isEqualTo(State.CLOSED);
        assertThat(rig.told()).containsExactly("CLOSED->FORCED_OPEN", "FORCED_OPEN->HALF_OPEN", "HALF_OPEN->CLOSED");
    }

    @Test
    void a_duration_that_is_not_positive_is_refused() {
        CircuitBreaker breaker = CircuitBreaker.of("payments");
        assertThatThrownBy(() -> breaker.forceOpen("why", Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("circuit breaker 'payments': duration must be positive, was PT0S");
        assertThatThrownBy(() -> breaker.openUntil(Deadline.never()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("circuit breaker 'payments': deadline must come some time, was never; use forceOpen");
    }

    @Test
    void no_later_transition_is_caused_by_a_forgotten_earlier_one() {
        // open with a deadline, forced closed, opened again: the first deadline means nothing any more
        Rig rig = Rig.of(Rig::small).fail(2);
        rig.breaker.forceClosed("health check");
        rig.after(ofSeconds(4)).fail(2);
        assertThat(rig.after(ofSeconds(1)).refuses())
                .as("the second deadline counts")
                .isTrue();
        assertThat(rig.after(ofSeconds(4)).refuses()).isFalse();
        Rig forced = Rig.of(Rig::small);
        forced.breaker.forceOpen("short", ofSeconds(1));
        forced.breaker.forceOpen("for good");
        assertThat(forced.after(ofMinutes(1)).refuses()).isTrue();
        assertThat(forced.breaker.snapshot().reason()).isEqualTo("for good");
    }

    @Test
    void disabled_admits_all_and_records_nothing() {
        Rig rig = Rig.of(Rig::small);
        rig.breaker.disable("noise");
        rig.fail(1000);
        assertThat(rig.state()).isEqualTo(State.DISABLED);
        assertThat(rig.breaker.snapshot().calls()).isZero();
        assertThat(rig.breaker.snapshot().failureRate()).isEmpty();
        rig.breaker.reset();
        assertThat(rig.state()).isEqualTo(State.CLOSED);
    }

    @Test
    void what_was_admitted_while_disabled_does_not_count_later() {
        // L2
        Rig rig = Rig.of(Rig::small);
        rig.breaker.disable("noise");
        Permit one = rig.admit();
        Permit two = rig.admit();
        rig.breaker.reset();
        one.failure(new IOException());
        two.failure(new IOException());
        assertThat(rig.breaker.snapshot().calls()).isZero();
    }

    @Test
    void observing_records_reports_and_never_rejects() {
        Rig rig = Rig.of(Rig::small);
        rig.breaker.observe("trial");
        rig.fail(2);
        assertThat(rig.refuses()).isFalse();
        assertThat(rig.state()).isEqualTo(State.OBSERVING);
        Transition would = rig.transitions.get(1);
        assertThat(would.from()).isEqualTo(State.OBSERVING);
        assertThat(would.to()).isEqualTo(State.OBSERVING);
        assertThat(would.reason()).isEqualTo("would have opened: 2 of 2 calls failed, threshold 50 %");
        assertThat(would.cause()).containsInstanceOf(IOException.class);
    }

    @Test
    void observing_reports_once_for_as_long_as_it_would_have_been_open() {
        Rig rig = Rig.of(Rig::small);
        rig.breaker.observe("trial");
        rig.fail(200).after(ofSeconds(5).minusNanos(1)).fail(200);
        assertThat(rig.told()).hasSize(2);
        rig.after(Duration.ofNanos(1)).fail(1);
        assertThat(rig.told()).hasSize(3);
        rig.fail(50);
        assertThat(rig.told()).hasSize(3);
    }

    @Test
    void observing_slow_calls_that_hang_neither_rejects_nor_loops() {
        Rig rig = Rig.of(b -> Rig.small(b).slowCalls(ofSeconds(1), 0.5));
        rig.breaker.observe("trial");
        rig.admit();
        rig.admit();
        rig.after(ofSeconds(2));
        assertThat(rig.refuses()).isFalse();
        assertThat(rig.told()).hasSize(2);
    }

    @Test
    void open_until_is_an_ordinary_open_with_another_end() {
        Rig rig = Rig.of(Rig::small);
        rig.breaker.openUntil(Deadline.after(ofMinutes(3), rig.time));
        assertThat(rig.state()).isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().nextTransitionIn()).contains(ofMinutes(3));
        rig.breaker.openUntil(Deadline.after(ofMinutes(1), rig.time));
        assertThat(rig.told()).as("still the same state").containsExactly("CLOSED->OPEN");
        assertThat(rig.after(ofMinutes(1)).succeed(1).state()).isEqualTo(State.CLOSED);
    }

    @Test
    void open_until_a_deadline_that_has_passed_lets_probes_go_at_once() {
        Rig rig = Rig.of(Rig::small);
        Deadline deadline = Deadline.after(ofSeconds(1), rig.time);
        rig.after(ofSeconds(2));
        rig.breaker.openUntil(deadline);
        assertThat(rig.succeed(1).state()).isEqualTo(State.CLOSED);
        assertThat(rig.told()).containsExactly("CLOSED->OPEN", "OPEN->HALF_OPEN", "HALF_OPEN->CLOSED");
    }

    @Test
    void a_verb_while_probes_are_out_makes_them_garbage() {
        Rig rig = Rig.of(Rig::small).fail(2).after(ofSeconds(5));
        Permit probe = rig.admit();
        rig.breaker.forceOpen("stop");
        probe.success();
        assertThat(rig.state()).isEqualTo(State.FORCED_OPEN);
    }

    @Test
    void reset_forgets_the_evidence() {
        Rig rig = Rig.of(b -> b.window(Window.calls(10).minimumCalls(4))).fail(3);
        rig.breaker.reset();
        assertThat(rig.breaker.snapshot().calls()).isZero();
        assertThat(rig.fail(3).state()).isEqualTo(State.CLOSED);
        assertThat(rig.told()).as("CLOSED to CLOSED is no transition").isEmpty();
    }
}
