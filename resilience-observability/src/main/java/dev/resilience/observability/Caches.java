// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static dev.resilience.observability.Series.Folding.LONGEST;
import static dev.resilience.observability.Series.Folding.MOST;
import static dev.resilience.observability.Series.Folding.SUM;
import static dev.resilience.observability.Series.counter;
import static dev.resilience.observability.Series.gauge;
import static dev.resilience.observability.Series.seconds;

import dev.resilience.cache.CacheSnapshot;
import dev.resilience.cache.LoadingCache;
import dev.resilience.cache.TieredCache;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** What is seen of caches; loaded only by who binds one, for their module may not be there. */
final class Caches {
    @SuppressWarnings("rawtypes") // a class has no type arguments
    static final Kind<LoadingCache, CacheSnapshot> LOADING =
            new Kind<>("cache", LoadingCache.class, LoadingCache::snapshot, loading());

    @SuppressWarnings("rawtypes")
    static final Kind<TieredCache, TieredCache.Snapshot> TIERED =
            new Kind<>("cache", TieredCache.class, TieredCache::snapshot, tiered());

    private Caches() {}

    private static List<Series<CacheSnapshot>> loading() {
        List<Series<CacheSnapshot>> rows = reads(now -> now);
        String writes = "Changes written behind, by how that went";
        rows.add(outcome("writes", writes, "success", CacheSnapshot::writes));
        rows.add(outcome("writes", writes, "failure", CacheSnapshot::writeFailures));
        rows.add(outcome("writes", writes, "late", CacheSnapshot::lateWrites));
        rows.add(gauge("dirty", SUM, "Keys with a change that is not written yet", CacheSnapshot::dirty));
        rows.add(gauge("overdue.writes", SUM, "Writes past their time that still run", CacheSnapshot::overdueWrites));
        return List.copyOf(rows);
    }

    private static List<Series<TieredCache.Snapshot>> tiered() {
        List<Series<TieredCache.Snapshot>> rows = reads(TieredCache.Snapshot::firstLevel);
        String reads = "Reads of the second level, by what it had";
        rows.add(outcome("second.level.reads", reads, "hit", TieredCache.Snapshot::secondLevelHits));
        rows.add(outcome("second.level.reads", reads, "miss", TieredCache.Snapshot::secondLevelMisses));
        rows.add(counter(
                "second.level.failures",
                "Calls of the second level that failed",
                TieredCache.Snapshot::secondLevelFailures));
        rows.add(counter(
                "second.level.refused",
                "Loaded values that the second level did not take, for something newer was there",
                TieredCache.Snapshot::refused));
        rows.add(gauge("pending", SUM, "Changes that the others have not been told of", TieredCache.Snapshot::pending));
        rows.add(counter("backplane.gaps", "How often messages were found missing", TieredCache.Snapshot::gaps));
        rows.add(gauge(
                "backplane.lost",
                MOST,
                "1 when the backplane is silent",
                (TieredCache.Snapshot now) -> now.backplaneLost() ? 1 : 0));
        return List.copyOf(rows);
    }

    private static <S> List<Series<S>> reads(Function<S, CacheSnapshot> of) {
        List<Series<S>> rows = new ArrayList<>();
        rows.add(counter(
                "hits", "Reads that found a fresh value", now -> of.apply(now).hits()));
        rows.add(counter(
                "misses",
                "Reads that found no value to be served at once",
                now -> of.apply(now).misses()));
        rows.add(counter(
                "stale",
                "Reads answered with a value past its time to live",
                now -> of.apply(now).staleServed()));
        String loads = "Loads that callers waited for, by how they ended";
        rows.add(outcome("loads", loads, "success", now -> of.apply(now).loads()));
        rows.add(outcome("loads", loads, "failure", now -> of.apply(now).loadFailures()));
        String refreshes = "Loads in the background, by how they ended";
        rows.add(outcome("refreshes", refreshes, "success", now -> of.apply(now).refreshes()));
        rows.add(outcome("refreshes", refreshes, "failure", now -> of.apply(now).refreshFailures()));
        rows.add(outcome("refreshes", refreshes, "skipped", now -> of.apply(now).refreshesSkipped()));
        rows.add(seconds(
                "load.time",
                "How long all loads took",
                now -> of.apply(now).loadTime().toNanos() / 1e9));
        rows.add(counter(
                "unpublished",
                "Loaded values that were not stored, for something newer was there",
                now -> of.apply(now).unpublished()));
        rows.add(counter(
                "evictions",
                "Entries that the store dropped",
                now -> of.apply(now).evictions()));
        rows.add(counter(
                "invalidations",
                "Invalidations of a key, a tag or all",
                now -> of.apply(now).invalidations()));
        rows.add(gauge(
                "entries", SUM, "Entries in the store", now -> of.apply(now).entries()));
        rows.add(gauge(
                "loading",
                SUM,
                "Keys that are being loaded",
                now -> of.apply(now).loading()));
        rows.add(gauge(
                "oldest.load",
                LONGEST,
                "How long the oldest load has taken so far",
                now -> of.apply(now).oldestLoad().toNanos() / 1e9));
        rows.add(gauge(
                "abandoned",
                SUM,
                "Loads that were given up and still run",
                now -> of.apply(now).abandonedLoads()));
        return rows;
    }

    private static <S> Series<S> outcome(String name, String about, String outcome, ToLongFunction<S> value) {
        return Series.<S>counter(name, about, now -> value.applyAsLong(now)).tagged("outcome", outcome);
    }
}
