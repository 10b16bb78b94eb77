// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Policy;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** What the builder of a tiered cache was told; nobody changes the copy that a cache has. */
final class TierSettings<K, V> {
    private static final Duration MOST_L1 = Duration.ofMinutes(5);
    private static final Duration MOST_LEASE = Duration.ofSeconds(30);
    private static final int MOST_TAGS = 16;

    final String name;
    private final Loader<K, ? extends @Nullable V> loader;

    @Nullable
    Names<K> names;

    @Nullable
    Codec<V> codec;

    @Nullable
    SecondLevel level;

    @Nullable
    Policy levelPolicy;

    @Nullable
    Backplane backplane;

    @Nullable
    Policy backplanePolicy;

    @Nullable
    LoadLock lock;

    @Nullable
    Duration ttl;

    @Nullable
    Duration l1Ttl;

    @Nullable
    BiFunction<? super K, ? super V, ? extends Collection<String>> tags;

    @Nullable
    Policy loadPolicy;

    long maxEntries = 10_000;
    int maxPending = 10_000;
    Duration lockLease = Duration.ofSeconds(5);
    Duration maxL1Staleness = Duration.ofSeconds(30);
    Executor executor = Hands.loads();
    TimeSource time = TimeSource.system();
    RandomGenerator random = () -> ThreadLocalRandom.current().nextLong();

    TierSettings(String name, Loader<K, ? extends @Nullable V> loader) {
        this.name = name;
        this.loader = loader;
    }

    TierSettings<K, V> copy() {
        TierSettings<K, V> copy = new TierSettings<>(name, loader);
        copy.names = names;
        copy.codec = codec;
        copy.level = level;
        copy.levelPolicy = levelPolicy;
        copy.backplane = backplane;
        copy.backplanePolicy = backplanePolicy;
        copy.lock = lock;
        copy.lockLease = lockLease;
        copy.ttl = ttl;
        copy.l1Ttl = l1Ttl;
        copy.tags = tags;
        copy.loadPolicy = loadPolicy;
        copy.maxEntries = maxEntries;
        copy.maxPending = maxPending;
        copy.maxL1Staleness = maxL1Staleness;
        copy.executor = executor;
        copy.time = time;
        copy.random = random;
        return copy;
    }

    void check() {
        List<String> problems = new ArrayList<>();
        if (names == null) problems.add("keys must be set: how a key becomes a text, and back");
        if (codec == null) problems.add("codec must be set: how a value becomes bytes, and back");
        if (level == null) problems.add("secondLevel must be set; for one process use a LoadingCache");
        checkLives(problems);
        if (maxL1Staleness.isNegative()) problems.add("maxL1Staleness must not be negative, was " + maxL1Staleness);
        if (maxEntries < 1) problems.add("maxEntries must be at least 1, was " + maxEntries);
        if (maxPending < 1) problems.add("maxPending must be at least 1, was " + maxPending);
        positive("the lease of loadLock", lockLease, problems);
        if (lockLease.compareTo(MOST_LEASE) > 0) {
            problems.add("the lease of loadLock must be at most " + MOST_LEASE + ", was " + lockLease
                    + ": who waits for it is given up after a minute");
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException("tiered cache '" + name + "': " + String.join("; ", problems));
        }
    }

    private void checkLives(List<String> problems) {
        if (ttl == null) problems.add("ttl must be set");
        else positive("ttl", ttl, problems);
        if (l1Ttl == null) return;
        positive("l1Ttl", l1Ttl, problems);
        if (ttl != null && l1Ttl.compareTo(ttl) > 0) {
            problems.add("l1Ttl must be at most the ttl of " + ttl + ", was " + l1Ttl);
        }
    }

    private static void positive(String what, Duration value, List<String> problems) {
        if (value.isZero() || value.isNegative()) problems.add(what + " must be more than zero, was " + value);
    }

    // --- after check() ---

    Names<K> names() {
        return Objects.requireNonNull(names);
    }

    Codec<V> codec() {
        return Objects.requireNonNull(codec);
    }

    SecondLevel level() {
        return Objects.requireNonNull(level);
    }

    long lifeNanos() {
        return TimeSource.nanos(ttl());
    }

    Duration ttl() {
        return Objects.requireNonNull(ttl);
    }

    long l1Nanos() {
        if (l1Ttl != null) return TimeSource.nanos(l1Ttl);
        return Math.min(lifeNanos(), TimeSource.nanos(MOST_L1));
    }

    /** From the source. */
    @Nullable
    V load(K key) throws Exception {
        if (loadPolicy == null) return loader.load(key);
        return loadPolicy.<@Nullable V, Exception>call(() -> loader.load(key));
    }

    List<String> tagsOf(K key, V value) {
        if (tags == null) return List.of();
        Set<String> given = new LinkedHashSet<>(tags.apply(key, value));
        given.forEach(Names::checkedTag);
        if (given.size() > MOST_TAGS) {
            throw new IllegalArgumentException("tiered cache '" + name + "': a value may have at most " + MOST_TAGS
                    + " tags, had " + given.size());
        }
        return List.copyOf(given);
    }

    LoadingCache<K, Held<V>> firstLevel(Loader<K, Held<V>> loads) {
        return LoadingCache.<K, Held<V>>builder(name, loads)
                .maxEntries(maxEntries)
                .ttl((key, held) -> Duration.ofNanos(held.leftNanos(time.nanoTime())))
                .jitter(0)
                .tags((key, held) -> held.tags)
                .executor(executor)
                .timeSource(time)
                .build();
    }
}
