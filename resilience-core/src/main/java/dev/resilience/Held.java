// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * An admitted call whose permit may go back at another time than the call ends (S34): later, for a gate that
 * {@linkplain Gate#holdAbandoned holds} it while attempts of the call that were left behind still run; or sooner, for a
 * call on a worker's thread that nobody waits for any more.
 */
/* Implementation notes (docs/internals/bulkhead.md)
 *
 * H1 running counts the call itself and the attempts inside that were left behind. Whoever brings it to 0 settles. Each
 *    -1 comes after its +1, and the +1 of what is left behind before anybody outside can see the call end.
 * H2 state: HELD -> LEASED by the first of the call's end and its being left; -> SETTLED once, by whoever comes first:
 *    the count, the lease, or without a lease the call's end or its being left. An end without a lease tells what the
 *    call gave, whatever is left behind inside.
 * H3 The lease's timer is written, then the state read; who settles writes the state, then reads the timer: one of both
 *    takes the timer back.
 */
final class Held extends Cancellation {
    private static final int HELD = 0;
    private static final int LEASED = 1;
    private static final int SETTLED = 2;

    private static final VarHandle RUNNING = Handles.field(MethodHandles.lookup(), Held.class, "running", int.class);
    private static final VarHandle STATE = Handles.field(MethodHandles.lookup(), Held.class, "state", int.class);

    private final Gate gate;
    private final Permit.Admission admission;
    private final long lease;
    /** The worker's scope that the call runs in; null when the call is not on a worker's thread, or is a stage. */
    private final InterruptScope.@Nullable OfWorker worker;

    /** The next outer one on the same worker. */
    final @Nullable Held outer;

    @SuppressWarnings("unused") // through RUNNING
    private volatile int running = 1;

    private volatile int state;
    private volatile Verdict verdict = Verdict.IGNORED;
    private volatile TimeSource.@Nullable Timer timer;

    Held(
            @Nullable Cancellation parent,
            Gate gate,
            Permit.Admission admission,
            InterruptScope.@Nullable OfWorker worker) {
        super(parent);
        this.gate = gate;
        this.admission = admission;
        this.lease = gate.abandonedLease();
        this.worker = worker;
        this.outer = worker == null ? null : worker.enter(this);
    }

    /** The call has come to its end, whether somebody still waited for it or not. */
    void end(Verdict said, @Nullable Object value, @Nullable Throwable thrown) {
        move(LIVE, DONE);
        close();
        if (worker != null) worker.exit(this);
        verdict = said;
        if (finished() || lease <= 0) settle(said, value, thrown);
        else keep();
    }

    /** Nobody waits for the call any more, and its code still runs on the worker. */
    void leave() {
        keep();
    }

    @Override
    void abandoned(int delta) {
        if (delta > 0) RUNNING.getAndAdd(this, delta);
        else if (finished()) settle(verdict, null, null);
        super.abandoned(delta);
    }

    private boolean finished() {
        return (int) RUNNING.getAndAdd(this, -1) == 1;
    }

    /** What the call gave is not kept with the permit: it may be large, and belongs to somebody else by now (L13). */
    private void keep() {
        if (!STATE.compareAndSet(this, HELD, LEASED)) return;
        if (lease <= 0) {
            settle(verdict, null, null);
            return;
        }
        timer = gate.time().schedule(() -> Workers.handOff(gate.time(), () -> settle(verdict, null, null)), lease);
        if (state == SETTLED) disarm();
    }

    private void settle(Verdict said, @Nullable Object value, @Nullable Throwable thrown) {
        if ((int) STATE.getAndSet(this, SETTLED) == SETTLED) return;
        disarm();
        long now = admission.timed() ? gate.time().nanoTime() : 0;
        gate.settled(admission.permit(), admission.at(), now, said, value, thrown);
    }

    private void disarm() {
        TimeSource.Timer armed = timer;
        if (armed != null) armed.cancel();
    }
}
