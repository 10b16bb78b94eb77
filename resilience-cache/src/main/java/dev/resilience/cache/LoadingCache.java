// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Backoff;
import dev.resilience.ContextCapture;
import dev.resilience.Policy;
import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.cache.Hooks.Reason;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import java.util.function.ToLongBiFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A bounded cache that loads what it does not have: one load for each key however many ask, and a load that was
 * started before an invalidation never overwrites it.
 *
 * @param <K> the keys; need {@code equals} and {@code hashCode}, never null
 * @param <V> the values, treated as immutable
 */
public final class LoadingCache<K, V extends @Nullable Object> implements AutoCloseable {
    private final String name;
    private final @Nullable Loader<K, V> loader;
    private final @Nullable UnaryOperator<V> copier;
    private final @Nullable Writes<K, V> writes;
    final CacheEvents<K, V> events;
    final CacheCore<K, V> core;
    final BulkLoads<K, V> bulk;

    LoadingCache(Builder<K, V> builder) {
        this.name = builder.name;
        this.loader = Coalescer.around(builder);
        this.copier = builder.copier;
        this.events = new CacheEvents<>(builder.name, builder.time, builder.hooks);
        this.core = new CacheCore<>(builder, loader, events);
        this.bulk = new BulkLoads<>(core, builder.bulkLoader, builder.maxBulk);
        this.writes = Writes.of(builder, new CoreCopies<>(core), events);
        events.writes = writes;
    }

    /**
     * Begins a cache. The loader comes first: it fixes the types of keys and values, so that every later lambda is
     * typed. A lambda names its key's type: {@code (Long id) -> ...}.
     * @param <K> the keys
     * @param <V> the values
     * @param name for metrics, messages and logs
     * @param loader makes the value of a key
     * @return a builder with every setting at its default
     */
    public static <K, V extends @Nullable Object> Builder<K, V> builder(String name, Loader<K, V> loader) {
        return new Builder<>(Objects.requireNonNull(name, "name"), Objects.requireNonNull(loader, "loader"));
    }

    /**
     * Begins a cache without a loader of its own, for {@link #get(Object, Loader)} and {@link #put} only. Whatever
     * loads in the background needs a loader: {@link #builder(String, Loader)}.
     * @param <K> the keys
     * @param <V> the values
     * @param name for metrics, messages and logs
     * @return a builder with every setting at its default
     */
    public static <K, V extends @Nullable Object> Builder<K, V> builder(String name) {
        return new Builder<>(Objects.requireNonNull(name, "name"), null);
    }

    /**
     * The value of a key: from the cache, or loaded. Callers of one key share one load, on the thread of the first of
     * them unless there is a {@link Builder#softDeadline}.
     * @param key the key
     * @return the value; null when the loader says that there is none
     * @throws CacheLoadException when the load failed or was given up, one for each caller around the one cause, and
     *     there is no stale value to serve
     * @throws LoadRejectedException when too many loads were given up and still run
     * @throws dev.resilience.CallInterruptedException when interrupted; the flag stays set, the load goes on for others
     * @throws IllegalStateException when the cache has no loader, or in a load that asks for its own key
     */
    public V get(K key) {
        return get(key, loader());
    }

    /**
     * As {@link #get(Object)} with a loader of this call: cache-aside. Calls that meet share the loader of the first of
     * them; a refresh runs the one of the call that asked for it.
     * @param key the key
     * @param loader asked when the cache has no value
     * @return the value; null when the loader says that there is none
     */
    public V get(K key, Loader<? super K, ? extends V> loader) {
        Objects.requireNonNull(key, "key");
        return copied(core.get(key, Objects.requireNonNull(loader, "loader")));
    }

    /**
     * As {@link #get(Object)} without holding the caller's thread: a load runs on the executor.
     * @param key the key
     * @return the caller's own future; fails with what {@code get} throws. Cancelling it gives up this caller's place,
     *     and the load when nobody else waits for it
     */
    public CompletableFuture<V> getAsync(K key) {
        return getAsync(key, loader());
    }

