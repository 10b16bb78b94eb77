// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.Attempt;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.Scenario;
import dev.resilience.timeout.Timeout;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Pipeline, policy, configured duration, elapsed time: on every face. */
class TimeoutExceededExceptionTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final Timeout timeout = Timeout.of("attempt", ofSeconds(2));

    private static Pipeline in(String name, ManualTime time, Policy... policies) {
        return Pipeline.builder(name).policies(policies).timeSource(time).build();
    }

    private static TimeoutExceededException late(Outcome<?> outcome) {
        return outcome.as(TimeoutExceededException.class).orElseThrow();
    }

    @TestFactory
    Stream<DynamicTest> it_names_the_pipeline_around_the_policy() {
        return Scenario.with(time -> in("payments", time, timeout))
                .attempts(Attempt.hangs())
                .onEveryFace(run -> {
                    TimeoutExceededException late = late(run.outcome());
                    assertThat(late.name()).isEqualTo("attempt");
                    assertThat(late.pipeline()).contains("payments");
                    assertThat(late.timeout()).isEqualTo(ofSeconds(2));
                    assertThat(late.elapsed()).isEqualTo(ofSeconds(2));
                    assertThat(late)
                            .hasMessage("'attempt' in pipeline 'payments' timed out: not done within 2 s (gave up after"
                                    + " 2 s)");
                });
    }

    @TestFactory
    Stream<DynamicTest> a_detached_one_names_it_too() {
        Timeout detached =
                Timeout.builder("attempt").after(ofSeconds(2)).detached().build();
        return Scenario.with(time -> in("payments", time, detached))
                .attempts(Attempt.hangs())
                .onEveryFace(run -> assertThat(late(run.outcome()).pipeline()).contains("payments"));
    }

    @TestFactory
    Stream<DynamicTest> of_nested_pipelines_it_names_the_innermost() {
        return Scenario.with(time -> in("outer", time, Timeout.of("total", ofSeconds(9)), in("inner", time, timeout)))
                .attempts(Attempt.hangs())
                .onEveryFace(run -> assertThat(late(run.outcome()).pipeline()).contains("inner"));
    }

    @Test
    void one_that_was_late_before_it_began_names_it() {
        TimeoutExceededException late = late(Pipeline.builder("payments")
                .policies(Timeout.of(context -> Duration.ZERO))
                .build()
                .outcome(() -> "never"));
        assertThat(late).hasMessage("'timeout' in pipeline 'payments' timed out: its time was over before it began");
    }

    @Test
    void a_policy_alone_has_none_and_a_pipeline_whose_deadline_passes_is_the_name_itself() {
        assertThat(late(Timeout.of(context -> Duration.ZERO).outcome(() -> "never"))
                        .pipeline())
                .isEmpty();
        TimeoutExceededException late = late(Pipeline.builder("payments")
                .build()
                .outcome(CallContext.root().within(Duration.ZERO), context -> "never"));
        assertThat(late.name()).isEqualTo("payments");
        assertThat(late.pipeline()).isEmpty();
    }

    @Test
    void a_third_partys_driver_says_it_as_the_library_does() {
        Driver strict = new Driver("strict") {
            @Override
            protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context) {
                throw new TimeoutExceededException(next, ofSeconds(1), ofSeconds(2), null);
            }

            @Override
            protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
                    Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
                return CompletableFuture.failedFuture(
                        new TimeoutExceededException(next, ofSeconds(1), ofSeconds(2), null));
            }
        };
        assertThat(late(Pipeline.of(strict).outcome(() -> "never")))
                .hasMessage("'strict' in pipeline 'pipeline' timed out: not done within 1 s (gave up after 2 s)");
    }

    @Test
    void it_can_be_made_for_tests_and_survives_serialization() throws IOException, ClassNotFoundException {
        assertThatThrownBy(() -> new TimeoutExceededException((String) null, ofSeconds(1), ofSeconds(1), null))
                .hasMessage("name");
        TimeoutExceededException made = new TimeoutExceededException("t", ofSeconds(1), ofSeconds(1), null);
        assertThat(made.pipeline()).isEmpty();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(made);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertThat((Throwable) in.readObject()).hasMessage(made.getMessage());
        }
    }
}
