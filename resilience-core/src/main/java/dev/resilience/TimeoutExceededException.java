// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A call or attempt did not end in time. Thrown by a timeout policy, and by the call itself when the deadline of its
 * {@link CallContext} passes without such a policy: on a blocking face only before an attempt begins, for one that runs
 * is not interrupted and its result counts.
 *
 * <p>Its cause is the last real failure of the attempts inside, if there was one: a retry inside a timeout that ran out
 * of time tells why it was retrying. It has no stack trace unless the system property {@code dev.resilience.stackTraces}
 * is {@code true}: the frames would be the library's timer, not the code that was slow. Public constructor, because
 * drivers of third parties time out too.
 */
public final class TimeoutExceededException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final boolean STACK_TRACES = Boolean.getBoolean("dev.resilience.stackTraces");

    /** Who timed out. */
    private final String name;

    /** Around it. */
    private final @Nullable String pipeline;

    /** What was allowed. */
    private final Duration timeout;

    /** What had passed. */
    private final Duration elapsed;

    /**
     * Makes the exception of a driver, in its pipeline.
     *
     * @param next as handed to the driver
     * @param timeout what was allowed
     * @param elapsed what had passed when it gave up
     * @param lastFailure the last real failure inside, becomes the cause; null for none
     */
    public TimeoutExceededException(
            Driver.Next next, Duration timeout, Duration elapsed, @Nullable Throwable lastFailure) {
        this(next.origin(), timeout, elapsed, lastFailure);
    }

    /**
     * Makes the exception without a pipeline, for tests.
     *
     * @param name the policy or pipeline that timed out
     * @param timeout what was allowed
     * @param elapsed what had passed when it gave up
     * @param lastFailure the last real failure inside, becomes the cause; null for none
     */
    public TimeoutExceededException(String name, Duration timeout, Duration elapsed, @Nullable Throwable lastFailure) {
        this(new Origin(Objects.requireNonNull(name, "name"), null, null), timeout, elapsed, lastFailure);
    }

    TimeoutExceededException(Origin origin, Duration timeout, Duration elapsed, @Nullable Throwable lastFailure) {
        super(null, lastFailure, true, STACK_TRACES);
        this.name = origin.name();
        this.pipeline = origin.pipeline();
        this.timeout = Objects.requireNonNull(timeout, "timeout");
        this.elapsed = Objects.requireNonNull(elapsed, "elapsed");
    }

    /**
     * Who timed out.
     *
     * @return the name of the policy, or of the pipeline when a context's deadline passed
     */
    public String name() {
        return name;
    }

    /**
     * In which pipeline.
     *
     * @return the name of the innermost pipeline around the policy; empty when the policy was called without one, and
     *     when {@link #name()} is the pipeline's itself
     */
    public Optional<String> pipeline() {
        return Optional.ofNullable(pipeline);
    }

    /**
     * What was allowed.
     *
     * @return the configured duration, or the one that the context had left when the call began; zero or negative when
     *     the call was late before it began
     */
    public Duration timeout() {
        return timeout;
    }

    /**
     * What had passed from the start of the timed part until it was given up.
     *
     * @return at least {@link #timeout()}, zero when nothing was started
     */
    public Duration elapsed() {
        return elapsed;
    }

    /**
     * Policy, pipeline, allowance and elapsed time; and the last failure if there was one.
     *
     * @return the message, built on each call
     */
    @Override
    public String getMessage() {
        Throwable last = getCause();
        String what = timeout.isZero() || timeout.isNegative()
                ? ": its time was over before it began"
                : ": not done within " + Text.duration(timeout) + " (gave up after " + Text.duration(elapsed) + ")";
        String where = pipeline == null ? "" : " in pipeline '" + pipeline + "'";
        return "'" + name + "'" + where + " timed out" + what + (last == null ? "" : "; last failure: " + last);
    }
}