    CompletableFuture<V> getAsync(K key, Loader<? super K, ? extends V> from) {
        Objects.requireNonNull(key, "key");
        CompletableFuture<V> answer = core.getAsync(key, from);
        return copier == null ? answer : AsyncGet.mapped(answer, this::copied);
    }

    /**
     * The values of several keys. Those that are missing are loaded, with a {@link Builder#bulkLoader} so many at once
     * on the executor; each of them shares its load with single reads. Ends with the first load that fails.
     * @param keys the keys, none null
     * @return a new map of the values that there are, in the order of the keys, without those that have none
     * @throws CacheLoadException when a load failed and there is no stale value; what was loaded stays in the cache.
     *     Else as {@link #get(Object)}
     */
    public Map<K, V> getAll(Collection<? extends K> keys) {
        return bulk.getAll(keys, loader(), this::copied);
    }

    /**
     * Loads keys ahead of their readers, as refreshes and no more at once than {@link Builder#refreshes} allows; those
     * that are there are left out. The keys are asked for one by one, here and on the threads that load.
     * @param keys any number
     * @return completes with how many were loaded, failures not counted; fails when the keys throw. Cancel it to stop
     */
    public CompletableFuture<Long> warm(Iterable<? extends K> keys) {
        return new Warming<>(core, bulk, loader(), keys.iterator()).start();
    }

    /**
     * What a read would be served without waiting. Loads and refreshes nothing.
     * @param key the key
     * @return the value, empty when there is none, or when it would have to be loaded
     */
    public Optional<V> peek(K key) {
        Entry<V> entry = core.visible(Objects.requireNonNull(key, "key"));
        return entry == null ? Optional.empty() : Optional.ofNullable(copied(entry.value));
    }

