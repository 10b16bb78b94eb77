// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FallbackTest {
    /** The faces of a typed pipeline. */
    enum Typed {
        CALL,
        CALL_CONTEXT,
        OUTCOME,
        OUTCOME_CONTEXT,
        ASYNC,
        ASYNC_CONTEXT,
        SUBMIT;

        Outcome<Object> go(TypedPipeline<Object> pipeline, Op<Object, Exception> op) {
            try {
                return switch (this) {
                    case CALL -> Outcome.success(pipeline.call(op));
                    case CALL_CONTEXT -> Outcome.success(pipeline.call(CallContext.root(), c -> op.call()));
                    case OUTCOME -> pipeline.outcome(op);
                    case OUTCOME_CONTEXT -> pipeline.outcome(CallContext.root(), c -> op.call());
                    case ASYNC_CONTEXT ->
                        Face.raw(pipeline.callAsync(
                                CallContext.root(), c -> CompletableFuture.completedFuture(op.call())));
                    case ASYNC -> Face.raw(pipeline.callAsync(() -> CompletableFuture.completedFuture(op.call())));
                    case SUBMIT -> Face.raw(pipeline.submit(Face.elsewhere(), op));
                };
            } catch (Throwable thrown) {
                return Outcome.failure(thrown);
            }
        }
    }

    private final ManualTime time = ManualTime.create();
    private final RecordingGate gate = new RecordingGate("gate", time);
    private final Pipeline pipeline = Pipeline.of(gate);
    private final List<Outcome<?>> asked = new ArrayList<>();
    private final TypedPipeline<Object> typed = pipeline.fallback(Fallback.from(outcome -> {
        asked.add(outcome);
        return "fallback";
    }));

    private static Op<Object, Exception> failing(Throwable thrown) {
        return () -> {
            if (thrown instanceof Error error) throw error;
            throw (Exception) thrown;
        };
    }

    @ParameterizedTest
    @EnumSource
    void a_value_needs_none(Typed face) {
        assertThat(face.go(typed, () -> "value")).isEqualTo(Outcome.success("value"));
        assertThat(face.go(typed, () -> null)).isEqualTo(Outcome.success(null));
        assertThat(asked).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void a_failure_and_a_rejection_are_answered(Typed face) { // core.md clarification 15
        IOException thrown = new IOException();
        assertThat(face.go(typed, failing(thrown))).isEqualTo(Outcome.success("fallback"));
        gate.refusing = true;
        assertThat(face.go(typed, () -> "never")).isEqualTo(Outcome.success("fallback"));
        assertThat(asked.get(0).as(IOException.class)).containsSame(thrown);
        assertThat(asked.get(1).as(RejectedException.class)).isPresent();
    }

    @ParameterizedTest
    @EnumSource
    void an_error_an_interruption_and_a_cancellation_are_not(Typed face) {
        List<Throwable> nobodys = List.of(
                new LinkageError(),
                new InterruptedException(),
                new CancellationException(),
                new CompletionException(new LinkageError()),
                new CompletionException(new CancellationException()));
        for (Throwable thrown : nobodys) {
            boolean unwrapped = face.name().startsWith("ASYNC") && thrown instanceof CompletionException
                    || face == Typed.SUBMIT && thrown instanceof CompletionException;
            Outcome<Object> outcome = face.go(typed, failing(thrown));
            assertThat(outcome)
                    .isInstanceOfSatisfying(
                            Outcome.Failure.class,
                            f -> assertThat(f.thrown()).isSameAs(unwrapped ? thrown.getCause() : thrown));
        }
        assertThat(asked).isEmpty();
        assertThat(Thread.interrupted()).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void what_the_fallback_throws_is_thrown_with_the_original_suppressed(Typed face) {
        IOException original = new IOException();
        IllegalStateException broken = new IllegalStateException("fallback broke");
        TypedPipeline<Object> breaking = pipeline.fallback(Fallback.from(o -> {
            throw broken;
        }));
        Outcome<Object> outcome = face.go(breaking, failing(original));
        assertThat(outcome.as(IllegalStateException.class)).containsSame(broken);
        assertThat(broken.getSuppressed()).containsExactly(original);
    }

    @ParameterizedTest
    @EnumSource
    void a_fallback_may_rethrow_what_it_was_given(Typed face) {
        IllegalStateException original = new IllegalStateException();
        TypedPipeline<Object> rethrowing = pipeline.fallback(Fallback.from(o -> ((Outcome<?>) o).orElseThrow()));
        assertThat(face.go(rethrowing, failing(original)).as(IllegalStateException.class))
                .containsSame(original);
        assertThat(original.getSuppressed()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void a_failing_value_that_is_replaced_is_closed_once_and_one_that_is_returned_is_not(Typed face) {
        AtomicInteger closed = new AtomicInteger();
        AutoCloseable value = closed::incrementAndGet;
        Pipeline judging = Pipeline.builder("judging")
                .failures(Failures.standard().orResult(AutoCloseable.class, v -> true))
                .build();
        assertThat(face.go(judging.orElse("fallback"), () -> value)).isEqualTo(Outcome.success("fallback"));
        assertThat(closed).hasValue(1);
        Fallback<Object> keeping = Fallback.from(o -> o.orElse(null));
        assertThat(face.go(judging.fallback(keeping), () -> value)).isEqualTo(Outcome.success(value));
        assertThat(closed).hasValue(1);
        Fallback<Object> breaking = Fallback.from(o -> {
            throw new IllegalStateException();
        });
        assertThat(face.go(judging.fallback(breaking), () -> value).succeeded()).isFalse();
        assertThat(closed).as("nobody gets it when the fallback throws").hasValue(2);
    }

    @ParameterizedTest
    @EnumSource
    void a_classifier_of_its_own_decides_what_it_answers(Typed face) {
        TypedPipeline<Object> picky =
                pipeline.fallback(Fallback.<Object>of("fallback").when(Failures.on(IOException.class)));
        assertThat(face.go(picky, failing(new IOException()))).isEqualTo(Outcome.success("fallback"));
        assertThat(face.go(picky, failing(new IllegalStateException())).succeeded())
                .isFalse();
        gate.refusing = true;
        assertThat(face.go(picky, () -> "never")).isEqualTo(Outcome.success("fallback"));
    }

    @ParameterizedTest
    @EnumSource
    void an_asynchronous_answer_is_waited_for_or_followed(Typed face) {
        CompletableFuture<Object> answer = new CompletableFuture<>();
        TypedPipeline<Object> slow = pipeline.fallback(Fallback.fromAsync(o -> {
            Face.elsewhere().execute(() -> answer.complete("late answer"));
            return answer.minimalCompletionStage();
        }));
        assertThat(face.go(slow, failing(new IOException()))).isEqualTo(Outcome.success("late answer"));
    }

    @ParameterizedTest
    @EnumSource
    void an_asynchronous_answer_that_fails_comes_out_without_wrappers(Typed face) {
        IOException original = new IOException();
        IllegalStateException broken = new IllegalStateException();
        TypedPipeline<Object> failing = pipeline.fallback(
                Fallback.fromAsync(o -> CompletableFuture.failedFuture(new CompletionException(broken))));
        assertThat(face.go(failing, failing(original)).as(IllegalStateException.class))
                .containsSame(broken);
        assertThat(broken.getSuppressed()).containsExactly(original);
        CancellationException cancelled = new CancellationException("nobody wants it");
        TypedPipeline<Object> cancelling =
                pipeline.fallback(Fallback.fromAsync(o -> CompletableFuture.failedFuture(cancelled)));
        assertThat(face.go(cancelling, failing(original)).as(CancellationException.class))
                .containsSame(cancelled);
        TypedPipeline<Object> nothing = pipeline.fallback(Fallback.fromAsync(o -> (CompletionStage<Object>) null));
        assertThat(face.go(nothing, failing(original)).as(NullPointerException.class))
                .hasValueSatisfying(x -> assertThat(x).hasMessageContaining("a fallback returned null"));
    }

    @Test // L8
    void a_thread_that_is_interrupted_while_it_waits_for_an_answer_keeps_its_flag() throws InterruptedException {
        CountDownLatch asking = new CountDownLatch(1);
        CompletableFuture<Object> answer = new CompletableFuture<>();
        TypedPipeline<Object> never = pipeline.fallback(Fallback.fromAsync(o -> {
            asking.countDown();
            return answer;
        }));
        IOException original = new IOException();
        Calling<Object> call = Calling.start(() -> never.call(failing(original)));
        asking.await();
        call.interrupt();
        CallInterruptedException thrown =
                call.ended().as(CallInterruptedException.class).orElseThrow();
        assertThat(thrown).hasCause(original).hasNoSuppressedExceptions();
        assertThat(answer).as("nobody waits for it any more").isCancelled();
        assertThat(call.interrupted()).isTrue();
    }

    @Test
    void a_deadline_that_has_passed_is_answered() {
        CallContext late = CallContext.root().within(Duration.ZERO);
        assertThat(typed.call(late, c -> "never")).isEqualTo("fallback");
        assertThat(asked.get(0).as(TimeoutExceededException.class)).isPresent();
    }

    @Test
    void a_value_of_a_subtype_may_be_answered_by_the_supertype() {
        TypedPipeline<List<String>> lists = pipeline.orElse(List.of());
        assertThat(lists.call(() -> new ArrayList<>(List.of("a")))).containsExactly("a");
    }

    @Test
    void a_null_argument_is_named() {
        assertThatNullPointerException()
                .isThrownBy(() -> pipeline.fallback(null))
                .withMessage("fallback");
        assertThatNullPointerException().isThrownBy(() -> Fallback.from(null)).withMessage("function");
        assertThatNullPointerException()
                .isThrownBy(() -> Fallback.fromAsync(null))
                .withMessage("function");
        assertThatNullPointerException()
                .isThrownBy(() -> Fallback.of("x").when(null))
                .withMessage("failures");
        assertThatThrownBy(() -> typed.call((Op<Object, RuntimeException>) null))
                .hasMessage("op");
        assertThatThrownBy(() -> typed.outcome(null)).hasMessage("op");
        assertThatThrownBy(() -> typed.callAsync(null)).hasMessage("start");
        assertThatThrownBy(() -> typed.submit(null, () -> "x")).hasMessage("executor");
        assertThatThrownBy(() -> typed.submit(Runnable::run, null)).hasMessage("op");
        assertThatThrownBy(() -> typed.call(null, c -> "x")).hasMessage("context");
    }

    @Test // L13: one instance for all calls does not grow with them
    void a_fallback_that_always_throws_the_same_exception_keeps_a_few_originals() {
        RuntimeException same = new RuntimeException("same");
        TypedPipeline<Object> broken = pipeline.fallback(Fallback.from(outcome -> {
            throw same;
        }));
        for (int i = 0; i < 100; i++) broken.outcome(failing(new IOException("original")));
        assertThat(same.getSuppressed()).hasSize(5);
    }

    @Test // L6, L14
    void the_deadline_of_a_context_ends_the_call_and_the_fallback_answers() {
        TypedPipeline<Object> timed = Pipeline.builder("timed")
                .timeSource(time)
                .build()
                .fallback(Fallback.from(outcome -> {
                    asked.add(outcome);
                    return "fallback";
                }));
        CallContext request = CallContext.root().within(Duration.ofSeconds(1));
        CompletableFuture<Object> stage = new CompletableFuture<>();
        CompletableFuture<Object> call = timed.callAsync(request, context -> stage);
        assertThat(call).isNotDone();
        time.advance(Duration.ofSeconds(1));
        assertThat(Face.raw(call)).isEqualTo(Outcome.success("fallback"));
        assertThat(stage).isCancelled();
        assertThat(timed.outcome(CallContext.root().within(Duration.ZERO), context -> "too late"))
                .isEqualTo(Outcome.success("fallback"));
        assertThat(asked)
                .hasSize(2)
                .allSatisfy(outcome ->
                        assertThat(outcome.as(TimeoutExceededException.class)).isPresent());
    }

    @Test
    void a_context_and_its_work_are_needed() {
        assertThatNullPointerException()
                .isThrownBy(() -> typed.outcome(null, context -> ""))
                .withMessage("context");
        assertThatNullPointerException()
                .isThrownBy(() -> typed.outcome(CallContext.root(), null))
                .withMessage("op");
        assertThatNullPointerException()
                .isThrownBy(() -> typed.callAsync(null, context -> new CompletableFuture<>()))
                .withMessage("context");
        assertThatNullPointerException()
                .isThrownBy(() -> typed.callAsync(CallContext.root(), null))
                .withMessage("start");
    }
}
