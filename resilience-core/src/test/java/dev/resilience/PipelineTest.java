// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PipelineTest {
    private final ManualTime time = ManualTime.create();
    private final List<String> order = new ArrayList<>();

    /** Tells when it is entered and left. */
    private final class Telling extends RecordingGate {
        Telling(String name) {
            super(name, time);
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            order.add("+" + name());
            return super.tryAdmit(context, now);
        }

        @Override
        protected void settle(
                long permit, long at, long now, Verdict verdict, @Nullable Object value, @Nullable Throwable thrown) {
            order.add("-" + name());
            super.settle(permit, at, now, verdict, value, thrown);
        }
    }

    private final Telling a = new Telling("a");
    private final Telling b = new Telling("b");
    private final Telling c = new Telling("c");

    @ParameterizedTest
    @EnumSource
    void the_first_policy_is_the_outermost_and_nesting_changes_nothing(Face face) {
        for (Pipeline same :
                List.of(Pipeline.of(a, b, c), Pipeline.of(a, Pipeline.of(b, c)), Pipeline.of(Pipeline.of(a, b), c))) {
            order.clear();
            face.go(same, () -> order.add("work"));
            if (!face.name().contains("LATER") && face != Face.ASYNC_WRAPPED) {
                assertThat(order).containsExactly("+a", "+b", "+c", "work", "-c", "-b", "-a");
            }
            assertThat(order).startsWith("+a", "+b", "+c").endsWith("-c", "-b", "-a");
        }
    }

    @Test
    void a_refusal_of_the_outer_gate_never_reaches_the_inner_ones() {
        a.refusing = true;
        assertThat(Pipeline.of(a, b).outcome(() -> "x").succeeded()).isFalse();
        assertThat(order).containsExactly("+a");
    }

    @Test
    void a_policy_may_stand_in_several_pipelines_and_keeps_its_state() {
        Pipeline.of(a, b).run(() -> {});
        Pipeline.of(c, a).run(() -> {});
        assertThat(a.verdicts).hasSize(2);
    }

    @Test
    void a_nested_pipeline_has_its_own_classifier_or_takes_the_outer_one() {
        Pipeline inherits = Pipeline.of(b);
        Pipeline own = Pipeline.builder("own")
                .policies(c)
                .failures(Failures.on(IOException.class))
                .build();
        Pipeline outer = Pipeline.builder("outer")
                .policies(a, inherits, own)
                .failures(Failures.on(IllegalStateException.class))
                .build();
        outer.outcome(() -> {
            throw new IllegalStateException();
        });
        assertThat(a.verdicts).containsExactly(Verdict.FAILURE);
        assertThat(b.verdicts).containsExactly(Verdict.FAILURE);
        assertThat(c.verdicts).containsExactly(Verdict.SUCCESS);
        outer.outcome(() -> {
            throw new IOException();
        });
        assertThat(a.verdicts).containsExactly(Verdict.FAILURE, Verdict.SUCCESS);
        assertThat(c.verdicts).containsExactly(Verdict.SUCCESS, Verdict.FAILURE);
    }

    @Test
    void a_nested_pipeline_has_its_own_executor_or_takes_the_outer_one() throws InterruptedException {
        BlockingQueue<Runnable> mine = new LinkedBlockingQueue<>();
        BlockingQueue<Runnable> its = new LinkedBlockingQueue<>();
        a.waiting = true;
        b.waiting = true;
        Pipeline nested =
                Pipeline.builder("nested").policies(b).executor(its::add).build();
        Pipeline outer = Pipeline.builder("outer")
                .policies(Pipeline.of(a), nested)
                .executor(mine::add)
                .build();
        CompletableFuture<String> call = outer.callAsync(() -> CompletableFuture.completedFuture("x"));
        a.grantNext();
        mine.poll(60, TimeUnit.SECONDS).run();
        b.grantNext();
        its.poll(60, TimeUnit.SECONDS).run();
        assertThat(call).isCompletedWithValue("x");
    }

    @Test // L5: whoever grants stands in a gate, perhaps under its lock
    void an_executor_that_runs_inline_does_not_run_a_call_on_the_thread_that_grants() {
        a.waiting = true;
        Pipeline pipeline =
                Pipeline.builder("inline").policies(a).executor(Runnable::run).build();
        CompletableFuture<Thread> call =
                pipeline.callAsync(() -> CompletableFuture.completedFuture(Thread.currentThread()));
        a.grantNext();
        assertThat(Face.raw(call).orElseThrow()).isNotSameAs(Thread.currentThread());
    }

    @Test // L6
    void an_executor_that_refuses_loses_nothing() {
        a.waiting = true;
        IllegalStateException full = new IllegalStateException("full");
        Pipeline pipeline = Pipeline.builder("p")
                .policies(a)
                .executor(task -> {
                    throw full;
                })
                .build();
        try (Reported reported = new Reported()) {
            CompletableFuture<String> call = pipeline.callAsync(() -> CompletableFuture.completedFuture("x"));
            a.grantNext();
            assertThat(Face.raw(call)).isEqualTo(Outcome.success("x"));
            assertThat(reported.messages()).singleElement().asString().contains("refused a task", "full");
        }
    }

    @Test // L11
    void two_clocks_are_refused_and_both_sides_named() {
        Gate other = new RecordingGate("other", ManualTime.create());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Pipeline.builder("mixed").policies(a, other).build())
                .withMessageStartingWith("pipeline 'mixed': all gates must have one TimeSource, was 2 different: ")
                .withMessageContaining("[telling 'a']")
                .withMessageContaining("[recording gate 'other']")
                .withMessageEndingWith("; give each builder the same timeSource");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Pipeline.of(a, Pipeline.of(new Through("t"), Pipeline.of(other))))
                .withMessageContaining("[telling 'a']");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Pipeline.builder("p")
                        .timeSource(TimeSource.system())
                        .policies(a)
                        .build())
                .withMessageContaining("the builder's timeSource");
    }

    @Test
    void drivers_take_the_clock_of_the_pipeline_around_or_of_the_one_inside() {
        Timeout timeout = Timeout.of(Duration.ofSeconds(1));
        Pipeline inside =
                Pipeline.builder("inside").timeSource(time).policies(timeout).build();
        for (Pipeline pipeline : List.of(Pipeline.of(timeout, a), inside, Pipeline.of(inside))) {
            CompletableFuture<Object> call = pipeline.callAsync(() -> new CompletableFuture<>());
            assertThat(time.pendingTimers()).as(pipeline.toString()).isEqualTo(1);
            time.advance(Duration.ofSeconds(1));
            assertThat(Face.raw(call).as(TimeoutExceededException.class)).isPresent();
        }
    }

    @Test
    void describes_itself_as_text_and_as_a_structure() {
        Pipeline inner = Pipeline.builder("inner")
                .policies(Timeout.of(Duration.ofSeconds(2)))
                .failures(Failures.on(IOException.class))
                .build();
        Pipeline outer = Pipeline.builder("outer").policies(a, inner).build();
        assertThat(outer.describe())
                .hasToString("Pipeline 'outer'\n  Telling 'a'\n  Pipeline 'inner' {failures=own}\n"
                        + "    Timeout 'timeout' {after=2 s, mode=interrupting}");
        Description nested = outer.describe().inner().get(1);
        assertThat(nested.kind()).isEqualTo("Pipeline");
        assertThat(nested.name()).isEqualTo("inner");
        assertThat(nested.settings()).isEqualTo(Map.of("failures", "own"));
        assertThat(outer).hasToString("pipeline 'outer'");
        assertThat(new RecordingGate("anonymous") {}).hasToString("recording gate 'anonymous'");
        assertThat(Retry.of(3)).hasToString("retry 'retry'");
    }

    @Test
    void a_null_argument_is_named() {
        Pipeline.Builder builder = Pipeline.builder("p");
        assertThatNullPointerException()
                .isThrownBy(() -> Pipeline.builder(null))
                .withMessage("name");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.policies((Policy[]) null))
                .withMessage("policies");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.policies(a, null))
                .withMessageStartingWith("a policy, in [telling 'a', null]");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.failures(null))
                .withMessage("failures");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.executor(null))
                .withMessage("executor");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.timeSource(null))
                .withMessage("time");
        assertThatNullPointerException().isThrownBy(() -> builder.capture(null)).withMessage("capture");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.onWarning(null))
                .withMessage("listener");
    }

    @Test
    void what_is_done_to_the_builder_later_does_not_change_the_pipeline() {
        Policy[] policies = {a};
        Pipeline.Builder builder = Pipeline.builder("p").policies(policies);
        Pipeline pipeline = builder.build();
        policies[0] = b;
        builder.policies(c).failures(Failures.on(IOException.class));
        pipeline.run(() -> {});
        assertThat(order).containsExactly("+a", "-a");
    }

    /** A driver that does what a driver should not. */
    private static final class Naive extends Driver {
        private final String fault;

        Naive(String fault) {
            super("naive");
            this.fault = fault;
        }

        @Override
        protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
                throws Exception {
            next.call(op, context);
            return next.call(op, context);
        }

        @Override
        protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
                Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            CompletionStage<T> stage = next.callAsync(op, context);
            return switch (fault) {
                case "twice" -> next.callAsync(op, context);
                case "foreign" -> stage.thenApply(x -> x).toCompletableFuture().minimalCompletionStage();
                case "null" -> null;
                default -> throw new IllegalStateException(fault);
            };
        }
    }

    @Test // L1
    void a_driver_that_is_naive_breaks_its_own_call_only() {
        Pipeline twice = Pipeline.of(a, new Naive("twice"), b);
        assertThat(twice.call(() -> "x")).isEqualTo("x");
        assertThat(Face.ASYNC_COMPLETED.go(twice, () -> "x")).isEqualTo(Outcome.success("x"));
        assertThat(Face.ASYNC_COMPLETED.go(Pipeline.of(a, new Naive("foreign"), b), () -> "x"))
                .isEqualTo(Outcome.success("x"));
        assertThat(Face.ASYNC_COMPLETED
                        .go(Pipeline.of(a, new Naive("null"), b), () -> "x")
                        .as(NullPointerException.class)
                        .orElseThrow())
                .hasMessage("naive 'naive' returned null instead of a stage");
        assertThat(Face.ASYNC_COMPLETED
                        .go(Pipeline.of(a, new Naive("throws"), b), () -> "x")
                        .as(IllegalStateException.class))
                .isPresent();
        assertThat(a.balanced() && b.balanced()).isTrue();
        assertThat(b.verdicts).hasSize(7);
    }
}