    /**
     * Puts a value. A load that was started before never overwrites it, and reads that begin after this has returned see
     * it, or something newer. With a writer the source is written too: before this returns, or {@linkplain WriteBehind
     * behind}.
     * @param key the key
     * @param value the value, not null
     * @throws CacheWriteException when the writer threw a checked exception, or there is no room for the change; what it
     *     throws unchecked comes out as it is
     * @throws dev.resilience.CallInterruptedException when the thread is interrupted while it waits for the writer, or for room
     * @throws IllegalStateException when the cache is closed and writes behind
     */
    public void put(K key, V value) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(value, "value");
        if (writes == null) core.put(key, value);
        else writes.put(key, value);
    }

    /**
     * Removes a key: from the source by the writer, as {@link #put} writes a value, and here. Without a writer, as
     * {@link #invalidate}. Until the removal is written behind, reads find that there is no value, and do not load.
     * @param key the key
     * @throws CacheWriteException as {@link #put}
     */
    public void remove(K key) {
        Objects.requireNonNull(key, "key");
        if (writes == null) core.invalidate(key, Reason.EXPLICIT);
        else writes.remove(key);
    }

    /**
     * Writes behind all that is dirty at this moment, without waiting for its delay. Blocks; an interrupt ends the wait
     * and stays set.
     * @param timeout the longest wait, zero or more
     * @return whether all of it was written by then; true without write-behind
     */
    public boolean flush(Duration timeout) {
        return writes == null || writes.flush(timeout);
    }

    /**
     * Forgets a key. A load that was started before is never stored: those who wait for it already get its value, and
     * calls that begin after this has returned start a new one.
     * @param key the key
     */
    public void invalidate(K key) {
        core.invalidate(Objects.requireNonNull(key, "key"), Reason.EXPLICIT);
    }

    /**
     * Forgets all entries that have a tag, as {@link #invalidate} does for a key. One step, however many they are.
     * @param tag the tag
     */
    public void invalidateTag(String tag) {
        core.invalidateTag(Objects.requireNonNull(tag, "tag"), Reason.EXPLICIT);
    }

    /** Forgets everything, as {@link #invalidate} does for a key. */
    public void invalidateAll() {
        core.invalidateAll(Reason.EXPLICIT);
    }

    /** {@return the name, for metrics, as given to the builder} */
    public String name() {
        return name;
    }

    /** {@return what was counted since the first look, which begins to count and finds zeros, and how the cache stands} */
    public CacheSnapshot snapshot() {
        return events.snapshot(core);
    }

    /**
     * Tells a listener what happens from now on.
     * @param listener runs where things happen, outside of locks; what it throws is reported
     * @return ends it
     */
    public Subscription onEvent(CacheListener<K, V> listener) {
        return events.add(listener);
    }

    /** Ends the cache, as {@link #close(Duration)} with 30 s. What could not be written behind by then is reported. */
    @Override
    public void close() {
        events.lost(close(Duration.ofSeconds(30)).size());
    }

    /**
     * Ends the cache: takes no more changes, writes behind what is dirty, and ends loads in the background. Reads still
     * work. Blocks while something is to be written; an interrupt ends the wait and stays set. May be called again.
     * @param timeout the longest wait, zero or more
     * @return what is not known to be written: the newest change of each such key, oldest first. One whose write is under
     *     way may still get there
     */
    public List<Writer.Change<K, V>> close(Duration timeout) {
        List<Writer.Change<K, V>> left = writes == null ? List.of() : writes.close(timeout);
        core.close();
        return left;
    }

    @Override
    public String toString() {
        return core.who + " (entries " + core.now(0, 0).entries() + ")";
    }

    private Loader<K, V> loader() {
        if (loader == null) {
            throw new IllegalStateException("loading cache '" + name
                    + "' has no loader of its own; use get(key, loader), or build it with one");
        }
        return loader;
    }

    @SuppressWarnings("NullAway") // null is an answer
    private V copied(@Nullable V value) {
        return value == null || copier == null ? value : copier.apply(value);
    }

    /**
     * Settings of a {@link LoadingCache}. Not thread-safe. Values are checked in {@link #build()}, all at once.
     * @param <K> the keys
     * @param <V> the values
     */
    public static final class Builder<K, V extends @Nullable Object> extends CacheSettings<K, V> {
        Builder(String name, @Nullable Loader<K, V> loader) {
            super(name, loader);
        }

        /**
         * How many entries are kept; beyond that the least useful ones are evicted.
         * @param most at least 1; default 10,000
         * @return this builder
         */
        public Builder<K, V> maxEntries(long most) {
            this.maxEntries = most;
            return this;
        }

        /**
         * How much the entries may weigh together, in place of {@link #maxEntries}.
         * @param most at least 1
         * @param weigher asked once for each value that is loaded or put; a value for which it throws or answers less
         *     than zero is not kept, and that is reported
         * @return this builder
         */
        public Builder<K, V> maxWeight(long most, ToLongBiFunction<? super K, ? super V> weigher) {
            this.maxWeight = most;
            this.weigher = Objects.requireNonNull(weigher, "weigher");
            return this;
        }

        /**
         * Where the entries are kept. Default: the built-in {@link Store#bounded}.
         * @param store serves no other cache
         * @return this builder
         */
        public Builder<K, V> store(Store<K, V> store) {
            this.store = Objects.requireNonNull(store, "store");
            return this;
        }

        /**
         * Where the entries are kept, in a store that is bounded by their weight: {@link Store#weighted} for instance.
         * @param store serves no other cache
         * @param weigher as for {@link #maxWeight}
         * @return this builder
         */
        public Builder<K, V> store(Store<K, V> store, ToLongBiFunction<? super K, ? super V> weigher) {
            this.weigher = Objects.requireNonNull(weigher, "weigher");
            return store(store);
        }

        /**
         * For how long a value is fresh, counted from the end of its load. Zero: nothing is fresh, calls that meet share
         * a load, and values are kept only for the stale windows, if any. Default: for ever.
         * @param longest zero or more
         * @return this builder
         */
        public Builder<K, V> ttl(Duration longest) {
            this.ttl = Objects.requireNonNull(longest, "longest");
            this.ttlPerEntry = null;
            return this;
        }

        /**
         * For how long each value is fresh.
         * @param perEntry asked once for each value that is loaded or put, on that thread; a value for which it
         *     throws, answers null or less than zero is not kept, and that is reported
         * @return this builder
         */
        public Builder<K, V> ttl(BiFunction<? super K, ? super V, Duration> perEntry) {
            this.ttlPerEntry = Objects.requireNonNull(perEntry, "perEntry");
            this.ttl = null;
            return this;
        }

        /**
         * Shortens each time to live by a random part, so that what was loaded together does not expire together.
         * @param part of the time to live, 0 to below 1; default 0.05: between 95 % and 100 % of it
         * @return this builder
         */
        public Builder<K, V> jitter(double part) {
            this.jitter = part;
            return this;
        }

        /**
         * Loads a value again in the background when it is read after this time while it is still fresh. What is read
         * often is then never waited for. Default: never.
         * @param age from the end of the load, more than zero and below the time to live
         * @return this builder
         */
        public Builder<K, V> refreshAfter(Duration age) {
            this.refreshAfter = Objects.requireNonNull(age, "age");
            return this;
        }

        /**
         * Loads a value again in the background at random before it expires, the likelier the nearer (XFetch): with
         * {@code n} nodes one of them is early, without a lock between them.
         * @param beta 1 for the published optimum, more to be earlier; default 0: never
         * @return this builder
         */
        public Builder<K, V> refreshEarly(double beta) {
            this.refreshEarly = beta;
            return this;
        }

        /**
         * For how long past its time to live a value is served at once while it is loaded again in the background.
         * @param longest zero or more; default zero
         * @return this builder
         */
        public Builder<K, V> staleWhileRevalidate(Duration longest) {
            this.staleWhileRevalidate = Objects.requireNonNull(longest, "longest");
            return this;
        }

        /**
         * For how long past its time to live a value is served when loading it again fails.
         * @param longest zero or more; default zero
         * @return this builder
         */
        public Builder<K, V> staleIfError(Duration longest) {
            this.staleIfError = Objects.requireNonNull(longest, "longest");
            return this;
        }

        /**
         * How long a caller waits for a load when there is a stale value: then it gets that, and the load goes on in
         * the background. Default: as long as the load takes.
         * @param longest more than zero, below {@link #hardDeadline}
         * @return this builder
         */
        public Builder<K, V> softDeadline(Duration longest) {
            this.softDeadline = Objects.requireNonNull(longest, "longest");
            return this;
        }

        /**
         * How long a load may take: then it is interrupted and given up, its callers get a stale value or fail, and the
         * key can be loaded again.
         * @param longest more than zero; default one minute
         * @return this builder
         */
        public Builder<K, V> hardDeadline(Duration longest) {
            this.hardDeadline = Objects.requireNonNull(longest, "longest");
            return this;
        }

        /**
         * How many loads may go on that were given up, before further ones are refused with a
         * {@link LoadRejectedException}: each may hold a thread.
         * @param most at least 1; default 64, with a bulk loader 60 and four times as many as it takes at once
         * @return this builder
         */
        public Builder<K, V> maxAbandoned(int most) {
            this.maxAbandoned = most;
            return this;
        }

        /**
         * Keeps for a time that a key has no value. Default: not kept, each read asks the loader again.
         * @param longest more than zero
         * @return this builder
         */
        public Builder<K, V> absentFor(Duration longest) {
            this.absentFor = Objects.requireNonNull(longest, "longest");
            return this;
        }

        /**
         * Keeps for a time that a load has failed: reads then fail at once with that failure, or get the stale value.
         * @param longest the most that a failure is kept, more than zero
         * @param backoff for how long the first, the second, ... failure in a row is kept
         * @return this builder
         */
        public Builder<K, V> failuresFor(Duration longest, Backoff backoff) {
            this.failuresFor = Objects.requireNonNull(longest, "longest");
            this.failureBackoff = Objects.requireNonNull(backoff, "backoff");
            return this;
        }

        /**
         * Asked instead of the loader when an old value is known.
         * @param refresher may answer that it has not been modified
         * @return this builder
         */
        public Builder<K, V> refreshWith(Refresher<? super K, V> refresher) {
            this.refresher = Objects.requireNonNull(refresher, "refresher");
            return this;
        }

        /**
         * How many loads run in the background at once, and how many wait for their turn; beyond that a refresh is
         * left out, and the next read asks for it again.
         * @param atOnce at least 1; default 16
         * @param queued zero or more; default 1024
         * @return this builder
         */
        public Builder<K, V> refreshes(int atOnce, int queued) {
            this.refreshesAtOnce = atOnce;
            this.refreshesQueued = queued;
            return this;
        }

        /**
         * The tags of each value, for {@link LoadingCache#invalidateTag}.
         * @param tags asked once for each value that is loaded or put; a value for which it throws is not kept
         * @return this builder
         */
        public Builder<K, V> tags(BiFunction<? super K, ? super V, ? extends Collection<String>> tags) {
            this.tags = Objects.requireNonNull(tags, "tags");
            return this;
        }

        /**
         * The most tags of one value; one that has more is not kept, and that is reported.
         * @param most at least 1; default 16
         * @return this builder
         */
        public Builder<K, V> maxTags(int most) {
            this.maxTags = most;
            return this;
        }

        /**
         * Hands out copies, for values that callers change. Default: all callers share one instance.
         * @param copier asked for each answer, on the caller's thread; what it throws reaches the caller
         * @return this builder
         */
        public Builder<K, V> copier(UnaryOperator<V> copier) {
            this.copier = Objects.requireNonNull(copier, "copier");
            return this;
        }

        /**
         * Protects every load with a policy or a pipeline. Default: none.
         * @param loads a policy for loads; a rejection is a failed load
         * @return this builder
         */
        public Builder<K, V> through(Policy loads) {
            this.through = Objects.requireNonNull(loads, "loads");
            return this;
        }

        /**
         * Where loads run that no caller runs itself: refreshes, loads with a deadline, asynchronous ones. Default:
         * virtual threads where the JDK has them, else daemon threads that end after some idle seconds.
         * @param executor may refuse
         * @return this builder
         */
        public Builder<K, V> executor(Executor executor) {
            this.executor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * Carries thread-bound state of the caller to loads that run on another thread. May be called several times.
         * @param capture runs on the caller's thread when a load is started
         * @return this builder
         */
        public Builder<K, V> capture(ContextCapture capture) {
            captures.add(Objects.requireNonNull(capture, "capture"));
            return this;
        }

        /**
         * The time. Default: the system's.
         * @param time as for all that waits or measures
         * @return this builder
         */
        public Builder<K, V> timeSource(TimeSource time) {
            this.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Writes to the source what is put and removed: within {@code put} and {@code remove}, unless
         * {@link #writeBehind} says otherwise. Default: none, {@code put} changes the cache alone.
         * @param writer the writer
         * @return this builder
         */
        public Builder<K, V> writer(Writer<K, V> writer) {
            this.writer = Objects.requireNonNull(writer, "writer");
            return this;
        }

        /**
         * Lets {@code put} and {@code remove} answer at once, and the writer write later. Default: it does not.
         * @param settings when, how many, and what when there are too many
         * @return this builder
         */
        public Builder<K, V> writeBehind(WriteBehind settings) {
            this.writeBehind = Objects.requireNonNull(settings, "settings");
            return this;
        }

        /**
         * Loads several keys at once in {@link LoadingCache#getAll}. Default: none, keys are loaded one by one.
         * @param loader the loader
         * @param most how many keys at once, at least 1
         * @return this builder
         */
        public Builder<K, V> bulkLoader(BulkLoader<K, V> loader, int most) {
            this.bulkLoader = Objects.requireNonNull(loader, "loader");
            this.maxBulk = most;
            return this;
        }

        /**
         * Collects the keys of single loads for a while, or until there are as many as the bulk loader takes at once, and
         * lets that load them. Each load then takes up to so much longer. Default: they are not collected.
         * @param window zero or more; a millisecond or two is usual
         * @return this builder
         */
        public Builder<K, V> coalesce(Duration window) {
            this.coalesce = Objects.requireNonNull(window, "window");
            return this;
        }

        /**
         * {@return a new cache}
         * @throws IllegalArgumentException when settings are wrong or contradict each other, with all of them
         */
        public LoadingCache<K, V> build() {
            check();
            return new LoadingCache<>(this);
        }
    }
}
