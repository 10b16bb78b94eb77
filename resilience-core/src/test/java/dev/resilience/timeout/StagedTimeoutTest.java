// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static dev.resilience.timeout.PlainPool.soon;
import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeoutExceededException;
import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The asynchronous faces: stages, and work submitted to an executor. */
@org.junit.jupiter.api.Timeout(300)
class StagedTimeoutTest {
    private static final Duration SECOND = ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final Timeout timeout = Timeout.builder("t").after(SECOND).build();
    private final Timeout sharing =
            Timeout.builder("sharing").after(SECOND).cancelStage(false).build();
    private final CompletableFuture<Closing> inner = new CompletableFuture<>();
    private final Closing value = new Closing();
    private final AtomicInteger runs = new AtomicInteger();

    @AfterEach
    void nothing_is_left() { // L13
        assertThat(time.pendingTimers()).as("timers left").isZero();
        assertThat(soon(() -> timeout.abandoned() == 0 && sharing.abandoned() == 0))
                .as("abandoned: %s, %s", timeout.abandoned(), sharing.abandoned())
                .isTrue();
        assertThat(Thread.interrupted()).as("an interrupt leaked").isFalse();
    }

    private Pipeline of(Policy... policies) {
        return Pipeline.builder("shop").policies(policies).timeSource(time).build();
    }

    private static Timeout named(String name, Duration after) {
        return Timeout.builder(name).after(after).build();
    }

    private static final class Closing implements AutoCloseable {
        final AtomicInteger closed = new AtomicInteger();

        @Override
        public void close() {
            closed.incrementAndGet();
        }
    }

    private static @Nullable Throwable failure(CompletableFuture<?> future) {
        assertThat(future).isDone();
        try {
            future.join();
            return null;
        } catch (CompletionException e) {
            return e.getCause();
        } catch (CancellationException e) {
            return e;
        }
    }

    private static TimeoutExceededException timedOut(CompletableFuture<?> future) {
        Throwable thrown = failure(future);
        assertThat(thrown).isInstanceOf(TimeoutExceededException.class);
        return (TimeoutExceededException) thrown;
    }

    // --- in time and at the deadline ---

    @Test
    void a_value_in_time_completes_the_future_and_takes_the_timer_back() {
        CompletableFuture<Closing> out = of(timeout).callAsync(() -> inner);
        assertThat(time.pendingTimers()).isEqualTo(1);
        time.advance(SECOND.minusNanos(1));
        inner.complete(value);

        assertThat(out).isCompletedWithValue(value);
        assertThat(time.pendingTimers()).isZero();
        assertThat(value.closed).hasValue(0);
    }

    @Test
    void a_stage_that_is_complete_at_once_leaves_no_timer() {
        assertThat(of(timeout).callAsync(() -> CompletableFuture.completedFuture(value)))
                .isCompletedWithValue(value);
        IOException refused = new IOException();
        assertThat(failure(of(timeout).callAsync(() -> CompletableFuture.failedFuture(refused))))
                .isSameAs(refused);
        assertThat(time.pendingTimers()).isZero();
    }

    @Test // L6
    void the_future_completes_exactly_at_the_deadline_and_the_stage_is_cancelled() {
        CompletableFuture<Closing> out = of(timeout).callAsync(() -> inner);
        time.advance(SECOND.minusNanos(1));
        assertThat(out).isNotDone();
        time.advance(ofNanos(1));

        TimeoutExceededException late = timedOut(out);
        assertThat(late.name()).isEqualTo("t");
        assertThat(late.timeout()).isEqualTo(SECOND);
        assertThat(late.elapsed()).isEqualTo(SECOND);
        assertThat(late)
                .hasNoCause()
                .hasMessage("'t' in pipeline 'shop' timed out: not done within 1 s (gave up after 1 s)");
        assertThat(inner).isCancelled();
        assertThat(timeout.abandoned()).isZero();
    }

    @Test // L6
    void a_stage_that_cannot_be_cancelled_is_left_behind_and_its_late_value_closed() {
        CompletableFuture<Closing> out = of(timeout).callAsync(inner::minimalCompletionStage);
        time.advance(SECOND);

        timedOut(out);
        assertThat(timeout.abandoned()).isEqualTo(1);
        assertThat(inner).isNotDone();
        inner.complete(value);
        assertThat(timeout.abandoned()).isZero();
        assertThat(value.closed).hasValue(1);
    }

