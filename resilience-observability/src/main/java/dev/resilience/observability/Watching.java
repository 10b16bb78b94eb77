// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Keyed;
import dev.resilience.Policy;
import dev.resilience.Subscription;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Listeners on policies, and on what is none, one on each however many bindings name it.
 *
 * @param <V> what those who are bound together share: a bound for how much they may say
 */
final class Watching<V> implements AutoCloseable {
    private final BiFunction<Policy, V, Subscription> listen;
    private final Consumer<V> over;
    private final ReentrantLock lock = new ReentrantLock();
    /* Guarded by the lock from here on. */
    private final IdentityHashMap<Object, Ear> ears = new IdentityHashMap<>();
    private final Set<Subscription> open = new LinkedHashSet<>();
    private boolean closed;

    /** {@code over} is told what a binding shared when it has been closed. */
    Watching(BiFunction<Policy, V, Subscription> listen, Consumer<V> over) {
        this.listen = listen;
        this.over = over;
    }

    private static final class Ear {
        final Subscription subscription;
        int bindings;

        Ear(Subscription subscription) {
            this.subscription = subscription;
        }
    }

    Subscription bind(Policy policy, V shared) {
        List<Policy> each = Policies.flat(policy);
        return opened(shared, () -> {
            each.forEach(one -> hold(one, shared));
            return () -> each.forEach(this::release);
        });
    }

    /** What is no policy itself. */
    Subscription bind(Object heard, V shared, Function<V, Subscription> how) {
        return opened(shared, () -> {
            hold(heard, () -> how.apply(shared));
            return () -> release(heard);
        });
    }

    <P extends Policy> Subscription bind(Keyed<?, P> keyed, V shared) {
        return opened(
                shared,
                () -> new Everyone<>(
                        keyed,
                        policy -> Policies.flat(policy).forEach(one -> hold(one, shared)),
                        policy -> Policies.flat(policy).forEach(this::release)));
    }

    /** What is bound is released once, by its handle or by {@link #close()}. */
    private Subscription opened(V shared, Supplier<Subscription> bind) {
        refuseIfClosed();
        Subscription listening = bind.get();
        Subscription bound = () -> {
            listening.close();
            over.accept(shared);
        };
        boolean late;
        lock.lock();
        try {
            late = closed;
            if (!late) open.add(bound);
        } finally {
            lock.unlock();
        }
        if (late) bound.close();
        return () -> end(bound);
    }

    private void refuseIfClosed() {
        lock.lock();
        try {
            if (closed) throw new IllegalStateException("closed, nothing can be bound any more");
        } finally {
            lock.unlock();
        }
    }

    private void end(Subscription bound) {
        boolean mine;
        lock.lock();
        try {
            mine = open.remove(bound);
        } finally {
            lock.unlock();
        }
        if (mine) bound.close();
    }

    private void hold(Policy policy, V shared) {
        hold(policy, () -> listen.apply(policy, shared));
    }

    private void hold(Object heard, Supplier<Subscription> how) {
        lock.lock();
        try {
            Ear ear = ears.computeIfAbsent(heard, h -> new Ear(how.get()));
            ear.bindings++;
        } finally {
            lock.unlock();
        }
    }

    private void release(Object heard) {
        lock.lock();
        try {
            Ear ear = ears.get(heard);
            if (ear == null || --ear.bindings > 0) return;
            ears.remove(heard);
            ear.subscription.close();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        List<Subscription> all;
        lock.lock();
        try {
            closed = true;
            all = new ArrayList<>(open);
            open.clear();
        } finally {
            lock.unlock();
        }
        all.forEach(Subscription::close);
    }
}
