// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.Reported;
import dev.resilience.retry.Retry.Stopped.Reason;
import dev.resilience.retry.Script.Busy;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** L5: what user code throws is reported and changes nothing. */
class RetryGuestsTest {
    private final ManualTime time = ManualTime.autoAdvancing();
    private final Reported reported = new Reported();
    private final IOException failure = new IOException("real");

    @AfterEach
    void stop_listening() {
        reported.close();
        assertThat(time.pendingTimers()).isZero();
    }

    private Outcome<Object> go(Way way, Retry.Builder builder, Script work) {
        return way.go(
                Pipeline.builder("p").policies(builder.build()).timeSource(time).build(), time, work);
    }

    private static Retry.Builder everySecond() {
        return Retry.builder("r").backoff(Backoff.constant(ofSeconds(1)));
    }

    private static <T> T broken() {
        throw new IllegalStateException("guest");
    }

    @ParameterizedTest
    @EnumSource
    void a_listener(Way way) {
        List<Integer> told = new ArrayList<>();
        Script work = new Script(failure, failure, "done");
        Outcome<Object> outcome = go(
                way,
                everySecond().onRetry(event -> {
                    told.add(event.attempt());
                    broken();
                }),
                work);
        assertThat(outcome).isEqualTo(Outcome.success("done"));
        assertThat(told).containsExactly(1, 2);
        assertThat(reported.messages()).hasSize(2).allMatch(m -> m.startsWith("retry 'r': an onRetry listener threw"));
    }

    @ParameterizedTest
    @EnumSource // S42: no retry
    void a_classifier(Way way) {
        Script work = new Script(failure);
        Outcome<Object> outcome = go(way, everySecond().failures(Failures.when(e -> broken())), work);
        assertThat(((Outcome.Failure<Object>) outcome).thrown())
                .isSameAs(failure)
                .hasNoSuppressedExceptions();
        assertThat(work.invocations()).isEqualTo(1);
        assertThat(reported.messages()).hasSize(1).allMatch(m -> m.contains("retry 'r': the failures predicate"));
    }

    @ParameterizedTest
    @EnumSource
    void a_classifier_of_values(Way way) {
        Script work = new Script("value");
        Failures failures = Failures.standard().orResult(String.class, value -> broken());
        assertThat(go(way, everySecond().failures(failures), work)).isEqualTo(Outcome.success("value"));
        assertThat(work.invocations()).isEqualTo(1);
        assertThat(reported.messages()).hasSize(1);
    }

    @ParameterizedTest
    @EnumSource
    @SuppressWarnings("NullAway") // what a careless user writes
    void a_hint_function(Way way) {
        for (Supplier<Optional<Duration>> hint : List.<Supplier<Optional<Duration>>>of(
                RetryGuestsTest::broken, () -> null, () -> Optional.of(ofSeconds(-5)), Optional::empty)) {
            Duration before = time.elapsed();
            Script work = new Script(new Busy(ZERO), "done");
            assertThat(go(way, everySecond().delayFrom(Busy.class, busy -> hint.get()), work))
                    .isEqualTo(Outcome.success("done"));
            assertThat(time.elapsed().minus(before)).isEqualTo(ofSeconds(1));
        }
        assertThat(reported.messages())
                .hasSize(2)
                .allMatch(m -> m.startsWith("retry 'r': the delayFrom function for Busy threw"));
    }

    @ParameterizedTest
    @EnumSource
    void a_broken_hint_function_leaves_the_question_to_the_next(Way way) {
        go(
                way,
                everySecond()
                        .random(() -> 0)
                        .delayFrom(Busy.class, busy -> broken())
                        .delayFrom(Busy.class, busy -> Optional.of(busy.retryAfter)),
                new Script(new Busy(ofSeconds(7)), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(7));
    }

    @ParameterizedTest
    @EnumSource
    void a_rule(Way way) {
        Backoff.Rule rule = (attempt, previous, random) -> broken();
        Script work = new Script(failure, "done");
        assertThat(go(way, Retry.builder("r").backoff(Backoff.of(rule)), work)).isEqualTo(Outcome.success("done"));
        assertThat(time.elapsed()).isBetween(ZERO, ofSeconds(10));
        assertThat(reported.messages()).hasSize(1).allMatch(m -> m.startsWith("backoff: the rule"));
    }

    @ParameterizedTest
    @EnumSource
    void a_random_generator(Way way) {
        Retry.Builder builder =
                Retry.builder("r").random(() -> broken()).delayFrom(Busy.class, busy -> Optional.of(busy.retryAfter));
        Script work = new Script(new Busy(ofSeconds(20)), "done");
        assertThat(go(way, builder, work)).isEqualTo(Outcome.success("done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(20));
        assertThat(reported.messages()).hasSize(2);
    }

    @ParameterizedTest
    @EnumSource
    @SuppressWarnings("NullAway") // what a careless user writes
    void an_exhausted_function(Way way) {
        Script.Held held = new Script.Held();
        Failures failures = Failures.standard().orResult(Script.Held.class, value -> true);
        Retry.Builder throwing = everySecond().maxAttempts(1).failures(failures);
        assertThat(go(way, throwing.exhausted(value -> broken()), new Script(held)))
                .isEqualTo(Outcome.success(held));
        assertThat(go(way, throwing.exhausted(value -> null), new Script(held))).isEqualTo(Outcome.success(held));
        assertThat(held.closed).isZero();
        assertThat(reported.messages())
                .hasSize(2)
                .allMatch(m -> m.startsWith("retry 'r': the exhausted function threw"));
    }

    @ParameterizedTest
    @EnumSource
    void a_result_that_cannot_be_closed(Way way) {
        AutoCloseable stuck = RetryGuestsTest::broken;
        Failures failures = Failures.standard().orResult(AutoCloseable.class, value -> true);
        Outcome<Object> outcome = go(way, everySecond().failures(failures), new Script(stuck, "done"));
        assertThat(outcome).isEqualTo(Outcome.success("done"));
        assertThat(reported.messages()).hasSize(1);
    }

    @ParameterizedTest
    @EnumSource
    void nothing_is_reported_when_everybody_behaves(Way way) {
        Outcome<Object> outcome = go(
                way,
                everySecond().onRetry(event -> {}).delayFrom(IOException.class, e -> Optional.empty()),
                new Script(failure, new IOException("again"), new IOException("last")));
        assertThat(Retry.Stopped.in(((Outcome.Failure<Object>) outcome).thrown())
                        .orElseThrow()
                        .reason())
                .isEqualTo(Reason.ATTEMPTS);
        assertThat(reported.messages()).isEmpty();
    }
}
