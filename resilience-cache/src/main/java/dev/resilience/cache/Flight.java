// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Op;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One load that several callers share. Who opened it or boarded it holds a seat, and gives it back once: by an
 * {@link #await} that does not answer true, by {@link #leave()}, or with the end of the flight.
 *
 * @param <K> the keys
 * @param <V> what it carries
 */
/* Implementation notes (races and model: docs/internals/cache-flights.md)
 *
 *   result: null -> value | NULL | Failed | LEFT             once, by CAS: it decides who ends the flight
 *
 * I1 Order of an end: landing (store, publish) -> off the table -> result -> those who wait. Who has seen the result
 *    therefore never finds the flight in the table.
 * I2 Given up (deadline, last seat): kill -> off the table -> result -> those who wait -> strike. The load that ends
 *    later loses the CAS of the result and is discarded; from the one to the other it counts as abandoned.
 * I3 A flight that is LIVE is not given up: its value may be seen in a store already, and its end needs no user code.
 * I4 A timer is set, then the result looked at; the end sets the result, then looks at the timer: one sees the other.
 * The fields are few on purpose: a lone load allocates this and its place in the table (P12).
 */
final class Flight<K, V extends @Nullable Object> extends Seated {
    private static final VarHandle RESULT = handle("result", Object.class);
    private static final VarHandle TIMER = handle("timer", TimeSource.Timer.class);
    private static final Object NULL = new Object();
    private static final Object LEFT = new Object();

    /** How the load runs. */
    enum Mode {
        /** {@link Flight#lead} on the opener's thread. */
        CALLER,
        /** {@link Flight#launch} on an executor. */
        WORKER,
        /** {@link Flight#launchStage}: a stage that the opener's thread starts. */
        STAGE,
        /** Somebody calls {@link Flight#land}: a bulk load. */
        OUTSIDE
    }

    /** What a flight failed with; each caller gets an exception of its own. */
    private record Failed(Throwable cause, long ageNanos) {}

    final Flights<K, V> table;
    final K key;
    /** When it was opened: a reading of the table's clock. */
    final long start;
    /** The opener's: what it captured before the registration. */
    final @Nullable Object attachment;

    private volatile @Nullable Object result;
    private volatile TimeSource.@Nullable Timer timer;
    /** Its deadline has ended it, nobody had killed it before. */
    private volatile boolean expired;
    /** The stage that was started for this flight, and is cancelled with it. */
    private volatile @Nullable CompletionStage<?> stage;

    Flight(Flights<K, V> table, K key, @Nullable Object attachment, Mode mode) {
        super(mode);
        this.table = table;
        this.key = key;
        this.attachment = attachment;
        this.start = table.time.nanoTime();
    }

    private static VarHandle handle(String name, Class<?> type) {
        try {
            return MethodHandles.lookup().findVarHandle(Flight.class, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private String who() {
        return table.rules.owner.words();
    }

    // --- running the load ---

    /**
     * Runs the load on this thread, which opened the flight in mode CALLER.
     *
     * @return the value
     * @throws CacheLoadException around what the load threw, or when it was given up at its deadline
     * @throws CallInterruptedException when the load ended by an interrupt of this thread, which is set again; those who
     *     also wait elect another leader
     * @throws Error what the load threw
     */
    V lead(Op<? extends V, ?> load) {
        V value = null;
        Throwable thrown = null;
        try {
            if (table.rules.watched) watch(); // without its timer it does not run: it might never end
            value = load.call();
        } catch (Throwable t) {
            thrown = t;
        }
        boolean struck = endRun();
        if (thrown != null && !struck && Interrupts.meant(thrown)) throw leaderLeft(thrown);
        Object mine = landing(value, thrown);
        if (end(mine, value)) return value(mine, true);
        if (thrown instanceof Error error) throw error; // too late for the others, never for its own thread
        return result(true);
    }

    /** The interrupt was meant for this caller: it is not the failure of those who wait. */
    private CallInterruptedException leaderLeft(Throwable thrown) {
        kill();
        offTable();
        leaveRun();
        end(LEFT, null);
        return Interrupts.again(thrown, "loaded for " + who());
    }

    /**
     * Starts the load on an executor; the flight was opened in mode WORKER. The opener's seat stays taken: it may wait,
     * or go and let the load go on.
     */
    void launch(Executor executor, Op<? extends V, ?> load) {
        try {
            watch();
            table.time.watched(executor).execute(() -> runHere(load));
        } catch (Throwable refused) {
            if (skipRun()) land(null, refused);
        }
    }

    private void runHere(Op<? extends V, ?> load) {
        if (!beginRun()) return; // given up before
        V value = null;
        Throwable thrown = null;
        try {
            value = load.call();
        } catch (Throwable t) {
            thrown = t;
        }
        endRun();
        if (!land(value, thrown) && thrown instanceof Error)
            Discarded.report(who(), "a load that was given up", thrown);
    }

    /**
     * Starts a stage on this thread, which opened the flight in mode STAGE. The stage belongs to the flight: it is
     * cancelled when the flight is given up.
     *
     * @throws CallInterruptedException when this thread was interrupted before there was a stage, as {@link #lead}
     */
    @SuppressWarnings("FutureReturnValueIgnored") // it ends the flight
    void launchStage(Op<? extends CompletionStage<? extends V>, ?> load) {
        CompletionStage<? extends V> started;
        try {
            watch();
            started = load.call();
            if (started == null) throw new NullPointerException("the load returned null instead of a CompletionStage");
        } catch (Throwable thrown) {
            leaveRun();
            if (Interrupts.meant(thrown)) throw leaderLeft(thrown);
            land(null, thrown);
            return;
        }
        leaveRun();
        stage = started;
        if (result != null) cancelStage(); // given up meanwhile, and who did it saw no stage
        started.whenComplete((value, thrown) -> {
            stage = null;
            land(value, thrown == null ? null : Stages.unwrap(thrown));
        });
    }

    /**
     * Ends the flight with what its load gave, from wherever it comes: landing, off the table, those who wait. Once for
     * each load. False: it was given up before.
     */
    boolean land(@Nullable V value, @Nullable Throwable thrown) {
        return end(landing(value, thrown), value);
    }

    private Object landing(@Nullable V value, @Nullable Throwable thrown) {
        Object mine;
        enterRun();
        try {
            V landed = result == null ? table.landing.landed(this, value, thrown) : null;
            mine = landed == null ? NULL : landed;
        } catch (Throwable failed) {
            mine = new Failed(failed, age());
        }
        kill();
        offTable();
        leaveRun();
        return mine;
    }

    /** Whatever the key's equals does, those who wait are told. */
    private void offTable() {
        try {
            table.unregister(this);
        } catch (Throwable broken) {
            Discarded.report(who(), "hashCode or equals of a key", broken);
        }
    }

    /** False: it was given up before; this was the late end of its load. */
    private boolean end(Object mine, @Nullable V loaded) {
        if (!RESULT.compareAndSet(this, null, mine)) {
            table.abandoned(-1);
            Discarded.close(who(), loaded);
            return false;
        }
        disarm();
        wake();
        return true;
    }

    // --- giving up ---

    /** Gives a seat back. The last one out ends the load, and a newcomer cannot have boarded in between. */
    void leave() {
        if (!vacate() || result != null) return;
        giveUp(new Failed(new CancellationException("every caller of the load has left"), age()));
    }

    /** Whether the load has had its time. */
    boolean overdue() {
        return table.rules.deadlineNanos != Long.MAX_VALUE && age() >= table.rules.deadlineNanos;
    }

    private long age() {
        return Math.max(0, table.time.nanoTime() - start);
    }

    /** The load has had its time: it is abandoned, and the key is free. */
    void expire() {
        if (result != null) return;
        long age = age();
        Duration allowed = Duration.ofNanos(table.rules.deadlineNanos);
        Throwable late = new TimeoutExceededException(table.rules.owner.name(), allowed, Duration.ofNanos(age), null);
        giveUp(new Failed(late, age));
    }

    private void giveUp(Failed failed) {
        if (phase() == LOADING) expired = true;
        if (!kill() && phase() == LIVE) return;
        offTable();
        boolean never = skipRun(); // one of those who give it up at most
        if (!never) table.abandoned(1);
        if (!RESULT.compareAndSet(this, null, failed)) {
            table.abandoned(-1); // our own; or that of the one who won and could not know that no end will come
            return;
        }
        disarm();
        wake();
        strike();
        cancelStage();
        if (expired) table.landing.expired(this, failed.cause);
    }

    /** Whether its deadline has ended it; one that was detached before writes nothing, failures included (S19). */
    boolean expired() {
        return expired;
    }

    private void cancelStage() {
        CompletionStage<?> started = stage;
        if (started == null) return;
        stage = null;
        try {
            started.toCompletableFuture().cancel(true);
        } catch (Throwable noFuture) {
            Discarded.report(who(), "cancelling a stage that nobody waits for", noFuture);
        }
    }

    /** Arms a timer for the load's deadline: for a load that nobody may be waiting for on a thread. */
    void watch() {
        long allowed = table.rules.deadlineNanos;
        if (allowed == Long.MAX_VALUE || timer != null || result != null) return;
        TimeSource.Timer armed = table.time.schedule(this::due, allowed - age());
        if (!TIMER.compareAndSet(this, null, armed) || result != null) armed.cancel();
    }

    /** Timer thread: only compares and hands over (L6). */
    private void due() {
        if (result == null) Hands.handOver(table.time, this::expire);
    }

    private void disarm() {
        TimeSource.Timer armed = timer;
        if (armed != null) armed.cancel();
    }

    // --- waiting ---

    /** Throws when this thread runs the very load that it asks for. */
    void refuseRecursion() {
        if (runner() == Thread.currentThread() && phase() == LOADING) {
            throw new IllegalStateException(
                    who() + ": the load of a key asked for that same key; it would wait for itself for ever");
        }
    }

    /**
     * Waits on this thread until the flight is over. True: there is a {@link #result()}. False: its leader left, board or
     * open again. Who does not get an answer has given back its seat.
     *
     * @param nanos the longest wait of this caller; {@link Long#MAX_VALUE} for no limit
     * @param context the wait ends when it is cancelled
     * @throws TimeoutExceededException when this caller's time was over; the load goes on for others
     * @throws CallInterruptedException when this thread was interrupted (the flag stays set) or the call was cancelled
     * @throws IllegalStateException when the load waits, through others, for a load of this thread
     */
    boolean await(long nanos, CallContext context) {
        long from = nanos == Long.MAX_VALUE ? 0 : table.time.nanoTime();
        End end = rest(nanos, context);
        if (end == End.OVER) return result != LEFT;
        leave();
        if (end == End.CYCLE) throw Cycles.found(who());
        if (end == End.LATE) throw late(nanos, from);
        String what = end == End.INTERRUPTED ? "interrupted" : "cancelled";
        throw new CallInterruptedException(what + " while it waited for a load of " + who(), null);
    }

    private TimeoutExceededException late(long nanos, long from) {
        Duration waited = Duration.ofNanos(table.time.nanoTime() - from);
        return new TimeoutExceededException(
                table.rules.owner.name(), Duration.ofNanos(Math.max(0, nanos)), waited, null);
    }

    /** How a wait ended. */
    enum End {
        OVER,
        LATE,
        INTERRUPTED,
        CANCELLED,
        /** The load waits, through others, for a load of this very thread. */
        CYCLE
    }

    /** {@link #await} that keeps the seat, however it ends: for those who stop waiting and let the load go on. */
    End rest(long nanos, CallContext context) {
        if (result != null) return End.OVER;
        Sleeper me = new Sleeper(table.time, Thread.currentThread());
        if (!sit(me)) return End.OVER;
        context.onCancel(me::over);
        try {
            if (Cycles.enter(me.thread, this)) return End.CYCLE;
            return sleep(nanos, context);
        } finally {
            Cycles.exit(me.thread);
            standUp(me);
        }
    }

    private End sleep(long nanos, CallContext context) {
        long from = table.time.nanoTime();
        for (long now = from; result == null; now = table.time.nanoTime()) {
            if (Thread.currentThread().isInterrupted()) return End.INTERRUPTED;
            if (context.cancelled()) return End.CANCELLED;
            long left = nanos == Long.MAX_VALUE ? nanos : nanos - (now - from);
            if (left <= 0) return End.LATE;
            if (untilOverdue(now) <= 0) expire();
            else table.time.park(this, Math.min(left, untilOverdue(now)));
        }
        return End.OVER;
    }

    /** One that is LIVE ends by itself at once. */
    private long untilOverdue(long now) {
        long allowed = table.rules.deadlineNanos;
        return allowed == Long.MAX_VALUE || phase() == LIVE ? Long.MAX_VALUE : allowed - (now - start);
    }

    private static final class Sleeper extends Seat {
        private final TimeSource time;
        private final Thread thread;

        Sleeper(TimeSource time, Thread thread) {
            super(true);
            this.time = time;
            this.thread = thread;
        }

        @Override
        void over() {
            time.unpark(thread);
        }
    }

    /**
     * A future of this flight's result, the caller's own: whatever its caller does to end it gives back the seat.
     *
     * @param leads the caller has opened the flight: an {@link Error} comes out as it is
     * @param again called when the leader left, on a thread of the library's: board or open again
     */
    CompletableFuture<V> copy(boolean leads, Supplier<? extends CompletableFuture<V>> again) {
        return new Copy<>(this, leads, again).begin();
    }

    // --- the result ---

    /** Whether it is over: the load has ended, or was given up. */
    boolean over() {
        return result != null;
    }

    /** Whether its leader was interrupted: there is no result, board or open again. */
    boolean leaderLeft() {
        return result == LEFT;
    }

    /**
     * What the flight brought. Only when it is over, and not left by its leader.
     *
     * @throws CacheLoadException a fresh one for each call
     */
    V result() {
        return result(false);
    }

    /** {@link #result()}; {@code leads}: an {@link Error} is thrown as it is. */
    V result(boolean leads) {
        return value(result, leads);
    }

    /** What it failed with, as one caller gets it; null: it brought a value. */
    @Nullable
    Throwable failure(boolean leads) {
        return result instanceof Failed failed ? fresh(failed, leads) : null;
    }

    @SuppressWarnings({"unchecked", "NullAway"}) // only values of V, NULL where V has null, and Failed are ever set
    private V value(@Nullable Object landed, boolean leads) {
        if (landed instanceof Failed failed) {
            Throwable mine = fresh(failed, leads);
            if (mine instanceof Error error) throw error;
            throw (CacheLoadException) mine;
        }
        return landed == NULL ? null : (V) landed;
    }

    private Throwable fresh(Failed failed, boolean leads) {
        if (leads && failed.cause instanceof Error) return failed.cause;
        return new CacheLoadException(who(), Duration.ofNanos(failed.ageNanos), failed.cause);
    }
}
