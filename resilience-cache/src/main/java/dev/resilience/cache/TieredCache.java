// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Policy;
import dev.resilience.TimeSource;
import dev.resilience.cache.Owed.Removal;
import java.time.Duration;
import java.util.Collection;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A cache of two levels: values in this process, in front of a {@link SecondLevel} that several processes share, with a
 * {@link Backplane} on which they tell each other what is out of date. For one process use {@link LoadingCache}.
 *
 * {@snippet class="dev.resilience.cache.TieredSnippets" region="tiered"}
 *
 * <p><b>A read</b> is answered by the first level; else by the second; else by the loader, whose value goes into both.
 * Concurrent reads of one key in one process share one of these. The loader's value is stored in the second level only if
 * nothing was removed since the load began, here or elsewhere.
 *
 * <p><b>A change</b> ({@link #put}, {@link #invalidate}, {@link #invalidateTag}, {@link #clear}) changes the second level,
 * then tells the others, who drop their copies and read again when they need to. It is <em>done</em> when both have
 * happened. Change the source first, then the cache.
 *
 * <p><b>Bound.</b> After a change is done no node answers what was there before for longer than the larger of three
 * seconds and {@link Builder#maxL1Staleness}: whatever the backplane loses, delays or reorders, and whatever the clocks
 * say. A change that could not be done is repeated each second; until then the others may answer the old value. All bounds
 * stand in one table in {@code docs/cache/tiered.md}.
 *
 * <p><b>Failures.</b> Without its second level it is a cache of one level in front of the loader. The second level and the
 * backplane are called through a policy: unless you give one, with a deadline of 250 ms and a circuit breaker that opens
 * for a second after five failures in a row. Loads go through {@link Builder#through}.
 *
 * <p><b>Threads.</b> Thread-safe. The loader, the codec and {@code tags} run on the thread that loads: the caller's or one
 * of the first level's; the texts of keys are read on the backplane's threads. Nothing of yours runs under a lock. The
 * blocking methods wait for the second level at most for the deadline of its policy; a load can be interrupted, a change
 * cannot: the flag stays set. A change happens-before every read that finds it.
 *
 * <p><b>Cost.</b> A hit in the first level costs a look into it, a reading of the clock and two volatile reads.
 *
 * @param <K> the keys; need {@code equals} and {@code hashCode}
 * @param <V> the values, never null
 */
public final class TieredCache<K, V> implements AutoCloseable {
    private final String name;
    private final TimeSource time;
    private final Tiers<K, V> tiers;

    private TieredCache(TierSettings<K, V> settings) {
        this.name = settings.name;
        this.time = settings.time;
        this.tiers = new Tiers<>(settings);
    }

    /**
     * A builder. {@link Builder#keys}, {@link Builder#codec}, {@link Builder#secondLevel(SecondLevel)} and
     * {@link Builder#ttl} must be set.
     *
     * @param name the same in all processes that share values, and different for what they do not share: the beginning
     *     of all keys in the second level
     * @param loader makes the value of a key; null for none, which is not kept
     * @param <K> the keys
     * @param <V> the values
     * @return the builder
     */
    public static <K, V> Builder<K, V> builder(String name, Loader<K, ? extends @Nullable V> loader) {
        return new Builder<>(Objects.requireNonNull(name, "name"), Objects.requireNonNull(loader, "loader"));
    }

    /**
     * The value of a key, loaded if necessary.
     *
     * @param key the key
     * @return the value; null when the loader found none
     * @throws CacheLoadException when the load failed, one for each caller
     */
    public @Nullable V get(K key) {
        Objects.requireNonNull(key, "key");
        try {
            return tiers.get(key).value;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Exception e) {
            throw new CompletionException(e);
        }
    }

    /**
     * The value of a key without holding the thread: the load runs on the first level's executor.
     *
     * @param key the key
     * @return completes as {@link #get} returns; cancelling it leaves the load, which ends when nobody waits for it
     */
    public CompletableFuture<@Nullable V> getAsync(K key) {
        return tiers.getAsync(Objects.requireNonNull(key, "key")).thenApply(held -> held.value);
    }

    /**
     * Puts a value that the source has already. Waits until all have been told, or it is known that they could not be;
     * {@link #putAsync} tells which.
     *
     * @param key the key
     * @param value the new value
     * @throws IllegalArgumentException when the codec cannot encode it; nothing has changed then
     */
    public void put(K key, V value) {
        Awaited.settled(putAsync(key, value), time, this);
    }

    /**
     * Puts a value that the source has already. Reads of this process see it when this method returns. Of two puts of a
     * key at the same time either may win, the same on all nodes: where several processes write, {@link #invalidate}.
     *
     * @param key the key
     * @param value the new value
     * @return completes with true when the second level and the others know; with false when that is owed: the others may
     *     answer the old value until the second level is back, and then read from the source
     * @throws IllegalArgumentException when the codec cannot encode it; nothing has changed then
     */
    public CompletableFuture<Boolean> putAsync(K key, V value) {
        return tiers.put(Objects.requireNonNull(key, "key"), Objects.requireNonNull(value, "value"));
    }

    /**
     * Drops a value everywhere, because the source has changed. Waits as {@link #put} does.
     *
     * @param key the key
     */
    public void invalidate(K key) {
        Awaited.settled(invalidateAsync(key), time, this);
    }

    /**
     * Drops a value everywhere, because the source has changed. Reads of this process that begin after this method has
     * returned do not get it once the future is complete.
     *
     * @param key the key
     * @return completes with true when it is done; with false when it is owed
     */
    public CompletableFuture<Boolean> invalidateAsync(K key) {
        Objects.requireNonNull(key, "key");
        return tiers.remove(Removal.ofKey(tiers.names.text(key), key));
    }

    /**
     * Drops all values that carry a tag, everywhere. Costs the same for one value and for a million. Waits as {@link #put}
     * does.
     *
     * @param tag one of those that {@link Builder#tags} gives
     * @throws IllegalArgumentException when it is empty
     */
    public void invalidateTag(String tag) {
        Awaited.settled(invalidateTagAsync(tag), time, this);
    }

    /**
     * Drops all values that carry a tag, everywhere.
     *
     * @param tag one of those that {@link Builder#tags} gives
     * @return completes with true when it is done; with false when it is owed
     * @throws IllegalArgumentException when it is empty
     */
    public CompletableFuture<Boolean> invalidateTagAsync(String tag) {
        return tiers.remove(Removal.ofTag(Names.checkedTag(tag)));
    }

    /** Drops everything that this cache has, in both levels and in all processes. Waits as {@link #put} does. */
    public void clear() {
        Awaited.settled(clearAsync(), time, this);
    }

    /**
     * Drops everything that this cache has, in both levels and in all processes.
     *
     * @return completes with true when it is done; with false when it is owed
     */
    public CompletableFuture<Boolean> clearAsync() {
        return tiers.remove(Removal.ofAll());
    }

    /**
     * The numbers of this moment, since the cache was built.
     *
     * @return a snapshot; its parts are read one after the other
     */
    public Snapshot snapshot() {
        return new Snapshot(tiers);
    }

    /**
     * The name.
     *
     * @return as given to the builder
     */
    public String name() {
        return name;
    }

    /** Leaves the backplane and stops its timers. What is owed is lost; reads and changes still work, as without one. */
    @Override
    public void close() {
        tiers.close();
    }

    /**
     * Name and state.
     *
     * @return for logs
     */
    @Override
    public String toString() {
        return "tiered cache '" + name + "' (" + snapshot() + ")";
    }

    /** What a tiered cache has counted. Immutable. */
    public static final class Snapshot {
        private final long hits;
        private final long misses;
        private final long refused;
        private final long failures;
        private final long gaps;
        private final int pending;
        private final boolean lineAlive;
        private final boolean lineLost;
        private final CacheSnapshot firstLevel;
        private final @Nullable Throwable lastFailure;

        private Snapshot(Tiers<?, ?> tiers) {
            this.hits = tiers.loads.hits.sum();
            this.misses = tiers.loads.misses.sum();
            this.refused = tiers.loads.refused.sum();
            this.failures = tiers.level.failures();
            this.gaps = tiers.line.gaps();
            this.pending = tiers.owed.count();
            this.lineAlive = tiers.line.alive();
            this.lineLost = tiers.line.lost();
            this.firstLevel = tiers.firstLevel();
            this.lastFailure = tiers.level.lastFailure();
        }

        /**
         * The numbers of the first level, which counts from the first {@link TieredCache#snapshot()} on. A copy that is
         * asked for again because it is in doubt was a hit there before.
         *
         * @return reads, loads and entries in this process; a load asks the second level first
         */
        public CacheSnapshot firstLevel() {
            return firstLevel;
        }

        /**
         * Reads that the second level answered with a value.
         *
         * @return since the cache was built
         */
        public long secondLevelHits() {
            return hits;
        }

        /**
         * Reads that the second level answered without a value that could be used.
         *
         * @return since the cache was built
         */
        public long secondLevelMisses() {
            return misses;
        }

        /**
         * Loaded values that the second level refused, because something was removed or stored while they were loaded.
         *
         * @return since the cache was built
         */
        public long refused() {
            return refused;
        }

        /**
         * Calls of the second level that failed, those refused by its policy included.
         *
         * @return since the cache was built
         */
        public long secondLevelFailures() {
            return failures;
        }

        /**
         * What the second level failed with last.
         *
         * @return empty when it never has; a cause, not to be thrown
         */
        public Optional<Throwable> lastFailure() {
            return Optional.ofNullable(lastFailure);
        }

        /**
         * How often messages of the backplane were found missing: all copies older than that are asked for again.
         *
         * @return since the cache was built
         */
        public long gaps() {
            return gaps;
        }

        /**
         * Changes that the second level or the others have not been told of.
         *
         * @return at most {@link Builder#maxPending}
         */
        public int pending() {
            return pending;
        }

        /**
         * Whether a heartbeat of this cache has come back within three seconds.
         *
         * @return false without a backplane
         */
        public boolean backplaneAlive() {
            return lineAlive;
        }

        /**
         * Whether there is a backplane and no heartbeat has come back within three seconds: copies are asked for again
         * when they are {@link Builder#maxL1Staleness} old.
         *
         * @return false without a backplane
         */
        public boolean backplaneLost() {
            return lineLost;
        }

        /**
         * For logs.
         *
         * @return all numbers
         */
        @Override
        public String toString() {
            return "second level: hits=" + hits + ", misses=" + misses + ", refused=" + refused + ", failures="
                    + failures + "; backplane " + (lineAlive ? "alive" : "silent") + ", gaps=" + gaps + "; pending="
                    + pending;
        }
    }

    /**
     * Settings of a {@link TieredCache}. Not thread-safe.
     *
     * @param <K> the keys
     * @param <V> the values
     */
    public static final class Builder<K, V> {
        private final TierSettings<K, V> settings;

        private Builder(String name, Loader<K, ? extends @Nullable V> loader) {
            this.settings = new TierSettings<>(name, loader);
        }

        /**
         * How a key is written in the second level and in messages, and read again. Required. Two keys that are not equal
         * must have different texts, the same in all processes. What {@code read} throws is reported, and all copies of
         * this node are asked for again.
         *
         * @param write the text of a key, not null; what it throws reaches the caller
         * @param read the key of such a text
         * @return this builder
         */
        public Builder<K, V> keys(Function<? super K, String> write, Function<String, ? extends K> read) {
            settings.names = new Names<>(
                    settings.name, Objects.requireNonNull(write, "write"), Objects.requireNonNull(read, "read"));
            return this;
        }

        /**
         * How a value becomes bytes. Required.
         *
         * @param values the codec
         * @return this builder
         */
        public Builder<K, V> codec(Codec<V> values) {
            settings.codec = Objects.requireNonNull(values, "values");
            return this;
        }

        /**
         * The second level, through the policy of the house: a deadline of 250 ms, and a circuit breaker that opens for a
         * second after five failures in a row. Required.
         *
         * @param level the second level
         * @return this builder
         */
        public Builder<K, V> secondLevel(SecondLevel level) {
            settings.level = Objects.requireNonNull(level, "level");
            settings.levelPolicy = null;
            return this;
        }

        /**
         * The second level, through a policy of your own. It must bound the time of a call: a load and a change wait for
         * it. It may repeat calls.
         *
         * @param level the second level
         * @param through every call goes through it
         * @return this builder
         */
        public Builder<K, V> secondLevel(SecondLevel level, Policy through) {
            settings.level = Objects.requireNonNull(level, "level");
            settings.levelPolicy = Objects.requireNonNull(through, "through");
            return this;
        }

        /**
         * The backplane, through the policy of the house. Default: none, and a copy in the first level is asked for again
         * when it is {@link #maxL1Staleness} old.
         *
         * @param backplane the backplane
         * @return this builder
         */
        public Builder<K, V> backplane(Backplane backplane) {
            settings.backplane = Objects.requireNonNull(backplane, "backplane");
            settings.backplanePolicy = null;
            return this;
        }

        /**
         * The backplane, through a policy of your own, which must bound the time of a call. It should not repeat
         * heartbeats: there is one each second.
         *
         * @param backplane the backplane
         * @param through every call goes through it
         * @return this builder
         */
        public Builder<K, V> backplane(Backplane backplane, Policy through) {
            settings.backplane = Objects.requireNonNull(backplane, "backplane");
            settings.backplanePolicy = Objects.requireNonNull(through, "through");
            return this;
        }

        /**
         * Lets one process load while the others wait for its value, each for the time of the lease at most. Default:
         * none, each process loads for itself.
         *
         * @param lock the lock
         * @param lease for how long one process may keep the others waiting; more than zero, at most 30 seconds
         * @return this builder
         */
        public Builder<K, V> loadLock(LoadLock lock, Duration lease) {
            settings.lock = Objects.requireNonNull(lock, "lock");
            settings.lockLease = Objects.requireNonNull(lease, "lease");
            return this;
        }

        /**
         * For how long a value lives in the second level, by the clock of that. Required.
         *
         * @param life more than zero
         * @return this builder
         */
        public Builder<K, V> ttl(Duration life) {
            settings.ttl = Objects.requireNonNull(life, "life");
            return this;
        }

        /**
         * For how long a copy lives in the first level: at most, and never for longer than is left to it in the second.
         * This bounds what is answered after a change that could not be done. Default: {@link #ttl}, 5 minutes at most.
         *
         * @param life more than zero, at most {@link #ttl}
         * @return this builder
         */
        public Builder<K, V> l1Ttl(Duration life) {
            settings.l1Ttl = Objects.requireNonNull(life, "life");
            return this;
        }

        /**
         * How old a copy in the first level may be while the backplane is lost, or there is none. Then a copy of this age
         * is asked for again. While the second level is lost as well, copies are served up to this age instead of loading.
         * Default: 30 seconds.
         *
         * @param age zero or more; zero asks the second level each time
         * @return this builder
         */
        public Builder<K, V> maxL1Staleness(Duration age) {
            settings.maxL1Staleness = Objects.requireNonNull(age, "age");
            return this;
        }

        /**
         * How many values the first level keeps. Default: 10,000.
         *
         * @param most at least 1
         * @return this builder
         */
        public Builder<K, V> maxEntries(long most) {
            settings.maxEntries = most;
            return this;
        }

        /**
         * How many changes may wait for the second level to come back. One more, and all of them become a {@link #clear}.
         * Default: 10,000.
         *
         * @param most at least 1
         * @return this builder
         */
        public Builder<K, V> maxPending(int most) {
            settings.maxPending = most;
            return this;
        }

        /**
         * The tags of a value, for {@link #invalidateTag}. Default: none.
         *
         * @param tags of a value, none of them empty, at most 16. Runs on the thread that loads or puts. What it throws
         *     reaches the caller of a put; in a load it is reported and the value is not kept
         * @return this builder
         */
        public Builder<K, V> tags(BiFunction<? super K, ? super V, ? extends Collection<String>> tags) {
            settings.tags = Objects.requireNonNull(tags, "tags");
            return this;
        }

        /**
         * Protects the loader. Default: nothing does.
         *
         * @param loads each run of the loader goes through it
         * @return this builder
         */
        public Builder<K, V> through(Policy loads) {
            settings.loadPolicy = Objects.requireNonNull(loads, "loads");
            return this;
        }

        /**
         * Runs what is to be done in the background: loads of {@link #getAsync}, heartbeats, the repetition of changes.
         * Default: as {@link LoadingCache.Builder#executor}.
         *
         * @param executor for all three
         * @return this builder
         */
        public Builder<K, V> executor(Executor executor) {
            settings.executor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * The clock. Default: that of the JVM.
         *
         * @param time for tests, a {@code ManualTime}
         * @return this builder
         */
        public Builder<K, V> timeSource(TimeSource time) {
            settings.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Spreads the waits for a {@link LoadLock}. Default: {@link ThreadLocalRandom}.
         *
         * @param random used by several threads
         * @return this builder
         */
        public Builder<K, V> random(RandomGenerator random) {
            settings.random = Objects.requireNonNull(random, "random");
            return this;
        }

        /**
         * The cache. With a backplane it subscribes and begins to beat.
         *
         * @return a new cache, to be closed
         * @throws IllegalArgumentException naming all settings that cannot be, and what to do
         */
        public TieredCache<K, V> build() {
            settings.check();
            TieredCache<K, V> cache = new TieredCache<>(settings.copy());
            cache.tiers.open();
            return cache;
        }
    }
}
