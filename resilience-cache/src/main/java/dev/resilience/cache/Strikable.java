// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** A load on its thread, which can be interrupted from outside while it runs, and not later (L8). */
/* Implementation notes (as the core's timed attempts: docs/internals/interrupts.md)
 *
 *   ELSEWHERE                                                the load runs on no thread that we know
 *   QUEUED --begin--> RUNNING --end--> ENDED                 the flag was never touched
 *   QUEUED --skip--> ENDED                                   it never runs
 *                     RUNNING --strike--> STRIKING --> STRUCK    interrupted by us; the end takes the flag back
 *                                                  --> PASSED    a stranger's interrupt was there: left alone
 *
 * I1 The thread that loses its CAS to ENDED waits until STRUCK or PASSED, so an interrupt of ours never arrives when it
 *    does something else.
 * I2 runner is set before RUNNING and stays to the end of the landing, which runs users' functions as well. RUNNING comes
 *    once, so who strikes has read the thread that was running the load.
 */
class Strikable {
    private static final byte QUEUED = 1;
    private static final byte RUNNING = 2;
    private static final byte STRIKING = 3;
    private static final byte STRUCK = 4;
    private static final byte PASSED = 5;
    private static final byte ENDED = 6;
    private static final VarHandle RUN = handle();

    private volatile byte run; // ELSEWHERE is 0
    private volatile @Nullable Thread runner;

    Strikable(Flight.Mode mode) {
        if (mode == Flight.Mode.CALLER || mode == Flight.Mode.STAGE) runner = Thread.currentThread();
        if (mode == Flight.Mode.CALLER) run = RUNNING;
        if (mode == Flight.Mode.WORKER) run = QUEUED;
    }

    private static VarHandle handle() {
        try {
            return MethodHandles.lookup().findVarHandle(Strikable.class, "run", byte.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Who runs the load at this moment; null: nobody, or a thread that we do not know. */
    final @Nullable Thread runner() {
        return runner;
    }

    /** False: it was skipped. */
    final boolean beginRun() {
        runner = Thread.currentThread();
        if (RUN.compareAndSet(this, QUEUED, RUNNING)) return true;
        runner = null;
        return false;
    }

    /** True: it has not begun, and never will. */
    final boolean skipRun() {
        return RUN.compareAndSet(this, QUEUED, ENDED);
    }

    /** This thread runs what may ask for other loads, or lands what it brought. */
    final void enterRun() {
        runner = Thread.currentThread();
    }

    /** No thread of ours is in the load any more: its stage is under way, or it has landed. */
    final void leaveRun() {
        runner = null;
    }

    /** True: the thread was interrupted by us, and the flag has been taken back. */
    @SuppressWarnings({"ThreadPriorityCheck", "ResultOfMethodCallIgnored"}) // a chance for who is about to interrupt
    final boolean endRun() {
        if (RUN.compareAndSet(this, RUNNING, ENDED)) return false;
        for (int spins = 0; run == STRIKING; ) {
            if (++spins < 64) Thread.onSpinWait();
            else Thread.yield();
        }
        if (run != STRUCK) return false;
        Thread.interrupted();
        return true;
    }

    /** Interrupts the load if it runs on a thread that we know. */
    final void strike() {
        Thread thread = runner;
        if (thread == null || !RUN.compareAndSet(this, RUNNING, STRIKING)) return;
        boolean strangers = thread.isInterrupted();
        if (!strangers) thread.interrupt();
        run = strangers ? PASSED : STRUCK;
    }
}
