// SPDX-License-Identifier: Apache-2.0
package dev.resilience.v25;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.retry.Retry;
import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaOutcome;
import dev.resilience.saga.StepRejectedException;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** What users write with the language of today. */
class SurfaceTasksTest {
    private final Pipeline p = Pipeline.of(Retry.of(2));

    private String io() throws IOException {
        return "io";
    }

    private String broken() throws IOException {
        throw new IOException("broken");
    }

    @Test
    void t50_work_on_virtual_threads() {
        try (var vt = Executors.newVirtualThreadPerTaskExecutor()) {
            CompletableFuture<String> call = p.submit(vt, this::io);
            assertThat(call.join()).isEqualTo("io");
            assertThat(p.submit(vt, () -> Thread.currentThread().isVirtual()).join())
                    .isTrue();
        }
    }

    @Test
    void t51_a_switch_over_an_outcome_is_exhaustive() {
        assertThat(told(p.outcome(this::io))).isEqualTo("io");
        assertThat(told(p.outcome(this::broken))).isEqualTo("broken");
    }

    private static String told(Outcome<String> outcome) {
        return switch (outcome) {
            case Outcome.Success<String>(var v) -> v;
            case Outcome.Failure<String> f -> f.thrown().getMessage();
        };
    }

    @Test
    void t52_a_switch_over_the_outcome_of_a_saga_is_exhaustive() throws InterruptedException {
        var definition = Saga.define("greet", 1, String.class);
        var greeted = definition
                .pivot("greet", String.class)
                .run((name, c) -> {
                    if (name.isEmpty()) throw new StepRejectedException("nobody");
                    return "hello " + name;
                })
                .add();
        Saga<String, String> saga = definition.returns(greeted, (name, greeting) -> greeting);
        try (SagaEngine engine = SagaEngine.inMemory().register(saga).open()) {
            assertThat(told(engine.start(saga, "1", "Ann").await(Duration.ofMinutes(1))))
                    .isEqualTo("hello Ann");
            assertThat(told(engine.start(saga, "2", "").await(Duration.ofMinutes(1))))
                    .isEqualTo("greet");
        }
    }

    private static String told(SagaOutcome<String> o) {
        return switch (o) {
            case SagaOutcome.Completed<String> c -> c.value();
            case SagaOutcome.Compensated<String> c -> c.rejectedBy();
            case SagaOutcome.NeedsAttention<String> n -> "call";
            case SagaOutcome.StillRunning<String> s -> "wait";
        };
    }

    @Test
    void t53_a_context_that_is_not_looked_at_has_no_name() throws IOException {
        String value = p.call(CallContext.root(), _ -> io());
        assertThat(value).isEqualTo("io");
    }
}
