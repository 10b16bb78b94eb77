// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.ratelimit.KeyedRateLimiter;
import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimiter;
import io.github.bucket4j.Bucket;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * P7: one decision for one of a million live keys, in no order, so that each is far from the cache; the peer keeps its
 * buckets in a map, as its users do. {@code oneKey} is the same limiter asked for one key only: what is left is the
 * cache's share.
 */
public class KeyedLimiterBench extends Bench {
    private static final int KEYS = 1 << 20;

    /** Keys in no order. */
    static final class Walk {
        private final Long[] keys = new Long[KEYS];
        private int at = 1;

        Walk() {
            for (int i = 0; i < KEYS; i++) keys[i] = i * 0x9E3779B97F4A7C15L;
        }

        Long next() {
            at = (at * 1_664_525 + 1_013_904_223) & (KEYS - 1);
            return keys[at];
        }
    }

    /** Ours, all keys live: what was taken once is back after an hour. */
    @State(Scope.Thread)
    public static class Ours {
        final Walk walk = new Walk();
        final KeyedRateLimiter<Long> limiter = RateLimiter.builder("user")
                .limit(Limit.of(1, Duration.ofHours(1)).burst(100_000))
                .keyed(KEYS);

        /** Makes all places. */
        @Setup
        public void fill() {
            for (Long key : walk.keys) limiter.tryAcquire(key);
            if (limiter.keys() != KEYS) throw new AssertionError(limiter);
        }
    }

    /** A map of Bucket4j's. */
    @State(Scope.Thread)
    public static class Theirs {
        final Walk walk = new Walk();
        final ConcurrentHashMap<Long, Bucket> buckets = new ConcurrentHashMap<>();

        /** Makes all buckets. */
        @Setup
        public void fill() {
            for (Long key : walk.keys) ask(key);
        }

        boolean ask(Long key) {
            return buckets.computeIfAbsent(key, k -> Limiters.bucket4jDaily()).tryConsume(1);
        }
    }

    /** One limiter without keys. */
    @State(Scope.Thread)
    public static class Single {
        final RateLimiter limiter = RateLimiter.of(Limit.of(1_000_000_000, Duration.ofSeconds(2)));
        final KeyedRateLimiter<Long> keyed = RateLimiter.builder("user")
                .limit(Limit.of(1_000_000_000, Duration.ofSeconds(2)))
                .keyed(KEYS);
        final Long key = 42L;
    }

    @Benchmark
    public boolean ours(Ours ours) {
        return ours.limiter.tryAcquire(ours.walk.next());
    }

    @Benchmark
    public boolean oursOneKey(Single single) {
        return single.keyed.tryAcquire(single.key);
    }

    @Benchmark
    public boolean single(Single single) {
        return single.limiter.tryAcquire();
    }

    @Benchmark
    public boolean bucket4j(Theirs theirs) {
        return theirs.ask(theirs.walk.next());
    }
}
