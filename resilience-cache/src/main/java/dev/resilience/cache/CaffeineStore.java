// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.RemovalCause;
import dev.resilience.TimeSource;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the entries in Caffeine, for what its adaptive policy does better than the built-in store: loops and shifting
 * patterns, hundreds of thousands of entries with weights, weak keys. Needs Caffeine 3 on the class path or module path;
 * nothing else of this library does.
 *
 * {@snippet class="dev.resilience.cache.StoreSnippets" region="caffeine"}
 *
 * <p>Caffeine bounds and drops; it never loads, refreshes or judges freshness. Its maintenance runs on the thread that
 * sets it off, so no thread of another pool is used, and the listener is called after the operation, outside Caffeine's
 * locks. Like Caffeine itself it may hold a little more than its bound until that maintenance has run, at the latest
 * after {@link #cleanUp()}.
 *
 * @param <K> the keys
 * @param <V> the values
 */
public final class CaffeineStore<K, V extends @Nullable Object> implements Store<K, V> {
    private final Cache<K, Entry<V>> cache;
    private final ConcurrentMap<K, Entry<V>> map;
    private final AtomicReference<@Nullable Evictions<K, V>> evictions;
    /** What Caffeine dropped under its lock and the listener is still to be told of. */
    private final Queue<Dropped<K, V>> dropped;

    private record Dropped<K, V extends @Nullable Object>(K key, Entry<V> entry, Cause cause) {}

    /** What a store and its Caffeine cache have in common. */
    private record Parts<K, V extends @Nullable Object>(
            Cache<K, Entry<V>> cache,
            AtomicReference<@Nullable Evictions<K, V>> evictions,
            Queue<Dropped<K, V>> dropped) {}

    private CaffeineStore(Parts<K, V> parts) {
        this.cache = parts.cache;
        this.map = parts.cache.asMap();
        this.evictions = parts.evictions;
        this.dropped = parts.dropped;
    }

    /**
     * A store bounded by the number of its entries.
     *
     * @param maxEntries the most entries; at least 1
     * @param <K> the keys
     * @param <V> the values
     * @return an empty store
     * @throws IllegalArgumentException when the bound is below 1
     */
    public static <K, V extends @Nullable Object> CaffeineStore<K, V> bounded(long maxEntries) {
        return of(Caffeine.newBuilder().maximumSize(BoundedStore.positive("maxEntries", maxEntries)));
    }

    /**
     * A store bounded by the weight of its entries together. Caffeine counts an entry that is heavier than
     * {@link Integer#MAX_VALUE} as that.
     *
     * @param maxWeight the most weight; at least 1
     * @param <K> the keys
     * @param <V> the values
     * @return an empty store
     * @throws IllegalArgumentException when the bound is below 1
     */
    public static <K, V extends @Nullable Object> CaffeineStore<K, V> weighted(long maxWeight) {
        return of(Caffeine.newBuilder()
                .maximumWeight(BoundedStore.positive("maxWeight", maxWeight))
                .<K, Entry<V>>weigher((key, entry) -> (int) Math.min(Integer.MAX_VALUE, entry.weight())));
    }

    /**
     * A store with settings of your own: {@code initialCapacity}, {@code weakKeys}, {@code softValues} (a soft reference
     * to the entry, which nobody else holds), a bound or none. Expiry, ticker, executor and removal listener are this
     * store's; the weigher, if you set a maximum weight, is yours: {@code (key, entry) -> (int) entry.weight()}.
     *
     * @param settings not used by anybody else
     * @param <K> the keys
     * @param <V> the values
     * @return an empty store
     * @throws IllegalArgumentException when the settings set what this store sets
     */
    @SuppressWarnings("exports") // transitive would ask everybody for Caffeine; who calls this has it
    public static <K, V extends @Nullable Object> CaffeineStore<K, V> of(
            Caffeine<? super K, ? super Entry<V>> settings) {
        AtomicReference<@Nullable Evictions<K, V>> evictions = new AtomicReference<>();
        Queue<Dropped<K, V>> dropped = new ConcurrentLinkedQueue<>();
        Cache<K, Entry<V>> cache;
        try {
            cache = settings.ticker(() -> now(evictions.get()))
                    .executor(Runnable::run)
                    .expireAfter(new HardExpiry<K, V>(evictions))
                    .<K, Entry<V>>removalListener((key, entry, cause) -> note(dropped, key, entry, cause))
                    .build();
        } catch (IllegalStateException taken) { // Caffeine's word for what is set twice
            throw new IllegalArgumentException(
                    "store: the Caffeine settings must leave expiry, ticker, executor and removal listener to the store ("
                            + taken.getMessage() + "); the cache's ttl says how long a value lives",
                    taken);
        }
        return new CaffeineStore<>(new Parts<>(cache, evictions, dropped));
    }

    private static long now(@Nullable Evictions<?, ?> tied) {
        return tied == null ? 0 : tied.time().nanoTime();
    }

    /** Runs under Caffeine's lock, so it only takes note; a key that was collected cannot be told. */
    private static <K, V extends @Nullable Object> void note(
            Queue<Dropped<K, V>> dropped, @Nullable K key, @Nullable Entry<V> entry, RemovalCause cause) {
        if (key == null || entry == null || !cause.wasEvicted()) return;
        dropped.add(new Dropped<>(key, entry, cause == RemovalCause.EXPIRED ? Cause.EXPIRED : Cause.SIZE));
    }

    @Override
    public @Nullable Entry<V> get(K key) {
        Entry<V> entry = cache.getIfPresent(key);
        tell();
        return entry;
    }

    @Override
    public @Nullable Entry<V> peek(K key) {
        return cache.policy().getIfPresentQuietly(key);
    }

    @Override
    public @Nullable Entry<V> put(K key, Entry<V> entry) {
        Entry<V> had = map.put(key, entry);
        tell();
        return had;
    }

    @Override
    public boolean replace(K key, @Nullable Entry<V> seen, Entry<V> next) {
        boolean replaced = seen == null ? map.putIfAbsent(key, next) == null : map.replace(key, seen, next);
        tell();
        return replaced;
    }

    @Override
    public boolean remove(K key, Entry<V> seen) {
        boolean removed = map.remove(key, seen);
        tell();
        return removed;
    }

    @Override
    public @Nullable Entry<V> remove(K key) {
        Entry<V> had = map.remove(key);
        tell();
        return had;
    }

    @Override
    public void clear() {
        cache.invalidateAll();
        tell();
    }

    @Override
    public void forEach(BiConsumer<? super K, ? super Entry<V>> each) {
        for (Map.Entry<K, Entry<V>> held : map.entrySet()) each.accept(held.getKey(), held.getValue());
    }

    @Override
    public long estimatedSize() {
        return cache.estimatedSize();
    }

    @Override
    public void cleanUp() {
        cache.cleanUp();
        tell();
    }

    @Override
    public void bind(TimeSource time, EvictionListener<? super K, ? super V> listener) {
        if (!evictions.compareAndSet(null, new Evictions<>(time, listener))) throw Evictions.boundAlready();
    }

    /** After the operation, outside locks: also what other threads have dropped meanwhile. */
    private void tell() {
        for (Dropped<K, V> each = dropped.poll(); each != null; each = dropped.poll()) {
            Evictions<K, V> tied = evictions.get();
            if (tied != null) tied.tell(each.key, each.entry, each.cause);
        }
    }

    /** The hint of the entry. Reads do not change it: whoever prolongs an entry replaces it. */
    private record HardExpiry<K, V extends @Nullable Object>(AtomicReference<@Nullable Evictions<K, V>> evictions)
            implements Expiry<K, Entry<V>> {

        @Override
        public long expireAfterCreate(K key, Entry<V> entry, long now) {
            return evictions.get() == null ? Long.MAX_VALUE : Math.max(0, entry.remainingNanos(now));
        }

        @Override
        public long expireAfterUpdate(K key, Entry<V> entry, long now, long left) {
            return expireAfterCreate(key, entry, now);
        }

        @Override
        public long expireAfterRead(K key, Entry<V> entry, long now, long left) {
            return left;
        }
    }
}
