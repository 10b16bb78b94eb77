// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import org.jspecify.annotations.Nullable;

/** What a store was bound to: the clock, and whom to tell. */
record Evictions<K, V extends @Nullable Object>(
        TimeSource time, Store.EvictionListener<? super K, ? super V> listener) {
    /** Outside locks. What the listener throws is reported and changes nothing (L5). */
    void tell(K key, Entry<V> entry, Store.Cause cause) {
        try {
            listener.evicted(key, entry, cause);
        } catch (Throwable thrown) {
            Guest.threw("store", "the listener of evictions", thrown);
        }
    }

    static IllegalStateException boundAlready() {
        return new IllegalStateException(
                "store: must serve one cache only, serves one already; make another store for this cache");
    }
}
