// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Hears what happens in a {@link LoadingCache}. Each method does nothing unless it is overridden; hits and misses are
 * only counted, see {@link CacheSnapshot}.
 *
 * {@snippet class="dev.resilience.cache.ManyKeysSnippets" region="listener"}
 *
 * <p><b>Threads.</b> Called outside of locks on the thread on which it happened, a caller's or one of the background:
 * a listener that takes its time takes it from them. Listeners are told one after the other; what one throws is
 * reported to {@code System.Logger} {@code dev.resilience} and changes nothing (L5). Events of one key on different
 * threads may be told in another order than they happened.
 *
 * @param <K> the keys
 * @param <V> the values
 */
public interface CacheListener<K, V extends @Nullable Object> {

    /**
     * A load has ended with a value, or with the answer that there is none.
     *
     * @param key whose value
     * @param took from the start of the load
     * @param background true for a refresh, false for a load that a caller waited for
     */
    default void loaded(K key, Duration took, boolean background) {}

    /**
     * A load has failed. When several callers shared it, this is told once.
     *
     * @param key whose value
     * @param thrown what the loader threw
     * @param took from the start of the load
     * @param background true for a refresh: no caller hears of that failure
     */
    default void loadFailed(K key, Throwable thrown, Duration took, boolean background) {}

    /**
     * A caller got a value that is past its time to live.
     *
     * @param key whose value
     * @param failure why there is no fresh one; null while it is being loaded
     */
    default void servedStale(K key, @Nullable Throwable failure) {}

    /**
     * The store dropped an entry, for room or because it was of no use any more. An invalidation is none.
     *
     * @param key whose entry
     */
    default void evicted(K key) {}

    /**
     * A key was invalidated, here or by a message of another node.
     *
     * @param key whose entry, whether there was one or not
     */
    default void invalidated(K key) {}

    /**
     * A tag was invalidated.
     *
     * @param tag the tag
     */
    default void tagInvalidated(String tag) {}

    /** All was invalidated. */
    default void allInvalidated() {}

    /**
     * A write behind has failed. It is tried again.
     *
     * @param change what was to be written
     * @param thrown what the writer threw, or what its stage failed with
     * @param failures how often in a row the key has failed now, at least 1
     */
    default void writeFailed(Writer.Change<K, V> change, Throwable thrown, int failures) {}

    /**
     * A write behind has not ended in its time. It goes on, and nothing else is written for its key until it ends.
     *
     * @param change what is being written
     * @param age since its start
     */
    default void writeLate(Writer.Change<K, V> change, Duration age) {}
}
