// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.testkit.CountingGate;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Interrupts and cancellation: L7, L8, L13. And the trampoline: S38. */
class RetryCancellationTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();
    private final CountingGate inside = laws.gate("inside", time);
    private final IOException failure = new IOException("real");
    private final RetryBudget budget = RetryBudget.builder()
            .ratio(1)
            .minPerSecond(0) // nothing grows back by itself
            .timeSource(time)
            .build();

    @AfterEach
    void no_interrupt_leaks() { // L8
        assertThat(Thread.interrupted()).as("an interrupt leaked").isFalse();
    }

    private void deposit(int firsts) {
        for (int i = 0; i < firsts; i++) budget.deposit();
    }

    private Pipeline patient() {
        return pipeline(Retry.builder("r")
                .maxAttempts(9)
                .backoff(Backoff.constant(ofSeconds(1)))
                .budget(budget)
                .build());
    }

    private Pipeline pipeline(Retry retry) {
        return Pipeline.builder("p").policies(retry, inside).timeSource(time).build();
    }

    @Test
    void an_interrupt_in_the_pause_ends_the_call() throws Exception {
        Script work = new Script(new IOException("first"), failure);
        deposit(4); // and one by the call itself
        AtomicReference<Outcome<Object>> outcome = new AtomicReference<>();
        AtomicReference<Boolean> flag = new AtomicReference<>();
        Pipeline pipeline = patient();
        Thread caller = new Thread(() -> {
            outcome.set(pipeline.outcome(CallContext.root(), work));
            flag.set(Thread.currentThread().isInterrupted());
        });
        caller.start();
        time.awaitParked(1);
        time.advanceToNextEvent();
        time.awaitParked(1);
        caller.interrupt();
        caller.join(60_000);
        Throwable thrown = ((Outcome.Failure<Object>) outcome.get()).thrown();
        assertThat(thrown).isInstanceOf(CallInterruptedException.class).hasCause(failure);
        assertThat(thrown.getSuppressed()).hasSize(1).allMatch(e -> "first".equals(e.getMessage()));
        assertThat(flag.get()).as("set again").isTrue();
        assertThat(work.invocations()).isEqualTo(2);
        assertThat(budget.available()).as("one ran, the other came back").isEqualTo(4);
    }

    @Test
    void a_pending_interrupt_is_not_repeated_even_without_a_pause() {
        Retry retry = Retry.builder("r").backoff(Backoff.none()).build();
        AtomicInteger invocations = new AtomicInteger();
        assertThatThrownBy(() -> pipeline(retry).call(() -> {
                    invocations.incrementAndGet();
                    Thread.currentThread().interrupt(); // as a ClosedByInterruptException leaves it
                    throw failure;
                }))
                .isInstanceOf(CallInterruptedException.class)
                .hasCause(failure);
        assertThat(invocations).hasValue(1);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void an_interrupt_at_entry_does_not_disturb_a_call_that_succeeds() {
        Thread.currentThread().interrupt();
        assertThat(patient().call(() -> "done")).isEqualTo("done");
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void an_interruption_of_the_attempt_comes_out_as_it_is() {
        InterruptedException interrupted = new InterruptedException();
        Script work = new Script(interrupted);
        assertThatThrownBy(() -> pipeline(Retry.of(3)).call(CallContext.root(), work))
                .isSameAs(interrupted);
        assertThat(work.invocations()).isEqualTo(1);
    }

    @Test
    void a_future_cancelled_in_the_pause_starts_nothing_more() {
        Script work = new Script(failure);
        deposit(4); // and one by the call itself
        CompletableFuture<Object> future = Way.STAGED.start(patient(), CallContext.root(), time, work);
        assertThat(time.pendingTimers()).isEqualTo(1);
        assertThat(budget.available()).isEqualTo(4);
        future.cancel(true);
        assertThat(budget.available()).isEqualTo(5);
        assertThat(time.pendingTimers()).as("the delay is gone").isZero();
        time.advance(ofSeconds(60));
        assertThat(work.invocations()).isEqualTo(1);
    }

    @Test
    void a_future_cancelled_in_an_attempt_cancels_its_stage_and_starts_nothing_more() {
        AtomicInteger invocations = new AtomicInteger();
        AtomicReference<CompletableFuture<Object>> stage = new AtomicReference<>();
        CompletableFuture<Object> future = patient().callAsync(() -> {
            stage.set(new CompletableFuture<>());
            invocations.incrementAndGet();
            return stage.get();
        });
        future.cancel(true);
        assertThat(stage.get()).isCancelled();
        stage.get().completeExceptionally(failure);
        time.advance(ofSeconds(60));
        assertThat(invocations).hasValue(1);
    }

    @Test
    void a_future_cancelled_by_the_listener_starts_nothing_more() {
        for (Backoff backoff : new Backoff[] {Backoff.none(), Backoff.constant(ofSeconds(1))}) {
            AtomicReference<CompletableFuture<Object>> future = new AtomicReference<>();
            AtomicInteger invocations = new AtomicInteger();
            CompletableFuture<Object> hanging = new CompletableFuture<>();
            Retry retry = Retry.builder("r")
                    .backoff(backoff)
                    .onRetry(event -> future.get().cancel(true))
                    .build();
            future.set(pipeline(retry).callAsync(() -> {
                invocations.incrementAndGet();
                return hanging;
            }));
            hanging.completeExceptionally(failure);
            time.advance(ofSeconds(60));
            assertThat(invocations).as("%s", backoff).hasValue(1);
        }
        assertThat(inside.admitted()).isEqualTo(2); // one each: not even the gates were asked again
    }

    @Test // S37: a timeout that meets a running attempt carries the last real failure
    void a_timeout_outside_carries_the_last_real_failure() {
        Pipeline pipeline = Pipeline.builder("p")
                .policies(
                        Timeout.of(ofSeconds(5)),
                        Retry.builder("r")
                                .backoff(Backoff.constant(ofSeconds(1)))
                                .build())
                .timeSource(time)
                .build();
        AtomicInteger invocations = new AtomicInteger();
        CompletableFuture<Object> future = pipeline.callAsync(() -> invocations.incrementAndGet() == 1
                ? CompletableFuture.failedFuture(failure)
                : new CompletableFuture<>());
        time.advance(ofSeconds(5));
        Outcome<Object> outcome = Way.end(future, time);
        assertThat(((Outcome.Failure<Object>) outcome).thrown())
                .isInstanceOf(TimeoutExceededException.class)
                .hasCause(failure);
        time.advance(ofSeconds(60));
        assertThat(invocations).hasValue(2);
    }

    @Test // what the interrupt makes the work throw is not why the call was failing
    void a_timeout_that_interrupts_an_attempt_carries_the_failure_before_it() {
        ManualTime moving = laws.watch(ManualTime.autoAdvancing());
        Pipeline pipeline = Pipeline.builder("p")
                .policies(
                        Timeout.of(ofSeconds(5)),
                        Retry.builder("r")
                                .backoff(Backoff.constant(ofSeconds(1)))
                                .build())
                .timeSource(moving)
                .build();
        AtomicInteger invocations = new AtomicInteger();
        assertThatThrownBy(() -> pipeline.call(() -> {
                    if (invocations.incrementAndGet() == 1) throw failure;
                    moving.park(this, Long.MAX_VALUE);
                    throw new IOException("cut off");
                }))
                .isInstanceOf(TimeoutExceededException.class)
                .hasCause(failure);
        assertThat(invocations).hasValue(2);
    }

    @Test // L6: closed values cannot be returned any more
    void a_value_that_was_closed_for_a_pause_that_overslept_is_not_returned() {
        ManualTime oversleeping = ManualTime.autoAdvancing();
        RetryBudget tokens = RetryBudget.builder()
                .ratio(1)
                .minPerSecond(0)
                .timeSource(oversleeping)
                .build();
        Retry retry = Retry.builder("r")
                .backoff(Backoff.constant(ofSeconds(1)))
                .budget(tokens)
                .failures(Failures.standard().orResult(Script.Held.class, held -> true))
                .within(ofSeconds(2))
                .build();
        Pipeline pipeline =
                Pipeline.builder("p").policies(retry).timeSource(oversleeping).build();
        Script.Held held = new Script.Held();
        // a busy machine: what is due half way through the pause takes three seconds
        oversleeping.schedule(() -> oversleeping.advance(ofSeconds(3)), 500_000_000L);
        assertThatThrownBy(() -> pipeline.call(() -> held)).isInstanceOf(TimeoutExceededException.class);
        assertThat(held.closed).isEqualTo(1);
        assertThat(retry.snapshot().retries()).isZero();
        assertThat(tokens.available()).as("the token came back").isEqualTo(1);
    }

    // --- S38 ---

    @Test
    void a_million_immediate_retries_do_not_grow_the_blocking_stack() {
        assertThat(million(retry -> retry.call(countdown()))).isEqualTo(1_000_000);
    }

    @Test
    void a_million_immediate_retries_do_not_grow_the_staged_stack() {
        assertThat(million(retry -> {
                    var work = countdown();
                    return retry.callAsync(() -> stageOf(work)).join();
                }))
                .isEqualTo(1_000_000);
    }

    private interface Faced {
        Object through(Retry retry) throws Exception;
    }

    private static Object million(Faced face) {
        Retry retry = Retry.builder("r")
                .maxAttempts(Integer.MAX_VALUE)
                .backoff(Backoff.none())
                .build();
        try {
            return face.through(retry);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static dev.resilience.Op<Object, IOException> countdown() {
        AtomicInteger invocations = new AtomicInteger();
        IOException shared = new IOException("again");
        return () -> {
            if (invocations.incrementAndGet() < 1_000_000) throw shared;
            return invocations.get();
        };
    }

    private static CompletionStage<Object> stageOf(dev.resilience.Op<Object, IOException> op) {
        try {
            return CompletableFuture.completedFuture(op.call());
        } catch (IOException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Test // completions race with the subscription: the drainer may be either thread
    void stages_completed_by_another_thread_hand_the_loop_over() throws Exception {
        Retry retry = Retry.builder("r")
                .maxAttempts(Integer.MAX_VALUE)
                .backoff(Backoff.none())
                .build();
        AtomicInteger invocations = new AtomicInteger();
        AtomicReference<CompletableFuture<Object>> pending = new AtomicReference<>();
        Thread completer = new Thread(() -> {
            for (int done = 0; done < 20_000; ) {
                CompletableFuture<Object> stage = pending.getAndSet(null);
                if (stage == null) Thread.onSpinWait();
                else if (++done == 20_000) stage.complete("done");
                else stage.completeExceptionally(failure);
            }
        });
        completer.setDaemon(true);
        completer.start();
        CompletableFuture<Object> future = retry.callAsync(() -> {
            invocations.incrementAndGet();
            CompletableFuture<Object> stage = new CompletableFuture<>();
            pending.set(stage);
            return stage;
        });
        assertThat(future.get(60, java.util.concurrent.TimeUnit.SECONDS)).isEqualTo("done");
        assertThat(invocations).hasValue(20_000);
        completer.join(60_000);
    }

    @Test // L13
    void a_future_that_is_kept_keeps_no_lambda() {
        Object[] big = {new byte[1000]};
        WeakReference<Object> captured = new WeakReference<>(big[0]);
        CompletableFuture<Object> future = kept(big[0]);
        big[0] = null;
        time.advance(ofSeconds(1));
        assertThat(Way.end(future, time)).isEqualTo(Outcome.success("done"));
        // the worker that ran the second attempt may still be on its way back to its pool
        for (int i = 0; i < 6_000 && captured.get() != null; i++) {
            System.gc();
            TimeSource.system().park(this, 10_000_000);
        }
        assertThat(captured.get()).isNull();
        assertThat(future).isDone();
    }

    private CompletableFuture<Object> kept(Object captured) {
        AtomicInteger invocations = new AtomicInteger();
        return patient()
                .callAsync(() -> invocations.incrementAndGet() == 1 && captured != null
                        ? CompletableFuture.failedFuture(failure)
                        : CompletableFuture.completedFuture("done"));
    }

    @Test
    void a_cancellation_of_the_attempts_own_stage_is_not_repeated() {
        AtomicInteger invocations = new AtomicInteger();
        CompletableFuture<Object> stage = new CompletableFuture<>();
        CompletableFuture<Object> future = patient().callAsync(() -> {
            invocations.incrementAndGet();
            return stage;
        });
        stage.cancel(true);
        assertThatThrownBy(future::join).isInstanceOf(CancellationException.class);
        assertThat(invocations).hasValue(1);
    }
}
