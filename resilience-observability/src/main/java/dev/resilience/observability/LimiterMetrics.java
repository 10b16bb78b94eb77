// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Subscription;
import dev.resilience.ratelimit.KeyedRateLimiter;
import dev.resilience.ratelimit.SharedRateLimiter;
import java.util.Objects;

/**
 * Shows rate limiters per key in {@link PolicyMetrics}: all keys of one as one row, in a number of series that does not
 * depend on them. A {@code RateLimiter} without keys is a policy: {@link PolicyMetrics#bind(dev.resilience.Policy)}.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="keys"}
 *
 * <p>Counts everything that is asked of the limiter, by hand and by calls, from when it is bound; evicting a key loses
 * nothing. Two limiters of one kind and one name share a row; two of different kinds need different names.
 *
 * <p>Of its own, so that {@code PolicyMetrics} does without the module {@code resilience-ratelimit}; this needs it.
 */
@SuppressWarnings("exports") // who has no limiters must not need their module
public final class LimiterMetrics {
    private LimiterMetrics() {}

    /**
     * Shows a limiter per key under its name.
     *
     * @param metrics the registry's one place where policies are bound
     * @param limiter the limiter
     * @return takes out what only this binding has put in; so does closing {@code metrics}
     * @throws IllegalArgumentException when the registry has one of the meters already, from somebody else; nothing is
     *     bound then
     * @throws IllegalStateException when {@code metrics} is closed
     */
    public static Subscription bind(PolicyMetrics metrics, KeyedRateLimiter<?> limiter) {
        return Objects.requireNonNull(metrics, "metrics")
                .bind(Objects.requireNonNull(limiter, "limiter").name(), limiter, Limiters.Present.KEYED);
    }

    /**
     * Shows a limiter that several processes share under its name: what this process asked of it, by who decided.
     *
     * @param metrics the registry's one place where policies are bound
     * @param limiter the limiter
     * @return takes out what only this binding has put in; so does closing {@code metrics}
     * @throws IllegalArgumentException when the registry has one of the meters already, from somebody else; nothing is
     *     bound then
     * @throws IllegalStateException when {@code metrics} is closed
     */
    public static Subscription bind(PolicyMetrics metrics, SharedRateLimiter<?> limiter) {
        return Objects.requireNonNull(metrics, "metrics")
                .bind(Objects.requireNonNull(limiter, "limiter").name(), limiter, Limiters.Present.SHARED);
    }
}