    /** A stage that refuses to be anything but a stage. */
    private static final class Stubborn<T> extends CompletableFuture<T> {
        @Override
        public boolean cancel(boolean mayInterruptIfRunning) {
            throw new UnsupportedOperationException("cancel");
        }

        @Override
        public CompletableFuture<T> toCompletableFuture() {
            throw new IllegalStateException("no future of mine");
        }
    }

    @Test // L6, L5
    void a_stage_that_throws_when_it_is_cancelled_is_left_behind() {
        Stubborn<Closing> stubborn = new Stubborn<>();
        CompletableFuture<Closing> out = of(timeout).callAsync(() -> stubborn);
        time.advance(SECOND);

        timedOut(out);
        assertThat(timeout.abandoned()).isEqualTo(1);
        stubborn.completeExceptionally(new IOException("late"));
        assertThat(timeout.abandoned()).isZero();
    }

    @Test // L6
    void a_stage_that_is_obtruded_after_the_deadline_changes_nothing() {
        CompletableFuture<Closing> out = of(timeout).callAsync(inner::minimalCompletionStage);
        time.advance(SECOND);
        inner.obtrudeValue(value);

        timedOut(out);
        assertThat(value.closed).hasValue(1);
        assertThat(timeout.abandoned()).isZero();
    }

    @Test
    void a_shared_stage_is_left_alone() {
        CompletableFuture<Closing> out = of(sharing).callAsync(() -> inner);
        time.advance(SECOND);

        timedOut(out);
        assertThat(inner).isNotDone();
        assertThat(sharing.abandoned()).isEqualTo(1);
        inner.complete(value);
        assertThat(value.closed).hasValue(0);
        assertThat(sharing.abandoned()).isZero();
    }

    @Test
    void a_shared_value_that_was_ready_too_late_is_not_closed() {
        CompletableFuture<Closing> out = of(sharing).callAsync(() -> {
            time.advance(SECOND);
            return CompletableFuture.completedFuture(value);
        });

        timedOut(out);
        assertThat(value.closed).hasValue(0);
    }

    @Test // L6
    void work_that_blocks_before_it_has_a_stage_is_timed_too() {
        CompletableFuture<Closing> out = of(timeout).callAsync(CallContext.root(), c -> {
            time.advance(SECOND);
            assertThat(c.cancelled()).isTrue();
            return CompletableFuture.completedFuture(value);
        });

        assertThat(timedOut(out).elapsed()).isEqualTo(SECOND);
        assertThat(value.closed).hasValue(1);
    }

    @Test // L6
    void a_second_attempt_that_blocks_a_worker_before_it_has_a_stage_does_not_hold_up_the_future() {
        CountDownLatch release = new CountDownLatch(1);
        AtomicInteger told = new AtomicInteger();
        Retry retry = Retry.builder("r")
                .maxAttempts(2)
                .backoff(Backoff.constant(ofMillis(10)))
                .build();
        CompletableFuture<Object> out = of(named("all", ofSeconds(2)), retry, timeout)
                .callAsync(CallContext.root(), c -> {
                    c.onCancel(told::incrementAndGet);
                    if (runs.incrementAndGet() == 2)
                        assertThat(release.await(60, TimeUnit.SECONDS)).isTrue();
                    return CompletableFuture.failedFuture(new IOException());
                });
        time.advance(ofMillis(10));
        time.advance(SECOND);
        assertThat(runs).hasValue(2);
        assertThat(told).as("told at its own deadline").hasValue(1);
        time.advance(SECOND);

        assertThat(timedOut(out).name()).isEqualTo("all");
        release.countDown();
    }

    @Test // L5, L6
    void user_code_on_the_attempts_stage_that_hangs_does_not_hold_up_the_gate_or_the_gauge() {
        AtomicBoolean cancelledFirst = new AtomicBoolean();
        CompletableFuture<Closing> out = of(timeout).callAsync(() -> inner);
        inner.whenComplete((v, t) -> cancelledFirst.set(timeout.abandoned() == 1)); // runs before the library's
        time.advance(SECOND);

        timedOut(out);
        assertThat(cancelledFirst)
                .as("the attempt ends before its stage is cancelled")
                .isTrue();
    }

    // --- several, contexts, cancel ---

    @Test
    void per_call_durations_hold_here_too() {
        Timeout perCall = Timeout.of(c -> c.attempt() == 1 ? ZERO : null);

        assertThat(timedOut(of(perCall).callAsync(() -> {
                    runs.incrementAndGet();
                    return inner;
                })))
                .hasMessageContaining("its time was over before it began");
        assertThat(runs).hasValue(0);
    }

