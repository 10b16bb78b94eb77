// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * What a {@link Store} keeps for a key: a value with all that the cache needs to judge it. A store treats it as a
 * black box, compares it by identity, and may use the hints {@link #weight()} and {@link #remainingNanos(long)}.
 *
 * @param <V> the values
 */
public final class Entry<V extends @Nullable Object> extends Life {
    // Written before publish() or before the entry is given to a store, never after.
    @Nullable
    V value;
    /** What the last load failed with; the value beside it, if any, is older. */
    @Nullable
    Failed failed;

    @Nullable
    Tagged tagged;
    /** The clear that it has lived through; visible only in this one. */
    long epoch;
    /** The reading when the load was completed; without meaning when {@link #ttlNanos} is {@link #ETERNAL}. */
    long bornNanos;
    /** For how long it is fresh, jitter included. */
    long ttlNanos = ETERNAL;
    /** How long the load took: the delta of XFetch; with {@link #bornNanos} the reading when it was started. */
    long loadNanos;

    int weight = 1;
    /** What the loader found is that there is nothing. */
    boolean absent;

    static final long ETERNAL = Long.MAX_VALUE;

    Entry() {}

    /**
     * How much it counts against the bound of the store.
     *
     * @return at least 0; 1 without a weigher
     */
    public int weight() {
        return weight;
    }

    /**
     * For how long it may be of use, stale windows included: a hint when a store may drop it. A store that ignores
     * it serves nothing wrong, because the cache judges each entry when it is read.
     *
     * @param now the reading of the cache's time source
     * @return zero or less when it is of no use any more; {@link Long#MAX_VALUE} for one that never expires
     */
    public long remainingNanos(long now) {
        return usefulNanos == ETERNAL ? Long.MAX_VALUE : usefulNanos - (now - bornNanos);
    }

    /** TTL and the longest stale window together. */
    long usefulNanos = ETERNAL;

    /** Failure data beside the value in one entry (S19). */
    record Failed(Throwable cause, int inARow, long untilNanos, long retryAtNanos) {}

    /** Tags, and the sequence of invalidations that was read before the loader started (S18). */
    static final class Tagged {
        final String[] tags;
        final long startSeq;

        Tagged(String[] tags, long startSeq) {
            this.tags = tags;
            this.startSeq = startSeq;
        }
    }
}
