// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A call was refused without running the user's code: by an open breaker, a full bulkhead, a limiter, or an executor.
 *
 * <p>A rejection is cheap: it stores numbers, builds its message when asked and has no stack trace unless the system
 * property {@code dev.resilience.stackTraces} is {@code true} when this class is loaded. Its cause, where there is one,
 * is the last real failure that led to it. Gates outside the one that refused ignore it; a retry may repeat it and
 * takes {@link #retryAfter()} as the least delay.
 *
 * <p>Gates of third parties subclass it and return their own from {@link Gate#rejection}.
 */
public class RejectedException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final boolean STACK_TRACES = Boolean.getBoolean("dev.resilience.stackTraces");

    private final transient Policy policy;
    /** What the gate answered: its hint, in nanoseconds. */
    private final long refusal;

    /**
     * Makes a rejection.
     *
     * @param policy who refused
     * @param refusal what {@link Gate#tryAdmit} answered; carries the hint of {@link #retryAfter()}
     * @param lastFailure the failure that led to it, becomes the cause; null for none
     */
    protected RejectedException(Policy policy, long refusal, @Nullable Throwable lastFailure) {
        super(null, lastFailure, true, STACK_TRACES);
        this.policy = policy;
        this.refusal = refusal;
    }

    /**
     * Who refused.
     *
     * @return the policy, with its {@link Policy#name() name}; after deserialisation it is not available (null)
     */
    public final Policy policy() {
        return policy;
    }

    /**
     * When to try again, as the policy knew it at the moment of refusal.
     *
     * @return empty when the policy cannot tell
     */
    public final Optional<Duration> retryAfter() {
        long nanos = Gate.retryAfterNanos(refusal);
        return nanos <= 0 ? Optional.empty() : Optional.of(Duration.ofNanos(nanos));
    }

    /**
     * Who refused and when to try again; subtypes add their live numbers. Built on each call.
     *
     * @return the message
     */
    @Override
    public String getMessage() {
        String who = policy == null ? "a policy" : policy.title();
        return who + " rejected the call"
                + retryAfter().map(d -> "; retry after " + Text.duration(d)).orElse("");
    }
}
