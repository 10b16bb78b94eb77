// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is to be refreshed: so many at once, so many that wait, each key once. No timers, no threads: it
 * answers who may start. Its lock guards three fields and is never held while anything else runs.
 */
final class Refreshes<K> {
    /** Keys that run or wait. */
    private final Set<K> asked = ConcurrentHashMap.newKeySet();

    private final ReentrantLock lock = new ReentrantLock();
    private final Queue<Waiting> waiting = new ArrayDeque<>();
    private final int atOnce;
    private final int queued;
    private int running;
    private boolean closed;

    Refreshes(int atOnce, int queued) {
        this.atOnce = atOnce;
        this.queued = queued;
    }

    /** What is to be started, and who is told when it never will be; null: nobody. */
    private record Waiting(Runnable start, @Nullable Runnable dropped) {}

    /** What came of it. */
    enum Turn {
        /** The caller runs it, and calls {@link #done} once, when the refresh has ended. */
        NOW,
        /** A later {@code done} answers it. */
        LATER,
        /** It is asked for already. */
        ASKED,
        /** Too many wait, or it is closed. */
        REFUSED
    }

    /** Before anything is made for it: a key that is read often is asked for often. */
    boolean isAsked(K key) {
        return asked.contains(key);
    }

    Turn ask(K key, Runnable start) {
        if (!asked.add(key)) return Turn.ASKED;
        Turn turn = turn(start);
        if (turn == Turn.REFUSED) asked.remove(key);
        return turn;
    }

    private Turn turn(Runnable start) {
        lock.lock();
        try {
            if (closed) return Turn.REFUSED;
            if (running < atOnce) {
                running++;
                return Turn.NOW;
            }
            return waiting.size() < queued && waiting.add(new Waiting(start, null)) ? Turn.LATER : Turn.REFUSED;
        } finally {
            lock.unlock();
        }
    }

    /**
     * For work that is not refused for want of room: who asks has a bound of its own, and asks again when one has
     * ended. Never {@link Turn#ASKED}; {@link Turn#REFUSED} only when it is closed.
     *
     * @param dropped run by who closes, when its turn will not come any more
     */
    Turn askPatiently(Runnable start, Runnable dropped) {
        lock.lock();
        try {
            if (closed) return Turn.REFUSED;
            if (running < atOnce) {
                running++;
                return Turn.NOW;
            }
            waiting.add(new Waiting(start, dropped));
            return Turn.LATER;
        } finally {
            lock.unlock();
        }
    }

    int atOnce() {
        return atOnce;
    }

    /** One has ended; answers the next to start, whose place is taken already. */
    @Nullable
    Runnable done(K key) {
        asked.remove(key);
        return done();
    }

    /** The same for one that was asked for patiently. */
    @Nullable
    Runnable done() {
        lock.lock();
        try {
            Waiting next = waiting.poll();
            if (next != null) return next.start;
            running--;
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** Nothing starts any more; what runs goes on to its end. */
    void close() {
        List<Waiting> left;
        lock.lock();
        try {
            closed = true;
            left = List.copyOf(waiting);
            waiting.clear();
        } finally {
            lock.unlock();
        }
        for (Waiting each : left) if (each.dropped != null) each.dropped.run();
    }

    /** How many run now. */
    int running() {
        lock.lock();
        try {
            return running;
        } finally {
            lock.unlock();
        }
    }

    /** How many wait for their turn. */
    int waiting() {
        lock.lock();
        try {
            return waiting.size();
        } finally {
            lock.unlock();
        }
    }
}
