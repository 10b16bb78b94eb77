// SPDX-License-Identifier: Apache-2.0
package dev.resilience.stress;

import dev.resilience.Permit;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.Window;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** The races of the breaker: late settlements, the last outcome of a window, the slots and the verdict of probes. */
public final class BreakerStress {
    @SuppressWarnings("StaticAssignmentOfThrowable") // millions of rounds, and nobody looks at its trace
    private static final Throwable FAILED = new IllegalStateException("failed");

    private BreakerStress() {}

    /** A clock that the test sets before the actors begin. */
    static final class Clock implements TimeSource {
        long now;

        @Override
        public long nanoTime() {
            return now;
        }

        @Override
        public void park(Object blocker, long nanos) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void unpark(Thread thread) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Timer schedule(Runnable task, long nanos) {
            throw new UnsupportedOperationException();
        }
    }

    /** A breaker that opens at half of its window, and how many transitions it told. */
    abstract static class Breaker {
        final Clock clock = new Clock();
        final AtomicInteger told = new AtomicInteger();
        final CircuitBreaker breaker;

        Breaker(int window, int probes, int required) {
            breaker = CircuitBreaker.builder("stress")
                    .timeSource(clock)
                    .window(Window.calls(window).minimumCalls(window))
                    .probes(probes)
                    .requiredSuccesses(required)
                    .build();
            breaker.onTransition(t -> told.incrementAndGet());
        }

        /** FORCED_OPEN for so long that it is over: the next look makes it HALF_OPEN. */
        final void openUntilNow() {
            breaker.forceOpen("stress", Duration.ofNanos(1));
            clock.now++;
        }

        final int admitted() {
            try {
                breaker.admit();
                return 1;
            } catch (RejectedException refused) {
                return 0;
            }
        }

        @SuppressWarnings("EnumOrdinal") // results are numbers
        final int state() {
            return breaker.snapshot().state().ordinal();
        }
    }

    /** L2: before the reset it counts there and is forgotten, after it it is late; it is never evidence of the new regime. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "CLOSED and nothing recorded")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a late outcome counted")
    @State
    public static class LateSettlement extends Breaker {
        private final Permit permit;

        public LateSettlement() {
            super(1, 1, 1);
            permit = breaker.admit();
        }

        @Actor
        public void settles() {
            permit.failure(FAILED);
        }

        @Actor
        public void resets() {
            breaker.reset();
        }

        @Arbiter
        public void look(II_Result r) {
            r.r1 = state();
            r.r2 = breaker.snapshot().calls();
        }
    }

    /** S29: whichever outcome is the last, one of the two sees that the threshold is reached. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "OPEN, told once")
    @Outcome(expect = Expect.FORBIDDEN, desc = "an opening was missed, or told twice")
    @State
    public static class LastOutcome extends Breaker {
        private final Permit one;
        private final Permit two;

        public LastOutcome() {
            super(2, 1, 1);
            one = breaker.admit();
            two = breaker.admit();
        }

        @Actor
        public void succeeds() {
            one.success();
        }

        @Actor
        public void fails() {
            two.failure(FAILED);
        }

        @Arbiter
        public void look(II_Result r) {
            r.r1 = state();
            r.r2 = told.get();
        }
    }

    /** S30: the transition to HALF_OPEN and its only slot, contended at once. */
    @JCStressTest
    @Outcome(
            id = {"1, 0", "0, 1"},
            expect = Expect.ACCEPTABLE,
            desc = "one probe")
    @Outcome(expect = Expect.FORBIDDEN, desc = "none, or two")
    @State
    public static class OneSlot extends Breaker {
        public OneSlot() {
            super(1, 1, 1);
            openUntilNow();
        }

        @Actor
        public void one(II_Result r) {
            r.r1 = admitted();
        }

        @Actor
        public void two(II_Result r) {
            r.r2 = admitted();
        }
    }

    /** S30: two of two have to succeed, one fails: OPEN whoever reports last, and one transition for it. */
    @JCStressTest
    @Outcome(id = "1, 3", expect = Expect.ACCEPTABLE, desc = "OPEN after FORCED_OPEN and HALF_OPEN")
    @Outcome(expect = Expect.FORBIDDEN, desc = "undecided, or decided twice")
    @State
    public static class Verdicts extends Breaker {
        private final Permit one;
        private final Permit two;

        public Verdicts() {
            super(1, 2, 2);
            openUntilNow();
            one = breaker.admit();
            two = breaker.admit();
        }

        @Actor
        public void succeeds() {
            one.success();
        }

        @Actor
        public void fails() {
            two.failure(FAILED);
        }

        @Arbiter
        public void look(II_Result r) {
            r.r1 = state();
            r.r2 = told.get();
        }
    }
}
