// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * SPI: a call standing in a gate's queue. The library makes one when {@link Gate#tryAdmit} answered {@code WAIT} and
 * hands it to {@link Gate#enqueue}; the gate answers it once with {@link #grant}, {@link #grantAt} or {@link #refuse}.
 *
 * <p>The same waiter serves a parked thread and an asynchronous call; the gate need not know which, and holds no thread
 * while the latter waits. Its methods may be called from any thread and never run user code: a granted asynchronous
 * call goes on on a worker. Call them outside of the gate's lock all the same.
 */
public final class Waiter {
    private static final int WAITING = 0;
    private static final int ANSWERING = 1;
    private static final int GRANTED = 2;
    private static final int REFUSED = 3;
    private static final int GONE = 4;

    private static final VarHandle STATE = Handles.field(MethodHandles.lookup(), Waiter.class, "state", int.class);

    private final CallContext context;
    private final TimeSource time;
    private final long deadline;
    private final Runnable wake;

    private volatile int state;
    private long answer;
    private long proceedAt;
    private boolean delayed;
    private @Nullable Object attachment;

    /** {@code wake} unparks a thread or hands an asynchronous call over; it runs once, after the answer is visible. */
    Waiter(CallContext context, TimeSource time, long deadline, Runnable wake) {
        this.context = context;
        this.time = time;
        this.deadline = deadline;
        this.wake = wake;
    }

    /**
     * The waiting call's context: weight, priority and cost are read from its attributes.
     *
     * @return the context
     */
    public CallContext context() {
        return context;
    }

    /**
     * When the call stops waiting: the earlier of the context's deadline and the gate's
     * {@linkplain Gate#maxWaitNanos longest wait}.
     *
     * @return a point of the gate's {@link TimeSource}; compare by subtraction
     */
    public long deadline() {
        return deadline;
    }

    /**
     * Keeps something of the gate's with the waiter: its node in the queue, so that a waiter that goes is found in
     * constant time. Not synchronised; use it under the gate's own lock.
     *
     * @param attachment replaces an earlier one
     */
    public void attach(@Nullable Object attachment) {
        this.attachment = attachment;
    }

    /**
     * What the gate attached.
     *
     * @return null when nothing was
     */
    public @Nullable Object attachment() {
        return attachment;
    }

    /**
     * Gives the permit: the call proceeds.
     *
     * @param permit at least 0, as {@link Gate#tryAdmit} would have answered
     * @return false when the caller has gone (timed out, interrupted, cancelled) and the permit still belongs to the
     *     gate
     */
    public boolean grant(long permit) {
        return answer(permit, GRANTED, 0, false);
    }

    /**
     * Gives the permit now but lets the call proceed only at a given time: for pacers and reservations. When the caller
     * leaves before that, the permit is settled as {@link Verdict#IGNORED}.
     *
     * @param permit at least 0
     * @param nanoTime a point of the gate's {@link TimeSource}; past points mean now
     * @return false when the caller has gone, or would have gone by then, and the permit still belongs to the gate
     */
    public boolean grantAt(long permit, long nanoTime) {
        return nanoTime - deadline < 0 && answer(permit, GRANTED, nanoTime, true);
    }

    /**
     * Refuses: the call is rejected with the gate's exception.
     *
     * @param refusal from {@link Gate#refused}
     * @return false when the caller has gone
     */
    public boolean refuse(long refusal) {
        return answer(refusal, REFUSED, 0, false);
    }

    private boolean answer(long value, int newState, long at, boolean later) {
        if (!STATE.compareAndSet(this, WAITING, ANSWERING)) return false;
        answer = value;
        proceedAt = at;
        delayed = later;
        state = newState;
        try {
            wake.run();
        } catch (Throwable broken) { // the gate that answers goes on: others wait behind this one
            Reports.guest("call", "waking a waiter", broken);
        }
        return true;
    }

    // --- for the calling side ---

    TimeSource time() {
        return time;
    }

    /** The caller leaves. False: an answer came first and counts. */
    boolean leave() {
        return STATE.compareAndSet(this, WAITING, GONE);
    }

    /** Neither answered nor gone. */
    boolean waiting() {
        return state == WAITING;
    }

    boolean answered() {
        int now = state;
        while (now == ANSWERING) {
            Thread.onSpinWait();
            now = state;
        }
        return now == GRANTED || now == REFUSED;
    }

    boolean refused() {
        return state == REFUSED;
    }

    /** After {@link #answered()}: the permit, or the refusal. */
    long answer() {
        return answer;
    }

    /** After a grant: nanoseconds until the call may proceed. */
    long pauseNanos() {
        return delayed ? Math.max(0, proceedAt - time.nanoTime()) : 0;
    }
}
