// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.cache;

import dev.resilience.Subscription;
import dev.resilience.cache.Backplane;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One node's end of a backplane, which a test can break: give each cache one of its own over a shared {@link Backplane}. It
 * loses, delays and reorders what comes <em>to</em> this node; a disconnected end neither hears nor is heard. Thread-safe.
 *
 * {@snippet class="dev.resilience.cache.TieredFaultsTest" region="faults"}
 */
public final class FaultyBackplane implements Backplane {
    private final Backplane shared;
    private final CopyOnWriteArrayList<Listener> listeners = new CopyOnWriteArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final List<Heard> held = new ArrayList<>();
    private boolean holding;
    private boolean cut;
    private int toLose;

    private FaultyBackplane(Backplane shared) {
        this.shared = shared;
    }

    private record Heard(Listener listener, String channel, long number, Message message) {
        void tell() {
            listener.received(channel, number, message);
        }
    }

    /**
     * An end that works.
     *
     * @param shared what all nodes share
     * @return a new end
     */
    public static FaultyBackplane over(Backplane shared) {
        return new FaultyBackplane(Objects.requireNonNull(shared, "shared"));
    }

    /**
     * The next messages that come are lost, heartbeats not counted.
     *
     * @param messages how many
     */
    public void lose(int messages) {
        locked(() -> toLose = messages);
    }

    /** From now on what comes waits for {@link #release()}. */
    public void hold() {
        locked(() -> holding = true);
    }

    /** Tells what waits, in the order in which it came, and holds nothing any more. */
    public void release() {
        locked(() -> holding = false);
        while (held() > 0) release(0);
    }

    /**
     * Tells one message that waits, before the others.
     *
     * @param at its place among those that wait, from 0
     */
    public void release(int at) {
        Heard next;
        lock.lock();
        try {
            next = held.remove(at);
        } finally {
            lock.unlock();
        }
        next.tell();
    }

    /**
     * How many messages wait.
     *
     * @return heartbeats included
     */
    public int held() {
        lock.lock();
        try {
            return held.size();
        } finally {
            lock.unlock();
        }
    }

    /** The connection is cut: publishing fails, what comes is lost, what waits as well. */
    public void disconnect() {
        locked(() -> {
            cut = true;
            held.clear();
        });
    }

    /** Connected again, and nobody noticed. */
    public void reconnect() {
        locked(() -> cut = false);
    }

    /** Connected again, and the backplane knows that it has missed something. */
    public void reconnectAndTell() {
        reconnect();
        for (Listener each : listeners) each.gap();
    }

    @Override
    public CompletionStage<Void> publish(Message message) {
        boolean gone;
        lock.lock();
        try {
            gone = cut;
        } finally {
            lock.unlock();
        }
        if (gone) return CompletableFuture.failedFuture(new IllegalStateException("the backplane is cut off"));
        return shared.publish(message);
    }

    @Override
    public Subscription subscribe(Listener listener) {
        listeners.add(listener);
        Subscription inner = shared.subscribe(new Listener() {
            @Override
            public void received(String channel, long number, Message message) {
                Heard heard = new Heard(listener, channel, number, message);
                if (arrives(heard)) heard.tell();
            }

            @Override
            public void gap() {
                listener.gap();
            }
        });
        return () -> {
            listeners.remove(listener);
            inner.close();
        };
    }

    private boolean arrives(Heard heard) {
        lock.lock();
        try {
            if (cut) return false;
            if (toLose > 0 && heard.message.kind() != Kind.HEARTBEAT) {
                toLose--;
                return false;
            }
            if (holding) held.add(heard);
            return !holding;
        } finally {
            lock.unlock();
        }
    }

    private void locked(Runnable change) {
        lock.lock();
        try {
            change.run();
        } finally {
            lock.unlock();
        }
    }
}
