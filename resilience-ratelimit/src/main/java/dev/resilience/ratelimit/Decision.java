// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a limiter decided, and the numbers of that very moment: for response headers, for logs, for a caller that wants
 * to know when to come back. {@link RateLimiter#tryAcquire()} answers without making one.
 *
 * <p>Immutable.
 */
public final class Decision {
    /** Who answered. */
    public enum Source {
        /** The limiter's own state in this process. */
        LOCAL,
        /** The shared store. */
        STORE,
        /** Permits that this process had leased from the store. */
        LEASE,
        /** A refusal of the store that still holds, remembered here. */
        NEGATIVE_CACHE,
        /** The failure policy, because the store did not answer. */
        FALLBACK
    }

    private final Answer answer;
    private final boolean permitted;
    private final String limiter;
    private final Source source;

    /** The answer is no longer written from now on. */
    Decision(Answer answer, boolean permitted, String limiter, Source source) {
        this.answer = answer;
        this.permitted = permitted;
        this.limiter = limiter;
        this.source = source;
    }

    /**
     * Whether the permits were granted.
     *
     * @return true when granted
     */
    public boolean permitted() {
        return permitted;
    }

    /**
     * The binding limit: the one that refused or, when granted, the one that has least left.
     *
     * @return its name; the limiter's where the limit has none
     */
    public String limit() {
        Limit limit = answer.limit;
        String name = limit == null ? null : limit.name();
        return name == null ? limiter : name;
    }

    /**
     * How many permits are left after this decision.
     *
     * @return never below 0, and {@link Long#MAX_VALUE} without a limit
     */
    public long remaining() {
        return answer.remaining;
    }

    /**
     * When the same asking would succeed if nobody else asked: minimal for bucket, log and fixed window, sufficient
     * everywhere.
     *
     * @return empty when permitted, and when {@linkplain #isNever() never}
     */
    public Optional<Duration> retryAfter() {
        return permitted || isNever() ? Optional.empty() : Optional.of(Duration.ofNanos(answer.wait));
    }

    /**
     * Whether the same asking can never succeed: more permits at once than the limit ever holds.
     *
     * @return false when permitted
     */
    public boolean isNever() {
        return !permitted && answer.wait == Meter.NEVER;
    }

    /**
     * When the limit is full again if nobody asks.
     *
     * @return zero when it is; the longest {@link Duration} for never
     */
    public Duration resetAfter() {
        return answer.resetAfter == Meter.NEVER
                ? Duration.ofSeconds(Long.MAX_VALUE, 999_999_999)
                : Duration.ofNanos(answer.resetAfter);
    }

    /**
     * Who decided.
     *
     * @return {@link Source#LOCAL} without a store
     */
    public Source source() {
        return source;
    }

    /** The binding limit's settings, for headers. */
    @Nullable
    Limit settings() {
        return answer.limit;
    }

    /** Granted with a wait: how long it was to be. */
    long waitNanos() {
        return permitted ? answer.wait : 0;
    }

    /**
     * For logs.
     *
     * @return for example {@code refused by 'search', 0 remaining, retry after 8.4 ms}
     */
    @Override
    public String toString() {
        String next = isNever()
                ? ", never"
                : retryAfter()
                        .map(after -> ", retry after " + dev.resilience.Description.text(after))
                        .orElse("");
        return (permitted ? "permitted by '" : "refused by '") + Objects.requireNonNull(limit()) + "', "
                + answer.remaining + " remaining" + next + (source == Source.LOCAL ? "" : " (" + source + ")");
    }
}
