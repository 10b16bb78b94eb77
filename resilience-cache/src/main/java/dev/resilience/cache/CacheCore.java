// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Hooks.Reason;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The verbs of a loading cache, for its face and for the parts around it. */
final class CacheCore<K, V extends @Nullable Object> {
    private final Hooks<K, V> hooks;
    private final ConcurrentHashMap<K, Entry<V>> map = new ConcurrentHashMap<>();

    CacheCore(LoadingCache.Builder<K, V> builder) {
        this.hooks = builder.hooks;
    }

    /** The value; null when there is none. */
    @Nullable
    V get(K key, Loader<? super K, ? extends V> loader) {
        Entry<V> known = visible(key);
        if (known != null) return known.value;
        try {
            V value = loader.load(key);
            if (value != null) place(key, value);
            return value;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** The entry that a read may serve as fresh; null for none. Starts nothing. */
    @Nullable
    Entry<V> visible(K key) {
        Entry<V> dirty = hooks.dirty(key);
        return dirty != null ? dirty : map.get(key);
    }

    void put(K key, V value) {
        hooks.putting(key, value);
        place(key, value);
    }

    /** As {@link #put} without asking the writer. */
    void place(K key, V value) {
        Entry<V> entry = new Entry<>();
        entry.value = value;
        entry.publish();
        map.put(key, entry);
    }

    /** Removes the stored entry if its value is this very object; touches no load. */
    boolean drop(K key, V seen) {
        Entry<V> entry = map.get(key);
        return entry != null && entry.value == seen && map.remove(key, entry);
    }

    void invalidate(K key, Reason reason) {
        map.remove(key);
        hooks.invalidated(key, reason);
    }

    void invalidateTag(String tag, Reason reason) {
        hooks.tagInvalidated(tag, reason);
    }

    void invalidateAll(Reason reason) {
        map.clear();
        hooks.allInvalidated(reason);
    }

    /** Entries whose load was started before a reading are not served as fresh any more (a gap of messages). */
    void distrustBefore(long reading) {}

    void close() {
        hooks.closed();
    }
}
