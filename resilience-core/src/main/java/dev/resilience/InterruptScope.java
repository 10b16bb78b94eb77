// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** A part of a call that runs on one thread and may be ended by interrupting it: a timed attempt, submitted work. */
/* Implementation notes (S33; races, counter-examples and model: docs/internals/interrupts.md)
 *
 *   LIVE --owner: end--> DONE                             the flag was never touched
 *   LIVE --timer or canceller: fire--> FIRING --flag was set--> PASSED     no interrupt of ours
 *                                      FIRING --interrupt()--> FIRED
 *
 * I1 The owner that loses its CAS waits until FIRED or PASSED, so an interrupt of ours never arrives after end().
 * I2 FIRED: the owner clears the flag, counts that, unlinks itself from the enclosing scope, then asserts the flag again
 *    if an enclosing scope is FIRED. Library interrupts are told apart by these words, never by the flag.
 * I3 An enclosing scope that fires while a scope inside is FIRED does not interrupt again: the flag may still be the
 *    inner one's. Clear, unlink (volatile), read the outer phase against write phase, read the link: one sees the other.
 * I4 A set flag is a stranger's (PASSED) only if no scope inside had set it: whoever fires reads the count, the flag,
 *    the scopes inside, then the count again. A scope that set the flag is still linked, or has counted in between.
 */
class InterruptScope extends Cancellation {
    private static final ThreadLocal<Stack> STACK = ThreadLocal.withInitial(Stack::new);
    private static final VarHandle INNER =
            Handles.field(MethodHandles.lookup(), InterruptScope.class, "inner", InterruptScope.class);

    /** Of the thread to interrupt; null when the end is only told. */
    private final @Nullable Stack target;

    private final @Nullable InterruptScope outer;

    @SuppressWarnings("unused") // through INNER
    private volatile @Nullable InterruptScope inner;

    /** The scopes of a thread, innermost first. */
    static final class Stack {
        private final Thread thread = Thread.currentThread();
        /** How often the thread took back an interrupt of ours; it alone writes. */
        private volatile int absorbed;

        private @Nullable InterruptScope top;

        @Nullable
        InterruptScope top() {
            return top;
        }
    }

    static Stack stack() {
        return STACK.get();
    }

    /** Work on a worker's thread, which may be left behind by whoever waits for it, and the permits held in it (S34). */
    static final class OfWorker extends InterruptScope {
        private final Thread thread;
        /** The innermost; only the worker writes. */
        private volatile @Nullable Held held;

        OfWorker(@Nullable Cancellation parent, Stack stack) {
            super(parent, stack, true);
            this.thread = stack.thread;
        }

        /** Around this part, and on this very thread: null when nobody can leave this thread behind. */
        static @Nullable OfWorker around(@Nullable Cancellation part) {
            for (Cancellation each = part; each != null; each = each.parent()) {
                if (each instanceof OfWorker worker) return worker.thread == Thread.currentThread() ? worker : null;
            }
            return null;
        }

        /** Returns the one that was innermost before. */
        @Nullable
        Held enter(Held inner) {
            Held before = held;
            held = inner;
            return before;
        }

        void exit(Held inner) {
            held = inner.outer;
        }

        boolean left() {
            return phase() >= FIRING;
        }

        /** Runs nothing but gates: before any action of a user's gets the chance to hang. */
        void leaveHeld() {
            for (Held each = held; each != null; each = each.outer) each.leave();
        }
    }

    /** Begins a scope on the current thread. {@code interrupting} false: the deadline is only told, by cancelled(). */
    InterruptScope(@Nullable Cancellation parent, Stack stack, boolean interrupting) {
        super(parent);
        this.target = interrupting ? stack : null;
        this.outer = stack.top;
        if (outer != null) INNER.setVolatile(outer, this);
        stack.top = this;
    }

    /**
     * Has the part fired when {@code nanos} have passed since {@code start}. Null on the system's clock: the scope is
     * its own entry in the wheel, and nothing is allocated.
     */
    TimeSource.@Nullable Timer arm(TimeSource time, long start, long nanos) {
        if (!(time instanceof SystemTimeSource system)) return time.schedule(() -> fired(time), nanos);
        system.arm(this, start, nanos);
        return null;
    }

    /** Takes back what {@link #arm} began. */
    void disarm(TimeSource time, TimeSource.@Nullable Timer timer) {
        if (timer != null) timer.cancel();
        else if (time instanceof SystemTimeSource system) system.cancel(this);
    }

    /** Called by the system's wheel. */
    @Override
    public void run() {
        fired(TimeSource.system());
    }

    /** Timer thread: only compares, sets and hands over (S38). */
    private void fired(TimeSource time) {
        if (fire() && hasActions()) Workers.handOff(time, this::runActions);
    }

    /** Ends the part from outside. False when it has ended already. The caller runs the actions. */
    boolean fire() {
        if (!move(LIVE, FIRING)) return false;
        settlePhase(strike());
        return true;
    }

    private int strike() {
        return target == null ? FIRED : strike(target);
    }

    private int strike(Stack stack) {
        for (; ; ) {
            int before = stack.absorbed;
            boolean pending = stack.thread.isInterrupted();
            if (innerFired()) return FIRED;
            if (!pending) {
                stack.thread.interrupt();
                return FIRED;
            }
            if (before == stack.absorbed) return PASSED;
        }
    }

    private boolean innerFired() {
        for (InterruptScope scope = inner; scope != null; scope = scope.inner) {
            if (scope.target != null && scope.resolved() == FIRED) return true;
        }
        return false;
    }

    /** The owner's last word; returns DONE, FIRED or PASSED. */
    int end(Stack stack) {
        boolean absorbed = inner != null && endLeftBehind(stack);
        int phase = move(LIVE, DONE) ? DONE : resolved();
        boolean ours = phase == FIRED && target != null;
        if (ours) absorbInterrupt(stack);
        stack.top = outer;
        if (outer != null) {
            INNER.setVolatile(outer, null);
            if ((ours || absorbed) && outer.firedHereOrOutside()) stack.thread.interrupt();
        }
        close();
        return phase;
    }

    /** What a full stack kept from its own end(): it must not interrupt when the call is long over (L8). */
    private boolean endLeftBehind(Stack stack) {
        boolean absorbed = false;
        for (InterruptScope left = inner; left != null; left = left.inner) {
            absorbed |= !left.move(LIVE, DONE) && left.resolved() == FIRED && left.target != null;
            left.close();
        }
        if (absorbed) absorbInterrupt(stack);
        return absorbed;
    }

    @SuppressWarnings({"ResultOfMethodCallIgnored", "NonAtomicVolatileUpdate"}) // one writer
    private static void absorbInterrupt(Stack stack) {
        Thread.interrupted();
        stack.absorbed++;
    }

    private boolean firedHereOrOutside() {
        for (InterruptScope scope = this; scope != null; scope = scope.outer) {
            if (scope.target != null && scope.resolved() == FIRED) return true;
        }
        return false;
    }

    /** The phase, once it is not FIRING: that lasts for one interrupt() of another thread. */
    @SuppressWarnings("ThreadPriorityCheck") // a fair chance for the thread that is about to interrupt
    private int resolved() {
        int phase = phase();
        for (int spins = 0; phase == FIRING; phase = phase()) {
            if (++spins < 64) Thread.onSpinWait();
            else Thread.yield();
        }
        return phase;
    }
}
