// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.random.RandomGenerator;

/**
 * What an entry is good for at a moment. Pure: the time and chance come in.
 *
 * <pre>
 *   load ends      refreshAfter         ttl                 ttl + staleWhileRevalidate    ttl + the longer window
 *      |---- FRESH ----|---- REFRESH ----|------- STALE -------|------- ON_ERROR -------------|---- USELESS
 * </pre>
 *
 * Windows of which one is not set have no length. XFetch turns FRESH into REFRESH by chance, near the end.
 */
final class Freshness {
    /** Beyond this many deltas the chance is below 2e-9 and not worth a logarithm. */
    private static final double NEGLIGIBLE = 20;

    /** What to do with an entry. */
    enum Verdict {
        /** Serve. */
        FRESH,
        /** Serve, and load a newer one in the background. */
        REFRESH,
        /** Serve although it is past its time, and load a newer one in the background. */
        STALE,
        /** Load; serve it only when the load fails or does not end in time. */
        ON_ERROR,
        /** Load. */
        USELESS
    }

    private final long refreshAfterNanos;
    private final double beta;
    private final long revalidateNanos;
    private final long errorNanos;
    private final RandomGenerator random;

    /** Windows of zero for none; {@code refreshAfterNanos} is {@link Entry#ETERNAL} for never. */
    Freshness(long refreshAfterNanos, double beta, long revalidateNanos, long errorNanos, RandomGenerator random) {
        this.refreshAfterNanos = refreshAfterNanos;
        this.beta = beta;
        this.revalidateNanos = revalidateNanos;
        this.errorNanos = errorNanos;
        this.random = random;
    }

    static Freshness of(CacheSettings<?, ?> b) {
        return new Freshness(
                b.refreshAfter == null ? Entry.ETERNAL : Saturating.nanos(b.refreshAfter),
                b.refreshEarly,
                Saturating.nanos(b.staleWhileRevalidate),
                Saturating.nanos(b.staleIfError),
                b.random);
    }

    /** Whether an entry of this time to live has to be compared with the clock at all. */
    boolean timed(long ttlNanos) {
        return ttlNanos != Entry.ETERNAL || refreshAfterNanos != Entry.ETERNAL;
    }

    /** For how long a value is of use, stale windows included. */
    long usefulNanos(long ttlNanos) {
        return Saturating.sum(ttlNanos, Math.max(revalidateNanos, errorNanos));
    }

    Verdict judge(Entry<?> entry, long now) {
        if (!entry.hasValue()) return judgeWithoutValue(entry, now);
        long age = Math.max(0, now - entry.bornNanos);
        if (age < entry.ttlNanos || entry.ttlNanos == Entry.ETERNAL) {
            boolean wanted = age >= refreshAfterNanos || early(entry, entry.ttlNanos - age);
            return wanted && !holdsBack(entry, now) ? Verdict.REFRESH : Verdict.FRESH;
        }
        long past = age - entry.ttlNanos;
        if (past < revalidateNanos) return Verdict.STALE;
        return past < errorNanos ? Verdict.ON_ERROR : Verdict.USELESS;
    }

    /** Absence has no stale windows: it is short-lived by intent. */
    private static Verdict judgeWithoutValue(Entry<?> entry, long now) {
        boolean fresh = entry.absent && (entry.ttlNanos == Entry.ETERNAL || now - entry.bornNanos < entry.ttlNanos);
        return fresh ? Verdict.FRESH : Verdict.USELESS;
    }

    /** The last load failed so recently that the next one has to wait. */
    static boolean holdsBack(Entry<?> entry, long now) {
        return entry.failed != null && entry.failed.holds(now);
    }

    private boolean early(Entry<?> entry, long remaining) {
        return beta > 0 && entry.ttlNanos != Entry.ETERNAL && early(entry.loadNanos * beta, remaining, random);
    }

    /**
     * XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015): early iff
     * {@code -scale ln(U) >= remaining}, which happens with probability {@code exp(-remaining / scale)}.
     */
    static boolean early(double scale, long remaining, RandomGenerator random) {
        if (!(scale > 0) || remaining > NEGLIGIBLE * scale) return false;
        double u = 1 - random.nextDouble(); // (0, 1]: the logarithm is finite
        return -scale * Math.log(u) >= remaining;
    }

    /** A time to live shortened by a random part of it, in {@code [ttl (1 - part), ttl]}. */
    static long jittered(long ttlNanos, double part, RandomGenerator random) {
        if (part == 0 || ttlNanos == Entry.ETERNAL || ttlNanos == 0) return ttlNanos;
        double off = ttlNanos * part * random.nextDouble();
        long shortest = (long) Math.ceil(ttlNanos * (1 - part));
        return Math.min(ttlNanos, Math.max(shortest, ttlNanos - (long) off));
    }
}
