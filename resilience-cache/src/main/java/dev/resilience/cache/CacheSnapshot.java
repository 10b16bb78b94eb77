// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.time.Duration;

/**
 * What a cache has counted, and how it stands: for metrics.
 *
 * {@snippet class="dev.resilience.cache.ManyKeysSnippets" region="snapshot"}
 *
 * <p><b>Counting begins with the first look</b>, which a binding to a metrics registry takes: in a cache that nobody
 * watches a hit writes nothing. Watched, it costs an addition to a striped counter, and neither a clock reading nor an
 * allocation. What is counted while the numbers are read may be in some of them and not in others; no count ever gets
 * smaller. The numbers of this moment ({@link #entries()} and those after it) need no counting. Immutable.
 */
public final class CacheSnapshot {
    private final long[] counts;
    private final Now now;

    CacheSnapshot(long[] counts, Now now) {
        this.counts = counts;
        this.now = now;
    }

    /** How it stands at this moment. */
    record Now(long entries, int loading, int abandoned, long oldestLoadNanos, int dirty, int late) {}

    /**
     * How many reads found a fresh value.
     *
     * @return reads, since the first look
     */
    public long hits() {
        return counts[CacheCounts.HITS];
    }

    /**
     * How many reads found no value that could be served; the load that followed may have been shared.
     *
     * @return reads, since the first look
     */
    public long misses() {
        return counts[CacheCounts.MISSES];
    }

    /**
     * How many reads got a value past its time to live.
     *
     * @return reads, since the first look
     */
    public long staleServed() {
        return counts[CacheCounts.STALE];
    }

    /**
     * How many loads that a caller waited for ended with a value, or with the answer that there is none. Shared ones count once.
     *
     * @return loads, since the first look
     */
    public long loads() {
        return counts[CacheCounts.LOADS];
    }

    /**
     * How many loads that a caller waited for failed. Shared ones count once.
     *
     * @return loads, since the first look
     */
    public long loadFailures() {
        return counts[CacheCounts.LOAD_FAILURES];
    }

    /**
     * How many loads in the background ended with a value.
     *
     * @return loads, since the first look
     */
    public long refreshes() {
        return counts[CacheCounts.REFRESHES];
    }

    /**
     * How many loads in the background failed.
     *
     * @return loads, since the first look
     */
    public long refreshFailures() {
        return counts[CacheCounts.REFRESH_FAILURES];
    }

    /**
     * How many refreshes were left out because too many were under way.
     *
     * @return refreshes, since the first look
     */
    public long refreshesSkipped() {
        return counts[CacheCounts.REFRESHES_SKIPPED];
    }

    /**
     * How many loads ended with a value that was not stored: something newer came while they were under way, or it was not to be kept.
     *
     * @return loads, since the first look
     */
    public long unpublished() {
        return counts[CacheCounts.UNPUBLISHED];
    }

    /**
     * How many entries the store dropped, for room or because they were of no use any more.
     *
     * @return entries, since the first look
     */
    public long evictions() {
        return counts[CacheCounts.EVICTIONS];
    }

    /**
     * How often a key, a tag or all was invalidated.
     *
     * @return calls and messages, since the first look
     */
    public long invalidations() {
        return counts[CacheCounts.INVALIDATIONS];
    }

    /**
     * How many changes were written behind.
     *
     * @return changes, since the first look
     */
    public long writes() {
        return counts[CacheCounts.WRITES];
    }

    /**
     * How many writes behind failed; each is tried again.
     *
     * @return changes, since the first look
     */
    public long writeFailures() {
        return counts[CacheCounts.WRITE_FAILURES];
    }

    /**
     * How many writes behind did not end in their time.
     *
     * @return changes, since the first look
     */
    public long lateWrites() {
        return counts[CacheCounts.LATE_WRITES];
    }

    /**
     * For how long all loads took, those in the background and those that failed with them.
     *
     * @return the sum, since the first look
     */
    public Duration loadTime() {
        return Duration.ofNanos(counts[CacheCounts.LOAD_NANOS]);
    }

    /**
     * Hits by hits and misses. A value that was served stale while it was being loaded counts as neither.
     *
     * @return 0 to 1; 1 when nothing was read
     */
    public double hitRate() {
        double reads = (double) hits() + misses();
        return reads == 0 ? 1 : hits() / reads;
    }

    /**
     * How many entries the store holds, with those that are past their time and not removed yet.
     *
     * @return entries, now
     */
    public long entries() {
        return now.entries;
    }

    /**
     * How many keys are being loaded.
     *
     * @return loads, now
     */
    public int loading() {
        return now.loading;
    }

    /**
     * How many loads were given up, at their deadline or because all callers had left, and still run.
     *
     * @return loads, now
     */
    public int abandonedLoads() {
        return now.abandoned;
    }

    /**
     * How long the oldest load under way has taken so far.
     *
     * @return zero without any
     */
    public Duration oldestLoad() {
        return Duration.ofNanos(now.oldestLoadNanos);
    }

    /**
     * How many keys have a change that is not written yet.
     *
     * @return keys, now; zero without write-behind
     */
    public int dirty() {
        return now.dirty;
    }

    /**
     * How many writes behind are still under way although their time is over: their keys are not written until they
     * end.
     *
     * @return writes, now; zero without write-behind
     */
    public int overdueWrites() {
        return now.late;
    }

    /**
     * The numbers that matter first, for logs.
     *
     * @return for example {@code 17 entries, hits 40, misses 3, loads 3, failures 0}
     */
    @Override
    public String toString() {
        return entries() + " entries, hits " + hits() + ", misses " + misses() + ", loads " + loads() + ", failures "
                + loadFailures() + (staleServed() > 0 ? ", stale " + staleServed() : "")
                + (dirty() > 0 ? ", dirty " + dirty() : "");
    }
}
