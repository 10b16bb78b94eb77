// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import com.github.benmanes.caffeine.cache.Cache;
import dev.resilience.bench.CacheHits.Walk;
import dev.resilience.cache.Entry;
import dev.resilience.cache.LoadingCache;
import dev.resilience.cache.Store;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Threads;

/** P11 with two threads that do nothing but hit the same keys. */
@Threads(2)
public class ContendedCacheHitBench extends Bench {
    private final LoadingCache<Integer, Integer> ours = CacheHits.ours();
    private final LoadingCache<Integer, Integer> oursTtl = CacheHits.oursWithTtl();
    private final LoadingCache<Integer, Integer> oursTags = CacheHits.oursWithTags();
    private final Store<Integer, Integer> store = CacheHits.store();
    private final Cache<Integer, Integer> caffeine = CacheHits.caffeine();
    private final Cache<Integer, Integer> caffeineInline = CacheHits.caffeineInline();
    private final Cache<Integer, Integer> caffeineTtl = CacheHits.caffeineWithTtl();
    private final ConcurrentMap<Integer, Integer> map = CacheHits.map();

    @Benchmark
    public Integer ours(Walk walk) {
        return ours.get(walk.next());
    }

    @Benchmark
    public Integer oursTtl(Walk walk) {
        return oursTtl.get(walk.next());
    }

    @Benchmark
    public Integer oursTags(Walk walk) {
        return oursTags.get(walk.next());
    }

    @Benchmark
    public @Nullable Entry<Integer> store(Walk walk) {
        return store.get(walk.next());
    }

    @Benchmark
    public @Nullable Integer caffeine(Walk walk) {
        return caffeine.getIfPresent(walk.next());
    }

    @Benchmark
    public @Nullable Integer caffeineInline(Walk walk) {
        return caffeineInline.getIfPresent(walk.next());
    }

    @Benchmark
    public @Nullable Integer caffeineTtl(Walk walk) {
        return caffeineTtl.getIfPresent(walk.next());
    }

    @Benchmark
    public @Nullable Integer map(Walk walk) {
        return map.get(walk.next());
    }
}
