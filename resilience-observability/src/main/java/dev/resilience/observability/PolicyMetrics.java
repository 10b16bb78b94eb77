// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Keyed;
import dev.resilience.Policy;
import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Shows policies in a Micrometer registry. The meters read the counters that the policies keep anyway: binding adds
 * nothing to a call, no time and no allocation. Rate limiters are the exception: they count from when they are bound, an
 * addition for each decision and no allocation.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="metrics"}
 *
 * <p><b>Names and tags</b> are in one table, {@code docs/observability.md}, that a test compares with what Prometheus
 * gets. Tags are {@code name}, and {@code outcome}, {@code state} or {@code source}, of a saga's steps
 * {@code phase} and {@code outcome}; never a key, never an exception's class.
 *
 * <p><b>What shares a name shares its series.</b> Policies of one kind and one name are shown together: counters and
 * levels are sums, rates are the worst, ages the longest. So two timeouts that nobody named are one row, and a
 * {@link Keyed} registry with 10,000 policies is one row too. To tell policies apart give them names. A policy that is
 * bound twice, alone and in a pipeline for example, counts once, and is shown until the last of these bindings is closed.
 *
 * <p><b>Counters never go backwards</b> while a binding is open: what a policy had counted when a registry forgot it
 * stays in the sum. What somebody does with a policy that was forgotten is not counted any more.
 *
 * <p><b>Lifetime.</b> The registry keeps the policies as long as they are bound: a policy that nobody else knows any more
 * is still shown, rather than vanishing with some garbage collection. {@link Subscription#close()} of a binding, or
 * {@link #close()}, takes every meter out again that was put in, and no other, and lets the policies go. Only policies
 * that a {@code Keyed} has forgotten are let go at once.
 *
 * <p><b>Threads.</b> Thread-safe. Meters are read on the thread that scrapes; looking at a breaker does what is due by the
 * clock there. A scrape costs one look at each policy for up to 64 of a name for each series; beyond that all series of
 * a name share a look, so that it grows with the keys alone.
 */
public final class PolicyMetrics implements AutoCloseable {
    private static final Series<Keyed<?, ?>> KEPT =
            Series.gauge("", Series.Folding.SUM, "Policies kept now, the overflow included", keyed -> 0);
    private static final Series<Keyed<?, ?>> SHARED =
            Series.gauge("", Series.Folding.SUM, "1 when keys had to share a policy for want of room", keyed -> 0);

    private final MeterRegistry registry;
    private final TimeSource time;
    /** Held while meters come and go; the registry's own listeners run then, scrapes do not need it. */
    private final ReentrantLock lock = new ReentrantLock();
    /* Guarded by the lock from here on. */
    private final Map<Key, Shown> shown = new HashMap<>();
    private final Set<Binding> open = new LinkedHashSet<>();
    private boolean closed;

    private PolicyMetrics(MeterRegistry registry, TimeSource time) {
        this.registry = Objects.requireNonNull(registry, "registry");
        this.time = time;
    }

    /** What makes policies one row. */
    private record Key(Class<?> type, String name) {}

    /** A row, its meters, and how many bindings want it. */
    private static final class Shown {
        final Group<?, ?> group;
        final Meters meters;
        int bindings;

        Shown(Group<?, ?> group, Meters meters) {
            this.group = group;
            this.meters = meters;
        }
    }

    /**
     * Makes the one place where policies are bound to a registry; two for one registry get into each other's way.
     *
     * @param registry where the meters go
     * @return nothing is bound yet
     */
    public static PolicyMetrics on(MeterRegistry registry) {
        return new PolicyMetrics(registry, TimeSource.system());
    }

    /** With the clock that says how old a look at many policies may be. */
    static PolicyMetrics on(MeterRegistry registry, TimeSource time) {
        return new PolicyMetrics(registry, time);
    }

    /**
     * Shows a policy; of a pipeline, each gate and driver in it, under its own name. Drivers of third parties have
     * nothing to show. A limiter per key is no policy: {@link LimiterMetrics} binds it.
     *
     * @param policy the policy
     * @return takes out what only this binding has put in
     * @throws IllegalArgumentException when the registry has one of the meters already, from somebody else; nothing is
     *     bound then
     * @throws IllegalStateException when this is closed
     */
    public Subscription bind(Policy policy) {
        Objects.requireNonNull(policy, "policy");
        Binding binding = new Binding();
        return binding.opened(() -> {
            for (Policy each : Policies.flat(policy)) binding.hold(each.name(), each);
        });
    }

    /**
     * Shows all policies of a registry of policies as one, those to come too: sums over all keys, and how many breakers
     * are in each state. The number of series does not depend on the number of keys.
     *
     * @param name stands in for the names of the policies
     * @param keyed the registry of policies
     * @param <P> the type of the policies
     * @return takes out what only this binding has put in
     * @throws IllegalArgumentException when the registry has one of the meters already, also because of another
     *     {@code Keyed} of this name; nothing is bound then
     * @throws IllegalStateException when this is closed
     */
    public <P extends Policy> Subscription bind(String name, Keyed<?, P> keyed) {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(keyed, "keyed");
        Binding binding = new Binding();
        return binding.opened(() -> binding.hold(name, keyed));
    }

    /** Shows what is no policy itself. */
    Subscription bind(String name, Object shown, Kind<?, ?> kind) {
        return bind(List.of(new Row(name, shown, kind)), () -> () -> {});
    }

    /** Something that is no policy itself, and the name under which it is seen. */
    record Row(String name, Object shown, Kind<?, ?> kind) {}

    /** Shows several that come and go together; {@code listen} is called once, and closed with the binding. */
    Subscription bind(List<Row> rows, Supplier<Subscription> listen) {
        Binding binding = new Binding();
        return binding.opened(() -> {
            for (Row row : rows) {
                binding.add(row.name, row.shown, row.kind);
                binding.later(() -> binding.remove(row.name, row.shown, row.kind));
            }
            binding.later(listen.get()::close);
        });
    }

    /** Closes all bindings. No other can be made then. */
    @Override
    public void close() {
        Set<Binding> all;
        lock.lock();
        try {
            closed = true;
            all = Set.copyOf(open);
        } finally {
            lock.unlock();
        }
        all.forEach(Binding::close);
    }

    /** What one call of {@code bind} has put in. */
    private final class Binding implements Subscription {
        /* Guarded by the lock. */
        private final Map<Key, Shown> rows = new HashMap<>();
        private final Set<Runnable> undo = new LinkedHashSet<>();
        private boolean over;

        Subscription opened(Runnable bind) {
            lock.lock();
            try {
                if (closed) throw new IllegalStateException("policy metrics: closed, nothing can be bound any more");
                open.add(this);
            } finally {
                lock.unlock();
            }
            try {
                bind.run();
            } catch (Throwable broken) {
                close();
                throw broken;
            }
            return this;
        }

        void hold(String name, Policy policy) {
            add(name, policy);
            later(() -> remove(name, policy));
        }

        <P extends Policy> void hold(String name, Keyed<?, P> keyed) {
            AtomicInteger present = new AtomicInteger();
            Meters own = new Meters(registry, name);
            try {
                own.show("resilience.keyed.policies", KEPT, present::get);
                own.show(
                        "resilience.keyed.overflow",
                        SHARED,
                        () -> keyed.overflow().isPresent() ? 1 : 0);
            } finally {
                later(own::remove);
            }
            Everyone<P> everyone = new Everyone<>(
                    keyed,
                    policy -> {
                        present.incrementAndGet();
                        Policies.flat(policy).forEach(each -> add(name, each));
                    },
                    policy -> {
                        Policies.flat(policy).forEach(each -> remove(name, each));
                        present.decrementAndGet();
                    });
            later(everyone::close);
        }

        /** At once, if {@link PolicyMetrics#close()} came in between. */
        private void later(Runnable action) {
            boolean now;
            lock.lock();
            try {
                now = over;
                if (!over) undo.add(action);
            } finally {
                lock.unlock();
            }
            if (now) action.run();
        }

        private void add(String name, Policy policy) {
            Kinds.of(policy).ifPresent(kind -> add(name, policy, kind));
        }

        private void add(String name, Object policy, Kind<?, ?> kind) {
            kind.begin(policy);
            lock.lock();
            try {
                if (over) return;
                Shown row = rowLocked(new Key(kind.type(), name), kind);
                boolean comes = row.group.add(policy);
                if (comes && policy instanceof CallMeter meter && meter.wantsTimes()) {
                    meter.record(row.meters.timers());
                }
                if (comes && policy instanceof Telling telling) telling.into(row.meters);
            } finally {
                lock.unlock();
            }
        }

        private Shown rowLocked(Key key, Kind<?, ?> kind) {
            assert lock.isHeldByCurrentThread();
            Shown mine = rows.get(key);
            if (mine != null) return mine;
            Shown row = shown.get(key);
            if (row == null) row = put(key, kind);
            row.bindings++;
            rows.put(key, row);
            return row;
        }

        private void remove(String name, Policy policy) {
            Kinds.of(policy).ifPresent(kind -> remove(name, policy, kind));
        }

        private void remove(String name, Object policy, Kind<?, ?> kind) {
            Shown row = row(new Key(kind.type(), name));
            if (row == null) return;
            Object unused = row.group.glance(policy);
            lock.lock();
            try {
                boolean goes = row.group.remove(policy);
                if (goes && policy instanceof CallMeter meter && meter.wantsTimes()) {
                    meter.forget(row.meters.timers());
                }
                if (goes && policy instanceof Telling telling) telling.noLongerInto(row.meters);
            } finally {
                lock.unlock();
            }
        }

        private @Nullable Shown row(Key key) {
            lock.lock();
            try {
                return rows.get(key);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void close() {
            Set<Runnable> actions;
            lock.lock();
            try {
                if (!open.remove(this)) return;
                over = true;
                actions = new LinkedHashSet<>(undo);
            } finally {
                lock.unlock();
            }
            actions.forEach(Runnable::run);
            lock.lock();
            try {
                rows.forEach(PolicyMetrics.this::dropLocked);
                rows.clear();
            } finally {
                lock.unlock();
            }
        }
    }

    private Shown put(Key key, Kind<?, ?> kind) {
        Group<?, ?> group = new Group<>(kind, time);
        Meters meters = new Meters(registry, key.name());
        try {
            meters.show(group);
        } catch (Throwable taken) {
            meters.remove();
            throw taken;
        }
        Shown row = new Shown(group, meters);
        shown.put(key, row);
        return row;
    }

    private void dropLocked(Key key, Shown row) {
        assert lock.isHeldByCurrentThread();
        if (--row.bindings > 0) return;
        row.meters.remove();
        shown.remove(key);
    }
}
