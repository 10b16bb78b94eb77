// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A third party's gate: a fair, weighted semaphore that can be resized. Strictly first come, first served. */
public final class FairGate extends Gate {
    public static final CallContext.Attribute<Integer> WEIGHT = CallContext.Attribute.of("weight");

    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Waiter> queue = new ArrayDeque<>();
    private int size;
    private int inUse;

    public FairGate(String name, int size, TimeSource time) {
        super(name, time);
        this.size = size;
    }

    private static int weight(CallContext context) {
        return context.get(WEIGHT, 1);
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        int weight = weight(context);
        lock.lock();
        try {
            if (weight > size) return refused(0);
            if (!queue.isEmpty() || inUse + weight > size) return WAIT;
            inUse += weight;
            return weight; // the permit is its weight: no object
        } finally {
            lock.unlock();
        }
    }

    @Override
    protected void enqueue(Waiter waiter) {
        lock.lock();
        try {
            queue.addLast(waiter);
        } finally {
            lock.unlock();
        }
        serve();
    }

    @Override
    protected void abandon(Waiter waiter) {
        lock.lock();
        try {
            queue.remove(waiter);
        } finally {
            lock.unlock();
        }
        serve(); // it may have been a heavy one at the head
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        giveBack((int) permit);
        serve();
    }

    private void giveBack(int weight) {
        lock.lock();
        try {
            inUse -= weight;
        } finally {
            lock.unlock();
        }
    }

    public void resize(int newSize) {
        lock.lock();
        try {
            size = newSize;
        } finally {
            lock.unlock();
        }
        serve();
    }

    /** Answers the head of the queue as long as it can be answered; outside of the lock. */
    private void serve() {
        for (Waiter next = head(); next != null; next = head()) {
            int weight = weight(next.context());
            if (weight > size()) next.refuse(refused(0));
            else if (!next.grant(weight)) giveBack(weight); // it has gone: for the next one
        }
    }

    /** Takes the head out, with its weight if it fits; null when nobody can be answered now. */
    private @Nullable Waiter head() {
        lock.lock();
        try {
            Waiter next = queue.peekFirst();
            if (next == null) return null;
            int weight = weight(next.context());
            boolean never = weight > size;
            if (!never && inUse + weight > size) return null;
            if (!never) inUse += weight;
            return queue.pollFirst();
        } finally {
            lock.unlock();
        }
    }

    private int size() {
        lock.lock();
        try {
            return size;
        } finally {
            lock.unlock();
        }
    }

    public int inUse() {
        lock.lock();
        try {
            return inUse;
        } finally {
            lock.unlock();
        }
    }

    public int waiting() {
        lock.lock();
        try {
            return queue.size();
        } finally {
            lock.unlock();
        }
    }

    @Override
    protected boolean forgettable(long now) {
        return inUse() == 0 && waiting() == 0;
    }
}
