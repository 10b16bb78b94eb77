// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.Description;
import dev.resilience.Policy;
import dev.resilience.RejectedException;

/**
 * A {@link RateLimiter} refused: the permits were not there, and would not have been in the time that the call could
 * wait. Its message tells limit, weight and when to try again; {@link #retryAfter()} is empty when that is never.
 */
public final class RateLimitedException extends RejectedException {
    private static final long serialVersionUID = 1L;

    /** The limit in words. */
    private final String limit;

    /** How many permits the refused call wanted. */
    private final long asked;

    /** Whether the call waited until its deadline instead of being refused at once. */
    private final boolean waited;

    RateLimitedException(RateLimiter limiter, long refusal, long asked, boolean waited) {
        super(limiter, refusal, null);
        this.limit = limiter.limit().text();
        this.asked = asked;
        this.waited = waited;
    }

    /** Of another policy than a {@link RateLimiter}; nothing there waits until its deadline. */
    RateLimitedException(Policy policy, long refusal, String limit, long asked) {
        super(policy, refusal, null);
        this.limit = limit;
        this.asked = asked;
        this.waited = false;
    }

    /**
     * Which limit, how much was asked, and when to try again.
     *
     * @return as in {@code rate limit 'search' exceeded (limit 100/s, burst 20, asked 1); retry after 8.4 ms}, or
     *     {@code ...; never} for what the limit cannot let pass at all
     */
    @Override
    public String getMessage() {
        String who = policy() == null ? "" : " '" + policy().name() + "'";
        String never = waited ? "; the call's deadline passed while it waited" : "; never";
        return "rate limit" + who + " exceeded (limit " + limit + ", asked " + asked + ")"
                + retryAfter()
                        .map(after -> "; retry after " + Description.text(after))
                        .orElse(never);
    }
}
