// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * {@link InterruptScope} on the machine's memory model: what {@code InterruptProtocolModelTest} assumes to be
 * sequentially consistent. Run by {@code stress/run InterruptScopeStress}. In the package of the code, on the class
 * path, for its package-private view.
 *
 * <p>The thread that owns the scopes waits for the one who fires before it looks at its flag for the last time, so that
 * what comes late is seen, and leaves the harness's thread clean.
 */
public class InterruptScopeStress {
    private InterruptScopeStress() {}

    /** What the owner and the one who fires share. */
    abstract static class Shared {
        volatile @Nullable InterruptScope outer;
        volatile @Nullable InterruptScope inner;
        private volatile boolean fired;

        static InterruptScope begin(InterruptScope.Stack stack) {
            return new InterruptScope(null, stack, true);
        }

        final void firedAll() {
            fired = true;
        }

        /** The flag when nobody will set it any more. */
        final int lastLook() {
            while (!fired) Thread.onSpinWait();
            return Thread.interrupted() ? 1 : 0;
        }

        final InterruptScope awaitOuter() {
            InterruptScope scope = outer;
            while (scope == null) {
                Thread.onSpinWait();
                scope = outer;
            }
            return scope;
        }

        final InterruptScope awaitInner() {
            InterruptScope scope = inner;
            while (scope == null) {
                Thread.onSpinWait();
                scope = inner;
            }
            return scope;
        }
    }

    /** A part that ends while it is fired. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "DONE: ended before it was fired, the flag is clear")
    @Outcome(id = "3, 0", expect = ACCEPTABLE, desc = "FIRED: our interrupt was taken back")
    @Outcome(expect = FORBIDDEN, desc = "an interrupt of ours leaked or came late")
    @State
    public static class FireAgainstEnd extends Shared {
        /** The owner. */
        @Actor
        public void owner(II_Result r) {
            InterruptScope.Stack stack = InterruptScope.stack();
            InterruptScope scope = begin(stack);
            outer = scope;
            r.r1 = scope.end(stack);
            r.r2 = lastLook();
        }

        /** The timer. */
        @Actor
        public void timer() {
            awaitOuter().fire();
            firedAll();
        }
    }

    /** A part that is fired after a stranger interrupted. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "DONE: the stranger's interrupt stays")
    @Outcome(id = "4, 1", expect = ACCEPTABLE, desc = "PASSED: the stranger's interrupt stays")
    @Outcome(expect = FORBIDDEN, desc = "a stranger's interrupt that was pending was taken")
    @State
    public static class FireAfterStranger extends Shared {
        private volatile @Nullable Thread owner;

        /** The owner. */
        @Actor
        public void owner(II_Result r) {
            InterruptScope.Stack stack = InterruptScope.stack();
            InterruptScope scope = begin(stack);
            owner = Thread.currentThread();
            outer = scope;
            r.r1 = scope.end(stack);
            r.r2 = lastLook();
        }

        /** The stranger, then the timer. */
        @Actor
        public void strangerAndTimer() {
            InterruptScope scope = awaitOuter();
            Thread thread = owner;
            if (thread != null) thread.interrupt();
            scope.fire();
            firedAll();
        }
    }

    /** A part within a part, the inner one fired first: whose interrupt is whose after the inner one ended. */
    @JCStressTest
    @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "neither in time to fire: both ended")
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "the outer one fired")
    @Outcome(id = "3, 0, 0", expect = ACCEPTABLE, desc = "the inner one fired, and took its own back")
    @Outcome(id = "3, 1, 0", expect = ACCEPTABLE_INTERESTING, desc = "both: the outer one's is visible again")
    @Outcome(expect = FORBIDDEN, desc = "an outer interrupt was lost, or one of ours leaked")
    @State
    public static class InnerThenOuter extends Shared {
        /** The owner. The second result tells whether the outer part fired and shows on the flag; 2 if it does not. */
        @Actor
        public void owner(III_Result r) {
            InterruptScope.Stack stack = InterruptScope.stack();
            InterruptScope out = begin(stack);
            InterruptScope in = begin(stack);
            inner = in;
            outer = out;
            r.r1 = in.end(stack);
            boolean firedBefore = out.phase() == Cancellation.FIRED;
            boolean visible = Thread.currentThread().isInterrupted();
            int phase = out.end(stack);
            boolean lost = firedBefore && !visible;
            r.r2 = lost ? 2 : phase == Cancellation.FIRED ? 1 : 0;
            if (phase == Cancellation.PASSED) r.r2 = 3;
            r.r3 = lastLook();
        }

        /** Both timers. */
        @Actor
        public void timers() {
            awaitInner().fire();
            awaitOuter().fire();
            firedAll();
        }
    }

    /** The same with two who fire at the same time: a timer, and whoever cancels submitted work. */
    @JCStressTest
    @Outcome(id = "[134], 0, 0", expect = ACCEPTABLE, desc = "the outer one ended before it was fired")
    @Outcome(id = "[134], 1, 0", expect = ACCEPTABLE_INTERESTING, desc = "the outer one fired, and shows")
    @Outcome(expect = FORBIDDEN, desc = "an outer interrupt was lost, taken for a stranger's, or one of ours leaked")
    @State
    public static class InnerAgainstOuter extends Shared {
        private volatile boolean innerDone;

        /** The owner. */
        @Actor
        public void owner(III_Result r) {
            InterruptScope.Stack stack = InterruptScope.stack();
            InterruptScope out = begin(stack);
            InterruptScope in = begin(stack);
            inner = in;
            outer = out;
            r.r1 = in.end(stack);
            boolean firedBefore = out.phase() == Cancellation.FIRED;
            boolean visible = Thread.currentThread().isInterrupted();
            int phase = out.end(stack);
            r.r2 = firedBefore && !visible ? 2 : phase == Cancellation.FIRED ? 1 : phase == Cancellation.PASSED ? 3 : 0;
            while (!innerDone) Thread.onSpinWait();
            r.r3 = lastLook();
        }

        /** The inner timer. */
        @Actor
        public void timer() {
            awaitInner().fire();
            innerDone = true;
        }

        /** Whoever cancels. */
        @Actor
        public void canceller() {
            awaitOuter().fire();
            firedAll();
        }
    }
}
