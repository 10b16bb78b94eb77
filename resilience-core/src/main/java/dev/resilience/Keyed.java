// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A policy or pipeline for each key: per host, per tenant, per user. One that fails then does not take the others with
 * it.
 *
 * {@snippet class="dev.resilience.Snippets" region="keyed"}
 *
 * <p><b>Creation.</b> {@link #get} makes the policy at the first use of its key. Callers that come together get the same
 * instance. The factory runs outside of locks and may call back; when two make one for the same key at the same time,
 * the first counts and the other is thrown away unused.
 *
 * <p><b>Bounds.</b> At most {@link Builder#maxKeys maxKeys} policies are kept. One that has not been asked for during
 * {@link Builder#idle idle} is forgotten, but only when nothing in it would be lost: no call in flight or waiting, no open
 * breaker, no debt ({@link Gate#forgettable}). When there is no room and nothing is found to forget, further keys share
 * one <em>overflow</em> policy: it restricts too much rather than forgiving anything. Give it a name of its own with
 * {@link Builder#build(Function, Supplier)}; else it is made with the key that needed it first, and its messages and
 * metrics bear that key's name. Ask for the policy at each call; one that is kept elsewhere for longer than {@code idle}
 * may have been replaced here.
 *
 * <p><b>Threads and cost.</b> Thread-safe. {@link #get} of a known key costs a look-up and a clock read and takes no lock;
 * forgetting happens in small steps when keys are made, or asked for and not kept. Only for want of room all are looked
 * at, sixteen times per {@code idle} at most. Nothing runs in the background.
 *
 * @param <K> the type of the keys; needs {@code equals} and {@code hashCode}
 * @param <P> the type of the policies
 */
public final class Keyed<K, P extends Policy> {
    private static final int STEP = 16;

    private final ConcurrentHashMap<K, Entry<K, P>> entries = new ConcurrentHashMap<>();
    private final AtomicInteger size = new AtomicInteger();
    /** One thread at a time looks for what may be forgotten; no lock, as a third party's gate is asked meanwhile (L5). */
    private final AtomicBoolean sweeping = new AtomicBoolean();

    private final AtomicReference<@Nullable P> overflow = new AtomicReference<>();
    private final CopyOnWriteArrayList<Watching<P>> listeners = new CopyOnWriteArrayList<>();
    private final Function<? super K, ? extends P> factory;
    private final @Nullable Supplier<? extends P> overflowFactory;
    private final int maxKeys;
    private final long idle;
    /** How stale a note of use may be: a popular key is then only read, not written. */
    private final long grain;

    private final TimeSource time;

    /** Where the next sweep goes on; used by whoever holds {@link #sweeping}. */
    private List<Entry<K, P>> round = List.of();
    /** When all were last looked at because there was no room; used by whoever holds {@link #sweeping}. */
    private long roundAt;

    private Keyed(
            Builder builder,
            Function<? super K, ? extends P> factory,
            @Nullable Supplier<? extends P> overflowFactory) {
        this.factory = factory;
        this.overflowFactory = overflowFactory;
        this.maxKeys = builder.maxKeys;
        this.idle = TimeSource.nanos(builder.idle);
        this.grain = idle / 16;
        this.time = builder.time;
        this.roundAt = time.nanoTime() - grain;
    }

    /**
     * A place for a policy, and when it was last asked for, roughly: odd while it is kept, FORGOTTEN after.
     *
     * @param <K> the type of the keys
     * @param <P> the type of the policies
     */
    private static final class Entry<K, P> extends AtomicLong {
        private static final long serialVersionUID = 1L;
        static final long FORGOTTEN = 0;

        final transient K key;
        /** Empty until the first of those who come together has made one. */
        final transient AtomicReference<@Nullable P> policy = new AtomicReference<>();
        /** The listeners know it: they are told of its end after that. */
        volatile boolean announced;

        Entry(K key, long now) {
            super(now | 1);
            this.key = key;
        }

        /** False when it has been forgotten: whoever asks now gets a new one, and nobody both. */
        boolean use(long now, long grain) {
            for (long seen = get(); seen != FORGOTTEN; seen = get()) {
                if (now - seen < grain || compareAndSet(seen, now | 1)) return true;
            }
            return false;
        }
    }

    /**
     * Policies made by a factory, at most 10,000 of them, forgotten after 10 minutes without use.
     *
     * @param <K> the type of the keys
     * @param <P> the type of the policies
     * @param factory makes the policy of a key; must not return null
     * @return without a policy yet
     */
    public static <K, P extends Policy> Keyed<K, P> of(Function<? super K, ? extends P> factory) {
        return builder().build(factory);
    }

    /**
     * For other bounds.
     *
     * @return the builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * The policy of a key, made if there is none.
     *
     * @param key the key
     * @return always the same while it is kept; the shared overflow when there is no room
     * @throws RuntimeException as the factory does; nothing is kept then
     */
    public P get(K key) {
        Objects.requireNonNull(key, "key");
        long now = time.nanoTime();
        for (; ; Thread.onSpinWait()) {
            Entry<K, P> entry = entries.get(key);
            if (entry == null) entry = place(key, now);
            if (entry == null) return overflow(key);
            if (!entry.use(now, grain)) continue; // the sweeper is about to remove it
            P policy = entry.policy.get();
            return policy != null ? policy : fill(entry);
        }
    }

    /** A place is taken under the map's lock of that key, so that those who come together take one. */
    private @Nullable Entry<K, P> place(K key, long now) {
        forget(now, size.get() >= maxKeys);
        return entries.computeIfAbsent(key, k -> {
            if (size.incrementAndGet() <= maxKeys) return new Entry<>(k, now);
            size.decrementAndGet();
            return null;
        });
    }

    /** The first that is made counts. A place that stays empty because its factory threw is given up. */
    private P fill(Entry<K, P> entry) {
        P made;
        try {
            made = Objects.requireNonNull(factory.apply(entry.key), "the factory returned null");
        } catch (Throwable broken) {
            giveUp(entry);
            throw broken;
        }
        boolean first = entry.policy.compareAndSet(null, made);
        // given up meanwhile, or about to be revived; else ours or that of whoever was first
        P kept = entry.get() == Entry.FORGOTTEN
                ? get(entry.key)
                : first ? made : Objects.requireNonNull(entry.policy.get());
        if (first && kept == made) {
            announce("made", listener -> listener.made(made));
            entry.announced = true;
        }
        return kept;
    }

    /** Marks, then looks; {@link #fill} writes, then looks for the mark: one of the two sees the other. */
    private void giveUp(Entry<K, P> entry) {
        long seen = entry.get();
        if (seen == Entry.FORGOTTEN || !entry.compareAndSet(seen, Entry.FORGOTTEN)) return;
        if (entry.policy.get() == null) remove(entry);
        else entry.set(seen);
    }

    private void remove(Entry<K, P> entry) {
        if (entries.remove(entry.key, entry)) size.decrementAndGet();
    }

    private P overflow(K key) {
        P shared = overflow.get();
        if (shared != null) return shared;
        Supplier<? extends P> own = overflowFactory;
        P made = own == null
                ? Objects.requireNonNull(factory.apply(key), "the factory returned null")
                : Objects.requireNonNull(own.get(), "the overflow's factory returned null");
        if (!overflow.compareAndSet(null, made)) return Objects.requireNonNull(overflow.get());
        announce("made", listener -> listener.made(made));
        return made;
    }

    private void announce(String what, Consumer<Listener<? super P>> news) {
        for (Watching<P> watching : listeners) {
            try {
                news.accept(watching.listener);
            } catch (Throwable broken) {
                Reports.guest("keyed", "a listener of what was " + what, broken);
            }
        }
    }

    /**
     * Looks at some entries, each in its turn, and at all of them for want of room, but then not again soon: a key that
     * gets no room asks at each call. Skipped when another thread is at it.
     */
    private void forget(long now, boolean full) {
        if (!sweeping.compareAndSet(false, true)) return;
        try {
            boolean all = full && now - roundAt >= grain;
            if (all) {
                roundAt = now;
                round = List.of();
            }
            int most = all ? Integer.MAX_VALUE : STEP;
            for (int looked = 0; looked < most; looked++) {
                if (round.isEmpty()) {
                    if (looked > 0) return; // once around is enough
                    round = new ArrayList<>(entries.values());
                    if (round.isEmpty()) return;
                }
                Entry<K, P> entry = round.remove(round.size() - 1);
                if (forgotten(entry, now)) retire(entry);
            }
        } finally {
            sweeping.set(false);
        }
    }

    private void retire(Entry<K, P> entry) {
        remove(entry);
        P gone = Objects.requireNonNull(entry.policy.get());
        announce("forgotten", listener -> listener.forgotten(gone));
    }

    private boolean forgotten(Entry<K, P> entry, long now) {
        long seen = entry.get();
        P policy = entry.policy.get();
        return seen != Entry.FORGOTTEN
                && now - seen >= idle
                && policy != null
                && entry.announced
                && forgettable(policy, now)
                && entry.compareAndSet(seen, Entry.FORGOTTEN);
    }

    /** Every gate in it agrees; a third party's gate that throws is kept. */
    private static boolean forgettable(Policy policy, long now) {
        if (policy instanceof Gate gate) {
            try {
                return gate.forgettable(now);
            } catch (Throwable broken) {
                gate.report("forgettable", broken);
                return false;
            }
        }
        for (Policy inner : policy.inner()) {
            if (!forgettable(inner, now)) return false;
        }
        return true;
    }

    /**
     * The policies kept now, for an operator's view; without the overflow.
     *
     * @return a copy
     */
    public Map<K, P> live() {
        Map<K, P> live = new HashMap<>();
        entries.forEach((key, entry) -> {
            P policy = entry.policy.get();
            if (policy != null) live.put(key, policy);
        });
        return Collections.unmodifiableMap(live);
    }

    /**
     * The policy that keys share for which there was no room.
     *
     * @return empty as long as there has been room for all
     */
    public Optional<P> overflow() {
        return Optional.ofNullable(overflow.get());
    }

    /**
     * Subscribes to the policies that come and go, the overflow included: for metrics and logs that are to cover all of
     * them. Those that are there already are not told; ask {@link #live()} and {@link #overflow()} <em>after</em>
     * subscribing.
     *
     * @param listener told outside of locks, on the thread that made a policy or found one to forget; short and not
     *     blocking; what it throws is reported
     * @return a handle to end it
     */
    public Subscription onChange(Listener<? super P> listener) {
        Watching<P> watching = new Watching<>(Objects.requireNonNull(listener, "listener"));
        listeners.add(watching);
        return () -> listeners.remove(watching);
    }

    /**
     * Told of the policies that come and go.
     *
     * @param <P> the type of the policies
     */
    public interface Listener<P> {
        /**
         * A policy was made. A call that asked for the same key at the same time may use it already. Does nothing unless
         * overridden.
         *
         * @param policy told once, and before its end
         */
        default void made(P policy) {}

        /**
         * A policy was forgotten: nobody gets it any more, nothing is in flight in it. Does nothing unless overridden.
         *
         * @param policy told of before, unless it was made before this listener came
         */
        default void forgotten(P policy) {}
    }

    /** An identity of its own: the same listener may subscribe twice and leave once. */
    private static final class Watching<P> {
        final Listener<? super P> listener;

        Watching(Listener<? super P> listener) {
            this.listener = listener;
        }
    }

    /**
     * Bounds and a clock.
     *
     * @return as configured
     */
    @Override
    public String toString() {
        return "Keyed[keys=" + size.get() + "/" + maxKeys + ", idle=" + Text.duration(Duration.ofNanos(idle))
                + (overflow.get() == null ? "]" : ", overflow in use]");
    }

    /** Builds a {@link Keyed}. Not thread-safe. */
    public static final class Builder {
        private int maxKeys = 10_000;
        private Duration idle = Duration.ofMinutes(10);
        private TimeSource time = TimeSource.system();

        private Builder() {}

        /**
         * How many policies are kept. Default: 10,000.
         *
         * @param max at least 1
         * @return this
         */
        public Builder maxKeys(int max) {
            this.maxKeys = max;
            return this;
        }

        /**
         * How long a policy is kept without being asked for. Default: 10 minutes.
         *
         * @param idle greater than zero
         * @return this
         */
        public Builder idle(Duration idle) {
            this.idle = Objects.requireNonNull(idle, "idle");
            return this;
        }

        /**
         * The clock, which should be that of the policies. Default: {@link TimeSource#system()}.
         *
         * @param time the clock
         * @return this
         */
        public Builder timeSource(TimeSource time) {
            this.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Makes the registry.
         *
         * @param <K> the type of the keys
         * @param <P> the type of the policies
         * @param factory makes the policy of a key; must not return null
         * @return without a policy yet
         * @throws IllegalArgumentException naming every setting that is out of range
         */
        public <K, P extends Policy> Keyed<K, P> build(Function<? super K, ? extends P> factory) {
            Objects.requireNonNull(factory, "factory");
            check();
            return new Keyed<>(this, factory, null);
        }

        /**
         * Makes the registry, with an overflow of its own: named so that whoever reads its messages knows that keys
         * share it, and perhaps wider than the policy of one key.
         *
         * @param <K> the type of the keys
         * @param <P> the type of the policies
         * @param factory makes the policy of a key; must not return null
         * @param overflow makes the policy that is shared by keys for which there is no room, when it is first needed;
         *     called again when it throws; must not return null
         * @return without a policy yet
         * @throws IllegalArgumentException naming every setting that is out of range
         */
        public <K, P extends Policy> Keyed<K, P> build(
                Function<? super K, ? extends P> factory, Supplier<? extends P> overflow) {
            Objects.requireNonNull(factory, "factory");
            Objects.requireNonNull(overflow, "overflow");
            check();
            return new Keyed<>(this, factory, overflow);
        }

        private void check() {
            List<String> problems = new ArrayList<>();
            if (maxKeys < 1) problems.add("maxKeys must be at least 1, was " + maxKeys);
            if (idle.isZero() || idle.isNegative()) problems.add("idle must be positive, was " + idle);
            if (!problems.isEmpty()) throw new IllegalArgumentException("keyed: " + String.join("; ", problems));
        }
    }
}
