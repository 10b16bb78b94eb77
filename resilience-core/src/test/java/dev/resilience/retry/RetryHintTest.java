// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.Reported;
import dev.resilience.RetryHint;
import dev.resilience.retry.Retry.Stopped.Reason;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Outcomes that say themselves when to come again (S37). */
class RetryHintTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.watch(ManualTime.autoAdvancing());
    private Retry retry = Retry.of(1);

    private static final class Throttled extends Exception implements RetryHint {
        private static final long serialVersionUID = 1L;
        private final transient Supplier<Optional<Duration>> hint;

        Throttled(Supplier<Optional<Duration>> hint) {
            this.hint = hint;
        }

        @Override
        public Optional<Duration> retryAfter() {
            return hint.get();
        }
    }

    private record Wait(Optional<Duration> retryAfter) implements RetryHint {}

    private static Throttled asking(Duration wait) {
        return new Throttled(() -> Optional.of(wait));
    }

    private Outcome<Object> go(Way way, Retry.Builder builder, Script work) {
        retry = builder.backoff(Backoff.constant(ofSeconds(1)).noJitter())
                .random(() -> 0)
                .build();
        Pipeline pipeline = Pipeline.builder("p")
                .policies(retry)
                .failures(Failures.standard().orResult(Wait.class, value -> true))
                .timeSource(time)
                .build();
        return way.go(pipeline, time, work);
    }

    @ParameterizedTest
    @EnumSource
    void an_exception_that_knows_is_a_floor_of_the_delay(Way way) {
        go(way, Retry.builder("r"), new Script(asking(ofSeconds(7)), asking(ZERO), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(8));
    }

    @ParameterizedTest
    @EnumSource
    void so_is_a_value(Way way) {
        go(
                way,
                Retry.builder("r"),
                new Script(new Wait(Optional.of(ofSeconds(7))), new Wait(Optional.empty()), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(8));
    }

    @ParameterizedTest
    @EnumSource
    void what_is_written_is_asked_first(Way way) {
        Retry.Builder written = Retry.builder("r")
                .delayFrom(Throttled.class, t -> Optional.of(ofSeconds(3)))
                .delayFrom(Wait.class, w -> Optional.empty());
        go(way, written, new Script(asking(ofSeconds(7)), new Wait(Optional.of(ofSeconds(5))), "done"));
        assertThat(time.elapsed()).isEqualTo(ofSeconds(8));
    }

    @ParameterizedTest
    @EnumSource
    void more_than_the_longest_hint_ends_the_call(Way way) {
        Throttled tooLong = asking(Duration.ofSeconds(Long.MAX_VALUE)); // L10
        Outcome<Object> outcome = go(way, Retry.builder("r").maxHint(ofMinutes(1)), new Script(tooLong, "never"));
        assertThat(((Outcome.Failure<Object>) outcome).thrown()).isSameAs(tooLong);
        assertThat(retry.snapshot().stopped(Reason.HINT)).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void one_that_throws_is_reported_and_has_no_answer(Way way) { // L5
        Throttled broken = new Throttled(() -> {
            throw new IllegalStateException("broken");
        });

        try (Reported reported = new Reported()) {
            go(way, Retry.builder("r"), new Script(broken, asking(Duration.ofSeconds(-5)), "done"));
            assertThat(reported.messages())
                    .containsExactly(
                            "retry 'r': retryAfter of a RetryHint threw java.lang.IllegalStateException: broken");
        }
        assertThat(time.elapsed()).isEqualTo(ofSeconds(2));
    }
}
