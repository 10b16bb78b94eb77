// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.Window;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.bulkhead.BulkheadFullException;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** S39 with real breakers, bulkheads and threads: who wins, what losers leave behind, and what everybody around counts. */
class HedgeRaceTest {
    private final ManualTime time = ManualTime.create();
    private final CircuitBreaker inside = breaker("inside", time);
    private final CircuitBreaker outside = breaker("outside", time);
    private final List<CompletableFuture<String>> attempts = Collections.synchronizedList(new ArrayList<>());

    private static CircuitBreaker breaker(String name, TimeSource time) {
        return CircuitBreaker.builder(name)
                .window(Window.calls(10).minimumCalls(1))
                .consecutiveFailures(1)
                .openFor(ofSeconds(5))
                .probes(1)
                .timeSource(time)
                .build();
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

    private static void awaitUntil(BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(60)) throw new AssertionError("nothing happened");
            TimeSource.system().park(condition, 100_000);
        }
    }

    private static void counted(CircuitBreaker breaker, int calls, int failures) {
        assertThat(breaker.snapshot().state()).isEqualTo(CircuitBreaker.State.CLOSED);
        assertThat(breaker.snapshot().calls()).as("calls of %s", breaker).isEqualTo(calls);
        assertThat(breaker.snapshot().failures()).as("failures of %s", breaker).isEqualTo(failures);
    }

    @Test
    void a_lost_attempt_is_neutral_for_breakers_inside_and_outside() { // L7
        CompletableFuture<String> call =
                pipeline(outside, Hedge.after(ofMillis(10)), inside).callAsync(this::attempt);
        time.advance(ofMillis(10));
        attempts.get(1).complete("hedge");
        assertThat(call).isCompletedWithValue("hedge");
        assertThat(attempts.get(0)).isCancelled();
        counted(inside, 1, 0);
        counted(outside, 1, 0);
    }

    @Test
    void a_hedge_that_fails_counts_inside_and_not_outside() {
        inside.reconfigure(CircuitBreaker.Builder::noConsecutiveFailures);
        inside.reconfigure(b -> b.failureRate(1));
        CompletableFuture<String> call =
                pipeline(outside, Hedge.after(ofMillis(10)), inside).callAsync(this::attempt);
        time.advance(ofMillis(10));
        attempts.get(0).complete("first");
        assertThat(call).isCompletedWithValue("first");
        counted(inside, 1, 0);

        attempts.clear();
        CompletableFuture<String> second =
                pipeline(outside, Hedge.after(ofMillis(10)), inside).callAsync(this::attempt);
        time.advance(ofMillis(10));
        attempts.get(1).completeExceptionally(new IOException("down"));
        assertThat(second).as("a healthy first attempt goes on").isNotDone();
        attempts.get(0).complete("first");
        assertThat(second).isCompletedWithValue("first");
        counted(inside, 3, 1);
        counted(outside, 2, 0);
    }

    @Test
    void a_lost_probe_gives_its_slot_back() { // S30
        assertThat(inside.outcome(() -> {
                    throw new IOException("down");
                }))
                .isInstanceOf(Outcome.Failure.class);
        inside.reconfigure(b -> b.probes(2).requiredSuccesses(2));
        time.advance(ofSeconds(5));
        CompletableFuture<String> call =
                pipeline(Hedge.after(ofMillis(10)), inside).callAsync(this::attempt);
        time.advance(ofMillis(10));
        assertThat(attempts).as("both were admitted as probes").hasSize(2);
        attempts.get(1).complete("hedge");
        assertThat(call).isCompletedWithValue("hedge");
        assertThat(inside.snapshot().state()).isEqualTo(CircuitBreaker.State.HALF_OPEN);
        assertThat(inside.<String, RuntimeException>call(() -> "the slot of the loser"))
                .isEqualTo("the slot of the loser");
        assertThat(inside.snapshot().state()).isEqualTo(CircuitBreaker.State.CLOSED);
    }

    @Test
    void a_first_attempt_that_is_rejected_while_a_hedge_runs_ends_nothing() { // S39
        CallContext.Attribute<String> none = CallContext.Attribute.of("none");
        Bulkhead newestFirst = Bulkhead.builder("lifo")
                .maxConcurrent(4)
                .maxWaiting(2)
                .maxWait(ofMillis(20))
                .lifo()
                .weight(c -> c.get(none) == null && c.attempt() == 1 ? 4 : 1)
                .timeSource(time)
                .build();
        Permit held = newestFirst.admit(CallContext.root().attempt(2));
        CompletableFuture<String> call =
                pipeline(Hedge.after(ofMillis(10)), newestFirst).callAsync(this::attempt);
        assertThat(attempts).as("the first attempt waits for four slots").isEmpty();
        time.advance(ofMillis(10));
        assertThat(attempts).as("the hedge came last and goes first").hasSize(1);
        time.advance(ofMillis(10));
        assertThat(newestFirst.waiting()).as("the first was rejected").isZero();
        assertThat(call).isNotDone();
        attempts.get(0).complete("hedge");
        awaitUntil(call::isDone);
        assertThat(call).isCompletedWithValue("hedge");
        held.success();
        assertThat(newestFirst.inFlight()).isZero();
    }

    @Test
    void a_hedge_that_fails_really_surfaces_rather_than_the_rejection_of_the_first() { // L14
        Bulkhead newestFirst = Bulkhead.builder("lifo")
                .maxConcurrent(4)
                .maxWaiting(2)
                .maxWait(ofMillis(20))
                .lifo()
                .weight(c -> c.attempt() == 1 ? 4 : 1)
                .timeSource(time)
                .build();
        Permit held = newestFirst.admit(CallContext.root().attempt(2));
        CompletableFuture<String> call =
                pipeline(Hedge.after(ofMillis(10)), newestFirst).callAsync(this::attempt);
        time.advance(ofMillis(10));
        IOException down = new IOException("down");
        attempts.get(0).completeExceptionally(down);
        assertThat(call).isNotDone();
        time.advance(ofMillis(10));
        assertThat(call.handle((value, thrown) -> thrown)).isCompletedWithValue(down);
        assertThat(down.getSuppressed()).hasOnlyElementsOfType(BulkheadFullException.class);
        held.success();
    }

    @Test
    void no_hedge_starts_at_the_deadline_of_a_timeout_around_it() { // S39, L14
        Hedge hedge = Hedge.after(ofMillis(50));
        CompletableFuture<String> call =
                pipeline(Timeout.of(ofMillis(50)), hedge).callAsync(this::attempt);
        time.advance(ofMillis(50));
        awaitUntil(call::isDone);
        assertThat(call.handle((value, thrown) -> thrown).join()).isInstanceOf(TimeoutExceededException.class);
        assertThat(attempts).hasSize(1).allMatch(CompletableFuture::isCancelled);
        assertThat(hedge.started()).isZero();
        Hedge sooner = Hedge.after(ofMillis(49));
        pipeline(Timeout.of(ofMillis(50)), sooner).callAsync(this::attempt);
        time.advance(ofMillis(49));
        assertThat(sooner.started()).isEqualTo(1);
        time.advance(ofMillis(1));
        awaitUntil(() -> time.pendingTimers() == 0);
    }

    @Test
    void a_winner_on_the_blocking_face_does_not_wait_for_a_loser_that_ignores_its_interrupt() throws Exception {
        CircuitBreaker around = breaker("around", TimeSource.system());
        CircuitBreaker within = breaker("within", TimeSource.system());
        Pipeline pipeline = Pipeline.of(around, Hedge.after(Duration.ZERO), within);
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger closed = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        AutoCloseable winner = () -> closed.addAndGet(100);
        AutoCloseable value = pipeline.call(CallContext.root(), c -> {
            if (c.attempt() == 2) {
                running.await();
                return winner;
            }
            running.countDown();
            while (end.getCount() > 0) {
                Thread.interrupted();
                TimeSource.system().park(end, 1_000_000);
            }
            ended.incrementAndGet();
            return (AutoCloseable) closed::incrementAndGet;
        });
        assertThat(value).isSameAs(winner);
        assertThat(ended).as("the loser runs on").hasValue(0);
        end.countDown();
        awaitUntil(() -> closed.get() == 1);
        assertThat(around.snapshot().calls()).isEqualTo(1);
        awaitUntil(() -> within.snapshot().calls() == 1);
        assertThat(within.snapshot().failures() + around.snapshot().failures()).isZero();
    }

    @Test
    void a_loser_that_throws_because_it_was_interrupted_counts_nowhere() {
        CircuitBreaker within = breaker("within", TimeSource.system());
        Bulkhead both = Bulkhead.builder("both").maxConcurrent(2).build();
        Pipeline pipeline = Pipeline.of(Hedge.after(Duration.ZERO), within, both);
        CountDownLatch running = new CountDownLatch(1);
        AtomicBoolean threw = new AtomicBoolean();
        Outcome<String> outcome = pipeline.outcome(CallContext.root(), c -> {
            if (c.attempt() == 2) {
                running.await();
                return "hedge";
            }
            running.countDown();
            try {
                new CountDownLatch(1).await(60, TimeUnit.SECONDS);
                return "too late";
            } catch (InterruptedException e) {
                threw.set(true);
                throw new IllegalStateException("as many drivers say it", e);
            }
        });
        assertThat(outcome.orElse("lost")).isEqualTo("hedge");
        awaitUntil(() -> threw.get() && both.inFlight() == 0);
        assertThat(within.snapshot().state()).isEqualTo(CircuitBreaker.State.CLOSED);
        awaitUntil(() -> within.snapshot().calls() == 1);
        assertThat(within.snapshot().failures()).isZero();
    }

    @Test
    void a_timeout_around_it_reaches_every_attempt_on_the_blocking_face() { // L7
        Pipeline pipeline = Pipeline.of(Timeout.of(ofMillis(100)), Hedge.after(Duration.ZERO));
        CountDownLatch both = new CountDownLatch(2);
        CountDownLatch interrupted = new CountDownLatch(2);
        Outcome<String> outcome = pipeline.outcome(() -> {
            both.countDown();
            try {
                new CountDownLatch(1).await(60, TimeUnit.SECONDS);
                return "too late";
            } catch (InterruptedException e) {
                interrupted.countDown();
                throw e;
            }
        });
        assertThat(outcome.as(TimeoutExceededException.class)).isPresent();
        // a machine that is busy may be late with an attempt: what never began needs no interrupt
        awaitUntil(() -> interrupted.getCount() == both.getCount());
    }

    @Test
    void a_hedge_that_is_being_started_when_the_race_ends_is_cancelled() { // S39, L13
        Hedge hedge = Hedge.after(ofMillis(10));
        CompletableFuture<String> call = pipeline(hedge, inside).callAsync(() -> {
            CompletableFuture<String> mine = attempt();
            if (attempts.size() == 2) attempts.get(0).complete("first"); // nobody knows the hedge's stage yet
            return mine;
        });
        time.advance(ofMillis(10));
        assertThat(call).isCompletedWithValue("first");
        assertThat(attempts.get(1)).isCancelled();
        assertThat(hedge.started()).isEqualTo(1);
        assertThat(hedge.won()).isZero();
        counted(inside, 1, 0);
    }

    @Test
    void attempts_that_end_together_give_one_value_and_close_the_others() throws Exception { // L1
        Bulkhead around = Bulkhead.builder("around").maxConcurrent(9).build();
        Bulkhead within = Bulkhead.builder("within").maxConcurrent(9).build();
        Hedge three = Hedge.builder("three").delay(Duration.ZERO).maxHedges(2).build();
        Pipeline pipeline = Pipeline.of(around, three, within);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            for (int round = 0; round < 300; round++) {
                List<CompletableFuture<AutoCloseable>> stages = Collections.synchronizedList(new ArrayList<>());
                AtomicInteger closed = new AtomicInteger();
                CompletableFuture<AutoCloseable> call = pipeline.callAsync(() -> {
                    CompletableFuture<AutoCloseable> stage = new CompletableFuture<>() {
                        @Override
                        public boolean cancel(boolean mayInterruptIfRunning) {
                            return false;
                        }
                    };
                    stages.add(stage);
                    return stage;
                });
                awaitUntil(() -> stages.size() == 3);
                boolean cancelling = round % 3 == 0;
                CyclicBarrier together = new CyclicBarrier(cancelling ? 4 : 3);
                List<Future<?>> done = new ArrayList<>();
                for (CompletableFuture<AutoCloseable> stage : stages) {
                    done.add(pool.submit(() -> {
                        together.await(60, TimeUnit.SECONDS);
                        return stage.complete(closed::incrementAndGet);
                    }));
                }
                if (cancelling) {
                    done.add(pool.submit(() -> {
                        together.await(60, TimeUnit.SECONDS);
                        return call.cancel(true);
                    }));
                }
                for (Future<?> each : done) each.get(60, TimeUnit.SECONDS);
                awaitUntil(call::isDone);
                int kept = call.isCompletedExceptionally() ? 0 : 1;
                awaitUntil(() -> closed.get() == 3 - kept);
                assertThat(around.inFlight() + within.inFlight()).isZero();
            }
        } finally {
            pool.shutdown();
        }
    }
}
