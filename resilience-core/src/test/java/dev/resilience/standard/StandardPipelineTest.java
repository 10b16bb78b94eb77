// SPDX-License-Identifier: Apache-2.0
package dev.resilience.standard;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.Description;
import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.TimeoutExceededException;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.CircuitOpenException;
import dev.resilience.breaker.Window;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.bulkhead.BulkheadFullException;
import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class StandardPipelineTest {
    private final ManualTime time = ManualTime.autoAdvancing();

    @Test
    void stands_in_the_recommended_order() {
        assertThat(StandardPipeline.of("payments").describe().inner())
                .extracting(Description::kind)
                .containsExactly("Timeout", "Retry", "CircuitBreaker", "Bulkhead", "Timeout");
    }

    @Test
    void a_failure_that_passes_is_retried_and_counted_by_the_breaker_inside() throws Exception {
        CircuitBreaker breaker = CircuitBreaker.builder("db").timeSource(time).build();
        Pipeline pipeline =
                StandardPipeline.builder("db").breaker(breaker).timeSource(time).build();
        AtomicInteger attempts = new AtomicInteger();
        String value = pipeline.call(() -> {
            if (attempts.incrementAndGet() < 3) throw new IOException("lost");
            return "done";
        });
        assertThat(value).isEqualTo("done");
        assertThat(breaker.snapshot().calls()).isEqualTo(3);
        assertThat(breaker.snapshot().failures()).isEqualTo(2);
    }

    @Test
    void a_dependency_that_hangs_is_a_failure_for_the_breaker_and_opens_it() {
        ManualTime manual = ManualTime.create();
        CircuitBreaker breaker = CircuitBreaker.builder("db").timeSource(manual).build();
        Pipeline pipeline = StandardPipeline.builder("db")
                .breaker(breaker)
                .retry(Retry.of(1))
                .timeSource(manual)
                .build();
        for (int i = 0; i < 20; i++) {
            CompletableFuture<String> call = pipeline.callAsync(() -> new CompletableFuture<String>());
            manual.advance(ofSeconds(5));
            assertThat(call).failsWithin(ofSeconds(60));
        }
        Outcome<String> next = pipeline.outcome(() -> "not called");
        assertThat(next.as(CircuitOpenException.class))
                .hasValueSatisfying(e -> assertThat(e).hasCauseInstanceOf(TimeoutExceededException.class));
    }

    @Test
    void an_open_breaker_refuses_at_once_and_is_waited_for_near_its_end_only() {
        CircuitBreaker breaker = CircuitBreaker.builder("db").timeSource(time).build();
        Pipeline pipeline =
                StandardPipeline.builder("db").breaker(breaker).timeSource(time).build();
        for (int i = 0; i < 20; i++) {
            Permit permit = breaker.admit();
            permit.failure(new IOException("down"));
        }
        Duration before = time.elapsed();
        assertThat(pipeline.outcome(() -> "not called").as(CircuitOpenException.class))
                .isPresent();
        assertThat(time.elapsed()).isEqualTo(before);
        time.advance(Duration.ofMillis(4_500));
        assertThat(pipeline.<String, RuntimeException>call(() -> "the probe")).isEqualTo("the probe");
    }

    @Test
    void own_policies_and_classifier_take_the_place_of_the_defaults() {
        Pipeline pipeline = StandardPipeline.builder("p")
                .retry(Retry.of(2))
                .bulkhead(Bulkhead.builder("narrow")
                        .maxConcurrent(3)
                        .timeSource(time)
                        .build())
                .failures(Failures.on(IOException.class))
                .timeSource(time)
                .build();
        AtomicInteger attempts = new AtomicInteger();
        assertThatThrownBy(() -> pipeline.run(() -> {
                    attempts.incrementAndGet();
                    throw new IllegalStateException("no failure, by the classifier");
                }))
                .isInstanceOf(IllegalStateException.class);
        assertThat(attempts).hasValue(1);
        assertThat(pipeline.describe().toString()).contains("Bulkhead 'narrow'", "maxAttempts=2");
    }

    @Test
    void refuses_nonsense() { // L11
        assertThatThrownBy(() -> StandardPipeline.builder("p")
                        .timeout(ofSeconds(0))
                        .attemptTimeout(ofSeconds(-1))
                        .build())
                .hasMessage(
                        "standard pipeline 'p': timeout must be positive, was PT0S; attemptTimeout must be positive, was"
                                + " PT-1S");
        assertThatThrownBy(() -> StandardPipeline.builder("p")
                        .timeout(ofSeconds(2))
                        .attemptTimeout(ofSeconds(2))
                        .build())
                .hasMessage("standard pipeline 'p': timeout must be longer than attemptTimeout, was PT2S and PT2S");
        assertThatThrownBy(() -> StandardPipeline.builder("p")
                        .timeout(ofSeconds(0))
                        .breaker(CircuitBreaker.of("b"))
                        .bulkhead(Bulkhead.of(1))
                        .timeSource(time)
                        .build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "standard pipeline 'p': timeout must be positive, was PT0S; breaker must have the timeSource of"
                                + " this builder, circuit breaker 'b' has another; bulkhead must have the timeSource of this"
                                + " builder, bulkhead 'bulkhead' has another");
    }

    @Test
    void refuses_null_by_name() {
        StandardPipeline.Builder builder = StandardPipeline.builder("p");
        assertThatThrownBy(() -> StandardPipeline.builder(null)).hasMessage("name");
        assertThatThrownBy(() -> StandardPipeline.of(null)).hasMessage("name");
        assertThatThrownBy(() -> builder.timeout(null)).hasMessage("total");
        assertThatThrownBy(() -> builder.attemptTimeout(null)).hasMessage("each");
        assertThatThrownBy(() -> builder.retry(null)).hasMessage("retry");
        assertThatThrownBy(() -> builder.breaker(null)).hasMessage("breaker");
        assertThatThrownBy(() -> builder.bulkhead(null)).hasMessage("bulkhead");
        assertThatThrownBy(() -> builder.failures(null)).hasMessage("failures");
        assertThatThrownBy(() -> builder.timeSource(null)).hasMessage("time");
    }

    @Test // the numbers that docs/policies/standard.md promises
    void the_defaults_are_safe_ones() {
        List<Description> policies = StandardPipeline.of("payments").describe().inner();
        assertThat(policies)
                .extracting(Description::name)
                .containsExactly("payments total", "payments", "payments", "payments", "payments attempt");
        assertThat(policies.get(0).settings()).containsEntry("after", "30 s");
        assertThat(policies.get(1).settings())
                .containsEntry("maxAttempts", "3")
                .containsEntry("backoff", "exponential 100 ms x2.0, cap 2 s, full jitter")
                .hasEntrySatisfying("budget", budget -> assertThat(budget).isNotEqualTo("off"));
        assertThat(policies.get(2).settings()).containsEntry("openFor", "5 s").containsEntry("failureRate", "50 %");
        assertThat(policies.get(3).settings())
                .containsEntry("maxConcurrent", "25")
                .containsEntry("maxWaiting", "0");
        assertThat(policies.get(4).settings()).containsEntry("after", "5 s");
    }

    @Test
    void the_two_timeouts_are_those_that_were_asked_for() {
        ManualTime manual = ManualTime.create();
        Pipeline pipeline = StandardPipeline.builder("p")
                .timeout(ofSeconds(7))
                .attemptTimeout(ofSeconds(2))
                .retry(Retry.builder("r")
                        .maxAttempts(9)
                        .backoff(Backoff.constant(ofSeconds(1)))
                        .build())
                .timeSource(manual)
                .build();
        AtomicInteger attempts = new AtomicInteger();
        CompletableFuture<String> call = pipeline.callAsync(() -> {
            attempts.incrementAndGet();
            return new CompletableFuture<>();
        });
        manual.advance(ofSeconds(5)); // 2 s, a pause, 2 s
        assertThat(call).isNotDone();
        assertThat(attempts).hasValue(2);
        manual.advance(ofSeconds(2));
        assertThat(attempts).hasValue(3);
        assertThat(call).isCompletedExceptionally();
        assertThatThrownBy(call::join).cause().isInstanceOfSatisfying(TimeoutExceededException.class, late -> {
            assertThat(late.name()).isEqualTo("p total");
            assertThat(late.pipeline()).contains("p");
            assertThat(late).hasCauseInstanceOf(TimeoutExceededException.class);
        });
        assertThat(manual.pendingTimers()).isZero();
    }

    @Test // S36: 0.2 for each first attempt, and ten a second
    void the_default_retry_has_a_budget_that_runs_out() {
        ManualTime manual = ManualTime.create();
        Pipeline pipeline = StandardPipeline.builder("p")
                .breaker(CircuitBreaker.builder("b")
                        .window(Window.calls(1000).minimumCalls(1000))
                        .timeSource(manual)
                        .build())
                .timeSource(manual)
                .build();
        List<CompletableFuture<String>> ended = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            CompletableFuture<String> call =
                    pipeline.callAsync(() -> CompletableFuture.failedFuture(new IOException("down")));
            if (call.isDone()) ended.add(call);
        }
        assertThat(ended).as("not worth a retry").hasSizeBetween(150, 190);
        assertThatThrownBy(() -> ended.get(0).join())
                .cause()
                .satisfies(thrown -> assertThat(Retry.Stopped.in(thrown))
                        .hasValueSatisfying(why -> assertThat(why.reason()).isEqualTo(Retry.Stopped.Reason.BUDGET)));
    }

    @Test
    void the_default_bulkhead_is_inside_the_retry_and_lets_nobody_wait() {
        ManualTime manual = ManualTime.create();
        Pipeline pipeline = StandardPipeline.builder("p")
                .retry(Retry.of(1))
                .timeSource(manual)
                .build();
        List<CompletableFuture<String>> calls = new ArrayList<>();
        for (int i = 0; i < 25; i++) calls.add(pipeline.callAsync(() -> new CompletableFuture<>()));
        assertThat(pipeline.outcome(() -> "one too many").as(BulkheadFullException.class))
                .hasValueSatisfying(full -> assertThat(full).hasMessageContaining("in flight 25/25"));
        calls.forEach(call -> call.cancel(false));
        assertThat(pipeline.<String, RuntimeException>call(() -> "room again")).isEqualTo("room again");
    }
}
