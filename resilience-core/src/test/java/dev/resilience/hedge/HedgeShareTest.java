// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import static java.time.Duration.ofMillis;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Pipeline;
import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** docs/adr/0017: a delay learned as the q-quantile hedges the share 1 - q, also when hedges win. */
class HedgeShareTest {
    private static final int STEP = 5;

    private final ManualTime time = ManualTime.create();
    private final Random random = new Random(7);
    private final Hedge hedge = Hedge.builder("h").delayQuantile(0.9, 100).build();
    private final Pipeline pipeline = Pipeline.builder("p")
            .policies(hedge)
            .executor(Runnable::run)
            .timeSource(time)
            .build();
    private final List<Attempt> running = new ArrayList<>();

    private record Attempt(CompletableFuture<String> stage, long endsAt) {}

    /** Exponential with a mean of 100 ms: the rest of a slow one is as long as a new one. */
    private Attempt attempt() {
        long nanos = (long) (-100e6 * Math.log(1 - random.nextDouble()));
        Attempt attempt = new Attempt(new CompletableFuture<>(), time.nanoTime() + nanos);
        running.add(attempt);
        return attempt;
    }

    private void call() {
        CompletableFuture<String> call = pipeline.callAsync(() -> attempt().stage());
        while (!call.isDone()) {
            time.advance(ofMillis(STEP));
            long now = time.nanoTime();
            running.stream()
                    .filter(each -> each.endsAt() - now <= 0)
                    .toList()
                    .forEach(each -> each.stage().complete("v"));
        }
        running.clear();
    }

    @Test
    void one_call_in_ten_is_hedged_by_the_ninth_decile() {
        for (int i = 0; i < 1_000; i++) call();
        long before = hedge.started();
        for (int i = 0; i < 3_000; i++) call();
        assertThat((hedge.started() - before) / 3_000.0).isBetween(0.06, 0.13);
        assertThat(hedge.won()).as("and they win").isGreaterThan(50);
    }

    @Test
    void a_first_attempt_that_failed_says_nothing_about_time() {
        Hedge learning = Hedge.builder("l").delayQuantile(0.5, 1).maxHedges(1).build();
        List<CompletableFuture<String>> stages = new ArrayList<>();
        Pipeline small = Pipeline.builder("s")
                .policies(learning)
                .executor(Runnable::run)
                .timeSource(time)
                .build();
        for (int i = 0; i < 40; i++) {
            stages.clear();
            CompletableFuture<String> call = small.callAsync(() -> {
                stages.add(new CompletableFuture<>());
                return stages.get(stages.size() - 1);
            });
            time.advance(ofMillis(i == 0 ? 10 : 12));
            if (i == 0) {
                stages.get(0).complete("first");
            } else {
                assertThat(stages).as("ten milliseconds are all that was seen").hasSize(2);
                stages.get(0).completeExceptionally(new IllegalStateException("not learned from"));
                time.advance(ofMillis(500));
                stages.get(1).complete("hedge");
            }
            assertThat(call).isCompletedWithValue(i == 0 ? "first" : "hedge");
        }
    }
}
