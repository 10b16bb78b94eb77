// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes numbers of decisions as HTTP fields. Whole seconds: what is left is rounded down and a time up, so that a
 * client which believes the fields is never early (docs/policies/ratelimit-headers.md).
 */
final class Fields {
    private static final long SECOND = 1_000_000_000L;
    /** The largest integer of a structured field (RFC 9651 §3.3.1). */
    static final long MOST = 999_999_999_999_999L;

    private Fields() {}

    /**
     * What one limit says of itself in a decision.
     *
     * @param name of the limit
     * @param quota the most permits at once, negative when there is no bound
     * @param windowNanos in which the quota is given back in full, 0 when it never is or always is
     * @param left permits after the decision
     * @param moreNanos until there is more than that
     * @param resetNanos until all is back
     * @param refusedNanos until what was asked for would be granted; negative when granted
     */
    record Standing(
            String name,
            long quota,
            long windowNanos,
            long left,
            long moreNanos,
            long resetNanos,
            long refusedNanos,
            boolean never) {
        boolean refused() {
            return never || refusedNanos >= 0;
        }

        /**
         * The time in which no more than {@code left} may be used. At least as long as the rate needs to give that much:
         * a client that divides one by the other is not told to go faster than the limit does.
         */
        long effectiveSeconds() {
            if (refused()) return seconds(never ? Math.max(resetNanos, moreNanos) : refusedNanos);
            double share = quota <= 0 ? 0 : (double) windowNanos * left / quota;
            long even = share >= Long.MAX_VALUE ? Long.MAX_VALUE : (long) Math.ceil(share);
            return seconds(Math.max(moreNanos, even));
        }
    }

    /** How the draft's two fields are decorated; the partition in base 64. */
    record Extras(@Nullable String unit, @Nullable String partition) {
        String pk() {
            return partition == null ? "" : ";pk=:" + partition + ":";
        }

        String qu() {
            return unit == null ? "" : ";qu=" + string(unit);
        }
    }

    /** {@code RateLimit-Policy} and {@code RateLimit} as of draft 11. A limit without a bound has nothing to say. */
    static void draft(List<Standing> standings, Extras extras, Map<String, String> into) {
        StringBuilder policies = new StringBuilder();
        StringBuilder limits = new StringBuilder();
        for (Standing s : standings) {
            if (s.quota < 0) continue;
            String separator = policies.isEmpty() ? "" : ", ";
            policies.append(separator).append(string(s.name)).append(";q=").append(whole(s.quota));
            policies.append(extras.qu());
            if (s.windowNanos > 0) policies.append(";w=").append(Math.max(1, seconds(s.windowNanos)));
            policies.append(extras.pk());
            limits.append(separator).append(string(s.name)).append(";r=").append(whole(s.left));
            limits.append(";t=").append(s.effectiveSeconds()).append(extras.pk());
        }
        if (policies.isEmpty()) return;
        into.put("RateLimit-Policy", policies.toString());
        into.put("RateLimit", limits.toString());
    }

    /** The triple in wide use: there is no standard, so seconds, as most clients expect. Speaks of one limit alone. */
    static void legacy(List<Standing> standings, Map<String, String> into) {
        Standing tightest = null;
        for (Standing s : standings) {
            if (s.quota >= 0 && (tightest == null || tighter(s, tightest))) tightest = s;
        }
        if (tightest == null) return;
        into.put("X-RateLimit-Limit", String.valueOf(whole(tightest.quota)));
        into.put("X-RateLimit-Remaining", String.valueOf(whole(tightest.left)));
        into.put("X-RateLimit-Reset", String.valueOf(seconds(tightest.resetNanos)));
    }

    /** When the last of those who refuse would no longer; nothing when one never will. */
    static void retryAfter(List<Standing> standings, Map<String, String> into) {
        long after = -1;
        for (Standing s : standings) {
            if (s.never) return;
            if (s.refused()) after = Math.max(after, s.effectiveSeconds());
        }
        if (after >= 0) into.put("Retry-After", String.valueOf(after));
    }

    /** The one that refuses for longest, else the one with least left. */
    private static boolean tighter(Standing one, Standing other) {
        if (one.refused() != other.refused()) return one.refused();
        if (one.refused()) return one.effectiveSeconds() > other.effectiveSeconds();
        return one.left < other.left;
    }

    /** Up to the next whole second. */
    static long seconds(long nanos) {
        return nanos <= 0 ? 0 : (nanos - 1) / SECOND + 1;
    }

    private static long whole(long number) {
        return Math.min(MOST, Math.max(0, number));
    }

    /** A String of RFC 9651 §3.3.3; what is not printable ASCII becomes an underscore. */
    static String string(String text) {
        StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char letter = text.charAt(i);
            if (letter == '"' || letter == '\\') quoted.append('\\');
            quoted.append(letter >= ' ' && letter < 127 ? letter : '_');
        }
        return quoted.append('"').toString();
    }
}
