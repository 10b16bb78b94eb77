// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Writer.Change;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What write-behind decides: which changes there are, which write is next, what an end of a write means. Time comes in
 * as a parameter; nothing here waits, runs or writes.
 */
final class DirtyMap<K, V extends @Nullable Object> {
    /*
     * Implementation notes. The rules, as the tests cite them:
     * I1 one record for each key that is not clean, with its newest change; a newer change replaces it (coalescing).
     * I2 a key is due `delay` after the first change that the next write will carry; further changes do not postpone it.
     * I3 at most one write of a key is under way, from take() until end(), however late that comes. A timeout only
     *    reports, and frees the place of the write among the concurrent ones.
     * I4 a success makes the key clean only if its newest version is the written one.
     * I5 a failure queues the key again after a pause, with whatever is the newest then.
     * I6 a key that has failed is tried alone and holds nobody up: it waits in the queue by time like any other.
     * I7 the record of a clean key stays until its cached copy is in the store: else a put that comes in between could
     *    not kill that copy, and the older one would be stored over the newer.
     * Reads take no lock: one look-up and one volatile read.
     */
    private final ReentrantLock lock = new ReentrantLock();
    private final ConcurrentHashMap<K, Dirty<K, V>> records = new ConcurrentHashMap<>();
    private final PriorityQueue<Dirty<K, V>> queue = new PriorityQueue<>(DirtyMap::sooner);
    /** Not late yet, in the order in which they were started, so of their timeouts. */
    private final Deque<Batch<K, V>> started = new ArrayDeque<>();

    private final WriteBehind settings;
    private final long before;
    private final Consumer<Object> kill;
    private long nextVersion;
    private int dirty;
    /** Writes under way that hold one of the concurrent places. */
    private int places;

    private int late;
    private long turns;
    private volatile boolean refusing;
    private volatile boolean stopped;

    /**
     * Empty.
     *
     * @param kill makes a cached copy invisible for good; a CAS, called under the lock
     */
    DirtyMap(WriteBehind settings, Consumer<Object> kill) {
        this.settings = settings;
        this.kill = kill;
        this.nextVersion = settings.firstVersion();
        this.before = nextVersion - 1;
    }

    /** A write under way: the changes of some keys. Ends once. */
    static final class Batch<K, V extends @Nullable Object> {
        final List<Change<K, V>> changes;
        private final List<Dirty<K, V>> records;
        private final long startedAt;
        /** Guarded by the map's lock. */
        private boolean ended;

        private boolean overdue;
        /** Holds no place and is not timed: its caller sees to it. */
        private boolean own;

        private Batch(List<Dirty<K, V>> records, List<Change<K, V>> changes, long startedAt) {
            this.records = records;
            this.changes = List.copyOf(changes);
            this.startedAt = startedAt;
        }

        /** How often its key had failed before; a batch of several has not. */
        int failures() {
            return records.get(0).failures;
        }

        /** The last pause of its key. */
        long pause() {
            return records.get(0).pause;
        }

        long ageNanos(long now) {
            return now - startedAt;
        }
    }

    private static int sooner(Dirty<?, ?> one, Dirty<?, ?> other) {
        long apart = one.due - other.due;
        return Long.signum(apart == 0 ? one.turn - other.turn : apart);
    }

    /** What a read has to answer with instead of the source's value; null when the source is up to date. */
    @Nullable
    Change<K, V> read(K key) {
        Dirty<K, V> found = records.get(key);
        return found == null || found.hidden ? null : found.newest;
    }

    /** Keys that are not clean. */
    int size() {
        lock.lock();
        try {
            return dirty;
        } finally {
            lock.unlock();
        }
    }

    /**
     * A change (null value: a delete), with its cached copy if there is one to be stored.
     *
     * @return its change; null when there is no room for one more key, or no change is taken any more
     */
    @Nullable
    Change<K, V> put(K key, @Nullable V value, @Nullable Object copy, long now) {
        lock.lock();
        try {
            Dirty<K, V> found = records.get(key);
            if (refusing || ((found == null || found.isClean()) && dirty >= settings.maxDirty())) return null;
            Change<K, V> change = new Change<>(key, value, nextVersion++);
            if (found == null) records.put(key, queued(new Dirty<>(change, before), copy, now));
            else replaceLocked(found, change, copy, now);
            return change;
        } finally {
            lock.unlock();
        }
    }

