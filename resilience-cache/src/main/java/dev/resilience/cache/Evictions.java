// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import org.jspecify.annotations.Nullable;

/** What a store was bound to: the clock, and whom to tell. */
record Evictions<K, V extends @Nullable Object>(
        TimeSource time, Store.EvictionListener<? super K, ? super V> listener) {
    private static final System.Logger LOG = System.getLogger("dev.resilience");

    /** Outside locks. What the listener throws is reported and changes nothing (L5). */
    void tell(K key, Entry<V> entry, Store.Cause cause) {
        try {
            listener.evicted(key, entry, cause);
        } catch (Throwable thrown) {
            report(thrown);
        }
    }

    static IllegalStateException boundAlready() {
        return new IllegalStateException(
                "store: must serve one cache only, serves one already; make another store for this cache");
    }

    private static void report(Throwable thrown) {
        try {
            LOG.log(System.Logger.Level.WARNING, "store: the listener of evictions threw " + thrown, thrown);
        } catch (Throwable alsoBroken) {
            // A logger that throws leaves nobody to tell; the operation must go on.
        }
    }
}
