// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.retry.Retry.Stopped.Reason;
import dev.resilience.retry.Script.Busy;
import dev.resilience.retry.Script.Held;
import dev.resilience.retry.Script.Rejected;
import dev.resilience.testkit.CountingGate;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a retry does, on both of its bodies. */
class RetryTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time =
            laws.watch(ManualTime.autoAdvancingFrom(Long.MAX_VALUE - 2_500_000_000L)); // wraps (L10)
    private final CountingGate inside = laws.gate("inside", time);
    private final IOException first = new IOException("first");
    private final IOException second = new IOException("second");
    private final IOException third = new IOException("third");

    @AfterEach
    void no_interrupt_leaks() { // L8
        assertThat(Thread.interrupted()).as("an interrupt leaked").isFalse();
    }

    private static Retry.Builder everySecond() {
        return Retry.builder("r").backoff(Backoff.constant(ofSeconds(1)));
    }

    private Pipeline alone(Retry retry) {
        return Pipeline.builder("p").policies(retry, inside).timeSource(time).build();
    }

    private static Throwable thrown(Outcome<?> outcome) {
        return ((Outcome.Failure<?>) outcome).thrown();
    }

    private static Reason reason(Outcome<?> outcome) {
        return Retry.Stopped.in(thrown(outcome)).orElseThrow().reason();
    }

    // --- what is repeated ---

    @ParameterizedTest
    @EnumSource
    void a_first_success_is_all(Way way) {
        Retry retry = everySecond().build();
        Script work = new Script("done");
        assertThat(way.go(alone(retry), time, work)).isEqualTo(Outcome.success("done"));
        assertThat(work.invocations()).isEqualTo(1);
        assertThat(time.elapsed()).isZero();
        assertThat(retry.snapshot().retries()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void it_repeats_until_it_succeeds(Way way) {
        List<Retry.Event> events = new ArrayList<>();
        Retry retry = everySecond().onRetry(events::add).build();
        Script work = new Script(first, second, "done");
        assertThat(way.go(alone(retry), time, work)).isEqualTo(Outcome.success("done"));
        assertThat(work.invocations()).isEqualTo(3);
        assertThat(inside.admitted()).isEqualTo(3);
        assertThat(time.elapsed()).isEqualTo(ofSeconds(2));
        assertThat(events).extracting(Retry.Event::attempt).containsExactly(1, 2);
        assertThat(events).extracting(e -> thrown(e.outcome())).containsExactly(first, second);
        assertThat(events).extracting(Retry.Event::delay).containsOnly(ofSeconds(1));
        assertThat(retry.snapshot().retries()).isEqualTo(2);
        assertThat(retry.snapshot().recovered()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(names = "SUBMIT", mode = EnumSource.Mode.EXCLUDE) // hands its op no context
    void each_attempt_knows_its_number(Way way) {
        Script work = new Script(first);
        way.go(alone(everySecond().maxAttempts(4).build()), time, work);
        assertThat(work.attempts).containsExactly(1, 2, 3, 4);
    }

    @ParameterizedTest
    @EnumSource
    void one_attempt_is_no_retry(Way way) {
        Script work = new Script(first);
        Outcome<Object> outcome = way.go(alone(Retry.of(1)), time, work);
        assertThat(thrown(outcome)).isSameAs(first);
        assertThat(reason(outcome)).isEqualTo(Reason.ATTEMPTS);
        assertThat(work.invocations()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource // L8, and core.md: never an Error, an interruption, a cancellation
    void some_ends_are_never_repeated(Way way) {
        for (Throwable end : List.of(
                new LinkageError("e"),
                new ExecutionException(new LinkageError("e")),
                new InterruptedException("i"),
                new CancellationException("c"))) {
            Script work = new Script(end);
            assertThat(way.go(alone(everySecond().build()), time, work))
                    .satisfies(outcome -> assertThat(thrown(outcome)).isIn(end, end.getCause()));
            assertThat(work.invocations()).isEqualTo(1);
            assertThat(end.getSuppressed()).isEmpty();
            Thread.interrupted();
        }
        assertThat(time.elapsed()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void an_error_after_a_failure_comes_out_untouched(Way way) {
        LinkageError error = new LinkageError("e");
        Outcome<Object> outcome = way.go(alone(everySecond().build()), time, new Script(first, error));
        assertThat(thrown(outcome)).isSameAs(error).hasNoSuppressedExceptions();
    }

    @ParameterizedTest
    @EnumSource
    void what_its_own_classifier_lets_pass_is_not_repeated(Way way) {
        FileNotFoundException gone = new FileNotFoundException();
        Retry retry = everySecond()
                .failures(Failures.on(IOException.class).butNot(FileNotFoundException.class))
                .build();
        Script work = new Script(first, gone);
        assertThat(thrown(way.go(alone(retry), time, work)))
                .isSameAs(gone)
                .satisfies(e -> assertThat(e.getSuppressed()).containsExactly(first)); // it is an answer: no Stopped
        assertThat(work.invocations()).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource
    void the_pipelines_classifier_is_the_default(Way way) {
        Pipeline pipeline = Pipeline.builder("p")
                .policies(everySecond().build())
                .failures(Failures.on(UncheckedIOException.class).orResult(String.class, String::isEmpty))
                .timeSource(time)
                .build();
        Script passes = new Script(first);
        assertThat(thrown(way.go(pipeline, time, passes))).isSameAs(first).hasNoSuppressedExceptions();
        assertThat(passes.invocations()).isEqualTo(1);
        Script empty = new Script("", "", "full");
        assertThat(way.go(pipeline, time, empty)).isEqualTo(Outcome.success("full"));
    }

    // --- what surfaces ---

    @ParameterizedTest
    @EnumSource // L9, S37
    void exhausted_by_exception_the_last_real_one_surfaces(Way way) {
        Retry retry = everySecond().build();
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(first, second, third));
        assertThat(thrown(outcome)).isSameAs(third);
        assertThat(third.getSuppressed()).hasSize(3).endsWith(first, second);
        assertThat(third.getSuppressed()[0])
                .isInstanceOf(Retry.Stopped.class)
                .hasMessage("retry 'r' stopped after 3 attempts: maxAttempts reached");
        assertThat(third.getSuppressed()[0].getStackTrace()).isEmpty();
        assertThat(first).hasNoSuppressedExceptions();
        assertThat(retry.snapshot().stopped(Reason.ATTEMPTS)).isEqualTo(1);
        assertThat(retry.snapshot().stopped(Reason.BUDGET)).isZero();
        assertThat(retry.snapshot().recovered()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void exhausted_by_result_the_last_one_is_returned_and_the_others_closed(Way way) {
        Held one = new Held();
        Held two = new Held();
        Held last = new Held();
        Retry retry = everySecond()
                .failures(Failures.standard().orResult(Held.class, held -> true))
                .build();
        assertThat(way.go(alone(retry), time, new Script(one, two, last))).isEqualTo(Outcome.success(last));
        assertThat(List.of(one.closed, two.closed, last.closed)).containsExactly(1, 1, 0);
        assertThat(retry.snapshot().stopped(Reason.ATTEMPTS)).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void exhausted_by_result_may_throw_instead(Way way) {
        Held last = new Held();
        Retry retry = everySecond()
                .maxAttempts(2)
                .failures(Failures.standard().orResult(Held.class, held -> true))
                .exhausted(value -> new IllegalStateException("closed " + ((Held) value).closed + " times"))
                .build();
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(first, last));
        assertThat(thrown(outcome)).hasMessage("closed 0 times");
        assertThat(reason(outcome)).isEqualTo(Reason.ATTEMPTS);
        assertThat(thrown(outcome).getSuppressed()).hasSize(2).endsWith(first);
        assertThat(last.closed).isEqualTo(1); // nobody gets it
    }

    @ParameterizedTest
    @EnumSource // S37
    void a_rejection_never_hides_the_real_failure(Way way) {
        Retry retry = everySecond().build();
        Rejected rejected = new Rejected(retry, ZERO);
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(first, rejected));
        assertThat(thrown(outcome)).isSameAs(first);
        assertThat(first.getSuppressed()).hasSize(2).endsWith(rejected);
        assertThat(reason(outcome)).isEqualTo(Reason.ATTEMPTS);
    }

    @ParameterizedTest
    @EnumSource
    void only_rejections_surface_as_the_last_one(Way way) {
        Retry retry = everySecond().build();
        Rejected one = new Rejected(retry, ZERO);
        Rejected two = new Rejected(retry, ZERO);
        Rejected last = new Rejected(retry, ZERO);
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(one, two, last));
        assertThat(thrown(outcome)).isSameAs(last);
        assertThat(last.getSuppressed()).hasSize(3).endsWith(one, two);
    }

    @ParameterizedTest
    @EnumSource
    void a_rejection_after_nothing_but_failed_values_surfaces(Way way) {
        Retry retry = everySecond()
                .maxAttempts(2)
                .failures(Failures.standard().orResult(Held.class, held -> true))
                .build();
        Held held = new Held();
        Rejected rejected = new Rejected(retry, ZERO);
        assertThat(thrown(way.go(alone(retry), time, new Script(held, rejected))))
                .isSameAs(rejected);
        assertThat(held.closed).isEqualTo(1);
    }

    // --- when the next attempt begins ---

    @ParameterizedTest
    @EnumSource(names = "SUBMIT", mode = EnumSource.Mode.EXCLUDE) // L14
    void a_pause_that_would_reach_the_deadline_is_not_begun(Way way) {
        for (Duration deadline : List.of(ofSeconds(2), ofMillis(2999))) {
            ManualTime clock = ManualTime.autoAdvancing();
            Pipeline pipeline = Pipeline.builder("p")
                    .policies(everySecond().maxAttempts(9).build())
                    .timeSource(clock)
                    .build();
            Script work = new Script(first, second, third, new IOException("late"));
            Outcome<Object> outcome = way.go(pipeline, CallContext.root().within(deadline), clock, work);
            assertThat(reason(outcome)).isEqualTo(Reason.DEADLINE);
            assertThat(clock.elapsed()).isLessThan(deadline).isEqualTo(ofSeconds(work.invocations() - 1));
            assertThat(work.invocations()).isEqualTo(deadline.equals(ofSeconds(2)) ? 2 : 3);
            assertThat(thrown(outcome)).isSameAs(work.invocations() == 2 ? second : third);
        }
    }

    @ParameterizedTest
    @EnumSource
    void within_bounds_attempts_and_pauses_together(Way way) {
        List<Duration> starts = new ArrayList<>();
        Retry retry = everySecond().maxAttempts(9).within(ofMillis(3500)).build();
        Outcome<Object> outcome = way.go(alone(retry), time, c -> {
            starts.add(time.elapsed());
            time.advance(ofMillis(500)); // an attempt takes as long
            throw new IOException("attempt " + starts.size());
        });
        assertThat(starts).containsExactly(ZERO, ofMillis(1500), ofSeconds(3));
        assertThat(reason(outcome)).isEqualTo(Reason.DEADLINE);
        assertThat(Retry.Stopped.in(thrown(outcome)).orElseThrow())
                .hasMessage("retry 'r' stopped after 3 attempts: a pause of 1 s does not fit in the remaining 0 s");
        assertThat(time.elapsed()).isEqualTo(ofMillis(3500));
    }

    @ParameterizedTest
    @EnumSource // S37: now + delay >= within
    void within_is_exclusive(Way way) {
        Script work = new Script(first);
        way.go(alone(everySecond().maxAttempts(9).within(ofSeconds(2)).build()), time, work);
        assertThat(work.invocations()).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource // S37: the counter-example, hint 30 s and cap 10 s
    void a_servers_hint_is_a_floor_that_the_cap_does_not_bound(Way way) {
        Retry retry = Retry.builder("r")
                .backoff(Backoff.constant(ofSeconds(1)).cap(ofSeconds(10)))
                .delayFrom(Busy.class, busy -> Optional.of(busy.retryAfter))
                .build();
        way.go(alone(retry), time, new Script(new Busy(ofSeconds(30)), "done"));
        assertThat(time.elapsed()).isBetween(ofSeconds(30), ofSeconds(33));
    }

    @ParameterizedTest
    @EnumSource
    void a_hint_below_the_backoff_changes_nothing(Way way) {
        Retry retry = everySecond()
                .delayFrom(Busy.class, busy -> Optional.of(busy.retryAfter))
                .build();
        way.go(alone(retry), time, new Script(new Busy(ofMillis(900)), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(1));
    }

    @Test
    void hints_are_spread_upwards_within_max_hint() {
        for (Duration[] hintAndMost : new Duration[][] {
            {ofSeconds(10), ofSeconds(11)}, {ofSeconds(58), ofSeconds(60)}, {ofSeconds(60), ofSeconds(60)}
        }) {
            for (long bits : new long[] {0, -1}) {
                ManualTime clock = ManualTime.autoAdvancing();
                Retry retry = Retry.builder("r")
                        .backoff(Backoff.none())
                        .delayFrom(Busy.class, busy -> Optional.of(busy.retryAfter))
                        .random(() -> bits)
                        .build();
                Pipeline pipeline =
                        Pipeline.builder("p").policies(retry).timeSource(clock).build();
                Way.BLOCKING.go(pipeline, clock, new Script(new Busy(hintAndMost[0]), "done"));
                Duration expected = hintAndMost[bits == 0 ? 0 : 1];
                assertThat(clock.elapsed()).isBetween(expected.minusNanos(10), expected);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_hint_above_max_hint_stops_at_once_with_the_failure(Way way) {
        Busy busy = new Busy(ofMinutes(1).plusNanos(1));
        Retry retry = everySecond()
                .delayFrom(Busy.class, b -> Optional.of(b.retryAfter))
                .build();
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(busy));
        assertThat(thrown(outcome)).isSameAs(busy);
        assertThat(reason(outcome)).isEqualTo(Reason.HINT);
        assertThat(time.elapsed()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void hints_are_read_from_values_and_from_wrapped_exceptions_too(Way way) {
        Retry retry = Retry.builder("r")
                .backoff(Backoff.none())
                .random(() -> 0)
                .failures(Failures.standard().orResult(Integer.class, status -> status >= 500))
                .delayFrom(Integer.class, status -> Optional.of(ofSeconds(status - 500)))
                .delayFrom(Busy.class, busy -> Optional.of(busy.retryAfter))
                .build();
        way.go(alone(retry), time, new Script(503, new ExecutionException(new Busy(ofSeconds(4))), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(7));
    }

    @ParameterizedTest
    @EnumSource
    void the_first_hint_with_an_answer_counts(Way way) {
        Retry retry = Retry.builder("r")
                .backoff(Backoff.none())
                .random(() -> 0)
                .delayFrom(RuntimeException.class, e -> Optional.of(ofSeconds(50)))
                .delayFrom(Exception.class, e -> Optional.empty())
                .delayFrom(Busy.class, e -> Optional.of(ofSeconds(3)))
                .delayFrom(Busy.class, e -> Optional.of(ofSeconds(40)))
                .build();
        way.go(alone(retry), time, new Script(new Busy(ZERO), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(3));
    }

    @ParameterizedTest
    @EnumSource
    void a_hint_that_does_not_fit_the_remaining_time_stops(Way way) {
        Retry retry = everySecond()
                .within(ofSeconds(5))
                .delayFrom(Busy.class, busy -> Optional.of(busy.retryAfter))
                .build();
        assertThat(reason(way.go(alone(retry), time, new Script(new Busy(ofSeconds(5))))))
                .isEqualTo(Reason.DEADLINE);
        assertThat(time.elapsed()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void the_spread_of_a_hint_never_costs_the_attempt(Way way) {
        Retry retry = Retry.builder("r")
                .backoff(Backoff.none())
                .random(() -> -1)
                .within(ofMillis(10_500))
                .delayFrom(Busy.class, busy -> Optional.of(busy.retryAfter))
                .build();
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(new Busy(ofSeconds(10)), "done"));
        assertThat(outcome).isEqualTo(Outcome.success("done"));
        assertThat(time.elapsed()).isBetween(ofMillis(10_499), ofMillis(10_500).minusNanos(1));
    }

    @ParameterizedTest
    @EnumSource
    void a_rejection_is_waited_for_as_long_as_the_cap(Way way) {
        Retry retry = Retry.builder("r")
                .backoff(Backoff.constant(ofSeconds(1)).cap(ofSeconds(10)))
                .random(() -> 0)
                .build();
        way.go(alone(retry), time, new Script(new Rejected(retry, ofSeconds(10)), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(10));
        Rejected longer = new Rejected(retry, ofSeconds(10).plusNanos(1));
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(longer));
        assertThat(thrown(outcome)).isSameAs(longer);
        assertThat(reason(outcome)).isEqualTo(Reason.REJECTED);
        assertThat(time.elapsed()).isEqualTo(ofSeconds(10)); // no further wait: an open breaker is not slept into
    }

    @ParameterizedTest
    @EnumSource // clarification 5
    void without_a_cap_max_hint_stands_in(Way way) {
        Retry retry = everySecond().maxHint(ofSeconds(20)).random(() -> 0).build();
        way.go(alone(retry), time, new Script(new Rejected(retry, ofSeconds(20)), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(20));
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(first, new Rejected(retry, ofSeconds(21))));
        assertThat(thrown(outcome)).isSameAs(first);
        assertThat(reason(outcome)).isEqualTo(Reason.REJECTED);
    }

    @ParameterizedTest
    @EnumSource(names = "SUBMIT", mode = EnumSource.Mode.EXCLUDE)
    void a_rejection_beyond_the_remaining_time_stops(Way way) {
        Retry retry = everySecond().build();
        Outcome<Object> outcome = way.go(
                alone(retry),
                CallContext.root().within(ofSeconds(3)),
                time,
                new Script(new Rejected(retry, ofSeconds(3).plusNanos(1))));
        assertThat(reason(outcome)).isEqualTo(Reason.REJECTED);
    }

    @ParameterizedTest
    @EnumSource
    void a_classifier_excludes_rejections_or_they_are_repeated(Way way) {
        Retry strict = everySecond()
                .failures(Failures.on(IOException.class).butNot(dev.resilience.RejectedException.class))
                .build();
        Rejected rejected = new Rejected(strict, ofMillis(1));
        Script work = new Script(first, rejected);
        Outcome<Object> outcome = way.go(alone(strict), time, work);
        assertThat(thrown(outcome)).isSameAs(first);
        assertThat(first.getSuppressed()).hasSize(2).endsWith(rejected);
        assertThat(Retry.Stopped.in(first).orElseThrow())
                .hasMessage("retry 'r' stopped after 2 attempts: rejected, and rejections are not repeated");
        assertThat(work.invocations()).isEqualTo(2);
        Retry patient = everySecond().failures(Failures.on(IOException.class)).build();
        Script again = new Script(new Rejected(patient, ofMillis(1)), "done");
        assertThat(way.go(alone(patient), time, again)).isEqualTo(Outcome.success("done"));
    }

    // --- budget ---

    private RetryBudget budget(double ratio, int minPerSecond) {
        return RetryBudget.builder()
                .ratio(ratio)
                .minPerSecond(minPerSecond)
                .timeSource(time)
                .build();
    }

    @ParameterizedTest
    @EnumSource
    void an_empty_budget_stops_at_once_with_the_failure(Way way) {
        Retry retry = everySecond().budget(budget(0.5, 0)).build();
        Outcome<Object> outcome = way.go(alone(retry), time, new Script(first));
        assertThat(thrown(outcome)).isSameAs(first);
        assertThat(reason(outcome)).isEqualTo(Reason.BUDGET);
        assertThat(time.elapsed()).isZero();
        Script work = new Script(second, "done"); // the second first attempt makes the token whole
        assertThat(way.go(alone(retry), time, work)).isEqualTo(Outcome.success("done"));
        assertThat(retry.snapshot().stopped(Reason.BUDGET)).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void every_first_attempt_deposits_and_only_first_ones(Way way) {
        RetryBudget budget = budget(1, 0);
        Retry retry = everySecond().budget(budget).build();
        way.go(alone(retry), time, new Script("done"));
        assertThat(budget.available()).isEqualTo(1);
        way.go(alone(retry), time, new Script(first, "done")); // deposits and spends
        assertThat(budget.available()).isEqualTo(1);
        way.go(alone(retry), time, new Script(new CancellationException()));
        assertThat(budget.available()).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource // S36: a locally rejected attempt withdraws nothing; nor does it deposit
    void rejected_attempts_leave_the_budget_alone(Way way) {
        RetryBudget budget = budget(1, 5);
        Retry retry = Retry.builder("r").backoff(Backoff.none()).budget(budget).build();
        way.go(alone(retry), time, new Script(new Rejected(retry, ZERO)));
        assertThat(budget.available()).isEqualTo(5);
        way.go(alone(retry), time, new Script(first, new Rejected(retry, ZERO)));
        assertThat(budget.available()).isEqualTo(6);
        way.go(alone(retry), time, new Script(new Rejected(retry, ZERO), "done")); // the first that got through
        assertThat(budget.available()).isEqualTo(7);
        way.go(alone(retry), time, new Script(new Rejected(retry, ZERO), second, "done"));
        assertThat(budget.available()).isEqualTo(7); // one deposit, one retry
    }

    @ParameterizedTest
    @EnumSource
    void another_reason_to_stop_spends_no_token(Way way) {
        laws.expectLog("retry 'r' never repeats"); // which is the point
        RetryBudget budget = budget(0, 5);
        Retry attempts = everySecond().maxAttempts(1).budget(budget).build();
        way.go(alone(attempts), time, new Script(first));
        Retry total = everySecond().within(ofNanos(1)).budget(budget).build();
        way.go(alone(total), time, new Script(first));
        assertThat(budget.available()).isEqualTo(5);
    }

    // --- nesting ---

    @ParameterizedTest
    @EnumSource // S37: a retry that cannot start one throws the last real failure
    void inside_a_timeout_it_stops_in_time_with_the_real_failure(Way way) {
        Pipeline pipeline = Pipeline.builder("p")
                .policies(Timeout.of(ofSeconds(2)), everySecond().maxAttempts(9).build())
                .timeSource(time)
                .build();
        Outcome<Object> outcome = way.go(pipeline, time, new Script(first, second));
        assertThat(thrown(outcome)).isSameAs(second);
        assertThat(reason(outcome)).isEqualTo(Reason.DEADLINE);
        assertThat(time.elapsed()).isEqualTo(ofSeconds(1));
    }

    @ParameterizedTest
    @EnumSource // the outermost is the one that counts for the caller
    void nested_retries_each_say_why_they_stopped(Way way) {
        Retry inner =
                Retry.builder("inner").maxAttempts(2).backoff(Backoff.none()).build();
        Retry outer =
                Retry.builder("outer").maxAttempts(2).backoff(Backoff.none()).build();
        Pipeline pipeline = Pipeline.builder("p")
                .policies(outer, inner)
                .timeSource(time)
                .onWarning(warning -> {})
                .build();
        Script work = new Script(first, second, third, new IOException("fourth"));
        Outcome<Object> outcome = way.go(pipeline, time, work);
        assertThat(work.invocations()).isEqualTo(4);
        assertThat(Retry.Stopped.in(thrown(outcome)).orElseThrow()).hasMessageContaining("retry 'outer'");
        assertThat(thrown(outcome).getSuppressed())
                .filteredOn(Retry.Stopped.class::isInstance)
                .hasSize(2);
    }
}
