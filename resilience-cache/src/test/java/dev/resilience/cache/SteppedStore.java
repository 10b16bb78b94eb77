// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** A store that tells when a load has written, before its flight is published. */
final class SteppedStore<K, V extends @Nullable Object> implements Store<K, V> {
    private final Store<K, V> inner;
    private final Runnable stored;

    SteppedStore(Store<K, V> inner, Runnable stored) {
        this.inner = inner;
        this.stored = stored;
    }

    @Override
    public @Nullable Entry<V> get(K key) {
        return inner.get(key);
    }

    @Override
    public @Nullable Entry<V> peek(K key) {
        return inner.peek(key);
    }

    @Override
    public @Nullable Entry<V> put(K key, Entry<V> entry) {
        return inner.put(key, entry);
    }

    @Override
    public boolean replace(K key, @Nullable Entry<V> seen, Entry<V> next) {
        boolean done = inner.replace(key, seen, next);
        if (done) stored.run();
        return done;
    }

    @Override
    public boolean remove(K key, Entry<V> seen) {
        return inner.remove(key, seen);
    }

    @Override
    public @Nullable Entry<V> remove(K key) {
        return inner.remove(key);
    }

    @Override
    public void clear() {
        inner.clear();
    }

    @Override
    public void forEach(BiConsumer<? super K, ? super Entry<V>> each) {
        inner.forEach(each);
    }

    @Override
    public long estimatedSize() {
        return inner.estimatedSize();
    }

    @Override
    public void cleanUp() {
        inner.cleanUp();
    }

    @Override
    public void bind(TimeSource time, EvictionListener<? super K, ? super V> evictions) {
        inner.bind(time, evictions);
    }
}
