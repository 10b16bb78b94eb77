// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bulkhead;

import dev.resilience.Waiter;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Slots and those who wait for them. */
/* Implementation notes (S35; docs/internals/bulkhead.md)
 *
 * I1 word = inUse:32 | waiting:32. Changed by CAS only, so a release that sees nobody waiting and a waiter that enters
 *    the queue are ordered: whichever comes second sees the other.
 * I2 The fast path takes a slot only while waiting == 0: no barging.
 * I3 drain() after every release that sees a waiter, every enqueue, every abandon and every resize. One drainer at a time
 *    (wip): a grant that calls back into the queue only leaves a note.
 * I4 The list is touched under the lock. Answers are given after it, in order; a waiter that has gone meanwhile gives its
 *    slots back to the drainer.
 */
final class Queue {
    private static final VarHandle WORD;

    static {
        try {
            WORD = MethodHandles.lookup().findVarHandle(Queue.class, "word", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final long ONE_IN_USE = 1L << 32;

    private final ReentrantLock lock = new ReentrantLock();
    private final AtomicInteger wip = new AtomicInteger();
    private final Node ends = new Node(null, 0, 0);
    private volatile long word;
    private volatile Bulkhead.Settings settings;

    Queue(Bulkhead.Settings settings) {
        this.settings = settings;
    }

    /** A place in the list; linked under the lock. */
    private static final class Node {
        final @Nullable Waiter waiter;
        final int weight;
        final long since;
        Node previous = this;
        Node next = this;

        Node(@Nullable Waiter waiter, int weight, long since) {
            this.waiter = waiter;
            this.weight = weight;
            this.since = since;
        }

        void append(Node node) {
            node.previous = previous;
            node.next = this;
            previous.next = node;
            previous = node;
        }

        void unlink() {
            previous.next = next;
            next.previous = previous;
            previous = this;
            next = this;
        }

        boolean linked() {
            return next != this;
        }
    }

    Bulkhead.Settings settings() {
        return settings;
    }

    int inUse() {
        return inUse(word);
    }

    int waiting() {
        return waiting(word);
    }

    boolean idle() {
        return word == 0;
    }

    private static int inUse(long word) {
        return (int) (word >>> 32);
    }

    private static int waiting(long word) {
        return (int) word;
    }

    private static boolean fits(long word, int weight, int max) {
        return weight <= max - inUse(word);
    }

    /** The weight as the permit, or a refusal, or WAIT. */
    long tryAdmit(int weight) {
        for (; ; ) {
            Bulkhead.Settings now = settings; // again: whoever changed the word may have known newer ones
            long seen = word;
            if (waiting(seen) == 0 && fits(seen, weight, now.maxConcurrent())) {
                if (WORD.compareAndSet(this, seen, seen + weight * ONE_IN_USE)) return weight;
            } else {
                boolean mayWait = weight <= now.maxConcurrent() && waiting(seen) < now.maxWaiting();
                return mayWait ? Bulkhead.WAITS : Bulkhead.REFUSES;
            }
        }
    }

    void release(int weight) {
        long left = (long) WORD.getAndAdd(this, -weight * ONE_IN_USE) - weight * ONE_IN_USE;
        if (waiting(left) > 0) drain();
    }

    void enqueue(Waiter waiter, int weight, long now) {
        if (!append(waiter, weight, now)) waiter.refuse(Bulkhead.REFUSES);
        drain();
    }

    private boolean append(Waiter waiter, int weight, long now) {
        lock.lock();
        try {
            Bulkhead.Settings current = settings;
            if (weight > current.maxConcurrent() || waiting(word) >= current.maxWaiting()) return false;
            Node node = new Node(waiter, weight, now);
            waiter.attach(node);
            ends.append(node);
            WORD.getAndAdd(this, 1L);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Constant time, wherever in the list it stands. */
    void abandon(Waiter waiter) {
        lock.lock();
        try {
            if (waiter.attachment() instanceof Node node && node.linked()) {
                node.unlink();
                WORD.getAndAdd(this, -1L);
            }
        } finally {
            lock.unlock();
        }
        drain();
    }

    /** False when the settings are no longer those seen; nothing has changed then. */
    @SuppressWarnings("ReferenceEquality") // the very object that was seen, or somebody else was faster
    boolean resize(Bulkhead.Settings seen, Bulkhead.Settings next) {
        List<Waiter> tooHeavy = new ArrayList<>();
        lock.lock();
        try {
            if (settings != seen) return false;
            settings = next;
            for (Node node = ends.next; node != ends; ) {
                Node following = node.next;
                if (node.weight > next.maxConcurrent() && node.waiter != null) {
                    node.unlink();
                    WORD.getAndAdd(this, -1L);
                    tooHeavy.add(node.waiter);
                }
                node = following;
            }
        } finally {
            lock.unlock();
        }
        for (Waiter waiter : tooHeavy) waiter.refuse(Bulkhead.REFUSES);
        drain();
        return true;
    }

    private void drain() {
        if (wip.getAndIncrement() != 0) return;
        boolean finished = false;
        try {
            int notes = 1;
            do {
                for (Node node = grantable(); node != null; node = grantable()) answer(node);
                notes = wip.addAndGet(-notes);
            } while (notes != 0);
            finished = true;
        } finally {
            if (!finished) wip.set(0); // a full stack: whoever comes next drains, lest nobody ever does (L3)
        }
    }

    /** Outside the lock. */
    private void answer(Node node) {
        if (node.waiter == null || node.waiter.grant(node.weight)) return;
        WORD.getAndAdd(this, -node.weight * ONE_IN_USE);
    }

    /** Takes the next waiter out of the list and its slots with it; null when nobody waits or the next has no room. */
    private @Nullable Node grantable() {
        lock.lock();
        try {
            Node node = settings.lifo() ? ends.previous : ends.next;
            if (node == ends) return null;
            for (; ; ) {
                long seen = word;
                if (!fits(seen, node.weight, settings.maxConcurrent())) return null;
                if (WORD.compareAndSet(this, seen, seen + node.weight * ONE_IN_USE - 1)) {
                    node.unlink();
                    return node;
                }
            }
        } finally {
            lock.unlock();
        }
    }

    Bulkhead.Load load(long now) {
        lock.lock();
        try {
            long seen = word;
            Bulkhead.Settings current = settings;
            long oldest = ends.next == ends ? 0 : Math.max(0, now - ends.next.since);
            return new Bulkhead.Load(inUse(seen), current.maxConcurrent(), waiting(seen), current.maxWaiting(), oldest);
        } finally {
            lock.unlock();
        }
    }
}
