// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Hooks.Reason;
import org.jspecify.annotations.Nullable;

/** The copies of a cache, for those who write. */
record CoreCopies<K, V extends @Nullable Object>(CacheCore<K, V> core) implements Writes.Copies<K, V> {

    @Override
    @Nullable
    public Object prepare(K key, V value) {
        return core.prepare(key, value);
    }

    @Override
    @SuppressWarnings("unchecked") // what prepare made
    public void publish(K key, @Nullable Object copy) {
        core.publish(key, (Entry<V>) copy);
    }

    @Override
    public void kill(Object copy) {
        ((Entry<?>) copy).kill();
    }

    @Override
    public void drop(K key) {
        core.invalidate(key, Reason.EXPLICIT);
    }
}