    @Test
    void the_outer_timeout_is_blamed_when_it_is_shorter_or_both_are_due_together() {
        CompletableFuture<Closing> shorter =
                of(named("outer", SECOND), named("inner", ofSeconds(2))).callAsync(() -> new CompletableFuture<>());
        CompletableFuture<Closing> equal =
                of(named("outer", SECOND), named("inner", SECOND)).callAsync(() -> new CompletableFuture<>());
        time.advance(SECOND);

        assertThat(timedOut(shorter).name()).isEqualTo("outer");
        assertThat(timedOut(equal).name()).isEqualTo("outer");
    }

    @Test
    void the_inner_timeout_is_blamed_when_it_is_shorter() {
        CompletableFuture<Closing> out =
                of(named("outer", ofSeconds(2)), named("inner", SECOND)).callAsync(() -> inner);
        time.advance(SECOND);

        assertThat(timedOut(out).name()).isEqualTo("inner");
        assertThat(time.pendingTimers()).isZero();
    }

    @Test // L14
    void the_cause_is_the_last_real_failure_of_the_attempts_inside() {
        IOException reset = new IOException("reset");
        Retry retry = Retry.builder("r")
                .maxAttempts(9)
                .backoff(Backoff.constant(ofMillis(400)))
                .build();
        CompletableFuture<Closing> out = of(timeout, retry)
                .callAsync(() -> runs.incrementAndGet() < 3 ? CompletableFuture.failedFuture(reset) : inner);
        time.advance(SECOND);

        assertThat(timedOut(out)).hasCause(reset);
        assertThat(runs).hasValue(3);
        assertThat(inner).isCancelled();
    }

    @Test // L14
    void an_earlier_deadline_of_the_context_ends_the_call() {
        List<Duration> seen = new ArrayList<>();
        CompletableFuture<Closing> out = of(timeout)
                .callAsync(CallContext.root().within(ofMillis(100)), c -> {
                    seen.add(c.deadline().remaining());
                    return inner;
                });
        time.advance(ofMillis(100));

        assertThat(timedOut(out).timeout()).isEqualTo(ofMillis(100));
        assertThat(seen).containsExactly(ofMillis(100));
        assertThat(inner).isCancelled();
    }

    @Test // L7
    void cancelling_the_future_cancels_the_stage_and_takes_the_timer_back() {
        CompletableFuture<Closing> out = of(timeout).callAsync(() -> inner);
        out.cancel(true);

        assertThat(failure(out)).isInstanceOf(CancellationException.class);
        assertThat(inner).isCancelled();
        assertThat(time.pendingTimers()).isZero();
    }

    @Test // the caller's cancel, then the outer timeout, then the inner
    void a_cancel_at_the_deadline_wins_if_it_comes_first() {
        CompletableFuture<Closing> out = of(timeout).callAsync(() -> inner);
        time.schedule(() -> out.cancel(true), SECOND.toNanos() - 1);
        time.advance(ofSeconds(2));

        assertThat(failure(out)).isInstanceOf(CancellationException.class);
    }

    // --- submitted work ---

    @Test // Failsafe completes such a future when the loop ends, not at the deadline
    void a_busy_loop_that_ignores_interrupts_completes_at_the_deadline() {
        AtomicBoolean stop = new AtomicBoolean();
        AtomicBoolean told = new AtomicBoolean();
        boolean begun = false;
        try (PlainPool pool = new PlainPool()) {
            // Real time, because manual time rests while a thread is busy; a slow machine may need a later deadline.
            for (long millis = 30; !begun; millis *= 2) {
                assertThat(millis).as("never begun in time").isLessThan(60_000);
                Timeout real = Timeout.builder("real").after(ofMillis(millis)).build();
                CompletableFuture<Object> out = real.submit(pool, () -> {
                    while (!stop.get()) Thread.onSpinWait();
                    told.set(Thread.currentThread().isInterrupted());
                    return value;
                });

                assertThat(soon(out::isDone)).isTrue();
                timedOut(out);
                begun = real.abandoned() == 1; // else its time was over first, and it never will
                if (!begun) continue;
                stop.set(true);
                assertThat(soon(() -> real.abandoned() == 0 && pool.idle())).isTrue();
            }
            assertThat(told).as("it was interrupted").isTrue();
            assertThat(pool.dirty()).isZero();
            assertThat(soon(() -> value.closed.get() == 1)).isTrue();
        } finally {
            stop.set(true);
        }
    }

