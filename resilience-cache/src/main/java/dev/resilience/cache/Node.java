// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * One place of a {@link BoundedStore}: what the map holds for a key, and a link of one queue of the {@link S3Fifo}.
 *
 * <p>Its entry says whether it lives: an entry is there from the start, is replaced by CAS, and becomes null once and
 * for ever (ALIVE to RETIRED). Whoever made it null owns the removal from the map. Where it is queued belongs to the
 * policy's lock: NEW until its first visit, then in a queue, at last DEAD and never queued again.
 */
class Node<K, V extends @Nullable Object> {
    static final byte NEW = 0;
    static final byte SMALL = 1;
    static final byte MAIN = 2;
    static final byte DEAD = 3;
    static final byte MAX_USES = 3;

    private static final VarHandle ENTRY;
    private static final VarHandle USES;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            ENTRY = lookup.findVarHandle(Node.class, "entry", Entry.class);
            USES = lookup.findVarHandle(Node.class, "uses", byte.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final K key;
    private volatile @Nullable Entry<V> entry;
    /** Opaque, by everybody: an increment that is lost is one use that did not count. */
    @SuppressWarnings("UnusedVariable") // read and written through USES
    private byte uses;

    // guarded by the policy's lock
    byte queue;

    @Nullable
    Node<K, V> older;

    @Nullable
    Node<K, V> newer;

    Node(K key, Entry<V> entry) {
        this.key = key;
        ENTRY.setRelease(this, entry); // published by the map
    }

    /** Null once it is retired. */
    final @Nullable Entry<V> entry() {
        return entry;
    }

    final boolean replace(Entry<V> seen, Entry<V> next) {
        return ENTRY.compareAndSet(this, seen, next);
    }

    final boolean retire(Entry<V> seen) {
        return ENTRY.compareAndSet(this, seen, null);
    }

    /** The entry that it had; null for a caller that was not the first. */
    @SuppressWarnings("unchecked")
    final @Nullable Entry<V> retire() {
        return (Entry<V>) ENTRY.getAndSet(this, (Entry<V>) null);
    }

    /** A hit: once a place is in steady use, nothing is written any more and its cache line stays shared. */
    final void use() {
        byte seen = (byte) USES.getOpaque(this);
        if (seen < MAX_USES) USES.setOpaque(this, (byte) (seen + 1));
    }

    final int uses() {
        return (byte) USES.getOpaque(this);
    }

    final void uses(int uses) {
        USES.setOpaque(this, (byte) uses);
    }

    /** What it counts in its queue, guarded by the policy's lock; not what the entry weighs now. */
    long weight() {
        return 1;
    }

    void weigh(long weight) {}

    /** A place in a store that is bounded by weight: eight bytes more. */
    static final class Weighed<K, V extends @Nullable Object> extends Node<K, V> {
        private long weight;

        Weighed(K key, Entry<V> entry) {
            super(key, entry);
        }

        @Override
        long weight() {
            return weight;
        }

        @Override
        void weigh(long weight) {
            this.weight = weight;
        }
    }
}
