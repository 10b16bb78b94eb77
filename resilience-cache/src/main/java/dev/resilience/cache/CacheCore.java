// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Hooks.Reason;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The verbs of a loading cache, for its face and for the parts around it. */
final class CacheCore<K, V extends @Nullable Object> {
    private final Hooks<K, V> hooks;
    private final ConcurrentHashMap<K, Entry<V>> map = new ConcurrentHashMap<>();

    CacheCore(LoadingCache.Builder<K, V> builder, Hooks<K, V> hooks) {
        this.hooks = hooks;
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
        publish(key, prepare(key, value));
    }

    /** The live entry of an explicit put; null when it is not to be kept. Runs user code. */
    @Nullable
    Entry<V> prepare(K key, V value) {
        Entry<V> entry = new Entry<>();
        entry.value = value;
        entry.publish();
        return entry;
    }

    /** Detaches the load under way, and stores the entry unless it is dead; null removes what is there. */
    void publish(K key, @Nullable Entry<V> entry) {
        if (entry == null) map.remove(key);
        else if (!entry.isDead()) map.put(key, entry);
        if (entry != null && entry.isDead()) map.remove(key, entry);
    }

    /** How it stands, for a snapshot. */
    CacheSnapshot.Now now(int dirty, int late) {
        return new CacheSnapshot.Now(map.size(), 0, 0, 0, dirty, late);
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