    @Test // L8
    void the_thread_is_interrupted_while_it_runs_the_attempt_and_clean_afterwards() {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicBoolean interrupted = new AtomicBoolean();
        try (PlainPool pool = new PlainPool()) {
            CompletableFuture<Object> out = of(timeout).submit(pool, () -> {
                begun.countDown();
                try {
                    return new CountDownLatch(1).await(60, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    interrupted.set(true);
                    Thread.currentThread().interrupt();
                    throw e;
                }
            });
            assertThat(soon(() -> begun.getCount() == 0)).isTrue();
            time.advance(SECOND);

            timedOut(out);
            assertThat(soon(pool::idle)).isTrue();
            assertThat(interrupted).isTrue();
            assertThat(pool.dirty()).isZero();
        }
    }

    @Test // the work is the library's own stage, whatever else the policy's calls share
    void submitted_work_is_interrupted_even_if_stages_are_shared() {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicBoolean interrupted = new AtomicBoolean();
        try (PlainPool pool = new PlainPool()) {
            CompletableFuture<Object> out = of(sharing).submit(pool, () -> {
                begun.countDown();
                try {
                    return new CountDownLatch(1).await(60, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    interrupted.set(true);
                    throw e;
                }
            });
            assertThat(soon(() -> begun.getCount() == 0)).isTrue();
            time.advance(SECOND);

            timedOut(out);
            assertThat(soon(pool::idle)).isTrue();
            assertThat(interrupted).isTrue();
        }
    }

    @Test // L13
    void work_that_never_got_a_thread_is_not_run_any_more() {
        PlainPool.Full full = new PlainPool.Full();
        CompletableFuture<Integer> out = of(timeout).submit(full, runs::incrementAndGet);
        time.advance(SECOND);
        timedOut(out);
        assertThat(timeout.abandoned()).isZero();
        full.tasks.forEach(Runnable::run);

        assertThat(runs).hasValue(0);
    }

    @Test // L6: on the caller's own thread there is nobody else to return, but the interrupt comes
    void submitted_work_on_the_callers_thread_is_interrupted_at_the_deadline() {
        AtomicBoolean interrupted = new AtomicBoolean();
        CompletableFuture<Object> out = of(timeout).submit(Runnable::run, () -> {
            time.advance(SECOND);
            interrupted.set(soon(() -> Thread.currentThread().isInterrupted()));
            throw new InterruptedException();
        });

        assertThat(interrupted).isTrue();
        assertThat(Thread.currentThread().isInterrupted()).as("left behind").isFalse();
        assertThat(soon(out::isDone)).isTrue();
        timedOut(out);
    }

    @Test
    void dependents_run_neither_on_the_timer_thread_nor_in_its_way() {
        Timeout real = Timeout.builder("real").after(ofMillis(500)).build();
        CountDownLatch release = new CountDownLatch(1);
        Thread me = Thread.currentThread();
        List<CompletableFuture<String>> threads = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            threads.add(real.callAsync(() -> (CompletionStage<Object>) new CompletableFuture<>())
                    .handle((v, t) -> {
                        // this thread was paused for so long that the timeout came first: it must not wait for itself
                        if (Thread.currentThread() == me) return "here";
                        try {
                            assertThat(release.await(60, TimeUnit.SECONDS)).isTrue();
                        } catch (InterruptedException e) {
                            throw new CompletionException(e);
                        }
                        return Thread.currentThread().getName();
                    }));
        }
        CompletableFuture<Object> after = real.callAsync(() -> new CompletableFuture<>());

        assertThat(soon(after::isDone)).as("others are not held up").isTrue();
        release.countDown();
        for (CompletableFuture<String> thread : threads) {
            assertThat(soon(thread::isDone)).isTrue();
            assertThat(thread.join()).doesNotContain("timer");
        }
    }

    @Test // L6: it belongs to somebody else, also in a call that has no timeout
    void a_shared_stage_is_left_alone_when_a_call_without_a_timeout_is_cancelled() {
        Timeout perCall =
                Timeout.builder("sharing").after(c -> null).cancelStage(false).build();
        CompletableFuture<Closing> out = of(perCall).callAsync(() -> inner);
        out.cancel(true);
        assertThat(inner).isNotDone();
    }
}
