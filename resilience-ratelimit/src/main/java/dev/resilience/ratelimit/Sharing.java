// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.Description;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link SharedRateLimiter} uses its store: what happens when the store does not answer, and how much is decided
 * here without asking.
 *
 * {@snippet class="dev.resilience.ratelimit.SharedSnippets" region="sharing"}
 *
 * <p>What each setting costs is a bound in one table: {@code docs/policies/ratelimit-shared.md}.
 *
 * <p>Immutable; each method returns a new one, in any order. Values are checked when the limiter is built.
 */
public final class Sharing {
    /** What is decided when the store fails, answers late, or is known to be down. */
    public enum OnFailure {
        /** Everything passes. For limits that protect fairness, not capacity. */
        ALLOW,
        /** Nothing passes. For limits that protect what must not be overrun. */
        DENY,
        /** Each process keeps its {@linkplain Sharing#share share} of the limit by itself. The default. */
        LOCAL,
        /**
         * The caller gets the failure: as the store threw it, or an {@link IllegalStateException} while it is down. A
         * gate rejects the call.
         */
        THROW
    }

    final RateLimitStore store;
    final OnFailure onFailure;
    final double share;
    final Duration deadline;
    final @Nullable Duration lease;
    final Duration negative;

    private Sharing(RateLimitStore store, Values values) {
        this.store = store;
        this.onFailure = values.onFailure;
        this.share = values.share;
        this.deadline = values.deadline;
        this.lease = values.lease;
        this.negative = values.negative;
    }

    private record Values(
            OnFailure onFailure,
            double share,
            Duration deadline,
            @Nullable Duration lease,
            Duration negative) {}

    private Values values() {
        return new Values(onFailure, share, deadline, lease, negative);
    }

    /**
     * Asks this store for every decision but those that are known to be refusals.
     *
     * @param store the store
     * @return with {@link OnFailure#LOCAL} and a share of a half, a deadline of 50 ms, no leasing, and a negative cache
     *     of 100 ms
     */
    public static Sharing through(RateLimitStore store) {
        return new Sharing(
                Objects.requireNonNull(store, "store"),
                new Values(OnFailure.LOCAL, 0.5, Duration.ofMillis(50), null, Duration.ofMillis(100)));
    }

    /**
     * What is decided when the store fails. Default: {@link OnFailure#LOCAL}.
     *
     * @param policy the policy
     * @return a new one
     */
    public Sharing onFailure(OnFailure policy) {
        Values v = values();
        return new Sharing(
                store, new Values(Objects.requireNonNull(policy, "policy"), v.share, v.deadline, v.lease, v.negative));
    }

    /**
     * The part of the limit that belongs to this process: its rate and burst while the store does not answer, and the
     * most that it leases at once. One divided by the number of processes. Default: 0.5.
     *
     * @param share above 0, up to 1
     * @return a new one
     */
    public Sharing share(double share) {
        Values v = values();
        return new Sharing(store, new Values(v.onFailure, share, v.deadline, v.lease, v.negative));
    }

    /**
     * How long a decision may take; then the failure policy decides. A store that answers later has perhaps charged:
     * that restricts too much, never too little. Default: 50 ms.
     *
     * @param longest more than zero
     * @return a new one
     */
    public Sharing deadline(Duration longest) {
        Values v = values();
        return new Sharing(
                store,
                new Values(v.onFailure, v.share, Objects.requireNonNull(longest, "longest"), v.lease, v.negative));
    }

    /**
     * Takes permits from the store in batches and spends them here: one asking for many decisions. A batch follows the
     * key's own demand, up to half of the share of the burst. What is not spent in this time is dropped.
     *
     * @param longest for how long a batch may be spent, more than zero; 100 ms is a good value. Default: no leasing
     * @return a new one
     */
    public Sharing leasing(Duration longest) {
        Values v = values();
        return new Sharing(
                store,
                new Values(v.onFailure, v.share, v.deadline, Objects.requireNonNull(longest, "longest"), v.negative));
    }

    /**
     * For how long a refusal of the store is repeated here without asking, at most; never longer than it holds. Under
     * attack the store is asked once in that time for each key. Default: 100 ms; a reset made by another process is
     * seen so much later.
     *
     * @param longest zero for never, or more
     * @return a new one
     */
    public Sharing negativeCache(Duration longest) {
        Values v = values();
        return new Sharing(
                store,
                new Values(v.onFailure, v.share, v.deadline, v.lease, Objects.requireNonNull(longest, "longest")));
    }

    void check(List<String> problems) {
        if (!(share > 0 && share <= 1)) problems.add("share must be above 0 and at most 1, was " + share);
        if (deadline.isZero() || deadline.isNegative()) {
            problems.add("deadline must be more than zero, was " + deadline);
        }
        if (lease != null && (lease.isZero() || lease.isNegative())) {
            problems.add("leasing must be more than zero, was " + lease);
        }
        if (negative.isNegative()) problems.add("negativeCache must not be negative, was " + negative);
    }

    /** 0 without leasing. */
    long leaseNanos() {
        return lease == null ? 0 : TimeSource.nanos(lease);
    }

    /** The part of a bucket that belongs to this process, at least one permit. */
    Limit.Bucket local(Limit.Bucket bucket) {
        return bucket.part(share);
    }

    Map<String, String> describe() {
        Map<String, String> shown = new LinkedHashMap<>();
        shown.put("onFailure", onFailure == OnFailure.LOCAL ? "LOCAL(" + share + ")" : onFailure.toString());
        shown.put("deadline", Description.text(deadline));
        if (lease != null) shown.put("leasing", Description.text(lease));
        shown.put("negativeCache", Description.text(negative));
        return shown;
    }

    /**
     * The settings.
     *
     * @return for logs
     */
    @Override
    public String toString() {
        return "Sharing" + describe();
    }
}
