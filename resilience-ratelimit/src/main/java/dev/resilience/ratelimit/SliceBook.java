// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.util.Map;
import java.util.TreeMap;

/**
 * All slices that may still matter, reserved ones included, of which {@link Slices} keeps the newest few. For what is
 * seldom and may take its time: reserving ahead, cancelling, reconfiguring. Guarded by the meter's lock.
 */
final class SliceBook {
    private final int history;
    private final TreeMap<Long, Long> counts = new TreeMap<>();

    /** The latest slice that the clock is known to have been in. None before it is ever the newest again. */
    private long reached;

    SliceBook(int history, long reached) {
        this.history = history;
        this.reached = reached;
    }

    /**
     * Reads what has happened since {@code in} was built.
     *
     * @param word the state of {@code in}
     * @param own the slice of now
     */
    void learn(Slices in, long word, long own) {
        long newest = in.index(word, own);
        for (long i = newest - history; i < newest; i++) set(i, in.past(i));
        set(newest, in.count(word));
        // what is newer than it was built came by grants without a wait: the clock has been there
        if (newest > in.builtAt) reached = Math.max(reached, newest);
        reached = Math.max(reached, own);
        counts.headMap(reached - history).clear();
    }

    long count(long index) {
        return counts.getOrDefault(index, 0L);
    }

    void set(long index, long count) {
        if (count == 0) counts.remove(index);
        else counts.put(index, count);
    }

    /** What counts in the window that ends with the newest slice. */
    long used() {
        long newest = newest();
        return counts.subMap(newest - history, true, newest, true).values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    /** Adds to the newest slice; less than zero takes away, the newest first. */
    void add(long n) {
        long newest = newest();
        if (n > 0) set(newest, count(newest) + n);
        long left = -n;
        for (long i = newest; left > 0 && i >= newest - history; i--) {
            long some = Math.min(left, count(i));
            set(i, count(i) - some);
            left -= some;
        }
    }

    void clear() {
        counts.clear();
    }

    Map<Long, Long> counts() {
        return counts;
    }

    long newest() {
        return counts.isEmpty() ? reached : Math.max(reached, counts.lastKey());
    }

    /** The slice after which nothing counts any more; the present one when nothing does. */
    long emptyAt() {
        return counts.isEmpty() ? reached : counts.lastKey() + history + 1;
    }

    Slices build(int bits) {
        long newest = newest();
        Slices built = new Slices(history, bits, newest, count(newest));
        for (long i = newest - history; i < newest; i++) built.put(i, count(i));
        return built;
    }
}
