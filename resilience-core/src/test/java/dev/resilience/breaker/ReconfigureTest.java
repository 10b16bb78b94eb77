// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Permit;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker.State;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** L12, S31: new settings while running. */
class ReconfigureTest {

    @Test
    void closed_keeps_its_newest_evidence_and_the_next_outcome_is_judged() {
        Rig rig = Rig.of(b -> b.window(Window.calls(10).minimumCalls(10)).failureRate(0.5));
        rig.succeed(6).fail(4);
        rig.breaker.reconfigure(b -> b.failureRate(0.3));
        assertThat(rig.state()).as("nothing is judged by changing a number").isEqualTo(State.CLOSED);
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(10);
        rig.succeed(1);
        assertThat(rig.state()).as("a success, and still four of ten").isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().reason()).isEqualTo("4 of 10 calls failed, threshold 30 %");
    }

    @Test
    void a_smaller_window_keeps_the_newest_outcomes_a_larger_one_keeps_all() {
        Rig rig = Rig.of(b -> b.window(Window.calls(10).minimumCalls(10)).failureRate(1));
        rig.fail(5).succeed(5);
        rig.breaker.reconfigure(b -> b.window(Window.calls(4)));
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(4);
        assertThat(rig.breaker.snapshot().failures()).isZero();
        rig.breaker.reconfigure(b -> b.window(Window.calls(1000)));
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(4);
    }

    @Test
    void calls_in_flight_are_ignored_then() {
        // L2
        Rig rig = Rig.of(Rig::small);
        Permit flying = rig.admit();
        rig.breaker.reconfigure(b -> b.failureRate(0.9));
        flying.failure(new IOException());
        assertThat(rig.breaker.snapshot().calls()).isZero();
    }

    @Test
    void an_open_breaker_keeps_its_deadline() {
        Rig rig = Rig.of(Rig::small).fail(2);
        rig.breaker.reconfigure(b -> b.openFor(ofSeconds(60)).probes(1));
        assertThat(rig.breaker.snapshot().nextTransitionIn()).contains(ofSeconds(5));
        rig.after(ofSeconds(5));
        rig.admit();
        assertThat(rig.refuses()).as("the new number of probes").isTrue();
    }

    @Test
    void half_open_keeps_its_slots() {
        Rig rig = Rig.of(Rig::small).fail(2).after(ofSeconds(5));
        Permit probe = rig.admit();
        rig.breaker.reconfigure(b -> b.probes(7).requiredSuccesses(7));
        assertThat(rig.refuses()).as("the second of two slots").isFalse();
        probe.ignore();
        assertThat(rig.state()).isEqualTo(State.CLOSED);
    }

    @Test
    void what_is_not_set_stays() {
        Rig rig = Rig.of(b ->
                Rig.small(b).openFor(ofSeconds(9)).slowCalls(ofSeconds(2), 0.4).consecutiveFailures(7));
        rig.breaker.reconfigure(b -> b.failureRate(0.25));
        assertThat(rig.breaker.describe().settings())
                .containsEntry("failureRate", "25 %")
                .containsEntry("openFor", "9 s")
                .containsEntry("slowCalls", "2 s, 40 %")
                .containsEntry("consecutiveFailures", "7")
                .containsEntry("requiredSuccesses", "1");
    }

    @Test
    void rules_can_be_switched_off_again() {
        Rig rig = Rig.of(
                b -> b.slowCalls(ofSeconds(2), 0.4).consecutiveFailures(2).ramp(0.5));
        rig.breaker.reconfigure(b -> b.noSlowCalls().noConsecutiveFailures().ramp());
        assertThat(rig.fail(5).state()).isEqualTo(State.CLOSED);
        assertThat(rig.breaker.describe().settings())
                .containsEntry("slowCalls", "off")
                .containsEntry("consecutiveFailures", "off")
                .containsEntry("ramp", "off");
    }

    @Test
    void failures_in_a_row_go_on_being_counted() {
        Rig rig = Rig.of(b -> b.consecutiveFailures(10)).fail(3);
        rig.breaker.reconfigure(b -> b.consecutiveFailures(4));
        assertThat(rig.fail(1).state()).isEqualTo(State.OPEN);
    }

    @Test
    void the_growth_of_the_delay_survives() {
        Rig rig = Rig.of(b -> Rig.small(b)
                .openFor(dev.resilience.Backoff.linear(ofSeconds(1), ofSeconds(1))
                        .noJitter()));
        rig.fail(2).after(ofSeconds(1)).succeed(1);
        rig.breaker.reconfigure(b -> b.failureRate(0.4));
        rig.fail(2);
        assertThat(rig.breaker.snapshot().nextTransitionIn()).contains(ofSeconds(2));
    }

    @Test
    void a_change_makes_no_event() {
        Rig rig = Rig.of(Rig::small).fail(1);
        rig.breaker.reconfigure(b -> b.failureRate(0.9));
        assertThat(rig.told()).isEmpty();
    }

    @Test
    void the_clock_cannot_be_changed() {
        Rig rig = Rig.of(Rig::small);
        assertThatThrownBy(() -> rig.breaker.reconfigure(b -> b.timeSource(TimeSource.system())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("circuit breaker 'payments': timeSource must stay what it was at build, was another");
    }

    @Test
    void a_function_that_throws_changes_nothing() {
        Rig rig = Rig.of(Rig::small);
        assertThatThrownBy(() -> rig.breaker.reconfigure(b -> {
                    b.failureRate(0.9);
                    throw new IllegalStateException("changed my mind");
                }))
                .hasMessage("changed my mind");
        assertThat(rig.breaker.describe().settings()).containsEntry("failureRate", "50 %");
    }

    @Test
    void two_threads_that_change_different_settings_lose_neither() throws Exception {
        Rig rig = Rig.of(Rig::small);
        CountDownLatch go = new CountDownLatch(1);
        Thread one = new Thread(() -> {
            await(go);
            for (int i = 1; i <= 500; i++) {
                int probes = i;
                rig.breaker.reconfigure(b -> b.probes(probes).requiredSuccesses(1));
            }
        });
        Thread two = new Thread(() -> {
            await(go);
            for (int i = 1; i <= 500; i++) {
                int failures = i;
                rig.breaker.reconfigure(b -> b.consecutiveFailures(failures));
            }
        });
        one.start();
        two.start();
        go.countDown();
        one.join(60_000);
        two.join(60_000);
        assertThat(rig.breaker.describe().settings())
                .containsEntry("probes", "500")
                .containsEntry("consecutiveFailures", "500");
    }

    @Test
    void a_change_that_meets_a_transition_is_not_lost() throws Exception {
        // I3 of Circuit: whoever is second sees the other
        for (int round = 0; round < 300; round++) {
            Rig rig = Rig.of(b -> b.window(Window.calls(1)).probes(1)).fail(1).after(ofSeconds(5));
            Permit probe = rig.admit();
            CountDownLatch go = new CountDownLatch(1);
            Thread closes = new Thread(() -> {
                await(go);
                probe.success();
            });
            closes.start();
            go.countDown();
            rig.breaker.reconfigure(b -> b.window(Window.calls(3).minimumCalls(3)));
            closes.join(60_000);
            rig.fail(2);
            assertThat(rig.state())
                    .as("round %d: two of three calls are too few", round)
                    .isEqualTo(State.CLOSED);
            rig.fail(1);
            assertThat(rig.state()).isEqualTo(State.OPEN);
        }
    }

    @Test
    void a_storm_of_changes_closes_no_open_breaker() throws Exception {
        Rig rig = Rig.of(Rig::small).fail(2);
        AtomicBoolean stop = new AtomicBoolean();
        Thread changing = new Thread(() -> {
            for (int i = 1; !stop.get(); i = i % 9 + 1) {
                int n = i;
                rig.breaker.reconfigure(b -> b.window(Window.calls(n * 10)).failureRate(n / 10.0));
            }
        });
        changing.start();
        for (int i = 0; i < 2_000; i++) assertThat(rig.refuses()).isTrue();
        stop.set(true);
        changing.join(60_000);
        assertThat(rig.told()).containsExactly("CLOSED->OPEN");
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
