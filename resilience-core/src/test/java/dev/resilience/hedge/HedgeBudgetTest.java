// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.RetryBudget;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S36 for hedges: who deposits, who withdraws, and when. A deposit is worth one hedge here, and nothing is for free. */
class HedgeBudgetTest {
    private final ManualTime time = ManualTime.create();
    private final RetryBudget budget =
            RetryBudget.builder().ratio(1).minPerSecond(0).timeSource(time).build();
    private final List<CompletableFuture<String>> attempts = new ArrayList<>();

    private Hedge hedge(int maxHedges) {
        return Hedge.builder("h")
                .delay(ofMillis(10))
                .maxHedges(maxHedges)
                .budget(budget)
                .build();
    }

    private CompletableFuture<String> start(Policy... policies) {
        return pipeline(policies).callAsync(CallContext.root(), c -> attempt());
    }

    private Pipeline pipeline(Policy... policies) {
        return Pipeline.builder("p")
                .policies(policies)
                .executor(Runnable::run)
                .timeSource(time)
                .build();
    }

    private CompletableFuture<String> attempt() {
        CompletableFuture<String> stage = new CompletableFuture<>();
        attempts.add(stage);
        return stage;
    }

    @AfterEach
    void no_timers_are_left() { // L13
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void a_call_deposits_with_its_first_outcome_not_before() {
        CompletableFuture<String> call = start(hedge(1));
        assertThat(budget.available()).isZero();
        attempts.get(0).complete("first");
        assertThat(call).isCompletedWithValue("first");
        assertThat(budget.available()).isEqualTo(1);
    }

    @Test
    void a_call_deposits_once_whatever_its_attempts_come_to() {
        for (int i = 0; i < 3; i++) budget.deposit();
        CompletableFuture<String> call = start(hedge(3));
        for (int i = 0; i < 3; i++) time.advance(ofMillis(10));
        assertThat(attempts).hasSize(4);
        assertThat(budget.available()).isZero();
        for (CompletableFuture<String> each : attempts) each.completeExceptionally(new IOException("down"));
        assertThat(call).isCompletedExceptionally();
        assertThat(budget.available()).isEqualTo(1);
    }

    @Test
    void without_a_token_no_hedge_starts() {
        CompletableFuture<String> call = start(hedge(1));
        time.advance(ofSeconds(1));
        assertThat(attempts).hasSize(1);
        attempts.get(0).complete("first");
        assertThat(call).isCompletedWithValue("first");
    }

    @Test
    void a_first_attempt_that_is_rejected_locally_deposits_nothing() {
        Bulkhead full =
                Bulkhead.builder("full").maxConcurrent(1).timeSource(time).build();
        Permit held = full.admit();
        assertThat(start(hedge(1), full)).isCompletedExceptionally();
        assertThat(budget.available()).isZero();
        held.ignore();
        CompletableFuture<String> call = start(hedge(1), full);
        attempts.get(0).complete("first");
        assertThat(call).isCompletedWithValue("first");
        assertThat(budget.available()).isEqualTo(1);
    }

    @Test
    void a_hedge_that_is_rejected_locally_gives_its_token_back() {
        budget.deposit();
        Bulkhead one = Bulkhead.builder("one").maxConcurrent(1).timeSource(time).build();
        Hedge hedge = hedge(1);
        CompletableFuture<String> call = start(hedge, one);
        time.advance(ofMillis(10));
        assertThat(hedge.started()).isEqualTo(1);
        assertThat(attempts).hasSize(1);
        assertThat(budget.available()).isEqualTo(1);
        attempts.get(0).complete("first");
        assertThat(call).isCompletedWithValue("first");
        assertThat(budget.available()).isEqualTo(2);
    }

    @Test
    void a_call_that_is_cancelled_has_loaded_the_dependency_deposits_and_has_paid() { // L7
        budget.deposit();
        CompletableFuture<String> call = start(hedge(1));
        time.advance(ofMillis(10));
        assertThat(attempts).hasSize(2);
        call.cancel(true);
        assertThat(attempts).allMatch(CompletableFuture::isCancelled);
        assertThat(budget.available()).isEqualTo(1);
    }

    @Test
    void over_many_calls_hedges_stay_within_the_ratio() {
        RetryBudget tenth = RetryBudget.builder()
                .ratio(0.1)
                .minPerSecond(0)
                .timeSource(time)
                .build();
        Hedge hedge =
                Hedge.builder("h").delay(ofMillis(1)).maxHedges(5).budget(tenth).build();
        for (int i = 1; i <= 300; i++) {
            CompletableFuture<String> call = start(hedge);
            time.advance(ofMillis(1));
            attempts.forEach(each -> each.complete("v"));
            assertThat(call).isCompletedWithValue("v");
            assertThat(hedge.started()).isLessThanOrEqualTo(i / 10);
            attempts.clear();
        }
        assertThat(hedge.started()).isGreaterThan(20);
    }
}
