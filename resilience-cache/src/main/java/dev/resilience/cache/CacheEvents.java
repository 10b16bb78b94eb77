// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.cache.Writer.Change;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Counts what happens in a cache and tells its listeners; never throws, holds no lock, makes nothing for nobody. */
final class CacheEvents<K, V extends @Nullable Object> extends Hooks<K, V> implements BehindWrites.Told<K, V> {
    /** Failed writes are logged at most so often: a source that is down fails thousands. */
    private static final long LOG_EVERY = 1_000_000_000L;

    private final String cache;
    private final TimeSource time;
    private final CopyOnWriteArrayList<Listening<K, V>> listeners = new CopyOnWriteArrayList<>();
    private final AtomicLong nextLog;
    private final Hooks<K, V> next;
    final CacheCounts counts = new CacheCounts();
    /** {@code next} does nothing. */
    private final boolean alone;
    /** Set before the cache is handed out. */
    @Nullable
    Writes<K, V> writes;

    /** An identity of its own: the same listener may subscribe twice and leave once. */
    private static final class Listening<K, V extends @Nullable Object> {
        final CacheListener<K, V> listener;

        Listening(CacheListener<K, V> listener) {
            this.listener = listener;
        }
    }

    /** {@code next} hears of the same. */
    CacheEvents(String cache, TimeSource time, Hooks<K, V> next) {
        this.cache = cache;
        this.time = time;
        this.next = next;
        this.alone = next.getClass() == Hooks.class;
        this.nextLog = new AtomicLong(time.nanoTime());
    }

    Subscription add(CacheListener<K, V> listener) {
        Listening<K, V> listening = new Listening<>(Objects.requireNonNull(listener, "listener"));
        listeners.add(listening);
        return () -> listeners.remove(listening);
    }

    private void tell(Consumer<CacheListener<K, V>> event) {
        for (Listening<K, V> each : listeners) {
            try {
                event.accept(each.listener);
            } catch (Throwable thrown) {
                Guest.threw("cache '" + cache + "'", "a cache listener", thrown);
            }
        }
    }

    private boolean silent() {
        return listeners.isEmpty();
    }

    @Override
    @Nullable
    Entry<V> dirty(K key) {
        Writes<K, V> own = writes;
        if (own == null && alone) return null; // as for most hits
        Change<K, V> change = own == null ? null : own.dirty(key);
        if (change == null) return next.dirty(key);
        Entry<V> entry = new Entry<>();
        entry.value = change.value();
        entry.absent = change.isDelete();
        entry.publish();
        return entry;
    }

    @Override
    void putting(K key, V value) {
        next.putting(key, value);
    }

    @Override
    void closed() {
        next.closed();
    }

    @Override
    void hit(K key) {
        if (!alone) next.hit(key);
        counts.count(CacheCounts.HITS);
    }

    @Override
    void missed(K key) {
        next.missed(key);
        counts.count(CacheCounts.MISSES);
    }

    @Override
    void servedStale(K key, @Nullable Throwable failure) {
        next.servedStale(key, failure);
        counts.count(CacheCounts.STALE);
        if (!silent()) tell(listener -> listener.servedStale(key, failure));
    }

    @Override
    void loaded(K key, long nanos, boolean background, boolean published) {
        next.loaded(key, nanos, background, published);
        counts.count(background ? CacheCounts.REFRESHES : CacheCounts.LOADS);
        counts.count(CacheCounts.LOAD_NANOS, nanos);
        if (!published) counts.count(CacheCounts.UNPUBLISHED);
        if (!silent()) tell(listener -> listener.loaded(key, Duration.ofNanos(nanos), background));
    }

    @Override
    void loadFailed(K key, long nanos, boolean background, Throwable failure) {
        next.loadFailed(key, nanos, background, failure);
        counts.count(background ? CacheCounts.REFRESH_FAILURES : CacheCounts.LOAD_FAILURES);
        counts.count(CacheCounts.LOAD_NANOS, nanos);
        if (!silent()) tell(listener -> listener.loadFailed(key, failure, Duration.ofNanos(nanos), background));
    }

    @Override
    void refreshSkipped(K key) {
        next.refreshSkipped(key);
        counts.count(CacheCounts.REFRESHES_SKIPPED);
    }

    @Override
    void evicted(K key) {
        next.evicted(key);
        counts.count(CacheCounts.EVICTIONS);
        if (!silent()) tell(listener -> listener.evicted(key));
    }

    @Override
    void invalidated(K key, Reason reason) {
        next.invalidated(key, reason);
        counts.count(CacheCounts.INVALIDATIONS);
        if (!silent()) tell(listener -> listener.invalidated(key));
    }

    @Override
    void tagInvalidated(String tag, Reason reason) {
        next.tagInvalidated(tag, reason);
        counts.count(CacheCounts.INVALIDATIONS);
        if (!silent()) tell(listener -> listener.tagInvalidated(tag));
    }

    @Override
    void allInvalidated(Reason reason) {
        next.allInvalidated(reason);
        counts.count(CacheCounts.INVALIDATIONS);
        if (!silent()) tell(CacheListener::allInvalidated);
    }

    @Override
    public void written(List<Change<K, V>> changes) {
        counts.count(CacheCounts.WRITES, changes.size());
    }

    @Override
    public void writeFailed(List<Change<K, V>> changes, Throwable thrown, int failures) {
        counts.count(CacheCounts.WRITE_FAILURES, changes.size());
        log(
                "a write behind failed (" + failures + " in a row, " + changes.size() + " keys), it is tried again",
                thrown);
        if (silent()) return;
        for (Change<K, V> each : changes) tell(listener -> listener.writeFailed(each, thrown, failures));
    }

    @Override
    public void writeLate(List<Change<K, V>> changes, long ageNanos) {
        counts.count(CacheCounts.LATE_WRITES, changes.size());
        Duration age = Duration.ofNanos(ageNanos);
        log("a write behind has not ended after " + age + ", its keys are not written until it does", null);
        if (silent()) return;
        for (Change<K, V> each : changes) tell(listener -> listener.writeLate(each, age));
    }

    CacheSnapshot snapshot(CacheCore<K, V> core) {
        int dirty = writes == null ? 0 : writes.dirtyKeys();
        int late = writes == null ? 0 : writes.lateWrites();
        return new CacheSnapshot(counts.look(), core.now(dirty, late));
    }

    /** The cache was closed before so many keys were written. */
    void lost(int keys) {
        if (keys == 0) return;
        Guest.warn(
                "cache '" + cache + "': closed with " + keys + " keys not written; close(timeout) returns them", null);
    }

    private void log(String text, @Nullable Throwable thrown) {
        long now = time.nanoTime();
        long next = nextLog.get();
        if (now - next < 0 || !nextLog.compareAndSet(next, now + LOG_EVERY)) return;
        Guest.warn("cache '" + cache + "': " + text, thrown);
    }
}