    private Dirty<K, V> queued(Dirty<K, V> fresh, @Nullable Object copy, long now) {
        fresh.unpublished = copy;
        dirty++;
        queueLocked(fresh, now + settings.delayNanos());
        return fresh;
    }

    private void replaceLocked(Dirty<K, V> found, Change<K, V> change, @Nullable Object copy, long now) {
        boolean pending = found.isPending();
        if (found.isClean()) dirty++;
        if (found.unpublished != null) kill.accept(found.unpublished);
        found.newest = change;
        found.hidden = false;
        found.unpublished = copy;
        if (pending) return; // I2
        if (found.flying == null) queueLocked(found, now + settings.delayNanos());
        else found.due = now + settings.delayNanos();
    }

    private void queueLocked(Dirty<K, V> record, long due) {
        record.due = due;
        record.turn = turns++;
        record.queued = true;
        queue.add(record);
    }

    /**
     * A change that its caller writes at once, for want of room. Only of a key without a record.
     *
     * @return the write to make; null when the key has a record meanwhile, and takes the change as any other, or when no
     *     change is taken any more
     */
    @Nullable
    Batch<K, V> takeOver(K key, @Nullable V value, @Nullable Object copy, long now) {
        lock.lock();
        try {
            if (refusing || records.containsKey(key)) return null;
            Dirty<K, V> record = new Dirty<>(new Change<>(key, value, nextVersion++), before);
            record.hidden = true;
            record.unpublished = copy;
            record.flying = record.newest;
            records.put(key, record);
            dirty++;
            Batch<K, V> batch = new Batch<>(List.of(record), List.of(record.newest), now);
            batch.own = true;
            return batch;
        } finally {
            lock.unlock();
        }
    }

    /** The cached copy of this change is in the store, or will never be. */
    void published(Change<K, V> change) {
        lock.lock();
        try {
            Dirty<K, V> found = records.get(change.key());
            if (found == null || found.newest != change) return;
            found.unpublished = null;
            forgetLocked(found);
        } finally {
            lock.unlock();
        }
    }

    /** I7. */
    private void forgetLocked(Dirty<K, V> record) {
        if (record.isClean() && record.unpublished == null && record.flying == null)
            records.remove(record.newest.key(), record);
    }

    /** The next write to start, if one is due and has a place. */
    @Nullable
    Batch<K, V> take(long now) {
        lock.lock();
        try {
            if (stopped || places >= settings.concurrency()) return null;
            List<Dirty<K, V>> taken = dueLocked(now);
            if (taken.isEmpty()) return null;
            List<Change<K, V>> changes = new ArrayList<>(taken.size());
            for (Dirty<K, V> each : taken) {
                each.flying = each.newest;
                changes.add(each.newest);
            }
            places++;
            Batch<K, V> batch = new Batch<>(taken, changes, now);
            started.add(batch);
            return batch;
        } finally {
            lock.unlock();
        }
    }

    private List<Dirty<K, V>> dueLocked(long now) {
        List<Dirty<K, V>> taken = new ArrayList<>(1);
        for (Dirty<K, V> head = queue.peek(); head != null && head.due - now <= 0; head = queue.peek()) {
            if (head.failures > 0 && !taken.isEmpty()) break; // I6
            queue.remove();
            head.queued = false;
            taken.add(head);
            if (head.failures > 0 || taken.size() == settings.batch()) break;
        }
        return taken;
    }

