// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.Reported;
import dev.resilience.breaker.CircuitBreaker.State;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class CircuitBreakerTest {

    @Test
    void opens_when_the_rate_is_reached_and_enough_calls_were_seen() {
        Rig rig = Rig.of(b -> b.window(Window.calls(10).minimumCalls(4)).failureRate(0.5));
        rig.fail(3);
        assertThat(rig.state()).as("three calls are too few").isEqualTo(State.CLOSED);
        rig.succeed(1);
        assertThat(rig.state()).as("a success can be the fourth call").isEqualTo(State.OPEN);
    }

    @Test
    void below_the_rate_it_stays_closed() {
        Rig rig = Rig.of(b -> b.window(Window.calls(10)).failureRate(0.5));
        for (int i = 0; i < 50; i++) rig.succeed(3).fail(2);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        assertThat(rig.breaker.snapshot().failureRate()).hasValue(0.4);
    }

    @Test
    void an_open_breaker_runs_nothing() {
        Rig rig = Rig.of(Rig::small).fail(2);
        List<String> ran = new ArrayList<>();
        assertThatThrownBy(() -> rig.breaker.run(() -> ran.add("ran"))).isInstanceOf(CircuitOpenException.class);
        Outcome<String> outcome = rig.breaker.outcome(() -> "ran");
        assertThat(outcome.succeeded()).isFalse();
        assertThat(ran).isEmpty();
        assertThat(rig.breaker.snapshot().rejected()).isEqualTo(2);
    }

    @Test
    void open_ends_exactly_at_its_deadline_without_a_timer() {
        // L3, L4: inclusive, and nothing is scheduled
        Rig rig = Rig.of(Rig::small).fail(2);
        rig.after(ofSeconds(5).minusNanos(1));
        assertThat(rig.refuses()).isTrue();
        assertThat(rig.time.pendingTimers()).isZero();
        rig.after(ofNanos(1));
        assertThat(rig.refuses()).isFalse();
        assertThat(rig.told()).containsExactly("CLOSED->OPEN", "OPEN->HALF_OPEN", "HALF_OPEN->CLOSED");
    }

    @Test
    void a_snapshot_is_a_look_too() {
        Rig rig = Rig.of(Rig::small).fail(2);
        assertThat(rig.breaker.snapshot().nextTransitionIn()).contains(ofSeconds(5));
        rig.after(ofSeconds(7));
        assertThat(rig.breaker.snapshot().state()).isEqualTo(State.HALF_OPEN);
        assertThat(rig.breaker.snapshot().nextTransitionIn()).isEmpty();
    }

    @Test
    void probes_that_succeed_close_it() {
        Rig rig =
                Rig.of(b -> Rig.small(b).probes(5).requiredSuccesses(3)).fail(2).after(ofSeconds(5));
        rig.succeed(2);
        assertThat(rig.state()).isEqualTo(State.HALF_OPEN);
        rig.succeed(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        assertThat(rig.breaker.snapshot().calls()).as("a new window").isZero();
    }

    @Test
    void probes_decide_as_soon_as_the_others_cannot_matter() {
        Rig rig =
                Rig.of(b -> Rig.small(b).probes(5).requiredSuccesses(3)).fail(2).after(ofSeconds(5));
        rig.fail(2);
        assertThat(rig.state()).as("three could still succeed").isEqualTo(State.HALF_OPEN);
        rig.fail(1);
        assertThat(rig.state()).isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().reason()).isEqualTo("3 of 5 probes failed");
    }

    @Test
    void required_successes_default_to_the_majority() {
        // clarification 7: 3 of 5, 1 of 1
        Rig five = Rig.of(b -> b.window(Window.calls(2)))
                .fail(2)
                .after(ofSeconds(5))
                .succeed(2);
        assertThat(five.state()).isEqualTo(State.HALF_OPEN);
        assertThat(five.succeed(1).state()).isEqualTo(State.CLOSED);
        Rig one = Rig.of(b -> b.window(Window.calls(2)).probes(1)).fail(2).after(ofSeconds(5));
        assertThat(one.succeed(1).state()).isEqualTo(State.CLOSED);
    }

    @Test
    void half_open_ignores_results_of_calls_admitted_while_closed() {
        // L2
        Rig rig = Rig.of(Rig::small);
        Permit late = rig.admit();
        Permit lateFailure = rig.admit();
        rig.fail(2).after(ofSeconds(5));
        Permit probe = rig.admit();
        late.success();
        lateFailure.failure(new IOException());
        assertThat(rig.state()).isEqualTo(State.HALF_OPEN);
        probe.success();
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        assertThat(rig.breaker.snapshot().calls()).isZero();
    }

    @Test
    void closed_ignores_probes_of_an_earlier_half_open() {
        // L2
        Rig rig = Rig.of(Rig::small).fail(2).after(ofSeconds(5));
        Permit first = rig.admit();
        Permit second = rig.admit();
        first.success();
        second.failure(new IOException());
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        assertThat(rig.breaker.snapshot().calls()).isZero();
    }

    @Test
    void a_late_result_never_counts_whatever_happened_meanwhile() {
        // L2: even when the breaker has come round to the same state
        Rig rig = Rig.of(Rig::small);
        List<Permit> old = new ArrayList<>();
        for (int i = 0; i < 10; i++) old.add(rig.admit());
        rig.fail(2).after(ofSeconds(5)).succeed(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        old.forEach(permit -> permit.failure(new IOException("late")));
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        assertThat(rig.breaker.snapshot().failures()).isZero();
    }

    @Test
    void half_open_admits_no_more_than_its_probes() {
        Rig rig = Rig.of(Rig::small).fail(2).after(ofSeconds(5));
        rig.admit();
        rig.admit();
        assertThat(rig.refusal().getMessage())
                .isEqualTo("circuit breaker 'payments' is half-open (all 2 probes are taken)");
        assertThat(rig.refusal().retryAfter()).isEmpty();
    }

    @Test
    void an_ignored_probe_gives_its_slot_back() {
        // S30
        Rig rig = Rig.of(b -> Rig.small(b).probes(1)).fail(2).after(ofSeconds(5));
        for (int i = 0; i < 20; i++) {
            Permit probe = rig.admit();
            assertThat(rig.refuses()).isTrue();
            probe.ignore();
        }
        assertThat(rig.state()).isEqualTo(State.HALF_OPEN);
        rig.succeed(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
    }

    @Test
    void a_probe_that_never_reports_fails_its_slot_and_wedges_nothing() {
        // S30, L3
        Rig rig = Rig.of(b -> Rig.small(b).probeLease(ofSeconds(30))).fail(2).after(ofSeconds(5));
        Permit lost = rig.admit();
        Permit alsoLost = rig.admit();
        rig.after(ofSeconds(30).minusNanos(1));
        assertThat(rig.breaker.snapshot().state()).isEqualTo(State.HALF_OPEN);
        assertThat(rig.breaker.snapshot().nextTransitionIn()).contains(ofNanos(1));
        rig.after(ofNanos(1));
        assertThat(rig.refuses()).isTrue();
        assertThat(rig.breaker.snapshot().state()).isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().reason())
                .isEqualTo("2 of 2 probes failed, 2 of them did not report within 30 s");
        lost.success();
        alsoLost.success();
        assertThat(rig.state()).isEqualTo(State.OPEN);
    }

    @Test
    void the_report_of_a_probe_whose_lease_ran_out_is_ignored_even_if_nobody_looked_before() {
        // S30
        Rig rig =
                Rig.of(b -> Rig.small(b).probes(3).requiredSuccesses(2)).fail(2).after(ofSeconds(5));
        Permit late = rig.admit();
        rig.after(ofSeconds(30));
        late.success();
        rig.succeed(1);
        assertThat(rig.state()).as("one success and one lost probe of three").isEqualTo(State.HALF_OPEN);
        rig.succeed(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
    }

    @Test
    void a_late_failure_that_would_trip_is_ignored_too() {
        Rig rig = Rig.of(b -> Rig.small(b).probes(3).requiredSuccesses(2).tripOn(Failures.on(IOException.class)))
                .fail(1)
                .after(ofSeconds(5));
        Permit late = rig.admit();
        rig.after(ofSeconds(30));
        late.failure(new IOException());
        assertThat(rig.state()).isEqualTo(State.HALF_OPEN);
    }

    @Test
    void an_error_in_a_probe_does_not_wedge_it() {
        Rig rig = Rig.of(b -> Rig.small(b).probes(1)).fail(2).after(ofSeconds(5));
        AssertionError error = new AssertionError("broken");
        assertThatThrownBy(() -> rig.breaker.run(() -> {
                    throw error;
                }))
                .isSameAs(error);
        assertThat(rig.state()).isEqualTo(State.OPEN);
        assertThat(rig.after(ofSeconds(5)).succeed(1).state()).isEqualTo(State.CLOSED);
    }

    @Test
    void errors_are_failures_in_closed() {
        Rig rig = Rig.of(Rig::small);
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> rig.breaker.run(() -> {
                        throw new StackOverflowError();
                    }))
                    .isInstanceOf(StackOverflowError.class);
        }
        assertThat(rig.state()).isEqualTo(State.OPEN);
    }

    @Test
    void cancellations_and_interruptions_are_no_evidence() {
        // L7
        Rig rig = Rig.of(Rig::small);
        for (int i = 0; i < 10; i++) rig.fail(new CancellationException()).fail(new InterruptedException());
        assertThat(rig.breaker.snapshot().calls()).isZero();
    }

    @Test
    void a_rejection_by_an_inner_policy_is_no_evidence() {
        Rig inner = Rig.of(Rig::small).fail(2);
        Rig outer = Rig.of(Rig::small);
        Pipeline both = Pipeline.builder("both").policies(outer.breaker).build();
        for (int i = 0; i < 10; i++) {
            assertThatThrownBy(() -> both.call(() -> inner.breaker.call(() -> "never")))
                    .isInstanceOf(CircuitOpenException.class);
        }
        assertThat(outer.breaker.snapshot().calls()).isZero();
    }

    @Test
    void its_own_classifier_decides_what_a_failure_is() {
        // clarification 3: what is not a failure is an answer
        Rig rig = Rig.of(b -> Rig.small(b)
                .failures(Failures.on(IOException.class)
                        .butNot(FileNotFoundException.class)
                        .orResult(Integer.class, r -> r >= 500)));
        rig.fail(new FileNotFoundException()).fail(new FileNotFoundException()).fail(new IllegalStateException());
        assertThat(rig.breaker.snapshot().failures()).isZero();
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(3);
        rig.breaker.call(() -> 503);
        rig.breaker.call(() -> 500);
        assertThat(rig.state()).isEqualTo(State.OPEN);
    }

    @Test
    void a_classifier_that_throws_changes_no_outcome() {
        // L5, S42: failure for exceptions, success for values
        Rig rig = Rig.of(b -> Rig.small(b)
                .failures(Failures.when(t -> {
                            throw new IllegalStateException("broken predicate");
                        })
                        .orResult(String.class, s -> {
                            throw new IllegalStateException("broken predicate");
                        })));
        try (Reported reported = new Reported()) {
            assertThat(rig.breaker.call(() -> "value")).isEqualTo("value");
            rig.succeed(2).fail(1);
            assertThat(rig.breaker.snapshot().failures()).isEqualTo(1);
            rig.fail(1);
            assertThat(reported.messages()).hasSize(5);
        }
        assertThat(rig.state()).isEqualTo(State.OPEN);
    }

    @Test
    void consecutive_failures_are_a_rule_of_their_own() {
        Rig rig = Rig.of(b -> b.window(Window.calls(100)).consecutiveFailures(3));
        for (int i = 0; i < 5; i++) rig.fail(2).succeed(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        rig.fail(3);
        assertThat(rig.state()).isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().reason()).isEqualTo("3 calls failed in a row");
    }

    @Test
    void some_failures_trip_at_once() {
        Rig rig = Rig.of(b -> b.tripOn(Failures.on(FileNotFoundException.class)))
                .succeed(50)
                .fail(5);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        FileNotFoundException gone = new FileNotFoundException();
        rig.fail(gone);
        assertThat(rig.state()).isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().reason()).isEqualTo("tripped by java.io.FileNotFoundException");
        assertThat(rig.refusal()).hasCause(gone);
    }

    @Test
    void a_result_can_trip_and_so_can_a_probe() {
        Rig rig = Rig.of(b ->
                Rig.small(b).probes(5).tripOn(Failures.when(t -> false).orResult(Integer.class, r -> r == 503)));
        rig.breaker.call(() -> 503);
        assertThat(rig.state()).isEqualTo(State.OPEN);
        assertThat(rig.breaker.snapshot().reason()).isEqualTo("tripped by a result");
        rig.after(ofSeconds(5));
        rig.breaker.call(() -> 503);
        assertThat(rig.state()).isEqualTo(State.OPEN);
    }

    @Test
    void a_trip_classifier_that_throws_trips_nothing() {
        // L5
        Rig rig = Rig.of(b -> b.tripOn(Failures.when(t -> {
            throw new IllegalStateException("broken predicate");
        })));
        try (Reported reported = new Reported()) {
            rig.fail(1);
            assertThat(reported.messages()).hasSize(1).first().asString().contains("tripOn");
        }
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        assertThat(rig.breaker.snapshot().failures()).isEqualTo(1);
    }

    @Test
    void a_time_window_forgets_by_the_monotonic_clock() {
        Rig rig =
                Rig.of(b -> b.window(Window.time(ofSeconds(10)).minimumCalls(2)).failureRate(0.6));
        rig.fail(1).succeed(1).after(ofSeconds(9));
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(2);
        rig.after(ofSeconds(1));
        assertThat(rig.breaker.snapshot().calls()).isZero();
        rig.succeed(1).after(ofSeconds(5)).fail(1);
        rig.after(ofSeconds(5)).fail(1);
        assertThat(rig.state()).as("the success is too old to help").isEqualTo(State.OPEN);
    }

    @Test
    void in_a_time_window_a_success_can_be_what_is_judged() {
        // old successes leave, the failure stays, and the next outcome is a success
        Rig rig =
                Rig.of(b -> b.window(Window.time(ofSeconds(10)).minimumCalls(2)).failureRate(0.5));
        rig.succeed(9).after(ofSeconds(5)).fail(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        rig.after(ofSeconds(6)).succeed(1);
        assertThat(rig.state()).isEqualTo(State.OPEN);
    }

    @Test
    void the_wall_clock_plays_no_part() throws IOException {
        // L4: no class of this package refers to one, so a step of it by an hour can change nothing
        for (Class<?> type : List.of(
                CircuitBreaker.class,
                Circuit.class,
                Judging.class,
                HalfOpen.class,
                Refusing.class,
                Regime.class,
                CountWindow.class,
                TimeWindow.class,
                Running.class,
                Settings.class,
                Events.class,
                Window.class)) {
            try (var code = type.getResourceAsStream(type.getSimpleName() + ".class")) {
                String constants = new String(code.readAllBytes(), java.nio.charset.StandardCharsets.ISO_8859_1);
                assertThat(constants)
                        .doesNotContain("currentTimeMillis", "java/time/Instant", "java/time/Clock", "java/util/Date");
                if (type != CircuitBreaker.class)
                    assertThat(constants).doesNotContain("nanoTime", "java/lang/Thread\1");
            }
        }
    }

    @Test
    void clock_wrap_around_changes_nothing() {
        // L10: nanoTime passes Long.MAX_VALUE while the circuit is open
        Rig rig = Rig.startingAt(Long.MAX_VALUE - ofSeconds(2).toNanos(), Rig::small)
                .fail(2);
        assertThat(rig.after(ofSeconds(4)).refuses()).isTrue();
        assertThat(rig.refusal().retryAfter()).contains(ofSeconds(1));
        assertThat(rig.after(ofSeconds(1)).succeed(1).state()).isEqualTo(State.CLOSED);
        Rig timed = Rig.startingAt(
                Long.MAX_VALUE - ofSeconds(2).toNanos(),
                b -> b.window(Window.time(ofSeconds(10)).minimumCalls(3)));
        timed.fail(2).after(ofSeconds(4)).fail(1);
        assertThat(timed.state()).isEqualTo(State.OPEN);
    }

    @Test
    void durations_beyond_292_years_mean_never() {
        // L10
        Duration eternity = ofSeconds(Long.MAX_VALUE);
        Rig rig = Rig.of(b -> Rig.small(b)
                .openFor(eternity)
                .maxOpen(eternity)
                .probeLease(eternity)
                .slowCalls(eternity, 0.5));
        rig.fail(2).after(ofHours(24 * 365 * 100));
        assertThat(rig.refuses()).isTrue();
        assertThat(rig.breaker.snapshot().nextTransitionIn()).isEmpty();
        Rig leased = Rig.of(b -> Rig.small(b).probeLease(eternity)).fail(2).after(ofSeconds(5));
        leased.admit();
        leased.after(ofHours(24 * 365 * 100));
        assertThat(leased.state()).isEqualTo(State.HALF_OPEN);
    }

    @Test
    void all_faces_settle() {
        Rig rig = Rig.of(b -> b.window(Window.calls(10).minimumCalls(10)));
        rig.breaker.call(() -> "a");
        rig.breaker.run(() -> {});
        rig.breaker.outcome(() -> "b");
        rig.breaker.callAsync(() -> CompletableFuture.completedFuture("c")).join();
        CompletableFuture<String> stage = new CompletableFuture<>();
        CompletableFuture<String> pending = rig.breaker.callAsync(() -> stage);
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(4);
        stage.completeExceptionally(new IOException());
        assertThat(pending).isCompletedExceptionally();
        assertThat(rig.breaker.snapshot().calls()).isEqualTo(5);
        assertThat(rig.breaker.snapshot().failures()).isEqualTo(1);
    }

    @Test
    void rates_are_empty_below_the_minimum() {
        // clarification 9
        Rig rig =
                Rig.of(b -> b.window(Window.calls(10).minimumCalls(4))).fail(1).succeed(2);
        assertThat(rig.breaker.snapshot().failureRate()).isEmpty();
        assertThat(rig.succeed(1).breaker.snapshot().failureRate()).hasValue(0.25);
        assertThat(rig.breaker.snapshot().slowRate())
                .as("no rule for slow calls")
                .isEmpty();
    }

    @Test
    void the_snapshot_of_an_open_breaker_shows_what_opened_it() {
        Rig rig = Rig.of(Rig::small).succeed(2).fail(2);
        CircuitBreaker.Snapshot snapshot = rig.breaker.snapshot();
        assertThat(snapshot.calls()).isEqualTo(4);
        assertThat(snapshot.failures()).isEqualTo(2);
        assertThat(snapshot.failureRate()).hasValue(0.5);
        assertThat(snapshot).hasToString("OPEN (2 of 4 calls failed, threshold 50 %), 2 of 4 calls failed");
    }

    @Test
    void describes_its_settings() {
        CircuitBreaker breaker = CircuitBreaker.builder("db")
                .window(Window.time(ofSeconds(30)))
                .slowCalls(ofMillis(800), 0.125)
                .ramp(0.1, 0.5)
                .build();
        assertThat(breaker.describe().name()).isEqualTo("db");
        assertThat(breaker.describe().settings())
                .containsEntry("window", "30 s, at least 20")
                .containsEntry("failureRate", "50 %")
                .containsEntry("consecutiveFailures", "off")
                .containsEntry("slowCalls", "800 ms, 12.5 %")
                .containsEntry("openFor", "5 s")
                .containsEntry("maxOpen", "10 min")
                .containsEntry("probes", "5")
                .containsEntry("requiredSuccesses", "3")
                .containsEntry("probeLease", "30 s")
                .containsEntry("ramp", "10 %, 50 %");
    }
}
