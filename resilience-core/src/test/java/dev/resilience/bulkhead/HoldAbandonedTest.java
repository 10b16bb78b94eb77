// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bulkhead;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Driver;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** S34: who has been left behind keeps a slot until it has really ended or the lease has; without a lease not at all. */
class HoldAbandonedTest {
    private static final Duration SECOND = ofSeconds(1);
    private static final Duration LEASE = ofSeconds(10);

    private final ManualTime time = ManualTime.create();
    private final List<Stubborn> stages = Collections.synchronizedList(new ArrayList<>());
    private final CountDownLatch release = new CountDownLatch(1);

    /** A stage that nobody can stop. */
    private static final class Stubborn extends CompletableFuture<String> {
        @Override
        public boolean cancel(boolean mayInterruptIfRunning) {
            return false;
        }
    }

    private CompletableFuture<String> attempt() {
        Stubborn stage = new Stubborn();
        stages.add(stage);
        return stage;
    }

    /** Blocking work that ignores its interrupt. */
    private String stubborn() {
        awaitStubbornly(release);
        return "at last";
    }

    private static void awaitStubbornly(CountDownLatch latch) {
        while (true) {
            try {
                if (!latch.await(60, TimeUnit.SECONDS)) throw new AssertionError("never released");
                return;
            } catch (InterruptedException ignored) {
                // that is what makes it stubborn
            }
        }
    }

    private Bulkhead bulkhead(Duration lease) {
        return Bulkhead.builder("held")
                .maxConcurrent(4)
                .maxWaiting(4)
                .maxWait(ofSeconds(100))
                .holdAbandoned(lease)
                .timeSource(time)
                .build();
    }

    private Pipeline pipeline(Policy... policies) {
        return Pipeline.builder("p").policies(policies).timeSource(time).build();
    }

    private static Policy[] around(boolean outside, Bulkhead bulkhead, Driver driver) {
        return outside ? new Policy[] {bulkhead, driver} : new Policy[] {driver, bulkhead};
    }

    private Pipeline pipeline(boolean outside, Bulkhead bulkhead, Driver driver) {
        return pipeline(around(outside, bulkhead, driver));
    }