    /**
     * A write has ended.
     *
     * @param pause after a failure, by the key's failures; {@link #GIVE_UP} drops a change that its caller wrote
     * @return false when it had ended before
     */
    boolean end(Batch<K, V> batch, boolean success, long pause, long now) {
        lock.lock();
        try {
            if (batch.ended) return false;
            batch.ended = true;
            if (batch.overdue) late--;
            else if (!batch.own) places--;
            started.remove(batch);
            for (int i = 0; i < batch.records.size(); i++)
                endLocked(batch.records.get(i), batch.changes.get(i), success, pause, now);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Instead of a pause: the change is dropped, unless a newer one came. */
    static final long GIVE_UP = -1;

    private void endLocked(Dirty<K, V> record, Change<K, V> change, boolean success, long pause, long now) {
        boolean newer = record.newest != change; // I4
        record.flying = null;
        if (success) succeededLocked(record, change);
        if (!success && pause != GIVE_UP) failedLocked(record, now, pause);
        else if (newer) queueLocked(record, record.due);
        else cleanLocked(record, success);
    }

    private static <K, V extends @Nullable Object> void succeededLocked(Dirty<K, V> record, Change<K, V> change) {
        record.written = change.version();
        record.failures = 0;
        record.pause = 0;
    }

    private void failedLocked(Dirty<K, V> record, long now, long pause) {
        if (record.failures < Integer.MAX_VALUE) record.failures++;
        record.pause = pause;
        queueLocked(record, now + pause); // I5
    }

    /** Its newest change is written, or given up. */
    private void cleanLocked(Dirty<K, V> record, boolean written) {
        dirty--;
        record.hidden = false;
        if (written) forgetLocked(record);
        else records.remove(record.newest.key(), record);
    }

    /** When something has to be done next: a write, or a report of one that is late. {@link Long#MAX_VALUE}: nothing. */
    long nextIn(long now) {
        lock.lock();
        try {
            long next = Long.MAX_VALUE;
            if (stopped) return next;
            Dirty<K, V> head = queue.peek();
            if (head != null && places < settings.concurrency()) next = Math.max(0, head.due - now);
            Batch<K, V> oldest = started.peek();
            if (oldest != null) next = Math.min(next, Math.max(0, settings.timeoutNanos() - oldest.ageNanos(now)));
            return next;
        } finally {
            lock.unlock();
        }
    }

    /** A write that has just become late; it is told once, and frees its place (I3). */
    @Nullable
    Batch<K, V> overdue(long now) {
        lock.lock();
        try {
            Batch<K, V> oldest = started.peek();
            if (oldest == null || oldest.ageNanos(now) < settings.timeoutNanos()) return null;
            started.remove();
            oldest.overdue = true;
            places--;
            late++;
            return oldest;
        } finally {
            lock.unlock();
        }
    }

    /** Makes all that is dirty due now; tells what has to be written for that. */
    Deque<Awaited<K, V>> hurry(long now) {
        lock.lock();
        try {
            Deque<Awaited<K, V>> awaited = new ArrayDeque<>(dirty + 1);
            queue.clear();
            for (Dirty<K, V> each : records.values()) {
                if (each.isClean()) continue;
                awaited.add(new Awaited<>(each, each.newest.version()));
                each.due = now;
                if (each.queued) queue.add(each);
            }
            return awaited;
        } finally {
            lock.unlock();
        }
    }

    /** A change that a flush waits for. */
    record Awaited<K, V extends @Nullable Object>(Dirty<K, V> record, long version) {}

    /** Whether all of these, or newer changes of their keys, are in the source or were given up; forgets those that are. */
    boolean allWritten(Deque<Awaited<K, V>> awaited) {
        lock.lock();
        try {
            for (Awaited<K, V> each = awaited.peek(); each != null; each = awaited.peek()) {
                Dirty<K, V> record = each.record;
                boolean gone = records.get(record.newest.key()) != record;
                if (!gone && record.written - each.version < 0) return false;
                awaited.remove();
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Takes no more changes; false when it did not before. */
    boolean refuse() {
        lock.lock();
        try {
            boolean first = !refusing;
            refusing = true;
            return first;
        } finally {
            lock.unlock();
        }
    }

    boolean isRefusing() {
        return refusing;
    }

    boolean isStopped() {
        return stopped;
    }

    /** Writes that are under way although their time is over. */
    int late() {
        lock.lock();
        try {
            return late;
        } finally {
            lock.unlock();
        }
    }

    /** Starts no write any more, and answers the newest change of each key that is not written, oldest first. */
    List<Change<K, V>> stop() {
        lock.lock();
        try {
            stopped = true;
            List<Change<K, V>> left = new ArrayList<>();
            for (Dirty<K, V> each : records.values()) if (!each.isClean() && !each.hidden) left.add(each.newest);
            left.sort(Comparator.comparingLong(Change::version));
            return left;
        } finally {
            lock.unlock();
        }
    }
}
