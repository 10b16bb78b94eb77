// SPDX-License-Identifier: Apache-2.0
package dev.resilience.stress;

import dev.resilience.TimeSource;
import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimiter;
import dev.resilience.ratelimit.RateLimiter.Carry;
import dev.resilience.ratelimit.RateLimiter.Reservation;
import java.time.Duration;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** The races of a token bucket: grants, refunds, another limit, and the first grant after a long pause. */
public final class RateLimitStress {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private RateLimitStress() {}

    /** A clock that the test sets. */
    static final class Clock implements TimeSource {
        volatile long now;

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

    abstract static class Bucket {
        final Clock clock = new Clock();
        final RateLimiter limiter;

        Bucket(Limit limit) {
            limiter =
                    RateLimiter.builder("stress").limit(limit).timeSource(clock).build();
        }

        final int granted() {
            return limiter.tryAcquire() ? 1 : 0;
        }

        final int left() {
            return (int) limiter.acquireUpTo(100);
        }
    }

    /** P19: of one token one caller has it. */
    @JCStressTest
    @Outcome(
            id = {"1, 0, 0", "0, 1, 0"},
            expect = Expect.ACCEPTABLE,
            desc = "granted once")
    @Outcome(expect = Expect.FORBIDDEN, desc = "granted twice, or lost")
    @State
    public static class OneToken extends Bucket {
        public OneToken() {
            super(Limit.of(10, SECOND).burst(1));
        }

        @Actor
        public void one(III_Result r) {
            r.r1 = granted();
        }

        @Actor
        public void another(III_Result r) {
            r.r2 = granted();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = left();
        }
    }

    /** S22: a refund meets a grant; what comes back is there once. */
    @JCStressTest
    @Outcome(
            id = {"1, 1, 1", "1, 0, 2"},
            expect = Expect.ACCEPTABLE,
            desc = "the two tokens are there once")
    @Outcome(expect = Expect.FORBIDDEN, desc = "tokens minted or lost")
    @State
    public static class RefundAndGrant extends Bucket {
        private final Reservation both;

        public RefundAndGrant() {
            super(Limit.of(10, SECOND).burst(2));
            both = limiter.reserve(2, Duration.ZERO).orElseThrow();
        }

        @Actor
        public void cancel(III_Result r) {
            r.r1 = both.cancel() ? 1 : 0;
        }

        @Actor
        public void grant(III_Result r) {
            r.r2 = granted();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = left();
        }
    }

    /**
     * S22, the counter-example that asked for the lock: B = 3, a permit per nanosecond; 3 taken at 0, 2 reserved for 2,
     * 1 for 3; at 1 both are cancelled while 3 are reserved. Whatever is granted at 4 or before it, no more than
     * 3 + 4 may pass in [0, 4].
     */
    @JCStressTest
    @Outcome(
            id = {"0", "1", "2", "3", "4", "5", "6", "7"},
            expect = Expect.ACCEPTABLE,
            desc = "within the bound")
    @Outcome(expect = Expect.FORBIDDEN, desc = "more than the bound in [0, 4]")
    @State
    public static class TwoRefundsAndAGrant extends Bucket {
        private final Reservation two;
        private final Reservation one;
        private long reservedFor = Long.MAX_VALUE;

        public TwoRefundsAndAGrant() {
            super(Limit.of(1, Duration.ofNanos(1)).burst(3));
            limiter.tryAcquire(3);
            two = limiter.reserve(2, SECOND).orElseThrow();
            one = limiter.reserve(1, SECOND).orElseThrow();
            clock.now = 1;
        }

        @Actor
        public void cancelTwo() {
            two.cancel();
        }

        @Actor
        public void cancelOne() {
            one.cancel();
        }

        @Actor
        public void reserveThree() {
            reservedFor = 1 + limiter.reserve(3, SECOND).orElseThrow().delay().toNanos();
        }

        @Arbiter
        public void after(I_Result r) {
            clock.now = 4;
            r.r1 = 3 + (reservedFor <= 4 ? 3 : 0) + left();
        }
    }

    /** S26, L2: another limit of the same burst; every token is granted once, by the old limit or by the new one. */
    @JCStressTest
    @Outcome(
            id = {"1, 1, 0", "1, 0, 1", "0, 1, 1", "0, 0, 2"},
            expect = Expect.ACCEPTABLE,
            desc = "two tokens in all")
    @Outcome(expect = Expect.FORBIDDEN, desc = "tokens minted or lost")
    @State
    public static class ReconfigureAndGrants extends Bucket {
        public ReconfigureAndGrants() {
            super(Limit.of(10, SECOND).burst(2));
        }

        @Actor
        public void reconfigure() {
            limiter.reconfigure(Limit.of(3, SECOND).burst(2), Carry.KEEP_TOKENS);
        }

        @Actor
        public void one(III_Result r) {
            r.r1 = granted();
        }

        @Actor
        public void another(III_Result r) {
            r.r2 = granted();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = left();
        }
    }

    /** S25: two find that the bucket has been idle for longer than its ticks can tell; its burst is there once. */
    @JCStressTest
    @Outcome(id = "1, 1, 0", expect = Expect.ACCEPTABLE, desc = "the burst of two")
    @Outcome(expect = Expect.FORBIDDEN, desc = "the burst forgiven twice, or lost")
    @State
    public static class AfterALongPause extends Bucket {
        public AfterALongPause() {
            super(Limit.of(99_991, SECOND).burst(2));
            limiter.tryAcquire(2);
            clock.now = Duration.ofDays(60).toNanos();
        }

        @Actor
        public void one(III_Result r) {
            r.r1 = granted();
        }

        @Actor
        public void another(III_Result r) {
            r.r2 = granted();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = left();
        }
    }
}
