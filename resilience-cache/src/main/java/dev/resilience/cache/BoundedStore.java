// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The built-in store: a concurrent map of {@link Node}s, whose entries are changed by CAS, and {@link S3Fifo} behind a
 * lock that no hit takes.
 *
 * <p>Implementation notes. I1: a key has an entry iff the map holds a node for it whose entry is not null; each change
 * of that is one atomic step, so the map side is linearizable without the lock. I2: after a step that the policy must
 * know of (a new node, one that was retired, another weight) the node is pushed, and whoever pushes tries to drain; the
 * holder of the lock looks again after letting go, so nothing pushed stays undrained for longer than an operation.
 * I3: a visit makes the queues agree with what the node is <em>now</em>; thus order does not matter, and a node whose
 * removal is visited before its arrival is never queued. I4: {@code hashCode}, the clock and the listener are called
 * without the lock: the policy retires a victim, and the thread that drained takes it out of the map afterwards.
 */
final class BoundedStore<K, V extends @Nullable Object> implements Store<K, V> {
    /** So many pushed nodes, and a writer waits for the lock: the backlog is bounded, and nothing is dropped. */
    static final int MAX_PENDING = 64;

    private final ConcurrentHashMap<K, Node<K, V>> map = new ConcurrentHashMap<>();
    private final AtomicReference<@Nullable Pending<K, V>> pending = new AtomicReference<>();
    final ReentrantLock lock = new ReentrantLock();
    final S3Fifo<K, V> policy;
    private final AtomicReference<@Nullable Evictions<K, V>> evictions = new AtomicReference<>();
    /** Whether any entry has ever had an end: until then nobody reads the clock. */
    private volatile boolean expiring;

    /** A node to visit: a stack, newest first, that is taken as a whole. */
    private static final class Pending<K, V extends @Nullable Object> {
        final Node<K, V> node;
        final boolean returning;
        int depth;

        @Nullable
        Pending<K, V> next;

        Pending(Node<K, V> node, boolean returning) {
            this.node = node;
            this.returning = returning;
        }
    }

    BoundedStore(S3Fifo<K, V> policy) {
        this.policy = policy;
    }

    static <K, V extends @Nullable Object> BoundedStore<K, V> entries(long maxEntries) {
        return new BoundedStore<>(new S3Fifo<>(positive("maxEntries", maxEntries), false, Ghosts.seed()));
    }

    static <K, V extends @Nullable Object> BoundedStore<K, V> weights(long maxWeight) {
        return new BoundedStore<>(new S3Fifo<>(positive("maxWeight", maxWeight), true, Ghosts.seed()));
    }

    static long positive(String setting, long max) {
        if (max < 1) throw new IllegalArgumentException("store: " + setting + " must be at least 1, was " + max);
        return max;
    }

    @Override
    public @Nullable Entry<V> get(K key) {
        Node<K, V> node = map.get(key);
        if (node == null) return null;
        node.use();
        return node.entry();
    }

    @Override
    public @Nullable Entry<V> peek(K key) {
        Node<K, V> node = map.get(key);
        return node == null ? null : node.entry();
    }

    @Override
    public @Nullable Entry<V> put(K key, Entry<V> entry) {
        while (true) {
            Node<K, V> node = map.get(key);
            Entry<V> seen = node == null ? null : node.entry();
            if (node == null || seen == null) {
                if (insert(key, node, entry)) return null;
            } else if (exchange(node, seen, entry)) {
                return seen;
            }
        }
    }

    @Override
    public boolean replace(K key, @Nullable Entry<V> seen, Entry<V> next) {
        while (true) {
            Node<K, V> node = map.get(key);
            Entry<V> now = node == null ? null : node.entry();
            if (now != seen) return false;
            if (node != null && now != null) return exchange(node, now, next);
            if (insert(key, node, next)) return true;
        }
    }

    @Override
    public boolean remove(K key, Entry<V> seen) {
        Node<K, V> node = map.get(key);
        if (node == null || !node.retire(seen)) return false;
        forget(node);
        return true;
    }

    @Override
    public @Nullable Entry<V> remove(K key) {
        Node<K, V> node = map.get(key);
        if (node == null) return null;
        Entry<V> had = node.retire();
        if (had != null) forget(node);
        return had;
    }

    @Override
    public void clear() {
        for (Node<K, V> node : map.values()) {
            if (node.retire() != null) forget(node);
        }
    }

