// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** L12: settings change, what has been learned and counted stays. */
class HedgeReconfigureTest {
    private final ManualTime time = ManualTime.create();
    private final List<CompletableFuture<String>> attempts = new ArrayList<>();

    @AfterEach
    void no_timers_are_left() { // L13
        assertThat(time.pendingTimers()).isZero();
    }

    private CompletableFuture<String> start(Hedge hedge) {
        attempts.clear();
        return Pipeline.builder("p")
                .policies(hedge)
                .executor(Runnable::run)
                .timeSource(time)
                .build()
                .callAsync(() -> {
                    CompletableFuture<String> stage = new CompletableFuture<>();
                    attempts.add(stage);
                    return stage;
                });
    }

    /** After how many milliseconds the first hedge of a call starts; -1 for none within two seconds. */
    private int hedgeStartsAfter(Hedge hedge) {
        CompletableFuture<String> call = start(hedge);
        int millis = 0;
        for (; attempts.size() == 1 && millis < 2_000; millis++) time.advance(ofMillis(1));
        int started = attempts.size() == 1 ? -1 : millis;
        attempts.get(attempts.size() - 1).completeExceptionally(new IllegalStateException("not learned from"));
        attempts.get(0).completeExceptionally(new IllegalStateException("not learned from"));
        assertThat(call).isCompletedExceptionally();
        return started;
    }

    private void succeedAfter(Hedge hedge, int millis) {
        CompletableFuture<String> call = start(hedge);
        time.advance(ofMillis(millis));
        attempts.get(0).complete("v");
        assertThat(call).isCompletedWithValue("v");
    }

    @Test
    void what_is_not_touched_stays() {
        RetryBudget budget = RetryBudget.of(0.5);
        Hedge hedge = Hedge.builder("h")
                .delay(ofMillis(20))
                .maxHedges(3)
                .budget(budget)
                .build();
        hedge.reconfigure(b -> b.delay(ofMillis(30)));
        assertThat(hedge.describe().settings())
                .containsEntry("delay", "30 ms")
                .containsEntry("maxHedges", "3")
                .containsEntry("budget", budget.toString());
        hedge.reconfigure(b -> b.maxHedges(2));
        assertThat(hedge.describe().settings())
                .containsEntry("delay", "30 ms")
                .containsEntry("maxHedges", "2")
                .containsEntry("budget", budget.toString());
    }

    @Test
    void calls_under_way_keep_the_settings_that_they_began_with() {
        Hedge hedge = Hedge.after(ofMillis(20));
        CompletableFuture<String> call = start(hedge);
        hedge.reconfigure(b -> b.delay(ofSeconds(5)).maxHedges(9));
        time.advance(ofMillis(20));
        assertThat(attempts).hasSize(2);
        time.advance(ofSeconds(60));
        assertThat(attempts).as("at most one hedge, as when it began").hasSize(2);
        attempts.get(1).complete("hedge");
        assertThat(call).isCompletedWithValue("hedge");
        assertThat(hedge.started()).isEqualTo(1);
        assertThat(hedge.won()).isEqualTo(1);
        hedge.reconfigure(b -> b.delay(ofMillis(7)));
        assertThat(hedge.started()).as("counters go on").isEqualTo(1);
        assertThat(hedgeStartsAfter(hedge)).isEqualTo(7);
    }

    @Test
    void a_learned_delay_stays_learned_whatever_else_changes() {
        Hedge hedge = Hedge.builder("h").delayQuantile(0.9, 20).build();
        for (int i = 0; i < 20; i++) succeedAfter(hedge, 100);
        hedge.reconfigure(b -> b.maxHedges(2).budget(RetryBudget.of(1)));
        assertThat(hedgeStartsAfter(hedge)).isBetween(100, 113);
    }

    @Test
    void another_quantile_and_another_warm_up_go_on_from_what_was_seen() {
        Hedge hedge = Hedge.builder("h").delayQuantile(0.9, 20).build();
        for (int i = 0; i < 40; i++) succeedAfter(hedge, i % 2 == 0 ? 50 : 400);
        hedge.reconfigure(b -> b.delayQuantile(0.3, 30));
        assertThat(hedgeStartsAfter(hedge)).isBetween(50, 57);
        assertThat(hedge.describe().settings()).containsEntry("delay", "quantile 0.3 of the successes, after 30");
        hedge.reconfigure(b -> b.delayQuantile(0.3, 42));
        assertThat(hedgeStartsAfter(hedge)).as("two successes are missing").isEqualTo(-1);
        succeedAfter(hedge, 50);
        succeedAfter(hedge, 50);
        assertThat(hedgeStartsAfter(hedge)).isBetween(50, 57);
    }

    @Test
    void a_fixed_delay_forgets_what_was_learned() {
        Hedge hedge = Hedge.builder("h").delayQuantile(0.9, 20).build();
        for (int i = 0; i < 20; i++) succeedAfter(hedge, 100);
        hedge.reconfigure(b -> b.delay(ofMillis(5)));
        assertThat(hedgeStartsAfter(hedge)).isEqualTo(5);
        hedge.reconfigure(b -> b.delayQuantile(0.9, 20));
        assertThat(hedgeStartsAfter(hedge)).isEqualTo(-1);
    }

    @Test
    void nonsense_is_refused_and_changes_nothing() { // L11
        Hedge hedge = Hedge.after(ofMillis(20));
        assertThatThrownBy(() -> hedge.reconfigure(b -> b.delayQuantile(2, 0).maxHedges(0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("hedge 'hedge': delayQuantile must be in (0, 1), was 2.0; warmUp must be at least 1, was 0;"
                        + " maxHedges must be at least 1, was 0");
        assertThatThrownBy(() -> hedge.reconfigure(null)).hasMessage("change");
        assertThat(hedge.describe().settings()).containsEntry("delay", "20 ms").containsEntry("maxHedges", "1");
    }
}
