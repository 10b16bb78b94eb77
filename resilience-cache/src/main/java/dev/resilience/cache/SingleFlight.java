// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallContext;
import dev.resilience.Description;
import dev.resilience.Op;
import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets concurrent calls for one key share one load, and keeps nothing: when the load has ended, the next call loads
 * again. For a value that should stay, use {@link LoadingCache}, which shares its loads by the same rules.
 *
 * {@snippet class="dev.resilience.cache.FlightSnippets" region="call"}
 *
 * <p><b>One load.</b> The first caller of a key is its {@linkplain Role#LEADER leader}; who comes while the load is under
 * way follows. All get the same value, the same instance. A call that begins after a load has ended, or after
 * {@link #detach}, never sees that load's result: an immediate retry after a failure is a new load.
 *
 * <p><b>Failures.</b> What the load throws comes to each caller as a {@link CacheLoadException} of its own around the one
 * cause; the leader too, and also when nobody shared: what a call throws does not depend on who else called. An
 * {@link Error} comes out of the leader's call as it is.
 *
 * <p><b>Waiting.</b> One caller's timeout, interrupt or cancellation ends that caller's wait and nobody else's. When the
 * last one has left, the load is cancelled: its thread interrupted where it is one of the library's or of the builder's
 * executor, its stage cancelled. Nobody joins a load that all have left.
 *
 * <p><b>Threads.</b> By default a load runs on its leader's thread, with all that is bound to it: transactions, log
 * context. The leader's interrupt is its own: it gets {@link dev.resilience.CallInterruptedException}, and one of the
 * others leads a new load. {@link Builder#detached()} and {@link Builder#executor} run loads elsewhere, so that also the
 * leader may leave. Blocks; heeds interrupts. Thread-safe; no lock is held while user code runs.
 *
 * <p><b>Deadline.</b> A load that does not end by its {@linkplain Builder#loadDeadline deadline}, by default after one
 * minute, is abandoned: those who wait get a {@code CacheLoadException} around a
 * {@link dev.resilience.TimeoutExceededException}, the key can be loaded anew, the load is interrupted, and what it
 * brings later is discarded (closed, if it is {@link AutoCloseable}). Abandoned loads that go on running are counted and
 * {@linkplain Builder#maxAbandoned capped}.
 *
 * <p><b>Recursion.</b> A load that asks for its own key gets an {@link IllegalStateException} at once. So does a thread
 * whose wait would close a ring: loads of several keys, tables or threads that wait for one another. It is found where
 * threads wait; a future that waits for itself is not, and ends at the deadline.
 *
 * <p><b>Memory.</b> What the leader does before the call and in the load happens-before each of its callers returns.
 *
 * <p>A lone load costs an object, a place in a map and one reading of the clock.
 *
 * @param <K> the keys, compared by {@code equals}; never null
 * @param <V> the values
 */
public final class SingleFlight<K, V extends @Nullable Object> {
    private final Flights<K, V> flights;
    /** Null: on the leader's thread. */
    private final @Nullable Executor executor;

    private SingleFlight(Builder builder) {
        FlightRules.Owner owner =
                new FlightRules.Owner(builder.name, "single flight '" + builder.name + "'", builder.time);
        Duration deadline = builder.loadDeadline;
        long nanos = TimeSource.nanos(deadline == null ? Builder.LOAD_DEADLINE : deadline);
        FlightRules rules = new FlightRules(owner, nanos, builder.maxAbandoned, deadline != null);
        this.flights = new Flights<>(rules, builder.time, Landing.keepingNothing());
        this.executor = builder.executor;
    }

    /**
     * With the defaults, named {@code default}.
     *
     * @param <K> the keys
     * @param <V> the values
     * @return a new one, that shares with no other
     */
    public static <K, V extends @Nullable Object> SingleFlight<K, V> create() {
        return builder("default").build();
    }

    /**
     * For a name, a deadline, an executor, a clock.
     *
     * {@snippet class="dev.resilience.cache.FlightSnippets" region="builder"}
     *
     * @param name names it in messages and metrics
     * @return the builder
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /**
     * The value of a key: loads it, or waits for the load that is under way. For as long as that takes; to wait less,
     * hand in a {@linkplain #call(CallContext, Object, Op) context}.
     *
     * @param key the key
     * @param load loads the value if this call leads; otherwise it is not run
     * @return what the load returned, null if that was null
     * @throws CacheLoadException around what the load threw, or when it did not end by its deadline
     * @throws LoadRejectedException when a load would have to begin and too many abandoned ones still run
     * @throws dev.resilience.CallInterruptedException when this thread was interrupted while it waited, or while it ran
     *     the load and that ended by it; the flag is set
     * @throws IllegalStateException when the call would wait for itself
     */
    public V call(K key, Op<? extends V, ?> load) {
        return fly(CallContext.root(), Objects.requireNonNull(key, "key"), Objects.requireNonNull(load, "load"), null);
    }

    /**
     * {@link #call(Object, Op)} for no longer than a context allows.
     *
     * {@snippet class="dev.resilience.cache.FlightSnippets" region="within"}
     *
     * <p>The deadline is that of the wait: a load that this very thread runs is not cut by it. The load belongs to all who
     * share it, and does not see the context.
     *
     * @param context the context
     * @param key the key
     * @param load as there
     * @return as there
     * @throws dev.resilience.TimeoutExceededException when the deadline passed while the call waited; the load goes on
     *     for others
     * @throws dev.resilience.CallInterruptedException also when the call was cancelled while it waited
     */
    public V call(CallContext context, K key, Op<? extends V, ?> load) {
        Objects.requireNonNull(context, "context");
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(load, "load");
        return flights.rules.owner.call(context, inside -> fly(inside, key, load, null));
    }

    /**
     * {@link #call(Object, Op)} that also tells what this call was to the load, for logs and metrics.
     *
     * @param key the key
     * @param load as there
     * @return the role, and the value or what {@code call} would have thrown; throws nothing but for null arguments
     */
    public Answer<V> answer(K key, Op<? extends V, ?> load) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(load, "load");
        Role[] role = {Role.LEADER};
        try {
            return new Answer<>(Outcome.success(fly(CallContext.root(), key, load, role)), role[0]);
        } catch (Throwable thrown) {
            return new Answer<>(Outcome.failure(thrown), role[0]);
        }
    }

    private V fly(CallContext context, K key, Op<? extends V, ?> load, Role @Nullable [] role) {
        for (; ; ) {
            Flight<K, V> flight = flights.board(key);
            boolean leads = flight == null;
            if (flight == null)
                flight = flights.open(key, null, executor == null ? Flight.Mode.CALLER : Flight.Mode.WORKER);
            if (flight == null) continue; // somebody opened one in between
            if (role != null) role[0] = leads ? Role.LEADER : Role.FOLLOWER;
            if (leads && executor == null) return flight.lead(load);
            if (leads && executor != null) flight.launch(executor, load);
            if (flight.await(context.remainingNanos(), context)) return flight.result(leads);
        }
    }

    /**
     * The value of a key from a load that is a stage. Starts it on this thread, or joins the load that is under way,
     * whichever face that came by. Does not block.
     *
     * @param key the key
     * @param load starts the stage if this call leads; the stage is made for this load, and cancelled when all have left
     * @return a future of the caller's own: cancelling it, or ending it otherwise, leaves the load to the others. It fails
     *     with what {@link #call(Object, Op)} would throw. What hangs on it without an executor runs on the thread that
     *     ends the load, before the other callers are told
     */
    public CompletableFuture<V> callAsync(K key, Op<? extends CompletionStage<? extends V>, ?> load) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(load, "load");
        return future(key, Flight.Mode.STAGE, flight -> flight.launchStage(load));
    }

    /**
     * {@link #callAsync(Object, Op)} for no longer than a context allows.
     *
     * @param context the future fails with {@link dev.resilience.TimeoutExceededException} at its deadline, and the load
     *     goes on for others
     * @param key the key
     * @param load as there; it does not see the context
     * @return as there
     */
    public CompletableFuture<V> callAsync(
            CallContext context, K key, Op<? extends CompletionStage<? extends V>, ?> load) {
        Objects.requireNonNull(context, "context");
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(load, "load");
        return flights.rules.owner.callAsync(context, inside -> callAsync(key, load));
    }

    /**
     * The value of a key from a blocking load that runs elsewhere: on the builder's executor, or on a thread of the
     * library's where there is none. Does not block.
     *
     * @param key the key
     * @param load runs there if this call leads
     * @return as {@link #callAsync(Object, Op)}
     */
    public CompletableFuture<V> submit(K key, Op<? extends V, ?> load) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(load, "load");
        Executor runs = executor == null ? Hands.loads() : executor;
        return future(key, Flight.Mode.WORKER, flight -> flight.launch(runs, load));
    }

    private interface Launch<K, V extends @Nullable Object> {
        void launch(Flight<K, V> flight);
    }

    private CompletableFuture<V> future(K key, Flight.Mode mode, Launch<K, V> launch) {
        Supplier<CompletableFuture<V>> again = () -> future(key, mode, launch);
        try {
            for (; ; ) {
                Flight<K, V> flight = flights.board(key);
                if (flight != null) return flight.copy(false, again);
                flight = flights.open(key, null, mode);
                if (flight == null) continue;
                launch.launch(flight);
                return flight.copy(true, again);
            }
        } catch (Throwable refused) {
            return CompletableFuture.failedFuture(refused);
        }
    }

    /**
     * Takes a load that is under way off its key: callers from now on start a new one. For when what is being loaded has
     * just changed. Who waits already gets the result of the old one. Does nothing when no load is under way.
     *
     * @param key the key
     */
    public void detach(K key) {
        flights.detach(key);
    }

    /**
     * What is under way, and what was counted since the beginning. Costs the number of loads under way.
     *
     * @return the numbers at this moment
     */
    public Snapshot snapshot() {
        return new Snapshot(flights);
    }

    /**
     * The name, for metrics.
     *
     * @return as given to the builder
     */
    public String name() {
        return flights.rules.owner.name();
    }

    /**
     * Name and loads under way.
     *
     * @return for example {@code single flight 'users' (loading 3, abandoned 0/64)}
     */
    @Override
    public String toString() {
        return flights.rules.owner.words() + " (loading " + flights.size() + ", abandoned " + flights.abandoned() + "/"
                + flights.rules.maxAbandoned + ")";
    }

    // --- for tests ---

    Flights<K, V> flights() {
        return flights;
    }

    /** What a call for a key was to the value that it got. */
    public enum Role {
        /** It started the load. */
        LEADER,
        /** It joined a load that another caller had started. */
        FOLLOWER,
        /** The value was there. Only of caches. */
        HIT
    }

    /**
     * A value or an exception, and what the call was to the load.
     *
     * @param <V> the type of the value
     */
    public static final class Answer<V extends @Nullable Object> {
        private final Outcome<V> outcome;
        private final Role role;

        private Answer(Outcome<V> outcome, Role role) {
            this.outcome = outcome;
            this.role = role;
        }

        /**
         * What came out.
         *
         * @return the value, or what {@link SingleFlight#call(Object, Op)} would have thrown
         */
        public Outcome<V> outcome() {
            return outcome;
        }

        /**
         * What the call was.
         *
         * @return LEADER or FOLLOWER; LEADER also when its load was rejected
         */
        public Role role() {
            return role;
        }

        /**
         * For logs: the role and whether it succeeded, not the value.
         *
         * @return as in {@code LEADER, success}
         */
        @Override
        public String toString() {
            return role + (outcome.succeeded() ? ", success" : ", failure");
        }
    }

    /** What a {@link SingleFlight} has under way and has counted. Immutable. */
    public static final class Snapshot {
        private final int loading;
        private final long oldestNanos;
        private final int abandoned;
        private final long loads;
        private final long joined;

        private Snapshot(Flights<?, ?> flights) {
            this.loading = flights.size();
            this.oldestNanos = flights.oldestNanos();
            this.abandoned = flights.abandoned();
            this.loads = flights.opened();
            this.joined = flights.joined();
        }

        /**
         * How many loads are under way that can be joined.
         *
         * @return keys
         */
        public int loading() {
            return loading;
        }

        /**
         * For how long the oldest of those has been loading.
         *
         * @return zero when there is none
         */
        public Duration oldestLoad() {
            return Duration.ofNanos(oldestNanos);
        }

        /**
         * How many loads still run that were given up, at their deadline or by their last caller.
         *
         * @return loads
         */
        public int abandoned() {
            return abandoned;
        }

        /**
         * How many loads were begun.
         *
         * @return since it was built
         */
        public long loads() {
            return loads;
        }

        /**
         * How many calls joined a load that was under way.
         *
         * @return since it was built
         */
        public long joined() {
            return joined;
        }

        /**
         * All of it.
         *
         * @return as in {@code loading 3 (oldest 1.2 s), abandoned 0, loads 17, joined 240}
         */
        @Override
        public String toString() {
            return "loading " + loading + " (oldest " + Description.text(oldestLoad()) + "), abandoned " + abandoned
                    + ", loads " + loads + ", joined " + joined;
        }
    }

    /** Builds a {@link SingleFlight}. Not thread-safe. */
    public static final class Builder {
        private static final Duration LOAD_DEADLINE = Duration.ofMinutes(1);

        private final String name;
        private @Nullable Duration loadDeadline;
        private int maxAbandoned = 64;
        private @Nullable Executor executor;
        private TimeSource time = TimeSource.system();

        private Builder(String name) {
            this.name = name;
        }

        /**
         * How long a load may take before it is abandoned. Default: one minute, judged without a timer by those who wait
         * for the load or come to it; a leader alone with a load on its own thread is then not interrupted. A deadline
         * that is set here interrupts also that one, for the price of a timer for each load.
         *
         * @param deadline positive; beyond 292 years there is none
         * @return this
         */
        public Builder loadDeadline(Duration deadline) {
            this.loadDeadline = Objects.requireNonNull(deadline, "loadDeadline");
            return this;
        }

        /**
         * How many loads may go on running that were given up, before new ones are refused with
         * {@link LoadRejectedException}. Who finds a load under way is not refused. Default: 64.
         *
         * @param loads at least 1
         * @return this
         */
        public Builder maxAbandoned(int loads) {
            this.maxAbandoned = loads;
            return this;
        }

        /**
         * Runs loads on threads of the library: a virtual thread each where the JDK has them, else daemon threads. Then
         * also the caller that started a load may leave it to the others. Default: on the leader's thread.
         *
         * @return this
         */
        public Builder detached() {
            return executor(Hands.loads());
        }

        /**
         * {@link #detached()} on threads of an executor. A load that it refuses is a failed load.
         *
         * @param executor runs the loads; not shut down by the library
         * @return this
         */
        public Builder executor(Executor executor) {
            this.executor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * The clock. Default: {@link TimeSource#system()}. Tests give a manual one.
         *
         * @param time the source of time, waiting and scheduling
         * @return this
         */
        public Builder timeSource(TimeSource time) {
            this.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Builds it. Starts no thread.
         *
         * @param <K> the keys
         * @param <V> the values
         * @return a new one, that shares with no other
         * @throws IllegalArgumentException when settings are out of range, all of them in one message
         */
        public <K, V extends @Nullable Object> SingleFlight<K, V> build() {
            List<String> problems = new ArrayList<>();
            if (loadDeadline != null && (loadDeadline.isNegative() || loadDeadline.isZero())) {
                problems.add("loadDeadline must be positive, was " + loadDeadline
                        + "; leave it out for one minute, or give a very long one for none");
            }
            if (maxAbandoned < 1) problems.add("maxAbandoned must be at least 1, was " + maxAbandoned);
            if (!problems.isEmpty()) {
                throw new IllegalArgumentException("single flight '" + name + "': " + String.join("; ", problems));
            }
            return new SingleFlight<>(this);
        }
    }
}
