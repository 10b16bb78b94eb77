// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.TimeSource;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.bulkhead.BulkheadFullException;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class HedgeTest {
    private final ManualTime time = ManualTime.create();
    private final Bulkhead inside =
            Bulkhead.builder("inside").maxConcurrent(10).timeSource(time).build();
    private final Bulkhead outside =
            Bulkhead.builder("outside").maxConcurrent(10).timeSource(time).build();

    /** The stages of the attempts, in the order in which they were started. */
    private final List<CompletableFuture<String>> attempts = Collections.synchronizedList(new ArrayList<>());

    private CompletableFuture<String> attempt() {
        CompletableFuture<String> stage = new CompletableFuture<>();
        attempts.add(stage);
        return stage;
    }

    private Pipeline pipeline(Hedge hedge) {
        return Pipeline.builder("p")
                .policies(outside, hedge, inside)
                .executor(Runnable::run)
                .timeSource(time)
                .build();
    }

    private CompletableFuture<String> start(Hedge hedge) {
        return pipeline(hedge).callAsync(this::attempt);
    }

    private void awaitAttempts(int n) {
        awaitSize(attempts, n);
        assertThat(attempts).hasSize(n);
    }

    private static void awaitSize(List<?> started, int n) {
        TimeSource real = TimeSource.system();
        long since = real.nanoTime();
        while (started.size() < n && real.nanoTime() - since < TimeUnit.SECONDS.toNanos(60)) Thread.yield();
    }

    private void allPermitsAreBack() { // L1
        assertThat(inside.inFlight()).isZero();
        assertThat(outside.inFlight()).isZero();
        assertThat(time.pendingTimers()).isZero(); // L13
    }

    @Test
    void a_first_attempt_that_is_fast_starts_no_hedge() {
        Hedge hedge = Hedge.after(ofMillis(50));
        CompletableFuture<String> call = start(hedge);
        time.advance(ofMillis(49));
        attempts.get(0).complete("first");
        assertThat(call).isCompletedWithValue("first");
        time.advance(ofSeconds(10));
        assertThat(attempts).hasSize(1);
        assertThat(hedge.started()).isZero();
        allPermitsAreBack();
    }

    @Test
    void the_hedge_wins_at_once_and_the_loser_is_cancelled_and_ignored() { // S39, L7
        Hedge hedge = Hedge.after(ofMillis(50));
        CompletableFuture<String> call = start(hedge);
        time.advance(ofMillis(50));
        awaitAttempts(2);
        assertThat(outside.inFlight()).isEqualTo(1);
        attempts.get(1).complete("hedge");
        assertThat(call).succeedsWithin(ofSeconds(60)).isEqualTo("hedge");
        assertThat(attempts.get(0)).isCancelled();
        assertThat(hedge.started()).isEqualTo(1);
        assertThat(hedge.won()).isEqualTo(1);
        allPermitsAreBack();
    }

    @Test
    void a_hedge_that_fails_never_beats_a_healthy_first_attempt() { // S39
        CompletableFuture<String> call = start(Hedge.after(ofMillis(50)));
        time.advance(ofMillis(50));
        awaitAttempts(2);
        attempts.get(1).completeExceptionally(new AssertionError("even an Error"));
        assertThat(call).isNotDone();
        attempts.get(0).complete("first");
        assertThat(call).succeedsWithin(ofSeconds(60)).isEqualTo("first");
        allPermitsAreBack();
    }

    @Test
    void fails_when_all_have_failed_with_the_first_ones_exception() { // S39, L9
        CompletableFuture<String> call =
                start(Hedge.builder("h").delay(ofMillis(10)).maxHedges(2).build());
        time.advance(ofMillis(10));
        awaitAttempts(2);
        time.advance(ofMillis(10));
        awaitAttempts(3);
        IOException first = new IOException("first");
        attempts.get(1).completeExceptionally(new IOException("second"));
        attempts.get(0).completeExceptionally(first);
        assertThat(call).isNotDone();
        attempts.get(2).completeExceptionally(new IOException("third"));
        assertThatThrownBy(() -> call.get(60, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isSameAs(first);
        assertThat(first.getSuppressed())
                .extracting(Throwable::getMessage)
                .containsExactlyInAnyOrder("second", "third");
        allPermitsAreBack();
    }

    @Test
    void a_first_attempt_that_fails_starts_no_hedge() {
        CompletableFuture<String> call = start(Hedge.after(ofMillis(50)));
        attempts.get(0).completeExceptionally(new IOException("first"));
        assertThat(call).failsWithin(ofSeconds(60));
        time.advance(ofSeconds(1));
        assertThat(attempts).hasSize(1);
        allPermitsAreBack();
    }

    @Test
    void a_rejected_hedge_leaves_the_first_attempt_alone() { // S39
        Bulkhead one = Bulkhead.builder("one").maxConcurrent(1).timeSource(time).build();
        Pipeline pipeline = Pipeline.builder("p")
                .policies(Hedge.after(ofMillis(50)), one)
                .timeSource(time)
                .build();
        CompletableFuture<String> call = pipeline.callAsync(this::attempt);
        time.advance(ofMillis(50));
        assertThat(call).isNotDone();
        attempts.get(0).complete("first");
        assertThat(call).succeedsWithin(ofSeconds(60)).isEqualTo("first");
        assertThat(one.inFlight()).isZero();
    }

    @Test
    void a_rejected_first_attempt_is_the_failure() { // S39
        Permit all = Bulkhead.of(1).admit();
        all.ignore();
        Bulkhead full =
                Bulkhead.builder("full").maxConcurrent(1).timeSource(time).build();
        full.admit();
        Pipeline pipeline = Pipeline.builder("p")
                .policies(Hedge.after(ofMillis(50)), full)
                .timeSource(time)
                .build();
        assertThat(pipeline.callAsync(this::attempt))
                .failsWithin(ofSeconds(60))
                .withThrowableThat()
                .withCauseInstanceOf(BulkheadFullException.class);
        time.advance(ofSeconds(1));
        assertThat(attempts).isEmpty();
    }

    @Test
    void no_hedge_starts_at_or_after_the_deadline() { // S39, L14
        CompletableFuture<String> call =
                pipeline(Hedge.after(ofMillis(50))).callAsync(CallContext.root().within(ofMillis(50)), c -> attempt());
        time.advance(ofMillis(50));
        assertThat(call).failsWithin(ofSeconds(60));
        assertThat(attempts).hasSize(1);
        assertThat(attempts.get(0)).isCancelled();
        allPermitsAreBack();
    }

    @Test
    void cancelling_the_call_reaches_every_attempt() { // L7
        CompletableFuture<String> call = start(Hedge.after(ofMillis(50)));
        time.advance(ofMillis(50));
        awaitAttempts(2);
        call.cancel(true);
        assertThat(attempts).allMatch(CompletableFuture::isCancelled);
        time.advance(ofSeconds(1));
        assertThat(attempts).hasSize(2);
        allPermitsAreBack();
    }

    @Test
    void no_hedge_before_warm_up_and_then_at_the_quantile() {
        Hedge hedge = Hedge.builder("h").delayQuantile(0.9, 20).build();
        for (int i = 0; i < 20; i++) {
            attempts.clear();
            CompletableFuture<String> call = start(hedge);
            time.advance(ofMillis(i == 19 ? 400 : 100));
            assertThat(attempts).as("attempts of call %d, still warming up", i).hasSize(1);
            attempts.get(0).complete("v");
            assertThat(call).isCompleted();
        }
        attempts.clear();
        start(hedge);
        time.advance(ofMillis(99));
        assertThat(attempts).hasSize(1);
        time.advance(ofMillis(14)); // within an eighth above 100 ms
        awaitAttempts(2);
        attempts.get(1).complete("v");
        allPermitsAreBack();
    }

    @Test
    void the_budget_bounds_hedges_over_all_calls() { // S36
        Hedge hedge = Hedge.builder("h")
                .delay(ofMillis(1))
                .budget(RetryBudget.builder()
                        .ratio(0.1)
                        .minPerSecond(0)
                        .timeSource(time)
                        .build())
                .build();
        for (int i = 0; i < 100; i++) {
            CompletableFuture<String> call = start(hedge);
            time.advance(ofMillis(1));
            attempts.forEach(a -> a.complete("v"));
            assertThat(call).succeedsWithin(ofSeconds(60));
        }
        assertThat(hedge.started()).isBetween(5L, 10L);
        assertThat(attempts).hasSize((int) (100 + hedge.started()));
        allPermitsAreBack();
    }

    @Test
    void a_result_that_is_judged_a_failure_does_not_win() {
        Hedge hedge = Hedge.after(ofMillis(50));
        Pipeline pipeline = Pipeline.builder("p")
                .policies(hedge)
                .failures(Failures.standard().orResult(String.class, "503"::equals))
                .timeSource(time)
                .build();
        CompletableFuture<String> call = pipeline.callAsync(this::attempt);
        time.advance(ofMillis(50));
        awaitAttempts(2);
        attempts.get(1).complete("503");
        assertThat(call).isNotDone();
        attempts.get(0).complete("200");
        assertThat(call).succeedsWithin(ofSeconds(60)).isEqualTo("200");
    }

    @Test
    void late_results_of_losers_are_closed_once() throws Exception { // discarded AutoCloseables
        AtomicInteger closed = new AtomicInteger();
        List<CompletableFuture<AutoCloseable>> stages = Collections.synchronizedList(new ArrayList<>());
        Pipeline pipeline = Pipeline.builder("p")
                .policies(Hedge.after(ofMillis(50)))
                .timeSource(time)
                .build();
        CompletableFuture<AutoCloseable> call = pipeline.callAsync(() -> {
            CompletableFuture<AutoCloseable> stage = new CompletableFuture<>() {
                @Override
                public boolean cancel(boolean mayInterruptIfRunning) {
                    return false; // one that cannot be stopped
                }
            };
            stages.add(stage);
            return stage;
        });
        time.advance(ofMillis(50));
        awaitSize(stages, 2);
        stages.get(0).complete(() -> closed.addAndGet(100));
        assertThat(call).succeedsWithin(ofSeconds(60));
        stages.get(1).complete(closed::incrementAndGet);
        assertThat(closed.get()).isEqualTo(1);
    }

    @Test
    void on_the_blocking_face_the_slow_attempt_is_interrupted_and_the_fast_one_answers() throws Exception {
        Pipeline pipeline = Pipeline.of(Hedge.after(ofMillis(5)), Bulkhead.of(5));
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        String value = pipeline.call(CallContext.root(), c -> {
            if (c.attempt() == 2) {
                running.await(60, TimeUnit.SECONDS); // one that has not begun needs no interrupt
                return "hedge";
            }
            running.countDown();
            try {
                new CountDownLatch(1).await(60, TimeUnit.SECONDS);
                return "too late";
            } catch (InterruptedException e) {
                interrupted.countDown();
                throw e;
            }
        });
        assertThat(value).isEqualTo("hedge");
        assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void a_caller_who_is_interrupted_gives_every_attempt_up() throws Exception { // L7, L8
        Pipeline pipeline = Pipeline.of(Hedge.after(Duration.ZERO));
        CountDownLatch running = new CountDownLatch(2);
        CountDownLatch interrupted = new CountDownLatch(2);
        CompletableFuture<Outcome<String>> outcome = new CompletableFuture<>();
        Thread caller = new Thread(() -> outcome.complete(pipeline.outcome(() -> {
            running.countDown();
            try {
                new CountDownLatch(1).await(60, TimeUnit.SECONDS);
                return "too late";
            } catch (InterruptedException e) {
                interrupted.countDown();
                throw e;
            }
        })));
        caller.start();
        assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();
        caller.interrupt();
        assertThat(outcome.get(60, TimeUnit.SECONDS).as(CallInterruptedException.class))
                .isPresent();
        assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void refuses_nonsense_in_one_message() { // L11
        assertThatThrownBy(() -> Hedge.builder("h").maxHedges(0).build())
                .hasMessage(
                        "hedge 'h': delay or delayQuantile is needed, was not set; maxHedges must be at least 1, was 0");
        assertThatThrownBy(() -> Hedge.builder("h").delayQuantile(1, 0).build())
                .hasMessage("hedge 'h': delayQuantile must be in (0, 1), was 1.0; warmUp must be at least 1, was 0");
        assertThatThrownBy(() -> Hedge.after(ofMillis(-1)))
                .hasMessage("hedge 'hedge': delay must not be negative, was PT-0.001S");
        assertThatThrownBy(() -> Hedge.builder("h").budget(null)).hasMessage("budget");
        assertThatThrownBy(() -> Hedge.after(null)).hasMessage("delay");
        Hedge mended = Hedge.builder("h").delay(ofMillis(-1)).delay(ofMillis(1)).build();
        assertThat(mended.describe().settings()).containsEntry("delay", "1 ms");
    }

    @Test // L13: one instance for all calls does not grow with them
    void a_failure_that_is_the_same_instance_in_all_calls_keeps_a_few_others() {
        IOException same = new IOException("same");
        for (int i = 0; i < 20; i++) {
            attempts.clear();
            CompletableFuture<String> call = start(Hedge.after(Duration.ZERO));
            attempts.get(1).completeExceptionally(new IOException("hedge"));
            attempts.get(0).completeExceptionally(same);
            assertThat(call).isCompletedExceptionally();
        }
        assertThat(same.getSuppressed()).hasSize(5);
    }

    @Test
    void many_hedges_at_once_do_not_grow_the_stack() {
        Hedge many =
                Hedge.builder("many").delay(Duration.ZERO).maxHedges(20_000).build();
        CompletableFuture<String> call = many.callAsync(this::attempt);
        assertThat(attempts).hasSize(20_001);
        attempts.get(0).complete("first");
        assertThat(call).isCompletedWithValue("first");
    }

    @Test
    void a_value_that_surfaces_is_not_closed_because_another_attempt_gave_it_too() {
        AtomicInteger closed = new AtomicInteger();
        AutoCloseable shared = closed::incrementAndGet;
        Pipeline failing = Pipeline.builder("p")
                .policies(Hedge.after(Duration.ZERO))
                .failures(Failures.standard().orResult(AutoCloseable.class, value -> true))
                .build();
        List<CompletableFuture<AutoCloseable>> stages = new ArrayList<>();
        CompletableFuture<AutoCloseable> call = failing.callAsync(() -> {
            stages.add(new CompletableFuture<>());
            return stages.get(stages.size() - 1);
        });
        for (CompletableFuture<AutoCloseable> each : stages) each.complete(shared);
        assertThat(call).isCompletedWithValue(shared);
        assertThat(closed).hasValue(0);
    }
}
