// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Where a {@link LoadingCache} keeps its entries: a bounded map with atomic steps by identity, and nothing else. It
 * judges no freshness, loads nothing and knows no tags: all of that lies in the entries, and the cache judges it.
 *
 * <p>Without a setting a cache has the built-in store ({@link #bounded}); {@link CaffeineStore} keeps the entries in
 * Caffeine. A store of your own extends the test kit's {@code StoreContract} in its tests: that is the whole contract as
 * tests. A store serves one cache.
 *
 * {@snippet class="dev.resilience.cache.StoreSnippets" region="built-in"}
 *
 * <p><b>Identity.</b> Entries are compared with {@code ==}; {@link Entry} does not override {@code equals}, so a map's
 * {@code replace(key, old, next)} and {@code remove(key, entry)} are right as they are.
 *
 * <p><b>Threads.</b> Every method may be called by any thread at any time. Each step on one key is atomic, and what was
 * done before an entry was put happens-before its use by who gets it. None blocks for longer than another thread's step.
 *
 * <p><b>User code.</b> A store calls {@link #bind the listener} only after an operation and outside its locks, on the
 * thread that ran the operation. {@code hashCode} and {@code equals} of keys may be called at any time.
 *
 * @param <K> the keys; never null
 * @param <V> the values, in entries that are never null
 */
public interface Store<K, V extends @Nullable Object> {

    /**
     * The built-in store, bounded by the number of its entries: hits take no lock and allocate nothing, and what is
     * used once only leaves before what is used again (S3-FIFO).
     *
     * @param maxEntries the most entries it holds; at least 1. There is a moment, until the operations that are under
     *     way have ended, when it holds more
     * @param <K> the keys
     * @param <V> the values
     * @return an empty store
     * @throws IllegalArgumentException when the bound is below 1
     */
    static <K, V extends @Nullable Object> Store<K, V> bounded(long maxEntries) {
        return BoundedStore.entries(maxEntries);
    }

    /**
     * The built-in store, bounded by the weight of its entries together.
     *
     * @param maxWeight the most that {@link Entry#weight()} of all entries may add up to; at least 1. An entry that is
     *     heavier than that is evicted at once and alone
     * @param <K> the keys
     * @param <V> the values
     * @return an empty store
     * @throws IllegalArgumentException when the bound is below 1
     */
    static <K, V extends @Nullable Object> Store<K, V> weighted(long maxWeight) {
        return BoundedStore.weights(maxWeight);
    }

    /**
     * Gives the entry of a key, and takes note of its use.
     *
     * @param key the key
     * @return its entry, or null
     */
    @Nullable
    Entry<V> get(K key);

    /**
     * Gives the entry of a key as if nobody had asked: what is evicted next does not change.
     *
     * @param key the key
     * @return its entry, or null
     */
    @Nullable
    Entry<V> peek(K key);

    /**
     * Sets the entry of a key whatever it was.
     *
     * @param key the key
     * @param entry its entry from now on
     * @return the entry that it has taken the place of, or null
     */
    @Nullable
    Entry<V> put(K key, Entry<V> entry);

    /**
     * Sets the entry of a key if it is the one that was seen.
     *
     * @param key the key
     * @param seen the entry that was seen; null for none
     * @param next its entry from now on
     * @return whether {@code seen} was the entry of the key; if not, nothing has changed
     */
    boolean replace(K key, @Nullable Entry<V> seen, Entry<V> next);

    /**
     * Removes the entry of a key if it is the one that was seen.
     *
     * @param key the key
     * @param seen the entry that was seen
     * @return whether it was the entry of the key; if not, nothing has changed
     */
    boolean remove(K key, Entry<V> seen);

    /**
     * Removes the entry of a key.
     *
     * @param key the key
     * @return the entry that was removed, or null
     */
    @Nullable
    Entry<V> remove(K key);

    /** Removes every entry that was there before the call. One that comes meanwhile may stay or go. */
    void clear();

    /**
     * Shows every entry, as if by {@link #peek}. Entries that come or go meanwhile may be shown or not; none is shown
     * twice.
     *
     * @param each called on this thread, outside locks; what it throws ends the walk and is thrown
     */
    void forEach(BiConsumer<? super K, ? super Entry<V>> each);

    /**
     * How many entries there are. Exact while nobody writes; meanwhile it may count some that are on their way.
     *
     * @return at least 0
     */
    long estimatedSize();

    /**
     * Does now what is put off: afterwards the store is within its bound, and entries that are of no use any more
     * ({@link Entry#remainingNanos}) are gone. Takes time in proportion to the number of entries; nobody needs to call
     * it, each write does a bounded part of it.
     */
    void cleanUp();

    /**
     * Ties the store to its cache. The cache calls it once, before anything else; a store that was never bound works
     * without a clock and without a listener.
     *
     * @param time the clock of {@link Entry#remainingNanos}
     * @param evictions what to call for each entry that the store drops on its own account: not for those that were
     *     replaced or removed by a call. What it throws is reported and changes nothing. It may call the store
     * @throws IllegalStateException when the store serves a cache already
     */
    void bind(TimeSource time, EvictionListener<? super K, ? super V> evictions);

    /**
     * Told of evictions.
     *
     * @param <K> the keys
     * @param <V> the values
     */
    @FunctionalInterface
    interface EvictionListener<K, V extends @Nullable Object> {

        /**
         * An entry was evicted; it is in the store no more.
         *
         * @param key its key
         * @param entry the entry
         * @param cause why
         */
        void evicted(K key, Entry<? extends V> entry, Cause cause);
    }

    /** Why a store drops an entry on its own account. */
    enum Cause {
        /** The store was full. */
        SIZE,
        /** The entry was of no use any more. */
        EXPIRED,
        /** The garbage collector took the key or the entry, in a store that lets it. */
        COLLECTED
    }
}
