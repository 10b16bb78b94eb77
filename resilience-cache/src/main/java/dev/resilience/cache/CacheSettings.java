// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Backoff;
import dev.resilience.ContextCapture;
import dev.resilience.Policy;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import java.util.function.ToLongBiFunction;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a {@link LoadingCache} as they were written, and what can be wrong with them: each finding by itself,
 * all in one message (L11).
 */
class CacheSettings<K, V extends @Nullable Object> {
    final String name;
    final @Nullable Loader<K, V> loader;
    final List<ContextCapture> captures = new ArrayList<>();
    Hooks<K, V> hooks = new Hooks<>();

    @Nullable
    Writer<K, V> writer;

    @Nullable
    WriteBehind writeBehind;

    @Nullable
    BulkLoader<K, V> bulkLoader;

    int maxBulk = 1;

    @Nullable
    Duration coalesce;

    @Nullable
    Long maxEntries;

    @Nullable
    Long maxWeight;

    @Nullable
    ToLongBiFunction<? super K, ? super V> weigher;

    @Nullable
    Store<K, V> store;

    @Nullable
    Duration ttl;

    @Nullable
    BiFunction<? super K, ? super V, Duration> ttlPerEntry;

    double jitter = 0.05;

    @Nullable
    Duration refreshAfter;

    double refreshEarly;
    Duration staleWhileRevalidate = Duration.ZERO;
    Duration staleIfError = Duration.ZERO;

    @Nullable
    Duration softDeadline;

    Duration hardDeadline = Duration.ofMinutes(1);

    @Nullable
    Integer maxAbandoned;

    @Nullable
    Duration absentFor;

    @Nullable
    Duration failuresFor;

    @Nullable
    Backoff failureBackoff;

    @Nullable
    Refresher<? super K, V> refresher;

    int refreshesAtOnce = 16;
    int refreshesQueued = 1024;

    @Nullable
    BiFunction<? super K, ? super V, ? extends Collection<String>> tags;

    int maxTags = 16;

    @Nullable
    UnaryOperator<V> copier;

    @Nullable
    Policy through;

    @Nullable
    Executor executor;

    TimeSource time = TimeSource.system();
    RandomGenerator random = () -> ThreadLocalRandom.current().nextLong();
    private final List<String> problems = new ArrayList<>();

    CacheSettings(String name, @Nullable Loader<K, V> loader) {
        this.name = name;
        this.loader = loader;
    }

    /** As messages begin. */
    final String who() {
        return "loading cache '" + name + "'";
    }

    final Store<K, V> boundStore(Hooks<K, V> told) {
        Store<K, V> chosen = store;
        if (chosen == null && maxWeight != null) chosen = Store.weighted(maxWeight);
        if (chosen == null) chosen = Store.bounded(maxEntries == null ? 10_000 : maxEntries);
        chosen.bind(time, (key, entry, cause) -> told.evicted(key));
        return chosen;
    }

    final void check() {
        problems.clear();
        bounds();
        times();
        windows();
        deadlines();
        numbers();
        Writes.check(this, problems);
        Coalescer.check(this, problems);
        if (!problems.isEmpty()) throw new IllegalArgumentException(who() + ": " + String.join("; ", problems));
    }

    private void bounds() {
        if (maxEntries != null) atLeastOne("maxEntries", maxEntries);
        if (maxWeight != null) atLeastOne("maxWeight", maxWeight);
        if (maxEntries != null && maxWeight != null) {
            problems.add("maxEntries and maxWeight must not both be set; choose one bound");
        }
        if (store != null && (maxEntries != null || maxWeight != null)) {
            problems.add(
                    "maxEntries and maxWeight must not be set with a store of its own; the store has the bound, and a"
                            + " weigher is given with it: store(store, weigher)");
        }
    }

    private void times() {
        if (ttl != null && ttl.isNegative()) problems.add("ttl must not be negative, was " + ttl);
        if (!(jitter >= 0 && jitter < 1)) {
            problems.add(
                    "jitter must be at least 0 and below 1, a part of the ttl that it never exceeds, was " + jitter);
        }
        if (!(refreshEarly >= 0 && refreshEarly <= 1000)) {
            problems.add("refreshEarly must be between 0 (never) and 1000, was " + refreshEarly);
        }
        if (refreshEarly > 0 && eternal()) problems.add("refreshEarly needs a ttl; nothing is early without one");
        positive("refreshAfter", refreshAfter);
        if (refreshAfter != null && ttl != null && refreshAfter.compareTo(shortest(ttl)) >= 0) {
            problems.add("refreshAfter must be below the ttl with its jitter (" + shortest(ttl) + "), was "
                    + refreshAfter + "; what has expired is loaded, not refreshed");
        }
        positive("absentFor", absentFor);
        positive("failuresFor", failuresFor);
    }

    private void windows() {
        window("staleWhileRevalidate", staleWhileRevalidate);
        window("staleIfError", staleIfError);
        if (refresher != null && eternal() && refreshAfter == null) {
            problems.add("refreshWith needs a ttl or refreshAfter; without one no value is loaded again");
        }
        if (loader != null) return;
        if (refreshAfter != null) needsLoader("refreshAfter");
        if (refreshEarly > 0) needsLoader("refreshEarly");
        if (refresher != null) needsLoader("refreshWith");
    }

    private void window(String what, Duration window) {
        if (window.isNegative()) problems.add(what + " must not be negative, was " + window);
        if (window.isNegative() || window.isZero()) return;
        if (eternal()) problems.add(what + " needs a ttl; without one nothing is ever stale");
        if (loader == null) needsLoader(what);
    }

    private void needsLoader(String what) {
        problems.add(what + " needs a loader; use LoadingCache.builder(name, loader)");
    }

    private void deadlines() {
        positive("softDeadline", softDeadline);
        positive("hardDeadline", hardDeadline);
        if (softDeadline == null) return;
        if (softDeadline.compareTo(hardDeadline) >= 0) {
            problems.add("softDeadline must be below hardDeadline (" + hardDeadline + "), was " + softDeadline
                    + "; a load that was given up does not go on in the background");
        }
        if (staleWhileRevalidate.isZero() && staleIfError.isZero()) {
            problems.add("softDeadline needs a stale value to answer with; set staleIfError or staleWhileRevalidate");
        }
    }

    private void numbers() {
        if (refreshesAtOnce < 1) problems.add("refreshes at once must be at least 1, was " + refreshesAtOnce);
        if (refreshesQueued < 0) problems.add("refreshes queued must not be negative, was " + refreshesQueued);
        atLeastOne("maxTags", maxTags);
        atLeastOne("maxAbandoned", maxAbandoned());
    }

    private boolean eternal() {
        return ttl == null && ttlPerEntry == null;
    }

    private Duration shortest(Duration ttl) {
        long nanos = Saturating.nanos(ttl);
        if (nanos == Entry.ETERNAL || !(jitter > 0 && jitter < 1)) return ttl;
        return Duration.ofNanos((long) (nanos * (1 - jitter)));
    }

    private void positive(String what, @Nullable Duration duration) {
        if (duration != null && (duration.isNegative() || duration.isZero())) {
            problems.add(what + " must be more than zero, was " + duration);
        }
    }

    /** A bulk load that hangs counts with each of its keys: by default four of them may, and single loads besides. */
    int maxAbandoned() {
        Integer set = maxAbandoned;
        return set != null ? set : (int) Math.min(Integer.MAX_VALUE, 60 + 4L * Math.max(1, maxBulk));
    }

    private void atLeastOne(String what, long value) {
        if (value < 1) problems.add(what + " must be at least 1, was " + value);
    }
}
