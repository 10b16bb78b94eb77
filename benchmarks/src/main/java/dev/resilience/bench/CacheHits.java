// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.resilience.cache.Entry;
import dev.resilience.cache.LoadingCache;
import dev.resilience.cache.Store;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * Caches that are full of what is asked for: 1,024 keys, and room for a quarter more. In a cache that is not half full
 * Caffeine takes no note of uses yet, which makes its hits cheaper.
 */
public final class CacheHits {
    private static final int KEYS = 1_024;
    private static final int ROOM = KEYS + KEYS / 4;

    private CacheHits() {}

    /** Keys in no order, for one thread. */
    @State(Scope.Thread)
    public static class Walk {
        private final Integer[] keys = new Integer[KEYS];
        private int at = 1;

        /** Beyond the small integers that the JVM keeps. */
        public Walk() {
            for (int i = 0; i < KEYS; i++) keys[i] = i * 0x9E3779B9;
        }

        Integer next() {
            at = (at * 1_664_525 + 1_013_904_223) & (KEYS - 1);
            return keys[at];
        }
    }

    static LoadingCache<Integer, Integer> ours() {
        return filled(LoadingCache.builder("hits", (Integer key) -> key).maxEntries(ROOM));
    }

    static LoadingCache<Integer, Integer> oursWithTtl() {
        return filled(LoadingCache.builder("hits", (Integer key) -> key)
                .maxEntries(ROOM)
                .ttl(Duration.ofHours(1)));
    }

    static LoadingCache<Integer, Integer> oursWithTags() {
        return filled(LoadingCache.builder("hits", (Integer key) -> key)
                .maxEntries(ROOM)
                .tags((key, value) -> List.of("even-or-odd-" + (key & 1))));
    }

    private static LoadingCache<Integer, Integer> filled(LoadingCache.Builder<Integer, Integer> builder) {
        LoadingCache<Integer, Integer> cache = builder.build();
        for (Integer key : new Walk().keys) cache.get(key);
        return cache;
    }

    static Store<Integer, Integer> store() {
        Store<Integer, Integer> store = Store.bounded(ROOM);
        for (Integer key : new Walk().keys) store.put(key, Entry.sample(key, 1, 0, Long.MAX_VALUE));
        return store;
    }

    static Cache<Integer, Integer> caffeine() {
        return filled(Caffeine.newBuilder().maximumSize(ROOM).build());
    }

    static Cache<Integer, Integer> caffeineWithTtl() {
        return filled(Caffeine.newBuilder()
                .maximumSize(ROOM)
                .expireAfterWrite(Duration.ofHours(1))
                .build());
    }

    /** Its maintenance on the calling thread, so that the processor time of a call contains it. */
    static Cache<Integer, Integer> caffeineInline() {
        return filled(
                Caffeine.newBuilder().maximumSize(ROOM).executor(Runnable::run).build());
    }

    private static Cache<Integer, Integer> filled(Cache<Integer, Integer> cache) {
        for (Integer key : new Walk().keys) cache.put(key, key);
        return cache;
    }

    static ConcurrentMap<Integer, Integer> map() {
        ConcurrentMap<Integer, Integer> map = new ConcurrentHashMap<>();
        for (Integer key : new Walk().keys) map.put(key, key);
        return map;
    }
}
