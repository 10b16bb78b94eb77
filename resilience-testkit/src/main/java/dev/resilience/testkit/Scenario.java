// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.CallContext;
import dev.resilience.Policy;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;

/**
 * One description of a call, played on every {@link Face}: blocking, outcome, virtual thread, submit, and two kinds of
 * stages. The test says once what has to come out and runs six times; what a policy does on one face and forgets on
 * another fails.
 *
 * {@snippet class="dev.resilience.testkit.TestingGuideTest" region="scenario"}
 *
 * <p>Each face gets a fresh {@link ManualTime} and a fresh policy made with it. The call runs on a thread of its own;
 * the test's thread moves the clock from event to event, waiting for the threads of the call in between, until it has
 * ended: no test waits for real time, and a call that would wait for ever fails with a description. When it has
 * ended, no timer and no parked thread may be left on the clock (L13).
 *
 * <p>A policy that waits has to know the clock: hand {@code time} to the builders of gates and to the pipeline's.
 *
 * <p>Immutable; setters return a new scenario.
 *
 * @param <P> the policy's type
 */
public final class Scenario<P extends Policy> {
    private final Function<? super ManualTime, ? extends P> policy;
    private final List<Attempt> script;
    private final @Nullable CallContext context;
    private final @Nullable Duration givesUp;

    private Scenario(
            Function<? super ManualTime, ? extends P> policy,
            List<Attempt> script,
            @Nullable CallContext context,
            @Nullable Duration givesUp) {
        this.policy = policy;
        this.script = script;
        this.context = context;
        this.givesUp = givesUp;
    }

    /**
     * What a test asserts of a run.
     *
     * @param <P> the policy's type
     */
    @FunctionalInterface
    public interface Check<P extends Policy> {
        /**
         * Looks at a run; throws what it finds wrong.
         *
         * @param run how the call went
         * @throws Exception anything, which fails the test
         */
        void accept(Run<P> run) throws Exception;
    }

    /**
     * A scenario of one attempt that returns {@code "value"}.
     *
     * @param policy makes the policy under test, once per run, with the run's clock
     * @param <P> the policy's type
     * @return the scenario
     */
    public static <P extends Policy> Scenario<P> with(Function<? super ManualTime, ? extends P> policy) {
        return new Scenario<>(Objects.requireNonNull(policy, "policy"), List.of(Attempt.returns("value")), null, null);
    }

    /**
     * What the user's code does, attempt by attempt.
     *
     * @param first the first attempt
     * @param more the following ones; the last one repeats
     * @return a new scenario
     */
    public Scenario<P> attempts(Attempt first, Attempt... more) {
        List<Attempt> all = Stream.concat(Stream.of(first), Arrays.stream(more)).toList();
        return new Scenario<>(policy, all, context, givesUp);
    }

    /**
     * The context that the caller hands in: attributes, a deadline. {@link Face#SUBMIT}, which takes none, is then left
     * out of {@link #onEveryFace}.
     *
     * @param context the context
     * @return a new scenario
     */
    public Scenario<P> context(CallContext context) {
        return new Scenario<>(policy, script, Objects.requireNonNull(context, "context"), givesUp);
    }

    /**
     * The caller gives the call up, if it has not ended by then: the thread that made it is interrupted where that waits
     * for it, on the other faces the future is cancelled.
     *
     * @param after how long after the call began, on the manual clock; more than zero
     * @return a new scenario
     * @throws IllegalArgumentException if the duration is not positive
     */
    public Scenario<P> givesUpAfter(Duration after) {
        if (after.isZero() || after.isNegative()) {
            throw new IllegalArgumentException("scenario: givesUpAfter must be positive, was " + after);
        }
        return new Scenario<>(policy, script, context, after);
    }

    /**
     * Plays the call on one face.
     *
     * @param face how the call is made
     * @return how it went
     * @throws AssertionError if the call does not end, or leaves a timer or a waiting thread behind
     * @throws IllegalArgumentException for {@link Face#SUBMIT} with a context
     */
    public Run<P> run(Face face) {
        if (face == Face.SUBMIT && context != null) {
            throw new IllegalArgumentException("scenario: submit takes no context");
        }
        ManualTime time = ManualTime.create();
        return new Run<>(this, face, policy.apply(time), time);
    }

    /**
     * Plays the call on each face, one test each, for a method annotated with {@code @TestFactory}.
     *
     * @param check what has to hold of each run
     * @return the tests, run when JUnit runs them
     */
    public Stream<DynamicTest> onEveryFace(Check<P> check) {
        Objects.requireNonNull(check, "check");
        return Arrays.stream(Face.values())
                .filter(face -> face != Face.SUBMIT || context == null)
                .map(face -> DynamicTest.dynamicTest(face.toString(), () -> check.accept(run(face))));
    }

    List<Attempt> script() {
        return script;
    }

    @Nullable
    CallContext callContext() {
        return context;
    }

    @Nullable
    Duration givesUp() {
        return givesUp;
    }
}
