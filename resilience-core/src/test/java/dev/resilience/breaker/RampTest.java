// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Permit;
import dev.resilience.breaker.CircuitBreaker.State;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** S31: the growing share after the probes. */
class RampTest {

    /** Ten calls decide a step; one probe; open for five seconds. */
    private static Rig ramping(double... shares) {
        Rig rig = Rig.of(
                b -> b.window(Window.calls(20).minimumCalls(10)).probes(1).ramp(shares));
        return rig.fail(10).after(ofSeconds(5)).succeed(1);
    }

    private static int admittedOf(Rig rig, int calls) {
        int admitted = 0;
        for (int i = 0; i < calls; i++) if (!rig.refuses()) admitted++;
        return admitted;
    }

    @Test
    void a_share_is_reported_as_half_open_and_makes_no_event_of_its_own() {
        Rig rig = ramping(0.1, 0.5);
        assertThat(rig.state()).isEqualTo(State.HALF_OPEN);
        assertThat(rig.told()).containsExactly("CLOSED->OPEN", "OPEN->HALF_OPEN");
    }

    @Test
    void exactly_the_share_is_admitted() {
        // floor(i s) > floor((i-1) s): every tenth call, the tenth being the first
        Rig rig = ramping(0.1, 0.5);
        assertThat(admittedOf(rig, 9)).isZero();
        assertThat(admittedOf(rig, 1)).isEqualTo(1);
        assertThat(admittedOf(rig, 80)).isEqualTo(8);
    }

    @Test
    void a_step_is_done_after_enough_outcomes_below_the_thresholds() {
        Rig rig = ramping(0.5, 0.25 + 0.5);
        assertThat(admittedOf(rig, 20)).isEqualTo(10);
        assertThat(admittedOf(rig, 12)).as("three of four now").isEqualTo(9);
        assertThat(admittedOf(rig, 2)).isEqualTo(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        assertThat(rig.told()).containsExactly("CLOSED->OPEN", "OPEN->HALF_OPEN", "HALF_OPEN->CLOSED");
    }

    @Test
    void a_step_is_done_when_the_time_to_stay_open_has_passed() {
        Rig rig = ramping(0.1, 0.5);
        assertThat(rig.breaker.snapshot().nextTransitionIn()).contains(ofSeconds(5));
        assertThat(admittedOf(rig.after(ofSeconds(5)), 10)).as("half of them").isEqualTo(5);
        assertThat(rig.after(ofSeconds(5)).state()).isEqualTo(State.CLOSED);
    }

    @Test
    void a_rule_that_fires_opens_it_with_the_next_delay() {
        Rig rig = Rig.of(b -> b.window(Window.calls(20).minimumCalls(10))
                .consecutiveFailures(3)
                .probes(1)
                .openFor(dev.resilience.Backoff.linear(ofSeconds(1), ofSeconds(1))
                        .noJitter())
                .ramp(0.5));
        rig.fail(3).after(ofSeconds(1)).succeed(1);
        for (int i = 0; i < 3; i++) {
            assertThat(rig.refuses()).isTrue();
            rig.fail(1);
        }
        assertThat(rig.state()).isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().reason()).isEqualTo("3 calls failed in a row, while admitting 50 %");
        assertThat(rig.breaker.snapshot().nextTransitionIn()).contains(ofSeconds(2));
    }

    @Test
    void a_refusal_on_the_ramp_says_so_and_keeps_the_cause() {
        Rig rig = ramping(0.1);
        CircuitOpenException refused = rig.refusal();
        assertThat(refused).hasMessage("circuit breaker 'payments' is half-open (admitting 10 % of the calls)");
        assertThat(refused.retryAfter()).isEmpty();
        assertThat(refused).hasCauseInstanceOf(IOException.class);
    }

    @Test
    void an_outcome_of_an_earlier_step_does_not_count_in_a_later_one() {
        // L2
        Rig rig = Rig.of(
                b -> b.window(Window.calls(20).minimumCalls(10)).probes(1).ramp(0.5, 0.9));
        rig.fail(10).after(ofSeconds(5)).succeed(1);
        List<Permit> first = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            assertThat(rig.refuses()).isTrue();
            first.add(rig.admit());
        }
        rig.after(ofSeconds(5));
        assertThat(rig.breaker.snapshot().state()).isEqualTo(State.HALF_OPEN);
        first.forEach(permit -> permit.failure(new IOException("late")));
        assertThat(rig.breaker.snapshot().calls()).isZero();
        assertThat(rig.state()).isEqualTo(State.HALF_OPEN);
    }

    @Test
    void a_ramp_that_was_switched_off_ends_with_its_step() {
        Rig rig = ramping(0.1, 0.2, 0.3);
        rig.breaker.reconfigure(CircuitBreaker.Builder::ramp);
        assertThat(rig.state()).isEqualTo(State.HALF_OPEN);
        assertThat(rig.after(ofSeconds(5)).state()).isEqualTo(State.CLOSED);
    }
}
