// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Subscription;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The reference of the backplane. Numbers are given out under a lock, and told outside of it by one thread at a time:
 * whoever finds nobody telling tells until the queue is empty, also what others publish meanwhile.
 */
final class MemoryBackplane implements Backplane {
    private final CopyOnWriteArrayList<Listener> listeners = new CopyOnWriteArrayList<>();
    private final String channel = UUID.randomUUID().toString();
    private final ReentrantLock lock = new ReentrantLock();
    private final Queue<Numbered> untold = new ArrayDeque<>();
    private boolean telling;
    private long number;

    private record Numbered(long number, Message message) {}

    @Override
    public CompletionStage<Void> publish(Message message) {
        lock.lock();
        try {
            if (message.kind() != Kind.HEARTBEAT) number++;
            untold.add(new Numbered(number, message));
            if (telling) return CompletableFuture.completedFuture(null);
            telling = true;
        } finally {
            lock.unlock();
        }
        for (Numbered next = next(); next != null; next = next()) tell(next);
        return CompletableFuture.completedFuture(null);
    }

    private @Nullable Numbered next() {
        lock.lock();
        try {
            Numbered next = untold.poll();
            telling = next != null;
            return next;
        } finally {
            lock.unlock();
        }
    }

    private void tell(Numbered next) {
        for (Listener each : listeners) {
            try {
                each.received(channel, next.number, next.message);
            } catch (Throwable thrown) {
                Guest.threw("backplane", "a listener", thrown);
            }
        }
    }

    @Override
    public Subscription subscribe(Listener listener) {
        Once once = new Once(listener);
        listeners.add(once);
        return () -> listeners.remove(once);
    }

    /** An identity of its own: the same listener may subscribe twice and leave once. */
    private record Once(Listener listener) implements Listener {
        @Override
        public void received(String channel, long number, Message message) {
            listener.received(channel, number, message);
        }

        @Override
        public void gap() {
            listener.gap();
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }
    }
}
