// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tells HTTP clients what a limiter decided, and reads what a server tells us: the {@code RateLimit} and {@code
 * RateLimit-Policy} fields of the IETF draft, the older {@code X-RateLimit-*} triple, and {@code Retry-After}.
 *
 * {@snippet class="dev.resilience.ratelimit.HeaderSnippets" region="headers"}
 *
 * <p><b>A client that obeys is not refused.</b> All times are whole seconds, rounded up, and what is left is rounded
 * down. {@code Retry-After} stands in the answer to a refused request alone, and is never earlier than the {@code t} of
 * the refusing limit. While something is left, {@code t} is at least as long as the limit's rate takes to give that
 * much: who divides the one by the other is not told to go faster than the limit.
 *
 * <p><b>Several limits</b> of one request, such as one per user and one per endpoint, are told together: hand in all
 * decisions. Each should have a name of its own ({@link RateLimiter#builder}, {@link Limit#named}). The older triple has
 * room for one: the one that refuses for longest, else the one with least left.
 *
 * <p>Immutable; any thread. A limit without a bound has nothing to tell.
 */
public final class RateLimitHeaders {
    /** Which fields are written. The draft is not a standard yet, so its revision is part of the name. */
    public enum Format {
        /** {@code RateLimit-Policy} and {@code RateLimit} as in draft-ietf-httpapi-ratelimit-headers-11 (May 2026). */
        DRAFT_11,
        /**
         * {@code X-RateLimit-Limit}, {@code X-RateLimit-Remaining} and {@code X-RateLimit-Reset}, the last as seconds
         * from now until all is back. Never standardised; some servers write a date there.
         */
        X_RATELIMIT
    }

    private static final RateLimitHeaders STANDARD =
            new RateLimitHeaders(EnumSet.of(Format.DRAFT_11), new Fields.Extras(null, null));

    private final Set<Format> formats;
    private final Fields.Extras extras;

    private RateLimitHeaders(Set<Format> formats, Fields.Extras extras) {
        this.formats = formats;
        this.extras = extras;
    }

    /**
     * The fields for one or several decisions on one request, in the newest format: short for
     * {@code in(DRAFT_11).render(decisions)}.
     *
     * @param decisions what was decided, at least one
     * @return field names and values, in the order to be written; {@code Retry-After} when one of them refused and
     *     waiting helps
     * @throws IllegalArgumentException without a decision
     */
    public static Map<String, String> of(Decision... decisions) {
        return STANDARD.render(decisions);
    }

    /**
     * For other formats, or several at the same time.
     *
     * @param first a format
     * @param more further ones
     * @return writes each of them
     */
    public static RateLimitHeaders in(Format first, Format... more) {
        return new RateLimitHeaders(EnumSet.of(first, more), STANDARD.extras);
    }

    /**
     * The same, telling what is counted. Default: requests, and nothing is written.
     *
     * @param unit as registered with IANA: {@code content-bytes}, {@code concurrent-requests}
     * @return writes the draft's {@code qu} parameter
     */
    public RateLimitHeaders unit(String unit) {
        return new RateLimitHeaders(
                formats, new Fields.Extras(Objects.requireNonNull(unit, "unit"), extras.partition()));
    }

    /**
     * The same, telling whose quota it is. Do not put there what the client may not know.
     *
     * @param key for example a hash of the user's id; copied
     * @return writes the draft's {@code pk} parameter
     */
    public RateLimitHeaders partition(byte[] key) {
        return new RateLimitHeaders(
                formats,
                new Fields.Extras(
                        extras.unit(), Base64.getEncoder().encodeToString(Objects.requireNonNull(key, "key"))));
    }

    /**
     * The fields for one or several decisions on one request.
     *
     * @param decisions what was decided, at least one
     * @return field names and values, in the order to be written; {@code Retry-After} when one of them refused and
     *     waiting helps
     * @throws IllegalArgumentException without a decision
     */
    public Map<String, String> render(Decision... decisions) {
        if (decisions.length == 0) throw new IllegalArgumentException("decisions must not be empty");
        List<Fields.Standing> standings = new ArrayList<>();
        for (Decision decision : decisions) standings.add(standing(Objects.requireNonNull(decision, "a decision")));
        Map<String, String> fields = new LinkedHashMap<>();
        if (formats.contains(Format.DRAFT_11)) Fields.draft(standings, extras, fields);
        if (formats.contains(Format.X_RATELIMIT)) Fields.legacy(standings, fields);
        Fields.retryAfter(standings, fields);
        return fields;
    }

    private static Fields.Standing standing(Decision decision) {
        Limit limit = decision.settings();
        long quota = limit == null || limit.quota() == Long.MAX_VALUE ? -1 : limit.quota();
        long refused = decision.retryAfter().map(TimeSource::nanos).orElse(-1L);
        return new Fields.Standing(
                decision.limit(),
                quota,
                limit == null ? 0 : limit.windowNanos(),
                decision.remaining(),
                decision.remaining() > 0 ? 0 : moreNanos(limit, decision),
                TimeSource.nanos(decision.resetAfter()),
                refused,
                decision.isNever());
    }

    /** Nothing is left: until something is. A bucket gives back one by one; of a window we know the end. */
    private static long moreNanos(@Nullable Limit limit, Decision decision) {
        long reset = TimeSource.nanos(decision.resetAfter());
        if (!(limit instanceof Limit.Bucket bucket) || reset == Long.MAX_VALUE) return reset;
        Gcra gcra = bucket.gcra(TimeSource.system());
        return Math.max(0, reset - gcra.spanNanos() + gcra.nanosUp(gcra.c));
    }

    /**
     * Reads the value of a {@code Retry-After} field: seconds, or a date in any of the three forms that HTTP allows.
     *
     * @param value the field's value, null when there is none
     * @param now the time of day, which a date is compared with
     * @return how long to wait, zero for a date that has passed, a hundred years at most; empty when there is no value,
     *     or one that is malformed
     */
    public static Optional<Duration> retryAfter(@Nullable String value, Instant now) {
        return RetryAfter.parse(value, Objects.requireNonNull(now, "now"));
    }
}