    @Override
    public void forEach(BiConsumer<? super K, ? super Entry<V>> each) {
        for (Node<K, V> node : map.values()) {
            Entry<V> entry = node.entry();
            if (entry != null) each.accept(node.key, entry);
        }
    }

    @Override
    public long estimatedSize() {
        return map.mappingCount();
    }

    @Override
    public void cleanUp() {
        Evictions<K, V> tied = timed();
        if (tied != null) removeExpired(tied, tied.time().nanoTime());
        drainLocked();
        drain();
    }

    @Override
    public void bind(TimeSource time, EvictionListener<? super K, ? super V> listener) {
        if (!evictions.compareAndSet(null, new Evictions<>(time, listener))) throw Evictions.boundAlready();
    }

    /** Puts a new node where none was, or one that is retired and still there. */
    private boolean insert(K key, @Nullable Node<K, V> retired, Entry<V> entry) {
        Node<K, V> fresh = policy.weighed() ? new Node.Weighed<>(key, entry) : new Node<>(key, entry);
        boolean won = retired == null ? map.putIfAbsent(key, fresh) == null : map.replace(key, retired, fresh);
        if (!won) return false;
        noteExpiry(entry);
        push(fresh, policy.wasHere(key.hashCode()));
        return true;
    }

    private boolean exchange(Node<K, V> node, Entry<V> seen, Entry<V> next) {
        if (!node.replace(seen, next)) return false;
        noteExpiry(next);
        if (expiring || (policy.weighed() && seen.weight() != next.weight())) push(node, false);
        return true;
    }

    private void noteExpiry(Entry<V> entry) {
        if (!expiring && entry.remainingNanos(0) != Long.MAX_VALUE) expiring = true;
    }

    /** Who has retired a node calls this. */
    private void forget(Node<K, V> node) {
        map.remove(node.key, node);
        push(node, false);
    }

    private void removeExpired(Evictions<K, V> tied, long now) {
        for (Node<K, V> node : map.values()) {
            Entry<V> entry = node.entry();
            if (entry != null && entry.remainingNanos(now) <= 0 && node.retire(entry)) {
                forget(node);
                tied.tell(node.key, entry, Cause.EXPIRED);
            }
        }
    }

    private void push(Node<K, V> node, boolean returning) {
        Pending<K, V> pushed = new Pending<>(node, returning);
        Pending<K, V> top;
        do {
            top = pending.get();
            pushed.next = top;
            pushed.depth = top == null ? 1 : top.depth + 1;
        } while (!pending.compareAndSet(top, pushed));
        if (pushed.depth > MAX_PENDING) drainLocked();
        drain();
    }

    /** Waits for the lock. */
    private void drainLocked() {
        Evictions<K, V> timed = timed();
        long now = timed == null ? 0 : timed.time().nanoTime();
        lock.lock();
        visitAll(timed != null, now);
    }

    /** Unless somebody else does: he looks again when he is done. */
    private void drain() {
        while (pending.get() != null) {
            Evictions<K, V> timed = timed();
            long now = timed == null ? 0 : timed.time().nanoTime();
            if (!lock.tryLock()) return;
            visitAll(timed != null, now);
        }
    }

    /** Holds the lock, and lets it go. */
    private void visitAll(boolean timed, long now) {
        S3Fifo.Victim<K, V> victims;
        try {
            policy.time(timed, now);
            Pending<K, V> next = oldestFirst(pending.getAndSet(null));
            for (; next != null; next = next.next) policy.visit(next.node, next.returning);
        } finally {
            victims = policy.takeVictims();
            lock.unlock();
        }
        for (; victims != null; victims = victims.next) letGo(victims);
    }

    private void letGo(S3Fifo.Victim<K, V> victim) {
        Node<K, V> node = victim.node;
        map.remove(node.key, node);
        if (victim.early) policy.left(node.key.hashCode());
        Evictions<K, V> tied = evictions.get();
        if (tied != null) tied.tell(node.key, victim.entry, victim.cause);
    }

    private static <K, V extends @Nullable Object> @Nullable Pending<K, V> oldestFirst(@Nullable Pending<K, V> newest) {
        Pending<K, V> reversed = null;
        for (Pending<K, V> each = newest; each != null; ) {
            Pending<K, V> next = each.next;
            each.next = reversed;
            reversed = each;
            each = next;
        }
        return reversed;
    }

    /** Null when there is no clock or nothing that ends: then nobody reads it. */
    private @Nullable Evictions<K, V> timed() {
        return expiring ? evictions.get() : null;
    }
}
