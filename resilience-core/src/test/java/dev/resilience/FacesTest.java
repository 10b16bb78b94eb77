// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class FacesTest {
    private final ManualTime time = ManualTime.create();
    private final RecordingGate outer = new RecordingGate("outer", time);
    private final RecordingGate inner = new RecordingGate("inner", time);
    private final Pipeline pipeline = Pipeline.of(outer, new Through("through"), inner);

    @AfterEach
    void nothing_is_left() { // L1, L8, L13
        assertThat(outer.balanced()).as("permits of the outer gate").isTrue();
        assertThat(inner.balanced()).as("permits of the inner gate").isTrue();
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.parkedThreads()).isZero();
        assertThat(Thread.interrupted()).as("an interrupt leaked").isFalse();
    }

    static Stream<Arguments> everyFaceAndEnd() {
        return Arrays.stream(Face.values()).flatMap(face -> ends().map(end -> Arguments.of(face, end)));
    }

    private static Stream<Object> ends() {
        return Stream.of(
                "a value",
                new Object[] {null},
                new IOException("checked"),
                new IllegalStateException("unchecked"),
                new LinkageError("an error"),
                new CancellationException("cancelled"),
                new InterruptedException("interrupted"));
    }

    private static Op<Object, Exception> ending(Object end) {
        return () -> {
            if (end instanceof Exception exception) throw exception;
            if (end instanceof Error error) throw error;
            return end instanceof Object[] ? null : end;
        };
    }

    private static Verdict expected(Object end) {
        if (!(end instanceof Throwable)) return Verdict.SUCCESS;
        boolean nobodys = end instanceof CancellationException || end instanceof InterruptedException;
        return nobodys ? Verdict.IGNORED : Verdict.FAILURE;
    }

    @ParameterizedTest
    @MethodSource("everyFaceAndEnd") // L9, L1
    void what_the_work_ends_with_comes_out_as_it_is_and_each_gate_learns_it_once(Face face, Object end) {
        Outcome<Object> outcome = face.go(pipeline, ending(end));

        if (end instanceof Throwable) {
            assertThat(outcome)
                    .isInstanceOfSatisfying(
                            Outcome.Failure.class, f -> assertThat(f.thrown()).isSameAs(end));
            assertThat(outer.seen).containsExactly(end);
            assertThat(inner.seen).containsExactly(end);
        } else {
            assertThat(outcome).isEqualTo(Outcome.success(end instanceof Object[] ? null : end));
        }
        assertThat(outer.verdicts).containsExactly(expected(end));
        assertThat(inner.verdicts).containsExactly(expected(end));
    }

    @ParameterizedTest
    @EnumSource
    void a_rejection_runs_nothing_and_is_ignored_by_the_gates_around(Face face) { // L1
        inner.refusing = true;
        List<String> ran = new ArrayList<>();
        Outcome<Object> outcome = face.go(pipeline, () -> ran.add("ran"));

        RejectedException rejection = outcome.as(RejectedException.class).orElseThrow();
        assertThat(rejection.policy()).isSameAs(inner);
        assertThat(rejection.retryAfter()).contains(Duration.ofSeconds(1));
        assertThat(rejection.getStackTrace()).isEmpty();
        assertThat(rejection).hasMessage("recording gate 'inner' rejected the call; retry after 1 s");
        if (!face.name().contains("LATER") && face != Face.ASYNC_WRAPPED)
            assertThat(ran).isEmpty();
        assertThat(outer.verdicts).containsExactly(Verdict.IGNORED);
        assertThat(inner.verdicts).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void a_policy_alone_is_a_pipeline_of_one(Face face) {
        assertThat(face.go(outer, () -> "alone")).isEqualTo(Outcome.success("alone"));
        assertThat(face.go(new Through("alone"), () -> "alone")).isEqualTo(Outcome.success("alone"));
        assertThat(face.go(Pipeline.of(), () -> "alone")).isEqualTo(Outcome.success("alone"));
        assertThat(outer.verdicts).containsExactly(Verdict.SUCCESS);
    }

    @ParameterizedTest
    @EnumSource
    void an_interrupt_that_was_pending_is_seen_by_the_work_and_survives(Face face) { // L8
        Thread.currentThread().interrupt();
        List<Boolean> seen = new ArrayList<>();
        Outcome<Object> outcome = face == Face.SUBMIT
                ? Outcome.success(seen.add(true))
                : face.go(pipeline, () -> seen.add(Thread.currentThread().isInterrupted()));

        assertThat(Thread.interrupted()).isTrue();
        assertThat(seen).containsExactly(true);
        assertThat(outcome.succeeded() || face.async()).isTrue();
    }

    @Test
    void a_null_stage_is_a_failed_stage() {
        Outcome<Object> outcome = Face.raw(pipeline.callAsync(() -> (CompletionStage<Object>) null));
        assertThat(outcome.as(NullPointerException.class).orElseThrow())
                .hasMessage("the asynchronous operation returned null instead of a CompletionStage");
        assertThat(inner.verdicts).containsExactly(Verdict.FAILURE);
    }

    @Test
    void a_stage_that_takes_no_dependents_is_a_failed_stage() { // L5, L1: the user's stage is a guest
        CompletableFuture<Object> broken = new CompletableFuture<>() {
            @Override
            public <U> CompletableFuture<U> handle(
                    java.util.function.BiFunction<? super Object, Throwable, ? extends U> function) {
                throw new UnsupportedOperationException("not this one");
            }
        };
        Outcome<Object> outcome = Face.raw(pipeline.callAsync(() -> broken));
        assertThat(outcome.as(UnsupportedOperationException.class)).isPresent();
        assertThat(inner.verdicts).containsExactly(Verdict.FAILURE);
    }

    @Test
    void an_executor_that_refuses_is_a_rejection_with_the_executors_exception_as_cause() { // L6, L1
        RejectedExecutionException full = new RejectedExecutionException("full");
        Executor refusing = task -> {
            throw full;
        };
        Outcome<Object> outcome = Face.raw(pipeline.submit(refusing, () -> "never"));
        assertThat(outcome.as(RejectedException.class).orElseThrow())
                .hasCause(full)
                .hasMessage("pipeline 'pipeline': the executor refused the attempt: " + full);
        assertThat(inner.verdicts).containsExactly(Verdict.IGNORED);
        assertThat(outer.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test
    void an_executor_that_throws_an_error_is_a_rejection_too() {
        LinkageError broken = new LinkageError("broken executor");
        Executor throwing = task -> {
            throw broken;
        };
        assertThat(Face.raw(pipeline.submit(throwing, () -> "never")).as(RejectedException.class))
                .hasValueSatisfying(rejection -> assertThat(rejection).hasCause(broken));
    }

    @Test
    void an_executor_that_runs_the_work_and_then_throws_changes_nothing() {
        Executor late = task -> {
            task.run();
            throw new IllegalStateException("too late");
        };
        assertThat(Face.raw(pipeline.submit(late, () -> "done"))).isEqualTo(Outcome.success("done"));
    }

    @Test
    void an_executor_that_drops_the_work_ends_at_the_deadline() { // L6
        CallContext soon = CallContext.root().within(Duration.ofSeconds(1));
        CompletableFuture<Object> future =
                pipeline.callAsync(soon, c -> Pipeline.of().submit(task -> {}, () -> "never"));
        time.advance(Duration.ofSeconds(1));
        assertThat(Face.raw(future).as(TimeoutExceededException.class)).isPresent();
        assertThat(inner.verdicts).containsExactly(Verdict.IGNORED);
    }

    @Test
    void a_call_without_checked_exceptions_declares_none_and_one_with_one_declares_that() throws IOException {
        assertThat(pipeline.call(() -> "no try")).isEqualTo("no try");
        assertThat(pipeline.call(FacesTest::io)).isEqualTo("io");
        pipeline.run(() -> assertThat(io()).isEqualTo("io"));
    }

    private static String io() throws IOException {
        if (Thread.currentThread().getName().isEmpty()) throw new IOException();
        return "io";
    }

    @Test
    void a_null_argument_is_named() {
        CallContext root = CallContext.root();
        assertNamed("op", () -> pipeline.call((Op<String, RuntimeException>) null));
        assertNamed("op", () -> pipeline.call(root, (ContextOp<String, RuntimeException>) null));
        assertNamed("context", () -> pipeline.call(null, c -> "x"));
        assertNamed("action", () -> pipeline.run((Action<RuntimeException>) null));
        assertNamed("op", () -> pipeline.outcome((Op<String, RuntimeException>) null));
        assertNamed("op", () -> pipeline.outcome(root, (ContextOp<String, RuntimeException>) null));
        assertNamed("context", () -> pipeline.outcome(null, c -> "x"));
        assertNamed("start", () -> pipeline.callAsync((Op<CompletionStage<String>, RuntimeException>) null));
        assertNamed(
                "start", () -> pipeline.callAsync(root, (ContextOp<CompletionStage<String>, RuntimeException>) null));
        assertNamed("context", () -> pipeline.callAsync(null, c -> CompletableFuture.completedFuture("x")));
        assertNamed("executor", () -> pipeline.submit(null, () -> "x"));
        assertNamed("op", () -> pipeline.submit(Runnable::run, (Op<String, RuntimeException>) null));
        assertNamed("op", () -> pipeline.wrap((Op<String, RuntimeException>) null));
        assertNamed("context", () -> outer.admit(null));
        assertNamed("context", () -> outer.admitAsync(null));
        assertNamed("name", () -> new RecordingGate(null, time));
        assertNamed("time", () -> new RecordingGate("x", null));
        assertNamed("name", () -> new Through(null));
    }

    private static void assertNamed(String parameter, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatNullPointerException().isThrownBy(call).withMessage(parameter);
    }

    @Test
    void wrapped_work_is_protected_anew_at_each_call() throws Exception {
        java.util.concurrent.Callable<String> callable = pipeline.wrap(() -> "x")::call;
        callable.call();
        callable.call();
        assertThat(inner.verdicts).containsExactly(Verdict.SUCCESS, Verdict.SUCCESS);
    }

    @Test
    void an_error_is_returned_by_outcome_and_thrown_by_call() {
        LinkageError error = new LinkageError();
        assertThat(pipeline.outcome(() -> raise(error)).as(LinkageError.class)).containsSame(error);
        assertThatThrownBy(() -> pipeline.call(() -> raise(error))).isSameAs(error);
    }

    private static Object raise(Error error) {
        throw error;
    }
}
