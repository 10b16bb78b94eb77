// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Op;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One load that several callers share. Who opened it or boarded it holds a seat, and leaves it once: by
 * {@link #await} that does not answer true, by {@link #leave()}, or by the end of the flight.
 *
 * @param <K> the keys
 * @param <V> what it carries
 */
/* Implementation notes (races and model: docs/internals/cache-flights.md)
 *
 *   state   = phase and seats in one word, every change one CAS
 *             LOADING --publish--> LIVE                      the value may be stored, and stays
 *             LOADING --kill: detach, failure, given up--> DEAD      it never will
 *             seats: one is taken only while LOADING and above zero; the last one to leave kills in the same CAS
 *   run     QUEUED -> RUNNING -> ENDED                       the load on its thread; ELSEWHERE: on none that we know
 *           RUNNING --given up--> STRIKING -> STRUCK | PASSED        interrupted by us | a stranger's interrupt was there
 *   result  null -> value | Failed | LEFT                    once, by CAS: decides who ends the flight
 *
 * I1 Order of an end: landing (store, publish) -> off the table -> result -> those who wait. A caller that has seen the
 *    result therefore never finds the flight in the table.
 * I2 Given up (deadline, last seat): kill -> off the table -> result -> those who wait -> strike. The load that ends
 *    later loses the CAS of the result and is discarded; from the one CAS to the other it counts as abandoned.
 * I3 endRun() waits out STRIKING, so an interrupt of ours never arrives when the load's thread does something else (L8).
 * I4 A seat enters the stack, then looks at the result; the end sets the result, then takes the stack: one sees the other.
 */
final class Flight<K, V extends @Nullable Object> {
    static final int LOADING = 0;
    static final int LIVE = 1;
    static final int DEAD = 2;
    private static final int PHASE = 3;
    private static final int SEAT = 4;

    private static final byte QUEUED = 6;
    private static final byte RUNNING = 1;
    private static final byte STRIKING = 2;
    private static final byte STRUCK = 3;
    private static final byte PASSED = 4;
    private static final byte ENDED = 5;

    private static final VarHandle STATE = field("state", int.class);
    private static final VarHandle RUN = field("run", byte.class);
    private static final VarHandle RESULT = field("result", Object.class);
    private static final VarHandle SEATS = field("seats", Seat.class);
    private static final VarHandle TIMER = field("timer", TimeSource.Timer.class);

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
    final long start;
    /** The opener's: what it captured before the registration. */
    final @Nullable Object attachment;

    private volatile int state = LOADING | SEAT;
    /** At first zero, ELSEWHERE. */
    private volatile byte run;

    private volatile @Nullable Object result;
    private volatile @Nullable Seat seats;
    private volatile @Nullable Thread runner;
    private volatile TimeSource.@Nullable Timer timer;
    /** The stage that was started for this flight and is cancelled with it. */
    private volatile @Nullable CompletionStage<?> stage;

    Flight(Flights<K, V> table, K key, @Nullable Object attachment, Mode mode) {
        this.table = table;
        this.key = key;
        this.attachment = attachment;
        this.start = table.time.nanoTime();
        if (mode == Mode.CALLER || mode == Mode.STAGE) runner = Thread.currentThread();
        if (mode == Mode.CALLER) run = RUNNING;
        if (mode == Mode.WORKER) run = QUEUED;
    }

    private static VarHandle field(String name, Class<?> type) {
        try {
            return MethodHandles.lookup().findVarHandle(Flight.class, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    // --- the state word ---

    int phase() {
        return state & PHASE;
    }

    /** How many sit in it. */
    int seated() {
        return state / SEAT;
    }

    boolean boardable() {
        int seen = state;
        return (seen & PHASE) == LOADING && seen >= SEAT;
    }

    /** Takes a seat: never in a flight that is over, killed, or left by all. */
    boolean reserve() {
        for (; ; ) {
            int seen = state;
            if ((seen & PHASE) != LOADING || seen < SEAT) return false;
            if (STATE.compareAndSet(this, seen, seen + SEAT)) return true;
        }
    }

    /** LOADING to LIVE. False: it was killed before. */
    boolean publish() {
        return move(LIVE);
    }

    /** LOADING to DEAD: nothing of it is kept; those who sit in it get its result. False: it is LIVE or DEAD. */
    boolean kill() {
        return move(DEAD);
    }

    private boolean move(int phase) {
        for (; ; ) {
            int seen = state;
            if ((seen & PHASE) != LOADING) return false;
            if (STATE.compareAndSet(this, seen, seen | phase)) return true;
        }
    }

    /** Gives a seat back. The last one out ends the load, and a newcomer cannot have boarded in between. */
    void leave() {
        for (; ; ) {
            int seen = state;
            boolean last = seen < 2 * SEAT;
            int next = seen - SEAT;
            if (last && (seen & PHASE) == LOADING) next |= DEAD;
            if (!STATE.compareAndSet(this, seen, next)) continue;
            if (last && result == null) giveUp(new Failed(new CancellationException("every caller has left"), age()));
            return;
        }
    }

    // --- running the load ---

    /**
     * Runs the load on this thread, which opened the flight in mode CALLER.
     *
     * @return the value
     * @throws CacheLoadException around what the load threw, or when it was given up at its deadline
     * @throws CallInterruptedException when the load ended by an interrupt of this thread, which is set again; those who
     *     also wait elect another leader
     */
    V lead(Op<? extends V, ?> load) {
        if (table.rules.watched) watch();
        V value = null;
        Throwable thrown = null;
        try {
            value = load.call();
        } catch (Throwable t) {
            thrown = t;
        }
        boolean struck = endRun();
        if (thrown != null && !struck && interrupted(thrown)) throw leaderLeft(thrown);
        Object mine = landing(value, thrown);
        if (!end(mine)) return result();
        if (thrown instanceof Error error && mine instanceof Failed f && f.cause == error) throw error;
        return value(mine);
    }

    private static boolean interrupted(Throwable thrown) {
        return thrown instanceof InterruptedException
                || thrown instanceof CallInterruptedException
                || thrown instanceof ClosedByInterruptException
                || (thrown instanceof Exception && Thread.currentThread().isInterrupted());
    }

    /** The interrupt was meant for this caller: it is not the failure of those who wait. */
    private RuntimeException leaderLeft(Throwable thrown) {
        kill();
        table.unregister(this);
        end(LEFT);
        Thread.currentThread().interrupt();
        if (thrown instanceof CallInterruptedException same) return same;
        return new CallInterruptedException("interrupted while it loaded for " + table.rules.owner.words(), thrown);
    }

    /** Starts the load on an executor; the flight was opened in mode WORKER. The opener's seat stays taken. */
    void launch(Executor executor, Op<? extends V, ?> load) {
        watch();
        try {
            table.time.watched(executor).execute(() -> runHere(load));
        } catch (Throwable refused) {
            if (RUN.compareAndSet(this, QUEUED, ENDED)) land(null, refused);
        }
    }

    private void runHere(Op<? extends V, ?> load) {
        runner = Thread.currentThread();
        if (!RUN.compareAndSet(this, QUEUED, RUNNING)) { // given up before it began
            runner = null;
            return;
        }
        V value = null;
        Throwable thrown = null;
        try {
            value = load.call();
        } catch (Throwable t) {
            thrown = t;
        }
        endRun();
        land(value, thrown);
    }

    /** True: the thread was interrupted by us, and the flag has been taken back. */
    @SuppressWarnings({"ThreadPriorityCheck", "ResultOfMethodCallIgnored"}) // a chance for who is about to interrupt
    private boolean endRun() {
        runner = null;
        if (RUN.compareAndSet(this, RUNNING, ENDED)) return false;
        for (int spins = 0; run == STRIKING; ) {
            if (++spins < 64) Thread.onSpinWait();
            else Thread.yield();
        }
        if (run != STRUCK) return false;
        Thread.interrupted();
        return true;
    }

    /** Starts a stage on this thread, which opened the flight in mode STAGE; it belongs to the flight. */
    void launchStage(Op<? extends CompletionStage<? extends V>, ?> load) {
        watch();
        CompletionStage<? extends V> started;
        try {
            started = load.call();
            if (started == null) throw new NullPointerException("the load returned null instead of a CompletionStage");
        } catch (Throwable thrown) {
            runner = null;
            land(null, thrown);
            return;
        }
        runner = null;
        stage = started;
        if (result != null) cancelStage();
        started.whenComplete((value, thrown) -> {
            stage = null;
            land(value, thrown == null ? null : Stages.unwrap(thrown));
        });
    }

    /** Ends the flight with what its load gave, from wherever it comes: landing, off the table, those who wait. */
    void land(@Nullable V value, @Nullable Throwable thrown) {
        end(landing(value, thrown));
    }

    private Object landing(@Nullable V value, @Nullable Throwable thrown) {
        Object mine;
        try {
            V landed = result == null ? table.landing.landed(this, value, thrown) : value;
            mine = landed == null ? NULL : landed;
        } catch (Throwable failed) {
            mine = new Failed(failed, age());
        }
        kill();
        table.unregister(this);
        return mine;
    }

    /** False: it was given up before; this was the late end of the load. */
    private boolean end(Object mine) {
        if (!RESULT.compareAndSet(this, null, mine)) {
            table.abandoned(-1);
            return false;
        }
        wake();
        return true;
    }

    private void wake() {
        TimeSource.Timer armed = timer;
        if (armed != null) armed.cancel();
        Seat each = (Seat) SEATS.getAndSet(this, Seat.CLOSED);
        for (; each != null; each = each.next) {
            if (!each.gone) each.over();
        }
    }

    // --- giving up ---

    boolean overdue() {
        return age() >= table.rules.deadlineNanos && table.rules.deadlineNanos != Long.MAX_VALUE;
    }

    private long age() {
        return Math.max(0, table.time.nanoTime() - start);
    }

    /** The load has had its time: it is abandoned, and the key is free. */
    void expire() {
        if (result != null) return;
        Duration allowed = Duration.ofNanos(table.rules.deadlineNanos);
        long age = age();
        Throwable late = new TimeoutExceededException(table.rules.owner.name(), allowed, Duration.ofNanos(age), null);
        giveUp(new Failed(late, age));
    }

    private void giveUp(Failed failed) {
        if (!kill() && phase() == LIVE) return; // about to end
        table.unregister(this);
        if (!RESULT.compareAndSet(this, null, failed)) return;
        if (!RUN.compareAndSet(this, QUEUED, ENDED)) table.abandoned(1);
        wake();
        strike();
        cancelStage();
    }

    private void strike() {
        Thread thread = runner;
        if (thread == null || !RUN.compareAndSet(this, RUNNING, STRIKING)) return;
        boolean strangers = thread.isInterrupted();
        if (!strangers) thread.interrupt();
        run = strangers ? PASSED : STRUCK;
    }

    private void cancelStage() {
        CompletionStage<?> started = stage;
        if (started == null) return;
        stage = null;
        try {
            started.toCompletableFuture().cancel(true);
        } catch (RuntimeException notCancellable) {
            // a stage that hands out no future goes on, and counts as abandoned until it ends
        }
    }

    /** Arms the timer of the load's deadline, for flights that nobody may be waiting for on a thread. */
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

    // --- waiting ---

    /** Whether this thread runs the very load that it asks for. */
    void refuseRecursion() {
        if (runner == Thread.currentThread()) {
            throw new IllegalStateException(table.rules.owner.words()
                    + ": the load of a key asked for that same key; it would wait for itself for ever");
        }
    }

    /**
     * Waits on this thread until the flight is over. True: there is a {@link #result()}. False: its leader left, board or
     * open again. Who does not get an answer has left its seat.
     *
     * @param nanos the longest wait of this caller; {@link Long#MAX_VALUE} for no limit
     * @throws TimeoutExceededException when this caller's time was over; the load goes on for others
     * @throws CallInterruptedException when this thread was interrupted (the flag stays set) or the call was cancelled
     * @throws IllegalStateException when the load waits, through others, for a load of this thread
     */
    boolean await(long nanos, CallContext context) {
        End end = rest(nanos, context);
        if (end == End.OVER) return result != LEFT;
        leave();
        if (end == End.LATE) {
            throw new TimeoutExceededException(
                    table.rules.owner.name(),
                    Duration.ofNanos(Math.max(0, nanos)),
                    Duration.ofNanos(Math.max(0, nanos)),
                    null);
        }
        if (end == End.CYCLE) throw Cycles.found(table.rules.owner.words());
        String what = end == End.INTERRUPTED ? "interrupted" : "the call was cancelled";
        throw new CallInterruptedException(what + " while it waited for a load of " + table.rules.owner.words(), null);
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

    /** Who runs the load at this moment; null: nobody, or a thread that we do not know. */
    @Nullable
    Thread runner() {
        return runner;
    }

    private End sleep(long nanos, CallContext context) {
        long from = table.time.nanoTime();
        while (result == null) {
            long now = table.time.nanoTime();
            if (Thread.currentThread().isInterrupted()) return End.INTERRUPTED;
            if (context.cancelled()) return End.CANCELLED;
            long left = nanos == Long.MAX_VALUE ? nanos : nanos - (now - from);
            if (left <= 0) return End.LATE;
            table.time.park(this, Math.min(left, untilOverdue(now)));
            if (overdue()) expire();
        }
        return End.OVER;
    }

    private long untilOverdue(long now) {
        long allowed = table.rules.deadlineNanos;
        return allowed == Long.MAX_VALUE || phase() == LIVE ? Long.MAX_VALUE : allowed - (now - start);
    }

    private static final class Sleeper extends Seat {
        private final TimeSource time;
        private final Thread thread;

        Sleeper(TimeSource time, Thread thread) {
            this.time = time;
            this.thread = thread;
        }

        @Override
        void over() {
            time.unpark(thread);
        }
    }

    /** False: it is over. */
    private boolean sit(Seat seat) {
        for (; ; ) {
            Seat head = seats;
            if (head == Seat.CLOSED) return false;
            seat.next = Seat.pruned(head);
            if (SEATS.compareAndSet(this, head, seat)) return true;
        }
    }

    /** Unlinks what has gone but a head, which the next one to sit down prunes. */
    private void standUp(Seat seat) {
        seat.gone = true;
        for (Seat each = seats; each != null; each = each.next) each.next = Seat.pruned(each.next);
    }

    /** Whether it is over. */
    boolean over() {
        return result != null;
    }

    /**
     * What the flight brought. Only when it is over, and not left by its leader.
     *
     * @throws CacheLoadException a fresh one for each call
     */
    V result() {
        return value(result);
    }

    @SuppressWarnings({"unchecked", "NullAway"}) // only values of V, NULL where V has null, and Failed are ever set
    private V value(@Nullable Object landed) {
        if (landed instanceof Failed failed) throw fresh(failed);
        return landed == NULL ? (V) null : (V) landed;
    }

    private CacheLoadException fresh(Failed failed) {
        return new CacheLoadException(table.rules.owner.words(), Duration.ofNanos(failed.ageNanos), failed.cause);
    }

    /**
     * A future of this flight's result, the caller's own: whatever its caller does to end it gives back the seat.
     *
     * @param again called when the leader left, on a thread of the library's: board or open again
     */
    @SuppressWarnings("FutureReturnValueIgnored") // it ends with the copy
    CompletableFuture<V> copy(Supplier<? extends CompletionStage<V>> again) {
        Copy<V> copy = new Copy<>(this, again);
        if (!sit(copy)) copy.over();
        else watch();
        copy.out.whenComplete((value, thrown) -> copy.ended());
        return copy.out;
    }

    private static final class Copy<V extends @Nullable Object> extends Seat {
        final CompletableFuture<V> out = new CompletableFuture<>();
        private final Flight<?, V> flight;
        private final Supplier<? extends CompletionStage<V>> again;

        Copy(Flight<?, V> flight, Supplier<? extends CompletionStage<V>> again) {
            this.flight = flight;
            this.again = again;
        }

        @Override
        void over() {
            gone = true;
            Object result = flight.result;
            if (result == LEFT) {
                Hands.handOver(flight.table.time, this::boardAgain);
            } else if (result instanceof Failed failed) {
                out.completeExceptionally(flight.fresh(failed));
            } else {
                out.complete(flight.value(result));
            }
        }

        @SuppressWarnings("FutureReturnValueIgnored") // they end with the copy
        private void boardAgain() {
            if (out.isDone()) return;
            CompletionStage<V> next = again.get();
            next.whenComplete((value, thrown) -> {
                if (thrown == null) out.complete(value);
                else out.completeExceptionally(Stages.unwrap(thrown));
            });
            out.whenComplete((value, thrown) -> next.toCompletableFuture().cancel(false));
        }

        /** By us or by its owner. */
        void ended() {
            if (gone) return;
            flight.standUp(this);
            flight.leave();
        }
    }
}
