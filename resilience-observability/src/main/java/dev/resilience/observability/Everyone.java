// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Keyed;
import dev.resilience.Policy;
import dev.resilience.Subscription;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * All policies of a registry, those to come too: tells of each one that it is there, once, and that it has gone, once
 * and after that, until closed; then all have gone.
 *
 * <p>Implementation note: the registry tells of changes only, so those that are there are asked for after subscribing;
 * one that goes in between is noted in {@code gone}, or it would stay here for ever.
 */
final class Everyone<P extends Policy> implements Keyed.Listener<P>, Subscription {
    private final ReentrantLock lock = new ReentrantLock();
    private final Consumer<? super P> comes;
    private final Consumer<? super P> goes;
    private final Subscription subscription;
    /* Guarded by the lock from here on. */
    private final Set<P> present = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Set<P> gone = new HashSet<>();
    private boolean starting = true;
    private boolean closed;

    Everyone(Keyed<?, P> keyed, Consumer<? super P> comes, Consumer<? super P> goes) {
        this.comes = comes;
        this.goes = goes;
        subscription = keyed.onChange(this);
        lock.lock();
        try {
            keyed.live().values().forEach(this::enterLocked);
            keyed.overflow().ifPresent(this::enterLocked);
            starting = false;
            gone.clear();
        } catch (Throwable broken) {
            close();
            throw broken;
        } finally {
            lock.unlock();
        }
    }

    private void enterLocked(P policy) {
        assert lock.isHeldByCurrentThread();
        if (!closed && !gone.contains(policy) && present.add(policy)) comes.accept(policy);
    }

    @Override
    public void made(P policy) {
        lock.lock();
        try {
            enterLocked(policy);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void forgotten(P policy) {
        lock.lock();
        try {
            if (present.remove(policy)) goes.accept(policy);
            else if (starting) gone.add(policy);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        subscription.close();
        List<P> all;
        lock.lock();
        try {
            closed = true;
            all = List.copyOf(present);
            present.clear();
        } finally {
            lock.unlock();
        }
        all.forEach(goes);
    }
}
