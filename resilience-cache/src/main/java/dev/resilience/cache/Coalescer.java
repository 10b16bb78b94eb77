// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A loader that collects the keys that are wanted within a short window, or until there are enough, and loads them at
 * once. A load that joins one that is being collected has not been started before: what it reads is read later than its
 * caller's flight was registered, and so is as safe as a load of its own.
 */
final class Coalescer<K, V extends @Nullable Object> implements Loader<K, V> {
    private final BulkLoader<K, V> bulk;
    private final long windowNanos;
    private final int most;
    private final TimeSource time;
    private final Executor executor;
    private final ReentrantLock lock = new ReentrantLock();
    /** Being collected; guarded by the lock. */
    private @Nullable Batch open;

    /** The bulk load runs on threads of the library, never where single loads wait for it: they could be all there are. */
    Coalescer(BulkLoader<K, V> bulk, long windowNanos, int most, TimeSource time, Executor executor) {
        this.bulk = bulk;
        this.windowNanos = windowNanos;
        this.most = most;
        this.time = time;
        this.executor = time.watched(executor);
    }

    /** The loader of a builder, collecting if it says so. */
    static <K, V extends @Nullable Object> @Nullable Loader<K, V> around(CacheSettings<K, V> builder) {
        BulkLoader<K, V> bulk = builder.bulkLoader;
        if (bulk == null || builder.coalesce == null) return builder.loader;
        long window = TimeSource.nanos(builder.coalesce);
        return new Coalescer<>(bulk, window, builder.maxBulk, builder.time, Hands.loads());
    }

    /** What is wrong with a builder's settings for many keys. */
    static void check(CacheSettings<?, ?> builder, List<String> problems) {
        if (builder.maxBulk < 1) problems.add("bulkLoader must take at least 1 key at once, was " + builder.maxBulk);
        if (builder.bulkLoader != null && builder.loader == null) {
            problems.add("bulkLoader needs a loader for single keys; use LoadingCache.builder(name, loader)");
        }
        Duration window = builder.coalesce;
        if (window == null) return;
        if (window.isNegative()) problems.add("coalesce must not be negative, was " + window);
        if (builder.bulkLoader == null) problems.add("coalesce needs a bulkLoader to load with, and there is none");
    }

    /** A place for one key: all who want it while it is collected. */
    private final class Slot {
        volatile boolean done;

        @Nullable
        V value;

        @Nullable
        Throwable failure;

        private @Nullable Waiting waiting;

        /** Before the look at {@link #done}. */
        void await(Thread thread) {
            lock.lock();
            try {
                waiting = new Waiting(thread, waiting);
            } finally {
                lock.unlock();
            }
        }

        void end(@Nullable V result, @Nullable Throwable thrown) {
            value = result;
            failure = thrown;
            Waiting all;
            lock.lock();
            try {
                done = true;
                all = waiting;
            } finally {
                lock.unlock();
            }
            for (Waiting each = all; each != null; each = each.next) time.unpark(each.thread);
        }
    }

    /** A list of threads. */
    private record Waiting(Thread thread, @Nullable Waiting next) {}

    private final class Batch {
        final Map<K, Slot> slots = new LinkedHashMap<>();
        TimeSource.@Nullable Timer timer;
    }

    @Override
    @SuppressWarnings("NullAway") // null is an answer
    public V load(K key) throws Exception {
        Thread me = Thread.currentThread();
        if (Thread.interrupted()) throw new InterruptedException();
        Slot slot = collect(key);
        slot.await(me);
        while (!slot.done) {
            if (Thread.interrupted()) throw new InterruptedException();
            time.park(this, Long.MAX_VALUE);
        }
        if (slot.failure instanceof Exception exception) throw exception;
        if (slot.failure != null) throw (Error) slot.failure;
        return slot.value;
    }

    private Slot collect(K key) {
        Batch full = null;
        Slot slot;
        lock.lock();
        try {
            Batch batch = open;
            if (batch == null) batch = openLocked();
            slot = batch.slots.computeIfAbsent(key, any -> new Slot());
            if (batch.slots.size() >= most) {
                full = batch;
                open = null;
            }
        } finally {
            lock.unlock();
        }
        if (full != null) start(full);
        return slot;
    }

    private Batch openLocked() {
        Batch batch = new Batch();
        open = batch;
        try {
            batch.timer = time.schedule(() -> Hands.handOver(time, () -> over(batch)), windowNanos);
        } catch (Throwable noTimer) {
            open = null; // nothing would end it
            throw noTimer;
        }
        return batch;
    }

    private void over(Batch batch) {
        lock.lock();
        try {
            if (open != batch) return; // it was full before
            open = null;
        } finally {
            lock.unlock();
        }
        start(batch);
    }

    private void start(Batch batch) {
        TimeSource.Timer timer = batch.timer;
        if (timer != null) timer.cancel();
        Hands.execute(executor, () -> run(batch), refused -> {
            for (Slot slot : batch.slots.values()) slot.end(null, refused);
        });
    }

    private void run(Batch batch) {
        Map<? extends K, ? extends V> loaded;
        try {
            loaded = loaded(bulk.loadAll(Collections.unmodifiableSet(batch.slots.keySet())));
        } catch (Throwable thrown) {
            for (Slot slot : batch.slots.values()) slot.end(null, thrown);
            return;
        }
        batch.slots.forEach((key, slot) -> end(slot, key, loaded));
    }

    /** The map is the user's: what it throws belongs to that key. */
    private void end(Slot slot, K key, Map<? extends K, ? extends V> loaded) {
        V value;
        try {
            value = loaded.get(key);
        } catch (Throwable thrown) {
            slot.end(null, thrown);
            return;
        }
        slot.end(value, null);
    }

    static <M> M loaded(@Nullable M map) {
        if (map == null) throw new NullPointerException("the bulk loader returned null instead of a map");
        return map;
    }

    /** Keys that are being collected. */
    int collecting() {
        lock.lock();
        try {
            return open == null ? 0 : open.slots.size();
        } finally {
            lock.unlock();
        }
    }
}
