// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.Outcome;
import dev.resilience.Policy;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How one call of a {@link Scenario} went. Immutable, but for {@link #policy()} and {@link #time()}, which live on:
 * {@link #again} makes another call with them.
 *
 * @param <P> the policy's type
 */
public final class Run<P extends Policy> {
    private final Scenario<P> scenario;
    private final Face face;
    private final P policy;
    private final ManualTime time;
    private final Outcome<@Nullable Object> outcome;
    private final int attempts;
    private final int cancelled;
    private final Duration took;

    Run(Scenario<P> scenario, Face face, P policy, ManualTime time) {
        this.scenario = scenario;
        this.face = face;
        this.policy = policy;
        this.time = time;
        long start = time.nanoTime();
        Performance performance = new Performance(time, face, scenario.script());
        Performance.Ended ended = performance.of(policy, scenario.callContext(), scenario.givesUp());
        this.outcome = ended.outcome();
        this.attempts = performance.started.get();
        this.cancelled = performance.cancelled.get();
        this.took = Duration.ofNanos(ended.at() - start);
    }

    /**
     * How the call was made.
     *
     * @return the face
     */
    public Face face() {
        return face;
    }

    /**
     * The policy that was called.
     *
     * @return the instance that the scenario's function made for this run
     */
    public P policy() {
        return policy;
    }

    /**
     * The clock of this run, standing at or after the end of the call.
     *
     * @return the time source that was handed to the scenario's function
     */
    public ManualTime time() {
        return time;
    }

    /**
     * What came out: what was returned or thrown, what the future held.
     *
     * @return the outcome as it surfaced, nothing unwrapped
     */
    public Outcome<@Nullable Object> outcome() {
        return outcome;
    }

    /**
     * The value that came out.
     *
     * @return the value
     * @throws AssertionError if an exception came out, with that as its cause
     */
    public @Nullable Object value() {
        if (outcome instanceof Outcome.Success<@Nullable Object> success) {
            return success.value();
        }
        throw new AssertionError("expected a value on the face '" + face + "'", thrown());
    }

    /**
     * The exception that came out.
     *
     * @return the instance
     * @throws AssertionError if a value came out
     */
    public Throwable thrown() {
        if (outcome instanceof Outcome.Failure<?> failure) {
            return failure.thrown();
        }
        throw new AssertionError("expected an exception on the face '" + face + "', came out: " + value());
    }

    /**
     * How many attempts were started: how often the user's code ran.
     *
     * @return zero for a call that was refused
     */
    public int attempts() {
        return attempts;
    }

    /**
     * How many attempts were interrupted, or had their stage cancelled, before the call ended.
     *
     * @return at most {@link #attempts()}
     */
    public int cancelled() {
        return cancelled;
    }

    /**
     * How long the call took on the manual clock.
     *
     * @return from before its start to its outcome
     */
    public Duration took() {
        return took;
    }

    /**
     * Makes another call: same policy, clock and face, other attempts. Time has gone on from the end of this one; move
     * {@link #time()} for a pause.
     *
     * @param first the first attempt
     * @param more the following ones; the last one repeats
     * @return how that went
     */
    public Run<P> again(Attempt first, Attempt... more) {
        return new Run<>(scenario.attempts(first, more), face, policy, time);
    }

    /**
     * The run in words, for failure messages.
     *
     * @return face, outcome, attempts and duration
     */
    @Override
    public String toString() {
        return face + ": " + outcome + " after " + attempts + " attempts and " + took;
    }
}
