// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import static dev.resilience.testkit.Attempt.fails;
import static dev.resilience.testkit.Attempt.hangs;
import static dev.resilience.testkit.Attempt.returns;
import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Driver;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeoutExceededException;
import dev.resilience.Verdict;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ScenarioTest {

    private static Pipeline on(ManualTime time, Policy... policies) {
        return Pipeline.builder("p").policies(policies).timeSource(time).build();
    }

    private static Retry retry() {
        return Retry.builder("r")
                .maxAttempts(3)
                .backoff(Backoff.constant(ofMillis(100)).noJitter())
                .build();
    }

    @TestFactory
    Stream<DynamicTest> a_call_without_policies_gives_what_the_attempt_gives_and_takes_no_time() {
        return Scenario.with(time -> on(time)).attempts(returns(null)).onEveryFace(run -> {
            assertThat(run.value()).isNull();
            assertThat(run.attempts()).isEqualTo(1);
            assertThat(run.cancelled()).isZero();
            assertThat(run.took()).isEqualTo(ZERO);
        });
    }

    @TestFactory
    Stream<DynamicTest> an_attempt_takes_the_time_it_is_said_to_take() {
        return Scenario.with(time -> on(time))
                .attempts(returns("v").after(ofSeconds(90)))
                .onEveryFace(run -> {
                    assertThat(run.value()).isEqualTo("v");
                    assertThat(run.took()).isEqualTo(ofSeconds(90));
                });
    }

    @TestFactory
    Stream<DynamicTest> an_exception_comes_out_as_the_same_instance() { // L9
        IOException thrown = new IOException("x");
        return Scenario.with(time -> on(time)).attempts(fails(thrown)).onEveryFace(run -> {
            assertThat(run.thrown()).isSameAs(thrown);
            assertThat(run.outcome().succeeded()).isFalse();
        });
    }

    @TestFactory
    Stream<DynamicTest> an_error_comes_out_as_the_same_instance() { // L9
        Error thrown = new StackOverflowError();
        return Scenario.with(time -> on(time))
                .attempts(fails(thrown).after(ofMillis(1)))
                .onEveryFace(run -> assertThat(run.thrown()).isSameAs(thrown));
    }

    @TestFactory
    Stream<DynamicTest> delays_and_attempts_add_up() {
        return Scenario.with(time -> on(time, retry()))
                .attempts(fails(new IOException("1")).after(ofMillis(7)), fails(new IOException("2")), returns("v"))
                .onEveryFace(run -> {
                    assertThat(run.value()).isEqualTo("v");
                    assertThat(run.attempts()).isEqualTo(3);
                    assertThat(run.took()).isEqualTo(ofMillis(207));
                });
    }

    @TestFactory
    Stream<DynamicTest> the_last_attempt_of_the_script_repeats() {
        return Scenario.with(time -> on(time, retry()))
                .attempts(returns("unused"))
                .attempts(fails(new IOException("x")))
                .onEveryFace(run -> {
                    assertThat(run.attempts()).isEqualTo(3);
                    assertThat(run.thrown()).hasMessage("x");
                });
    }

    @TestFactory
    Stream<DynamicTest> a_timeout_ends_an_attempt_that_hangs() { // L6, L8
        return Scenario.with(time -> on(time, Timeout.of(ofSeconds(2))))
                .attempts(hangs())
                .onEveryFace(run -> {
                    assertThat(run.thrown()).isInstanceOf(TimeoutExceededException.class);
                    assertThat(run.took()).isEqualTo(ofSeconds(2));
                    assertThat(run.cancelled()).isEqualTo(1);
                });
    }

    @TestFactory
    Stream<DynamicTest> a_caller_gives_up_an_attempt() { // L7
        return Scenario.with(time -> on(time, retry()))
                .attempts(hangs())
                .givesUpAfter(ofSeconds(3))
                .onEveryFace(run -> {
                    assertThat(run.took()).isEqualTo(ofSeconds(3));
                    assertThat(run.attempts()).isEqualTo(1);
                    assertThat(run.cancelled()).isEqualTo(1);
                    boolean future = run.face() == Face.SUBMIT || run.face().staged();
                    assertThat(run.thrown())
                            .isInstanceOf(future ? CancellationException.class : InterruptedException.class);
                });
    }

    @TestFactory
    Stream<DynamicTest> a_caller_gives_up_in_a_delay() { // L7
        return Scenario.with(time -> on(time, retry()))
                .attempts(fails(new IOException("x")))
                .givesUpAfter(ofMillis(150))
                .onEveryFace(run -> {
                    assertThat(run.took()).isEqualTo(ofMillis(150));
                    assertThat(run.attempts()).isEqualTo(2);
                    assertThat(run.cancelled()).isZero();
                });
    }

    @TestFactory
    Stream<DynamicTest> a_call_that_has_ended_is_not_given_up() {
        return Scenario.with(time -> on(time)).givesUpAfter(ofMillis(1)).onEveryFace(run -> {
            assertThat(run.value()).isEqualTo("value");
            assertThat(run.time().pendingTimers()).isZero();
            assertThat(run.again(hangs()).took()).isEqualTo(ofMillis(1));
        });
    }

    @Test
    void a_caller_gives_up_after_some_time() {
        assertThatThrownBy(() -> Scenario.with(time -> on(time)).givesUpAfter(ZERO))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("scenario: givesUpAfter must be positive, was PT0S");
    }

    @TestFactory
    Stream<DynamicTest> an_outer_timeout_ends_a_delay() { // L14
        return Scenario.with(time -> on(time, Timeout.of(ofMillis(150)), retry()))
                .attempts(fails(new IOException("x")))
                .onEveryFace(run -> {
                    assertThat(run.took()).isLessThanOrEqualTo(ofMillis(150));
                    assertThat(run.attempts()).isEqualTo(2);
                });
    }

    @TestFactory
    Stream<DynamicTest> a_context_is_handed_in_on_every_face_that_takes_one() {
        Stream<DynamicTest> tests = Scenario.with(time -> on(time))
                .context(CallContext.root().within(ofSeconds(1)))
                .attempts(hangs())
                .onEveryFace(run -> {
                    assertThat(run.face()).isNotEqualTo(Face.SUBMIT);
                    if (run.face().staged()) {
                        assertThat(run.thrown()).isInstanceOf(TimeoutExceededException.class);
                        assertThat(run.took()).isEqualTo(ofSeconds(1));
                    }
                });
        // a deadline alone interrupts no blocking code: only the staged faces end here
        return tests.filter(test -> test.getDisplayName().contains("stage"));
    }

    @Test
    void submit_with_a_context_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Scenario.with(time -> on(time))
                        .context(CallContext.root())
                        .run(Face.SUBMIT))
                .withMessage("scenario: submit takes no context");
    }

    @Test
    void every_face_is_played_on_a_policy_and_a_clock_of_its_own() throws Throwable {
        Set<Object> policies = ConcurrentHashMap.newKeySet();
        Set<Object> clocks = ConcurrentHashMap.newKeySet();
        Set<Face> faces = EnumSet.noneOf(Face.class);
        for (DynamicTest test : Scenario.with(time -> on(time))
                .onEveryFace(run -> {
                    policies.add(run.policy());
                    clocks.add(run.time());
                    faces.add(run.face());
                })
                .toList()) {
            test.getExecutable().execute();
        }
        assertThat(faces).containsExactlyInAnyOrder(Face.values());
        assertThat(policies).hasSameSizeAs(faces);
        assertThat(clocks).hasSameSizeAs(faces);
    }

    @ParameterizedTest
    @EnumSource(Face.class)
    void again_calls_the_same_policy_on_the_same_clock(Face face) {
        Run<CountingGate> first =
                Scenario.with(time -> new CountingGate("g", time)).run(face);
        Run<CountingGate> second = first.again(fails(new IOException("x")).after(ofMillis(5)));
        assertThat(second.policy()).isSameAs(first.policy());
        assertThat(second.time()).isSameAs(first.time());
        assertThat(second.thrown()).hasMessage("x");
        assertThat(second.policy().settled(Verdict.SUCCESS)).isEqualTo(1);
        assertThat(second.policy().settled(Verdict.FAILURE)).isEqualTo(1);
        second.policy().checkBalanced();
    }

    @ParameterizedTest
    @EnumSource(Face.class)
    void a_call_that_never_ends_is_described_instead_of_waited_for(Face face) {
        assertThatThrownBy(
                        () -> Scenario.with(time -> on(time)).attempts(hangs()).run(face))
                .isInstanceOf(AssertionError.class)
                .hasMessageStartingWith("the call does not end on the face '" + face
                        + "': 1 attempts of [hangs] have started, 0 steps of the clock were made,"
                        + " nothing will happen any more: manual time +PT0S, ")
                .hasMessageEndingWith("does the policy use the clock that the scenario hands to its maker?");
    }

    /** Arms a timer for each call and forgets it. */
    private static final class Leaking extends Driver {
        Leaking() {
            super("leaking");
        }

        @Override
        protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
                throws Exception {
            next.time().schedule(() -> {}, 1_000_000_000);
            return next.call(op, context);
        }

        @Override
        protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
                Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            next.time().schedule(() -> {}, 1_000_000_000);
            return next.callAsync(op, context);
        }
    }

    @ParameterizedTest
    @EnumSource(Face.class)
    void a_timer_that_is_left_behind_fails_the_run(Face face) { // L13
        assertThatThrownBy(() -> Scenario.with(time -> on(time, new Leaking())).run(face))
                .isInstanceOf(AssertionError.class)
                .hasMessage("L13: the call has ended and left something behind: "
                        + "manual time +PT0S, 1 timers, parked threads []");
    }

    @Test
    void a_run_says_what_it_expected_when_it_is_asked_for_the_wrong_half() {
        Scenario<Pipeline> scenario = Scenario.with(time -> on(time));
        IOException x = new IOException("x");
        assertThatThrownBy(() -> scenario.attempts(fails(x)).run(Face.CALL).value())
                .isInstanceOf(AssertionError.class)
                .hasMessage("expected a value on the face 'call'")
                .hasCause(x);
        assertThatThrownBy(() -> scenario.run(Face.OUTCOME).thrown())
                .isInstanceOf(AssertionError.class)
                .hasMessage("expected an exception on the face 'outcome', came out: value");
        assertThat(scenario.run(Face.CALL)).asString().startsWith("call: ").endsWith(" after 1 attempts and PT0S");
    }

    @Test
    void attempts_say_in_words_what_they_do() {
        assertThat(Stream.of(returns(1), fails(new IOException("x")).after(ofSeconds(2)), hangs()))
                .extracting(Attempt::toString)
                .containsExactly("returns 1", "fails with java.io.IOException: x after PT2S", "hangs");
        assertThat(Arrays.stream(Face.values()).filter(Face::staged).map(Face::toString))
                .containsExactly("complete stage", "later stage");
    }

    /** Notes on which thread the attempts run. */
    private static final class Noting extends Driver {
        final AtomicReference<@Nullable Thread> thread = new AtomicReference<>();

        Noting() {
            super("noting");
        }

        @Override
        protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
                throws Exception {
            thread.set(Thread.currentThread());
            return next.call(op, context);
        }

        @Override
        protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
                Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            return next.callAsync(op, context);
        }
    }

    @Test
    void the_virtual_thread_is_one_where_the_jdk_has_them() throws ReflectiveOperationException {
        Noting noting = new Noting();
        Scenario.with(time -> on(time, noting)).run(Face.CALL);
        assertThat(isVirtual(noting.thread.get())).isFalse();
        Scenario.with(time -> on(time, noting)).run(Face.VIRTUAL_THREAD);
        assertThat(isVirtual(noting.thread.get())).isEqualTo(Runtime.version().feature() >= 21);
    }

    private static boolean isVirtual(@Nullable Thread thread) throws ReflectiveOperationException {
        return Runtime.version().feature() >= 21
                && (boolean) Thread.class.getMethod("isVirtual").invoke(thread);
    }
}
