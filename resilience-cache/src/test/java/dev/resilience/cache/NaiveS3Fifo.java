// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * S3-FIFO as one writes it down from the paper: lists, searched from end to end, and exact ghosts. Says what the built-in
 * store must hold after each operation of one thread, and what it evicts in which order. No expiry.
 */
final class NaiveS3Fifo {
    /** The weight of each key that is there. */
    final Map<Integer, Long> there = new HashMap<>();
    /** Of the last operation. */
    final List<Integer> evicted = new ArrayList<>();

    private final long max;
    private final int ghostRoom;
    private final Map<Integer, Integer> uses = new HashMap<>();
    private final Deque<Integer> small = new ArrayDeque<>();
    private final Deque<Integer> main = new ArrayDeque<>();
    private final Deque<Integer> ghosts = new ArrayDeque<>();

    NaiveS3Fifo(long max, int ghostRoom) {
        this.max = max;
        this.ghostRoom = ghostRoom;
    }

    void get(int key) {
        evicted.clear();
        if (there.containsKey(key)) uses.merge(key, 1, (a, b) -> Math.min(3, a + b));
    }

    void put(int key, long weight) {
        evicted.clear();
        if (there.containsKey(key)) {
            if (there.put(key, weight) != weight) reweigh(key, weight);
            return;
        }
        boolean returning = ghosts.remove(key);
        if (weight > max) {
            evicted.add(key);
            return;
        }
        makeRoom(weight);
        there.put(key, weight);
        uses.put(key, 0);
        (returning ? main : small).addLast(key);
    }

    void remove(int key) {
        evicted.clear();
        forget(key);
    }

    void clear() {
        evicted.clear();
        for (int key : List.copyOf(there.keySet())) forget(key);
    }

    long weight() {
        return weight(small) + weight(main);
    }

    private void forget(int key) {
        there.remove(key);
        uses.remove(key);
        small.remove(key);
        main.remove(key);
    }

    private void reweigh(int key, long weight) {
        there.put(key, 0L);
        if (weight > max) {
            forget(key);
            evicted.add(key);
            return;
        }
        makeRoom(weight);
        if (there.containsKey(key)) there.put(key, weight);
    }

    private void makeRoom(long weight) {
        int steps = 0;
        while (weight() > max - weight) {
            boolean forced = steps >= 128;
            boolean ofSmall = weight(small) >= Math.max(1, max / 10) || weight(main) == 0;
            int key = ofSmall ? small.removeFirst() : main.removeFirst();
            int used = uses.get(key);
            if (!forced && used >= (ofSmall ? 2 : 1)) {
                uses.put(key, ofSmall ? 0 : used - 1);
                main.addLast(key);
                steps++;
            } else {
                forget(key);
                evicted.add(key);
                if (ofSmall) haunt(key);
                steps = 0;
            }
        }
    }

    private void haunt(int key) {
        ghosts.addFirst(key);
        if (ghosts.size() > ghostRoom) ghosts.removeLast();
    }

    private long weight(Deque<Integer> queue) {
        return queue.stream().mapToLong(there::get).sum();
    }
}
