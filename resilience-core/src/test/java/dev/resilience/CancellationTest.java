// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** L7: whatever the owner of a future does to end it, flows inward. */
class CancellationTest {
    private final ManualTime time = ManualTime.create();
    private final RecordingGate outer = new RecordingGate("outer", time);
    private final RecordingGate inner = new RecordingGate("inner", time);
    private final Pipeline pipeline = Pipeline.of(outer, new Through("through"), inner);

    @AfterEach
    void nothing_is_left() { // L1, L13
        assertThat(outer.balanced() && inner.balanced()).as("permits").isTrue();
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.parkedThreads()).isZero();
    }

    static Stream<Arguments> ends() {
        return Stream.of(
                end("cancel", f -> f.cancel(false)),
                end("complete", f -> f.complete("mine")),
                end("completeExceptionally", f -> f.completeExceptionally(new IllegalStateException())),
                end("completeOnTimeout", f -> await(f.completeOnTimeout("mine", 1, TimeUnit.MILLISECONDS))),
                end("orTimeout", f -> await(f.orTimeout(1, TimeUnit.MILLISECONDS))),
                end("completeAsync", f -> await(f.completeAsync(() -> "mine", Runnable::run))));
    }

    private static Arguments end(String name, Consumer<CompletableFuture<Object>> end) {
        return Arguments.of(name, end);
    }

    private static void await(CompletableFuture<Object> future) {
        Face.raw(future);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ends")
    void the_owners_end_of_a_future_cancels_the_stage(String name, Consumer<CompletableFuture<Object>> end)
            throws InterruptedException {
        CompletableFuture<Object> work = new CompletableFuture<>();
        CountDownLatch told = new CountDownLatch(1);
        CompletableFuture<Object> call = pipeline.callAsync(CallContext.root(), c -> {
            c.onCancel(told::countDown);
            return work;
        });
        end.accept(call);
        assertThat(told.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(Face.raw(work).as(CancellationException.class)).isPresent();
        assertThat(inner.verdicts).containsExactly(Verdict.IGNORED);
        assertThat(outer.verdicts).containsExactly(Verdict.IGNORED);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ends")
    void with_a_fallback_too(String name, Consumer<CompletableFuture<Object>> end) {
        CompletableFuture<Object> work = new CompletableFuture<>();
        CompletableFuture<Object> call =
                pipeline.<Object>fallback(Fallback.from(o -> "fallback")).callAsync(() -> work);
        end.accept(call);
        assertThat(Face.raw(work).as(CancellationException.class)).isPresent();
        assertThat(call.handle((v, t) -> "fallback".equals(v)).join()).isFalse();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ends")
    void the_stage_of_a_fallback_is_cancelled(String name, Consumer<CompletableFuture<Object>> end) {
        CompletableFuture<Object> answer = new CompletableFuture<>();
        CompletableFuture<Object> call = pipeline.<Object>fallback(Fallback.fromAsync(o -> answer))
                .callAsync(() -> CompletableFuture.failedFuture(new IllegalStateException()));
        end.accept(call);
        assertThat(Face.raw(answer).as(CancellationException.class)).isPresent();
    }

    @Test
    void a_cancelled_submit_interrupts_its_thread_while_it_runs_the_work() throws InterruptedException {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        CompletableFuture<Object> call = pipeline.submit(Face.elsewhere(), () -> {
            running.countDown();
            try {
                return new CountDownLatch(1).await(60, TimeUnit.SECONDS);
            } catch (InterruptedException expected) {
                interrupted.countDown();
                throw expected;
            }
        });
        assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();
        call.cancel(true);
        assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(inner.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test
    void work_that_waits_for_its_executor_is_not_started_any_more() {
        List<Runnable> queue = new ArrayList<>();
        List<String> ran = new ArrayList<>();
        CompletableFuture<Object> call = pipeline.submit(queue::add, () -> ran.add("ran"));
        call.cancel(true);
        queue.forEach(Runnable::run);
        assertThat(ran).isEmpty();
    }

    @Test
    void a_pending_delay_ends_and_no_attempt_follows() {
        AtomicInteger attempts = new AtomicInteger();
        Retry retry = Retry.builder("retry")
                .maxAttempts(5)
                .backoff(Backoff.constant(Duration.ofSeconds(1)))
                .build();
        CompletableFuture<Object> call = Pipeline.of(outer, retry, inner).callAsync(() -> {
            attempts.incrementAndGet();
            return CompletableFuture.failedFuture(new IllegalStateException());
        });
        assertThat(time.pendingTimers()).isEqualTo(1);
        call.cancel(true);
        assertThat(time.pendingTimers()).isZero();
        time.advance(Duration.ofMinutes(1));
        assertThat(attempts).hasValue(1);
        assertThat(outer.verdicts).containsExactly(Verdict.IGNORED);
        assertThat(inner.verdicts).containsExactly(Verdict.FAILURE);
    }

    @Test
    void a_call_cancelled_from_outside_is_ignored_even_when_the_work_returns_a_value() throws InterruptedException {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch cancelled = new CountDownLatch(1);
        AtomicReference<Calling<Object>> nested = new AtomicReference<>();
        CompletableFuture<Object> call = Pipeline.of().callAsync(CallContext.root(), c -> {
            nested.set(Calling.start(() -> pipeline.call(c, x -> {
                running.countDown();
                return cancelled.await(60, TimeUnit.SECONDS);
            })));
            return new CompletableFuture<>();
        });
        assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();
        call.cancel(true);
        cancelled.countDown();
        assertThat(nested.get().ended()).isEqualTo(Outcome.success(true));
        assertThat(inner.verdicts).containsExactly(Verdict.IGNORED);
        assertThat(outer.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test
    void nested_calls_inherit_cancellation_on_every_level() {
        CompletableFuture<Object> work = new CompletableFuture<>();
        List<String> told = new ArrayList<>();
        CompletableFuture<Object> call = outer.callAsync(CallContext.root(), a -> {
            a.onCancel(() -> told.add("a"));
            return Pipeline.of().callAsync(a, b -> {
                b.onCancel(() -> told.add("b"));
                return inner.callAsync(b, c -> {
                    c.onCancel(() -> told.add("c"));
                    return work;
                });
            });
        });
        call.cancel(true);
        assertThat(told).containsExactlyInAnyOrder("a", "b", "c");
        assertThat(work).isCancelled();
        assertThat(inner.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test
    void on_cancel_runs_at_once_when_it_is_too_late_and_never_after_the_attempt() {
        List<String> told = new ArrayList<>();
        AtomicReference<CallContext> kept = new AtomicReference<>();
        CompletableFuture<Object> work = new CompletableFuture<>();
        CompletableFuture<Object> call = pipeline.callAsync(CallContext.root(), c -> {
            kept.set(c);
            c.onCancel(() -> told.add("while it ran"));
            return work;
        });
        assertThat(kept.get().cancelled()).isFalse();
        call.cancel(true);
        assertThat(kept.get().cancelled()).isTrue();
        kept.get().onCancel(() -> told.add("at once"));
        assertThat(told).containsExactly("while it ran", "at once");

        CompletableFuture<Object> done = pipeline.callAsync(CallContext.root(), c -> {
            c.onCancel(() -> told.add("never"));
            return CompletableFuture.completedFuture("value");
        });
        done.cancel(true);
        assertThat(told).doesNotContain("never");
    }

    @Test // an attempt that is over is not told of what happens to a later one
    void on_cancel_ends_with_its_attempt() {
        List<String> told = new ArrayList<>();
        Retry retry =
                Retry.builder("retry").maxAttempts(2).backoff(Backoff.none()).build();
        CompletableFuture<Object> second = new CompletableFuture<>();
        CompletableFuture<Object> call = retry.callAsync(CallContext.root(), c -> {
            c.onCancel(() -> told.add("attempt " + c.attempt()));
            return c.attempt() == 1 ? CompletableFuture.failedFuture(new IllegalStateException()) : second;
        });
        call.cancel(true);
        assertThat(told).containsExactly("attempt 2");
    }

    @Test // L5
    void what_on_cancel_throws_is_reported_and_the_others_run() {
        List<String> told = new ArrayList<>();
        IllegalStateException broken = new IllegalStateException("broken");
        try (Reported reported = new Reported()) {
            CompletableFuture<Object> call = pipeline.callAsync(CallContext.root(), c -> {
                c.onCancel(() -> told.add("first"));
                c.onCancel(() -> {
                    throw broken;
                });
                return new CompletableFuture<>();
            });
            call.cancel(true);
            assertThat(reported.messages()).containsExactly("call: an onCancel action threw " + broken);
        }
        assertThat(told).containsExactly("first");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void an_on_cancel_that_hangs_does_not_hold_up_the_deadline(boolean nested) { // L5, L6
        CountDownLatch hanging = new CountDownLatch(1);
        Runnable hangs = () -> {
            try {
                hanging.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        };
        Pipeline timed = Pipeline.builder("timed")
                .policies(new Through("through"))
                .timeSource(time)
                .build();
        AtomicReference<CallContext> inside = new AtomicReference<>();
        CompletableFuture<Object> call = timed.callAsync(CallContext.root().within(Duration.ofMillis(200)), c -> {
            c.onCancel(hangs);
            if (nested) return timed.callAsync(c, x -> remember(inside, x));
            return remember(inside, c);
        });
        inside.get().onCancel(hangs); // later than the library's own
        time.advance(Duration.ofMillis(200));
        assertThat(Face.raw(call).as(TimeoutExceededException.class)).isPresent();
        hanging.countDown();
    }

    private static CompletableFuture<Object> remember(AtomicReference<CallContext> inside, CallContext context) {
        inside.set(context);
        return new CompletableFuture<>();
    }

    /** A stage that cannot be stopped. */
    private static final class Unstoppable extends CompletableFuture<Object> {
        @Override
        public boolean cancel(boolean mayInterruptIfRunning) {
            return false;
        }
    }

    @Test
    void a_value_that_comes_after_the_cancel_is_closed_once_and_never_handed_out() {
        AtomicInteger closed = new AtomicInteger();
        AutoCloseable value = closed::incrementAndGet;
        Unstoppable work = new Unstoppable();
        CompletableFuture<Object> call = pipeline.callAsync(() -> work);
        call.cancel(true);
        assertThat(inner.verdicts)
                .as("settled at the cancel, not when the work ends")
                .hasSize(1);
        work.complete(value);
        assertThat(closed).hasValue(1);
        assertThat(inner.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test
    void a_shared_stage_is_neither_cancelled_nor_its_value_closed() { // core.md clarification 1
        AtomicInteger closed = new AtomicInteger();
        CompletableFuture<Object> work = new CompletableFuture<>();
        Pipeline nested = Pipeline.builder("sharing").cancelStage(false).build();
        CompletableFuture<Object> call = Pipeline.of(inner, nested).callAsync(() -> work);
        call.cancel(true);
        assertThat(work).isNotDone();
        work.complete((AutoCloseable) closed::incrementAndGet);
        assertThat(closed).hasValue(0);
    }

    @Test // the nested call's future is a copy of its own, so its attempts are not shared
    void a_call_inside_a_shared_stage_is_cancelled_inside() {
        CompletableFuture<Object> work = new CompletableFuture<>();
        Pipeline sharing = Pipeline.builder("sharing").cancelStage(false).build();
        CompletableFuture<Object> call = sharing.callAsync(CallContext.root(), c -> inner.callAsync(c, x -> work));
        call.cancel(true);
        assertThat(work).isCancelled();
    }
}
