// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.sql.Connection;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * One run of a step's code, within its policies and its timeout. It ends once: when the code does, or, if the code
 * ignores its interrupt, when it is left behind {@link #GRACE} after its time; the code's thread then belongs to nobody,
 * and what it still brings is dropped (L3).
 */
final class Attempt implements ContextOp<@Nullable Object, Exception>, Runnable {
    /** How long code may take to end after it was interrupted at its timeout. */
    static final Duration GRACE = Duration.ofSeconds(1);

    /** What is called. */
    enum What {
        ACTION,
        UNDO,
        /** The undo of what is in doubt: without a result. */
        BLIND,
        PROBE
    }

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Attempt.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final int RUNS = 0;
    private static final int ENDED = 1;
    private static final int LEFT = 2;

    private final Runner runner;
    Leg leg;
    What what;
    private Course.Results values;
    private int number;

    private volatile int state; // changed through STATE

    private volatile boolean entered;
    private volatile boolean inline;
    private TimeSource.@Nullable Timer leaving;
    private @Nullable Connection connection;
    private boolean rolledBack;
    private @Nullable Object value;
    private @Nullable Throwable thrown;
    private long startedNanos;

    Attempt(Runner runner, Leg leg, What what, int number) {
        this.runner = runner;
        this.leg = leg;
        this.what = what;
        this.number = number;
        this.values = runner.log().course().values();
    }

    /**
     * Whether nothing of it is left that could still come, so that it can be run anew: its code returned in its time, on
     * the thread that drives, and under nobody's policies. Then the scope of its timeout ended before it told anybody,
     * and will never tell. One that failed may have been interrupted, and the timer's word of that may be late; one that
     * was left behind has failed.
     */
    boolean isOver() {
        return state == ENDED && inline && thrown == null && !transactional() && leg.place.isPlain();
    }

    /** Runs anew, as if it were made so. Only of one that {@link #isOver()}. */
    void anew(Leg next, What of, int nextNumber) {
        leg = next;
        what = of;
        number = nextNumber;
        values = runner.log().course().values();
        entered = false;
        inline = false;
        value = null;
        startedNanos = 0;
        state = RUNS;
    }

    // --- for who drives the saga, after the end ---

    /** Whether the code was reached: policies may refuse before it. */
    boolean entered() {
        return entered;
    }

    @Nullable
    Object value() {
        return value;
    }

    @Nullable
    Throwable thrown() {
        return thrown;
    }

    int number() {
        return number;
    }

    /** The open transaction of a transactional step that succeeded; whoever takes it ends it. */
    @Nullable
    Connection connection() {
        return connection;
    }

    /** Undoes what it did in its transaction, if it has one. */
    void rollBack() {
        Connection open = connection;
        if (open == null) return;
        connection = null;
        rolledBack = true;
        Transactions.giveUp(open);
    }

    /** Whether its step is untouched although its code has returned. */
    boolean rolledBack() {
        return rolledBack;
    }

    boolean transactional() {
        return what != What.PROBE && leg.place.requireAction().rules().transactional();
    }

    long startedNanos() {
        return startedNanos;
    }

    // --- the run ---

    /** On the thread that drives the saga: false if the attempt was left behind, and the saga with it. */
    boolean callHere() {
        inline = true;
        return call();
    }

    /** On a thread of its own. */
    void callThere() {
        if (call()) runner.arrived(this);
    }

    /** Ends it without a call: no thread could be had. */
    void refuse(Throwable why) {
        startedNanos = runner.berth().time().nanoTime();
        STATE.setVolatile(this, ENDED);
        thrown = why;
    }

    private boolean call() {
        startedNanos = runner.berth().time().nanoTime();
        Connection open = null;
        Object result = null;
        Throwable failure = null;
        try {
            if (transactional()) open = connection = runner.berth().store().connection();
            result = leg.place.attempt(this);
        } catch (Throwable t) {
            failure = t;
        }
        Thread.interrupted(); // whatever it was for: it was this attempt's (L8)
        boolean mine = STATE.compareAndSet(this, RUNS, ENDED);
        if (open != null && (!mine || failure != null)) Transactions.giveUp(open);
        if (!mine) {
            runner.berth().abandoned(-1);
            return false;
        }
        value = result;
        thrown = failure;
        if (failure != null) connection = null;
        TimeSource.Timer timer = leaving;
        if (timer != null) timer.cancel();
        return true;
    }

    /** The innermost of the policies. */
    @Override
    @SuppressWarnings("NullAway") // the type argument of the interface is nullable, which is not understood
    public @Nullable Object apply(CallContext context) throws Exception {
        context.onCancel(this);
        Node.Code code = leg.place.requireAction().code();
        StepContext step = runner.context(leg, what, number, context);
        Object element = values.element(leg);
        switch (what) {
            case ACTION -> {
                enter();
                return code.body().run(values, element, step, connection);
            }
            case PROBE -> {
                return Objects.requireNonNull(code.probe()).probe(values, element, step);
            }
            case UNDO -> {
                Object result = values.value(leg, leg.place.requireAction().result());
                enter();
                Objects.requireNonNull(code.undo()).undo(values, element, result, step, connection);
                return null;
            }
            default -> {
                enter();
                Objects.requireNonNull(code.blind()).undo(values, element, null, step, connection);
                return null;
            }
        }
    }

    /** Either its leaving sees that the code was reached, or the code is not reached any more. */
    private void enter() {
        entered = true;
        if (state != RUNS) throw new CancellationException("step '" + leg.name() + "' was left behind before its call");
    }

    /** Its time is over, and its thread was interrupted; on a thread of the library's. */
    @Override
    public void run() {
        leaving = runner.berth().time().schedule(this::leave, TimeSource.nanos(GRACE));
    }

    /** Timer thread: it is still running. */
    private void leave() {
        if (!STATE.compareAndSet(this, RUNS, LEFT)) return;
        runner.berth().abandoned(+1);
        Duration timeout = leg.place.requireAction().rules().attemptTimeout();
        thrown = new TimeoutExceededException(leg.name(), timeout, timeout.plus(GRACE), null);
        connection = null; // its own thread gives it back
        if (inline) runner.leftBehind(this);
        else runner.arrived(this);
    }
}