    /** Patient: the machine may be busy. */
    private static void awaitUntil(BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(60)) throw new AssertionError("nothing happened");
            TimeSource.system().park(condition, 100_000);
        }
    }

    private static void awaitFree(Bulkhead bulkhead) {
        awaitUntil(() -> bulkhead.inFlight() == 0);
    }

    @AfterEach
    void nothing_is_left() { // L13
        release.countDown();
        assertThat(time.pendingTimers()).as("timers").isZero();
        assertThat(time.parkedThreads()).as("parked").isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_stage_left_behind_by_a_timeout_keeps_its_slot_until_it_ends(boolean outside) {
        Bulkhead bulkhead = bulkhead(LEASE);
        Timeout timeout = Timeout.of(SECOND);
        CompletableFuture<String> call = pipeline(outside, bulkhead, timeout).callAsync(this::attempt);
        time.advance(SECOND);
        assertThatThrownBy(call::join).hasCauseInstanceOf(TimeoutExceededException.class);
        assertThat(timeout.abandoned()).isEqualTo(1);
        assertThat(bulkhead.inFlight()).isEqualTo(1);
        time.advance(ofSeconds(9));
        assertThat(bulkhead.inFlight()).isEqualTo(1);
        stages.get(0).complete("late");
        assertThat(bulkhead.inFlight()).isZero();
        assertThat(timeout.abandoned()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void one_that_never_ends_keeps_it_until_the_lease_does(boolean outside) { // L3
        Bulkhead bulkhead = bulkhead(LEASE);
        Timeout timeout = Timeout.of(SECOND);
        pipeline(outside, bulkhead, timeout).callAsync(this::attempt);
        time.advance(SECOND);
        time.advance(ofMillis(9_999));
        assertThat(bulkhead.inFlight()).isEqualTo(1);
        time.advance(ofMillis(1));
        assertThat(bulkhead.inFlight()).isZero();
        assertThat(timeout.abandoned()).as("it still runs, and is seen").isEqualTo(1);
        stages.get(0).complete("much later"); // L1: its end gives nothing back a second time
        assertThat(bulkhead.inFlight()).isZero();
        assertThat(timeout.abandoned()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void without_a_lease_the_slot_is_free_at_once(boolean outside) {
        Bulkhead bulkhead = bulkhead(Duration.ZERO);
        Timeout timeout = Timeout.of(SECOND);
        pipeline(outside, bulkhead, timeout).callAsync(this::attempt);
        time.advance(SECOND);
        assertThat(bulkhead.inFlight()).isZero();
        assertThat(timeout.abandoned()).isEqualTo(1);
        stages.get(0).complete("late");
        assertThat(timeout.abandoned()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void blocking_work_left_behind_by_a_detached_timeout_keeps_its_slot_until_it_ends(boolean outside) {
        ManualTime auto = ManualTime.autoAdvancing();
        Bulkhead bulkhead =
                Bulkhead.builder("held").holdAbandoned(LEASE).timeSource(auto).build();
        Timeout detached = Timeout.builder("t").after(SECOND).detached().build();
        Pipeline pipeline = Pipeline.builder("p")
                .policies(around(outside, bulkhead, detached))
                .timeSource(auto)
                .build();
        assertThat(pipeline.outcome(this::stubborn).as(TimeoutExceededException.class))
                .isPresent();
        assertThat(bulkhead.inFlight()).isEqualTo(1);
        release.countDown();
        awaitFree(bulkhead);
        awaitUntil(() -> detached.abandoned() == 0);
        assertThat(auto.pendingTimers()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void blocking_work_that_never_ends_keeps_it_until_the_lease_does(boolean outside) { // L3
        ManualTime auto = ManualTime.autoAdvancing();
        Bulkhead bulkhead =
                Bulkhead.builder("held").holdAbandoned(LEASE).timeSource(auto).build();
        Pipeline pipeline = Pipeline.builder("p")
                .policies(around(
                        outside,
                        bulkhead,
                        Timeout.builder("t").after(SECOND).detached().build()))
                .timeSource(auto)
                .build();
        assertThat(pipeline.outcome(this::stubborn).as(TimeoutExceededException.class))
                .isPresent();
        auto.advance(ofMillis(9_999));
        assertThat(bulkhead.inFlight()).isEqualTo(1);
        auto.advance(ofMillis(1));
        assertThat(bulkhead.inFlight()).isZero();
        assertThat(auto.pendingTimers()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void without_a_lease_blocking_work_that_never_ends_has_no_slot_when_the_caller_returns(boolean outside) { // L3
        ManualTime auto = ManualTime.autoAdvancing();
        Bulkhead bulkhead = Bulkhead.builder("plain").timeSource(auto).build();
        Timeout detached = Timeout.builder("t").after(SECOND).detached().build();
        Pipeline pipeline = Pipeline.builder("p")
                .policies(around(outside, bulkhead, detached))
                .timeSource(auto)
                .build();
        assertThat(pipeline.outcome(this::stubborn).as(TimeoutExceededException.class))
                .isPresent();
        assertThat(bulkhead.inFlight()).isZero();
        assertThat(detached.abandoned()).isEqualTo(1);
        release.countDown();
        awaitUntil(() -> detached.abandoned() == 0);
        assertThat(bulkhead.inFlight()).as("given back once").isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void the_loser_of_a_hedge_keeps_its_slot_until_it_ends(boolean outside) {
        Bulkhead bulkhead = bulkhead(LEASE);
        CompletableFuture<String> call =
                pipeline(outside, bulkhead, Hedge.after(SECOND)).callAsync(this::attempt);
        time.advance(SECOND);
        awaitUntil(() -> stages.size() == 2);
        stages.get(1).complete("hedge");
        awaitUntil(call::isDone);
        assertThat(call).isCompletedWithValue("hedge");
        assertThat(bulkhead.inFlight()).isEqualTo(1);
        stages.get(0).complete("late");
        assertThat(bulkhead.inFlight()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_blocking_loser_that_ignores_its_interrupt_keeps_its_slot_only_with_a_lease(boolean outside) {
        for (Duration lease : List.of(LEASE, Duration.ZERO)) {
            Bulkhead bulkhead = Bulkhead.builder("held").holdAbandoned(lease).build();
            Pipeline pipeline = Pipeline.of(around(outside, bulkhead, Hedge.after(Duration.ZERO)));
            CountDownLatch end = new CountDownLatch(1);
            CountDownLatch running = new CountDownLatch(1);
            String value = pipeline.call(CallContext.root(), c -> {
                if (c.attempt() == 2) {
                    awaitStubbornly(running);
                    return "hedge";
                }
                running.countDown();
                awaitStubbornly(end);
                return "late";
            });
            assertThat(value).isEqualTo("hedge");
            int held = lease.isZero() ? 0 : 1;
            awaitUntil(
                    () -> bulkhead.inFlight() == held); // inside, the winner's own worker may still be on its way out
            end.countDown();
            awaitFree(bulkhead);
        }
    }

    @Test
    void submitted_work_that_ignores_its_interrupt_keeps_its_slot() throws Exception {
        Bulkhead bulkhead = bulkhead(LEASE);
        ExecutorService pool = Executors.newSingleThreadExecutor();
        try {
            CountDownLatch running = new CountDownLatch(1);
            CompletableFuture<String> call = pipeline(Timeout.of(SECOND), bulkhead)
                    .submit(pool, () -> {
                        running.countDown();
                        return stubborn();
                    });
            assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();
            time.advance(SECOND);
            awaitUntil(call::isDone);
            assertThat(bulkhead.inFlight()).isEqualTo(1);
            release.countDown();
            awaitFree(bulkhead);
        } finally {
            release.countDown();
            pool.shutdown();
        }
    }

    @Test
    void a_caller_who_gives_up_leaves_a_stage_behind_too() { // L7
        Bulkhead bulkhead = bulkhead(LEASE);
        CompletableFuture<String> call = bulkhead.callAsync(this::attempt);
        call.cancel(true);
        assertThat(bulkhead.inFlight()).isEqualTo(1);
        stages.get(0).completeExceptionally(new CompletionException(new IllegalStateException("late")));
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void a_stage_that_can_be_cancelled_has_ended_then() {
        Bulkhead bulkhead = bulkhead(LEASE);
        CompletableFuture<String> call = bulkhead.callAsync(CompletableFuture::new);
        call.cancel(true);
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void a_call_that_goes_on_well_waits_for_what_its_first_attempt_left_behind() {
        Bulkhead bulkhead = bulkhead(LEASE);
        Retry retry =
                Retry.builder("again").maxAttempts(2).backoff(Backoff.none()).build();
        CompletableFuture<String> call =
                pipeline(bulkhead, retry, Timeout.of(SECOND)).callAsync(this::attempt);
        time.advance(SECOND);
        awaitUntil(() -> stages.size() == 2);
        stages.get(1).complete("second");
        awaitUntil(call::isDone);
        assertThat(call).isCompletedWithValue("second");
        assertThat(bulkhead.inFlight()).as("the first attempt still runs").isEqualTo(1);
        time.advance(LEASE);
        assertThat(bulkhead.inFlight()).isZero();
        stages.get(0).complete("first");
    }

    @Test
    void a_slot_that_comes_back_late_lets_the_next_one_in() throws Exception { // S35
        Bulkhead bulkhead = bulkhead(LEASE);
        bulkhead.reconfigure(b -> b.maxConcurrent(1));
        pipeline(Timeout.of(SECOND), bulkhead).callAsync(this::attempt);
        time.advance(SECOND);
        CompletableFuture<Permit> next = bulkhead.admitAsync(CallContext.root());
        assertThat(next).isNotDone();
        stages.get(0).complete("late");
        next.get(60, TimeUnit.SECONDS).success();
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void what_ends_in_time_arms_no_lease() {
        Bulkhead bulkhead = bulkhead(LEASE);
        Pipeline pipeline = pipeline(Timeout.of(SECOND), bulkhead);
        assertThat(pipeline.<String, RuntimeException>call(() -> "blocking")).isEqualTo("blocking");
        assertThat(pipeline.callAsync(() -> CompletableFuture.completedFuture("at once")))
                .isCompletedWithValue("at once");
        CompletableFuture<String> later = pipeline.callAsync(this::attempt);
        stages.get(0).complete("later");
        assertThat(later).isCompletedWithValue("later");
        assertThat(time.pendingTimers()).isZero();
        assertThat(bulkhead.inFlight()).isZero();
        assertThatThrownBy(() -> pipeline.run(() -> {
                    throw new IllegalStateException("own");
                }))
                .hasMessage("own");
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void reconfiguring_counts_for_calls_that_begin_afterwards() { // L12
        Bulkhead bulkhead = bulkhead(Duration.ZERO);
        Pipeline pipeline = pipeline(Timeout.of(SECOND), bulkhead);
        pipeline.callAsync(this::attempt);
        bulkhead.reconfigure(b -> b.holdAbandoned(LEASE));
        assertThat(bulkhead.describe().settings()).containsEntry("holdAbandoned", "10 s");
        pipeline.callAsync(this::attempt);
        assertThat(bulkhead.inFlight()).isEqualTo(2);
        bulkhead.reconfigure(b -> b.maxConcurrent(5));
        time.advance(SECOND);
        assertThat(bulkhead.inFlight()).as("only the second is held").isEqualTo(1);
        bulkhead.reconfigure(b -> b.holdAbandoned(Duration.ZERO));
        assertThat(bulkhead.describe().settings()).doesNotContainKey("holdAbandoned");
        assertThat(bulkhead.inFlight()).isEqualTo(1);
        stages.get(1).complete("late");
        assertThat(bulkhead.inFlight()).isZero();
    }

    @Test
    void nonsense_is_refused() { // L11
        assertThatThrownBy(
                        () -> Bulkhead.builder("b").holdAbandoned(ofSeconds(-1)).build())
                .hasMessage("bulkhead 'b': holdAbandoned must not be negative, was PT-1S");
        assertThatThrownBy(() -> Bulkhead.builder("b").holdAbandoned(null)).hasMessage("lease");
    }

    @Test
    void ends_leases_and_cancels_that_meet_give_each_slot_back_once() throws Exception { // L1
        Bulkhead bulkhead = bulkhead(LEASE);
        Bulkhead inner = bulkhead(LEASE);
        Pipeline pipeline = pipeline(Timeout.of(SECOND), bulkhead, Hedge.after(Duration.ZERO), inner);
        ExecutorService pool = Executors.newFixedThreadPool(3);
        try {
            for (int round = 0; round < 300; round++) {
                stages.clear();
                CompletableFuture<String> call = pipeline.callAsync(this::attempt);
                awaitUntil(() -> stages.size() == 2);
                CyclicBarrier together = new CyclicBarrier(3);
                List<Future<?>> done = List.of(
                        pool.submit(() -> together(together, () -> stages.forEach(s -> s.complete("done")))),
                        pool.submit(() -> together(together, () -> call.cancel(true))),
                        pool.submit(() -> together(together, () -> time.advance(LEASE.plus(SECOND)))));
                for (Future<?> each : done) each.get(60, TimeUnit.SECONDS);
                awaitFree(bulkhead);
                awaitFree(inner);
            }
        } finally {
            pool.shutdown();
        }
    }

    private static void together(CyclicBarrier barrier, Runnable then) {
        try {
            barrier.await(60, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        then.run();
    }
}
