// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Backoff;
import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.Subscription;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Those who did not build a retry can still hear of what it repeats and why it stopped. */
class RetryListenersTest {
    private final ManualTime time = ManualTime.autoAdvancing();
    private final List<String> heard = new ArrayList<>();
    private final Retry retry = Retry.builder("shop")
            .maxAttempts(3)
            .backoff(Backoff.none())
            .onRetry(event -> heard.add("built " + event.attempt()))
            .build();

    private Pipeline around(Retry policy) {
        return Pipeline.builder("shop").policies(policy).timeSource(time).build();
    }

    private static Object fail() throws IOException {
        throw new IOException("down");
    }

    @Test
    void a_listener_hears_each_failed_attempt_that_is_repeated_besides_the_builders() {
        retry.onRetry(event -> heard.add("later " + event.attempt()));
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> around(retry).call(RetryListenersTest::fail));
        assertThat(heard).containsExactly("later 1", "built 1", "later 2", "built 2");
    }

    @Test
    void a_stop_is_told_with_its_reason_and_what_surfaces_on_both_faces() {
        List<Object> surfaced = new ArrayList<>();
        retry.onStop((why, outcome) -> {
            heard.add(why.getMessage());
            surfaced.add(((Outcome.Failure<?>) outcome).thrown());
        });
        Throwable thrown = catchThrowable(() -> around(retry).call(RetryListenersTest::fail));
        Throwable staged = catchThrowable(() -> around(retry)
                .callAsync(() -> CompletableFuture.failedFuture(new IOException("down")))
                .join());
        assertThat(surfaced).containsExactly(thrown, staged.getCause());
        assertThat(heard)
                .containsExactly(
                        "built 1",
                        "built 2",
                        "retry 'shop' stopped after 3 attempts: maxAttempts reached",
                        "built 1",
                        "built 2",
                        "retry 'shop' stopped after 3 attempts: maxAttempts reached");
    }

    @Test
    void a_failed_value_that_surfaces_is_told_as_the_value() {
        Retry values = Retry.builder("poll")
                .maxAttempts(2)
                .backoff(Backoff.none())
                .failures(Failures.standard().orResult(String.class, "pending"::equals))
                .build();
        List<Outcome<?>> surfaced = new ArrayList<>();
        values.onStop((why, outcome) -> surfaced.add(outcome));
        assertThat(around(values).call(() -> "pending")).isEqualTo("pending");
        assertThat(surfaced).hasSize(1).allMatch(Outcome::succeeded);
    }

    @Test
    void success_and_recovery_stop_nothing_and_a_listener_that_has_left_hears_nothing() {
        int[] attempts = new int[1];
        Subscription stops = retry.onStop((why, outcome) -> heard.add("stopped"));
        Subscription retries = retry.onRetry(event -> heard.add("left"));
        retries.close();
        Object value = catchThrowable(() -> around(retry).run(() -> {
            if (attempts[0]++ == 0) throw new IOException("once");
        }));
        assertThat(value).isNull();
        assertThat(heard).containsExactly("built 1");
        stops.close();
        assertThat(catchThrowable(() -> around(retry).call(RetryListenersTest::fail)))
                .isNotNull();
        assertThat(heard).doesNotContain("stopped", "left");
    }

    @Test
    void the_budget_in_force_can_be_asked_for() {
        RetryBudget budget = RetryBudget.of(0.1);
        assertThat(retry.budget()).isEmpty();
        retry.reconfigure(b -> b.budget(budget));
        assertThat(retry.budget()).containsSame(budget);
    }
}
