// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * What a {@link Store} keeps for a key: a value with all that the cache needs to judge it. A store treats it as a
 * black box, compares it by identity, and may use the hints {@link #weight()} and {@link #remainingNanos(long)}.
 *
 * <p>Thread-safe: what is in it does not change once a store has it, except that it dies.
 *
 * @param <V> the values
 */
public final class Entry<V extends @Nullable Object> extends Life {
    static final long ETERNAL = Long.MAX_VALUE;

    // All of these are written before publish(), or before the entry is given to a store, and never after.

    @Nullable
    V value;
    /** What the last load failed with; a value beside it is older (S19). */
    @Nullable
    Failed failed;

    /** Null for an entry without tags. */
    @Nullable
    Tagged tagged;
    /** The clear that its load had seen; visible in no other. */
    long epoch;
    /** The reading when the load was completed. */
    long bornNanos;
    /** For how long it is fresh, jitter included; {@link #ETERNAL}. */
    long ttlNanos = ETERNAL;
    /** How long it is of use: TTL and the longest stale window together; {@link #ETERNAL}. */
    long usefulNanos = ETERNAL;
    /** How long the load took: the delta of XFetch. */
    long loadNanos;

    long weight = 1;
    /** What the load has found is that there is nothing. */
    boolean absent;
    /** Whether judging it needs the clock. */
    boolean timed;
    /** Whose word counts while this one is LOADING; null once it has a word of its own. */
    private volatile @Nullable Flight<?, V> flight;

    Entry() {}

    /**
     * An entry to test a store with; caches make their own.
     *
     * @param value the value
     * @param weight how much it counts; at least 0
     * @param now a reading of the store's time source
     * @param usefulNanos for how long from then it is of use; {@link Long#MAX_VALUE} for ever
     * @param <V> the values
     * @return a new entry
     */
    public static <V extends @Nullable Object> Entry<V> sample(V value, long weight, long now, long usefulNanos) {
        Entry<V> entry = new Entry<>();
        entry.value = value;
        entry.weight = weight;
        entry.bornNanos = now;
        entry.usefulNanos = usefulNanos;
        entry.publish();
        return entry;
    }

    /**
     * How much it counts against the bound of the store.
     *
     * @return at least 0; 1 without a weigher
     */
    public long weight() {
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
        return usefulNanos == ETERNAL ? ETERNAL : usefulNanos - (now - bornNanos);
    }

    /** Before it is given to a store: until it is settled it is what its flight is. */
    void madeBy(Flight<?, V> maker) {
        flight = maker;
    }

    /** The flight is LIVE: so is this, unless somebody has killed it meanwhile. */
    boolean settle() {
        publish();
        flight = null;
        return isLive();
    }

    /** Whether it is live already although its publisher has not come to say so. */
    boolean liveByFlight() {
        Flight<?, V> maker = flight;
        if (!isLoading() || maker == null || maker.phase() != Flight.LIVE) return isLive();
        publish();
        return isLive();
    }

    /** Takes over what is known of the value, not the state: the failure of a refresh is written beside it. */
    void copyValue(Entry<V> old) {
        value = old.value;
        tagged = old.tagged;
        epoch = old.epoch;
        bornNanos = old.bornNanos;
        ttlNanos = old.ttlNanos;
        usefulNanos = old.usefulNanos;
        loadNanos = old.loadNanos;
        weight = old.weight;
        absent = old.absent;
        timed = true;
    }

    boolean hasValue() {
        return value != null;
    }

    /** How the last load went wrong, and when the next one may be tried. */
    record Failed(Throwable cause, int inARow, long atNanos, long retryNanos) {

        /** The next attempt is still to be waited for. */
        boolean holds(long now) {
            return now - atNanos < retryNanos;
        }
    }

    /** Tags, and the sequence of invalidations that was read before the load was started (S18). */
    static final class Tagged {
        final String[] tags;
        final long startSeq;

        Tagged(String[] tags, long startSeq) {
            this.tags = tags;
            this.startSeq = startSeq;
        }
    }
}
