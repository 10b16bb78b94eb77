// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * What the parts around a loading cache plug into it: writers, listeners and statistics, the second level. None of
 * these is called under a lock. All are called on the thread that makes the call or runs the load.
 *
 * @param <K> the keys
 * @param <V> the values
 */
class Hooks<K, V extends @Nullable Object> {
    Hooks() {}

    /** Why something was invalidated. */
    enum Reason {
        /** A call of this cache. */
        EXPLICIT,
        /** A message of another node. */
        REMOTE,
        /** Messages may have been lost. */
        SUSPECT
    }

    // --- writes: before the store on each read, before the cache on each put ---

    /** The newest operation that has not been written yet, as a live entry (absent for a delete); null for none. */
    @Nullable
    Entry<V> dirty(K key) {
        return null;
    }

    /** Before anything of a put shows in the cache; what it throws reaches the caller and the cache stays as it was. */
    void putting(K key, V value) {}

    // --- sink of events: must not throw, must not block ---

    /** Found, fresh. */
    void hit(K key) {}

    /** Found neither fresh nor servable. */
    void missed(K key) {}

    /** Served past its time to live; {@code failure} is what the load failed with, null while it goes on. */
    void servedStale(K key, @Nullable Throwable failure) {}

    /** A load was completed; {@code published} is false when something newer has won, or it is not to be stored. */
    void loaded(K key, long nanos, boolean background, boolean published) {}

    /** A load failed; in the background nobody else hears of it. */
    void loadFailed(K key, long nanos, boolean background, Throwable failure) {}

    /** A refresh found neither a free place nor room in the queue. */
    void refreshSkipped(K key) {}

    /** The store dropped an entry on its own account. */
    void evicted(K key) {}

    /** A key was invalidated. */
    void invalidated(K key, Reason reason) {}

    /** A tag was invalidated. */
    void tagInvalidated(String tag, Reason reason) {}

    /** All was invalidated. */
    void allInvalidated(Reason reason) {}

    /** The cache is closed, once. */
    void closed() {}
}
