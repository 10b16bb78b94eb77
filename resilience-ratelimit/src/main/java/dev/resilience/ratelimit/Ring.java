// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The keys in the order in which they will be looked at: four bytes for each, in chunks, so that it never has to be
 * copied. A scan of the map instead would cost as much as its table once was large; this costs the same for every key.
 * The lock guards arrays and no user code.
 *
 * @param <K> the type of the keys
 */
final class Ring<K> {
    /** Keys of a chunk; behind them is a place for the next chunk. */
    private static final int SIZE = 256;

    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Object[] head = new @Nullable Object[SIZE + 1];
    private @Nullable Object[] tail = head;
    private @Nullable Object @Nullable [] spare;
    private int from;
    private int to;

    void add(K key) {
        lock.lock();
        try {
            if (to == SIZE) extend();
            tail[to++] = key;
        } finally {
            lock.unlock();
        }
    }

    private void extend() {
        @Nullable Object[] chunk = spare == null ? new @Nullable Object[SIZE + 1] : spare;
        spare = null;
        tail[SIZE] = chunk;
        tail = chunk;
        to = 0;
    }

    @Nullable
    K next() {
        lock.lock();
        try {
            if (head == tail && from == to) return null;
            if (from == SIZE) drop();
            return take();
        } finally {
            lock.unlock();
        }
    }

    private void drop() {
        @Nullable Object[] next = (@Nullable Object[]) Objects.requireNonNull(head[SIZE]);
        head[SIZE] = null;
        spare = head;
        head = next;
        from = 0;
    }

    private @Nullable K take() {
        if (head == tail && from == to) return null;
        @SuppressWarnings("unchecked") // add puts nothing else there
        K key = (K) head[from];
        head[from++] = null;
        return key;
    }
}
