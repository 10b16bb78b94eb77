// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.Reported;
import dev.resilience.Subscription;
import dev.resilience.TimeoutExceededException;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** Every timeout is counted and told once, on each face, and only by the one that fired. */
class TimeoutCountsTest {
    private final ManualTime time = ManualTime.create();
    private final Timeout inner = Timeout.of("attempt", Duration.ofSeconds(1));
    private final Timeout outer = Timeout.of("total", Duration.ofSeconds(5));
    private final Pipeline pipeline =
            Pipeline.builder("shop").policies(outer, inner).timeSource(time).build();
    private final List<TimeoutExceededException> told = new CopyOnWriteArrayList<>();

    @Test
    void a_blocking_call_counts_at_the_timeout_that_fired_and_tells_what_is_thrown() {
        inner.onTimeout(told::add);
        outer.onTimeout(told::add);
        Throwable thrown = catchThrowable(() -> pipeline.run(() -> time.advance(Duration.ofSeconds(2))));
        assertThat(thrown).isInstanceOf(TimeoutExceededException.class);
        assertThat(inner.fired()).isEqualTo(1);
        assertThat(outer.fired()).isZero();
        assertThat(told).containsExactly((TimeoutExceededException) thrown);
    }

    @Test
    void a_staged_call_counts_before_its_future_completes() {
        List<Long> seen = new ArrayList<>();
        inner.onTimeout(told::add);
        CompletableFuture<Object> future = pipeline.callAsync(CompletableFuture::new);
        CompletableFuture<Object> ended = future.whenComplete((value, thrown) -> seen.add(inner.fired()));
        time.advance(Duration.ofSeconds(1));
        assertThatExceptionOfType(CompletionException.class).isThrownBy(ended::join);
        assertThat(seen).containsExactly(1L);
        assertThat(inner.fired()).isEqualTo(1);
        assertThat(outer.fired()).isZero();
        assertThat(told).hasSize(1);
    }

    @Test
    void detached_work_counts_once() {
        Timeout detached =
                Timeout.builder("slow").after(Duration.ofSeconds(1)).detached().build();
        detached.onTimeout(told::add);
        Pipeline around =
                Pipeline.builder("shop").policies(detached).timeSource(time).build();
        CompletableFuture<Void> never = new CompletableFuture<>();
        Throwable thrown = catchThrowable(() -> around.run(() -> {
            time.advance(Duration.ofSeconds(1));
            never.get();
        }));
        assertThat(thrown).isInstanceOf(TimeoutExceededException.class);
        assertThat(detached.fired()).isEqualTo(1);
        assertThat(told).hasSize(1);
    }

    @Test
    void a_call_that_is_late_before_it_begins_counts_too() {
        Timeout late = Timeout.of(context -> Duration.ZERO);
        assertThatExceptionOfType(TimeoutExceededException.class).isThrownBy(() -> late.run(() -> {}));
        assertThat(late.fired()).isEqualTo(1);
    }

    @Test
    void the_deadline_of_a_context_is_not_this_timeouts() {
        CompletableFuture<Object> future =
                pipeline.callAsync(CallContext.root().within(Duration.ofMillis(500)), c -> new CompletableFuture<>());
        time.advance(Duration.ofMillis(500));
        assertThatExceptionOfType(CompletionException.class)
                .isThrownBy(future::join)
                .withMessageContaining("'shop' timed out");
        assertThat(inner.fired() + outer.fired()).isZero();
    }

    @Test
    void a_call_in_time_counts_nothing_and_a_listener_that_has_left_hears_nothing() {
        Subscription subscription = inner.onTimeout(told::add);
        pipeline.run(() -> {});
        assertThat(inner.fired()).isZero();
        subscription.close();
        assertThat(catchThrowable(() -> pipeline.run(() -> time.advance(Duration.ofSeconds(2)))))
                .isNotNull();
        assertThat(told).isEmpty();
    }

    @Test
    void a_listener_that_throws_changes_nothing() { // L5
        inner.onTimeout(thrown -> {
            throw new IllegalStateException("of the listener");
        });
        try (Reported reported = new Reported()) {
            assertThatExceptionOfType(TimeoutExceededException.class)
                    .isThrownBy(() -> pipeline.run(() -> time.advance(Duration.ofSeconds(2))))
                    .withMessageStartingWith("'attempt' in pipeline 'shop' timed out");
            assertThat(reported.messages())
                    .containsExactly("timeout 'attempt': an onTimeout listener threw"
                            + " java.lang.IllegalStateException: of the listener");
        }
    }
}
