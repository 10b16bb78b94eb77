// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class FailuresTest {
    private static final Failures IO = Failures.on(IOException.class).butNot(FileNotFoundException.class);

    @Test
    void the_standard_judges_every_exception_a_failure_and_every_value_a_success() {
        assertThat(Failures.standard().judge(null, new Exception())).isEqualTo(Verdict.FAILURE);
        assertThat(Failures.standard().judge(null, null)).isEqualTo(Verdict.SUCCESS);
        assertThat(Failures.standard().judge("x", null)).isEqualTo(Verdict.SUCCESS);
    }

    @Test
    void what_is_not_named_is_a_success_because_the_dependency_answered() {
        assertThat(IO.judge(null, new IOException())).isEqualTo(Verdict.FAILURE);
        assertThat(IO.judge(null, new IllegalArgumentException())).isEqualTo(Verdict.SUCCESS);
        assertThat(IO.judge(null, new FileNotFoundException())).isEqualTo(Verdict.SUCCESS);
    }

    @Test
    void a_rejection_is_a_failure_for_a_retry_unless_it_is_excluded() { // S37
        RejectedException busy = new RejectedException(Pipeline.of(), Gate.refused(1), null);
        Failures io = Failures.on(IOException.class);
        assertThat(io.judge(null, busy)).isEqualTo(Verdict.FAILURE);
        assertThat(io.butNot(RejectedException.class).judge(null, busy)).isEqualTo(Verdict.SUCCESS);
    }

    @Test
    void a_timeout_is_a_failure_unless_it_is_excluded() { // S34: a dependency that hangs is not healthy
        TimeoutExceededException late =
                new TimeoutExceededException("t", Duration.ofSeconds(1), Duration.ofSeconds(1), null);
        Failures io = Failures.on(IOException.class);
        assertThat(io.judge(null, late)).isEqualTo(Verdict.FAILURE);
        assertThat(Failures.when(IOException.class::isInstance).judge(null, late))
                .isEqualTo(Verdict.FAILURE);
        assertThat(io.butNot(TimeoutExceededException.class).judge(null, late)).isEqualTo(Verdict.SUCCESS);
        assertThat(io.ignoring(TimeoutExceededException.class::isInstance).judge(null, late))
                .isEqualTo(Verdict.IGNORED);
    }

    @Test
    void interruption_and_cancellation_are_ignored_whatever_the_classifier_says() {
        Failures all = Failures.on(Throwable.class);
        assertThat(all.judge(null, new InterruptedException())).isEqualTo(Verdict.IGNORED);
        assertThat(all.judge(null, new CancellationException())).isEqualTo(Verdict.IGNORED);
        assertThat(all.judge(null, new CallInterruptedException("x", null))).isEqualTo(Verdict.IGNORED);
        assertThat(all.judge(null, new CompletionException(new CancellationException())))
                .isEqualTo(Verdict.IGNORED);
    }

    @Test
    void an_error_is_a_failure_whatever_the_classifier_says() {
        Failures none = Failures.when(x -> false).ignoring(x -> true).butNot(Throwable.class);
        assertThat(none.judge(null, new LinkageError())).isEqualTo(Verdict.FAILURE);
        assertThat(none.judge(null, new CompletionException(new LinkageError())))
                .isEqualTo(Verdict.FAILURE);
    }

    @Test
    void the_wrappers_of_the_jdk_are_looked_through_to_any_depth() {
        Throwable deep = new IOException();
        for (int i = 0; i < 100; i++) {
            deep = i % 2 == 0 ? new CompletionException(deep) : new ExecutionException(deep);
        }
        assertThat(IO.judge(null, deep)).isEqualTo(Verdict.FAILURE);
        assertThat(IO.judge(null, new CompletionException(new FileNotFoundException())))
                .isEqualTo(Verdict.SUCCESS);
    }

    @Test
    void a_wrapper_without_a_cause_is_judged_itself() {
        CompletionException empty = new CompletionException((Throwable) null);
        assertThat(Failures.on(CompletionException.class).judge(null, empty)).isEqualTo(Verdict.FAILURE);
        assertThat(IO.judge(null, empty)).isEqualTo(Verdict.SUCCESS);
    }

    @Test
    void a_cause_of_any_other_exception_is_not_looked_at() {
        assertThat(IO.judge(null, new RuntimeException(new IOException()))).isEqualTo(Verdict.SUCCESS);
    }

    @Test
    void values_of_the_type_that_match_are_failures() {
        Failures classifier = IO.orResult(Integer.class, status -> status >= 500);
        assertThat(classifier.judge(503, null)).isEqualTo(Verdict.FAILURE);
        assertThat(classifier.judge(200, null)).isEqualTo(Verdict.SUCCESS);
        assertThat(classifier.judge("503", null)).isEqualTo(Verdict.SUCCESS);
        assertThat(classifier.judge(null, null)).isEqualTo(Verdict.SUCCESS);
        assertThat(classifier.orResult(String.class, s -> s.equals("503")).judge("503", null))
                .isEqualTo(Verdict.FAILURE);
    }

    @Test
    void ignoring_is_the_third_verdict_and_loses_to_but_not() {
        Failures classifier = Failures.standard().ignoring(x -> x instanceof IOException);
        assertThat(classifier.judge(null, new IOException())).isEqualTo(Verdict.IGNORED);
        assertThat(classifier.judge(null, new Exception())).isEqualTo(Verdict.FAILURE);
        assertThat(classifier.butNot(FileNotFoundException.class).judge(null, new FileNotFoundException()))
                .as("butNot wins over everything that it is combined with")
                .isEqualTo(Verdict.SUCCESS);
    }

    @Test
    void each_method_makes_a_new_classifier() {
        Failures base = Failures.on(IOException.class);
        base.butNot(IOException.class);
        base.ignoring(x -> true);
        base.orResult(String.class, x -> true);
        assertThat(base.judge(null, new IOException())).isEqualTo(Verdict.FAILURE);
        assertThat(base.judge("x", null)).isEqualTo(Verdict.SUCCESS);
    }

    @Test // L5
    void a_test_that_throws_judges_exceptions_failures_and_values_successes_and_is_reported() {
        RecordingGate gate = new RecordingGate("gate");
        IllegalStateException broken = new IllegalStateException("broken predicate");
        gate.own = Failures.when(x -> {
                    throw broken;
                })
                .orResult(String.class, x -> {
                    throw broken;
                });
        IOException thrown = new IOException();
        try (Reported reported = new Reported()) {
            assertThat(gate.outcome(() -> raise(thrown)).as(IOException.class)).containsSame(thrown);
            assertThat(gate.call(() -> "value")).isEqualTo("value");
            String message = "recording gate 'gate': a Failures predicate threw " + broken;
            assertThat(reported.messages()).containsExactly(message, message);
        }
        assertThat(gate.verdicts).containsExactly(Verdict.FAILURE, Verdict.SUCCESS);
        assertThatThrownBy(() -> gate.own.judge("x", null)).isSameAs(broken);
    }

    private static Object raise(Exception thrown) throws Exception {
        throw thrown;
    }

    @Test
    void a_gates_own_classifier_wins_over_its_pipelines() {
        RecordingGate own = new RecordingGate("own");
        RecordingGate other = new RecordingGate("other");
        own.own = IO;
        Pipeline pipeline = Pipeline.builder("p")
                .policies(own, other)
                .failures(Failures.on(IllegalStateException.class))
                .build();
        pipeline.outcome(() -> raise(new IllegalStateException()));
        pipeline.outcome(() -> raise(new IOException()));
        assertThat(own.verdicts).containsExactly(Verdict.SUCCESS, Verdict.FAILURE);
        assertThat(other.verdicts).containsExactly(Verdict.FAILURE, Verdict.SUCCESS);
    }

    @Test // the work waits for a stage itself and lets the wrapper out
    void a_gate_looks_through_wrappers_and_the_caller_gets_them_as_thrown() {
        RecordingGate gate = new RecordingGate("gate");
        RecordingGate inside = new RecordingGate("inside");
        inside.refusing = true;
        IOException cause = new IOException();
        CompletableFuture<Object> failed = CompletableFuture.failedFuture(cause);
        assertThat(gate.outcome(failed::join).as(CompletionException.class)).isPresent();
        gate.outcome(() -> inside.callAsync(() -> failed).join());
        gate.outcome(() -> inside.callAsync(() -> failed).get());
        assertThat(gate.verdicts).containsExactly(Verdict.FAILURE, Verdict.IGNORED, Verdict.IGNORED);
        assertThat(gate.seen.get(0)).isSameAs(cause);
    }

    @Test // L11
    void without_types_it_says_what_is_missing() {
        assertThatIllegalArgumentException()
                .isThrownBy(Failures::on)
                .withMessage("Failures.on needs at least one exception type, was none");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> IO.butNot())
                .withMessage("Failures.butNot needs at least one exception type, was none");
    }

    @Test
    void a_null_argument_is_named() {
        assertThatNullPointerException()
                .isThrownBy(() -> Failures.on((Class<Exception>[]) null))
                .withMessage("types");
        assertThatNullPointerException()
                .isThrownBy(() -> Failures.on(IOException.class, null))
                .withMessage("types");
        assertThatNullPointerException().isThrownBy(() -> Failures.when(null)).withMessage("test");
        assertThatNullPointerException().isThrownBy(() -> IO.ignoring(null)).withMessage("test");
        assertThatNullPointerException()
                .isThrownBy(() -> IO.orResult(String.class, null))
                .withMessage("test");
        assertThatNullPointerException()
                .isThrownBy(() -> IO.orResult(null, x -> true))
                .withMessage("type");
    }
}
