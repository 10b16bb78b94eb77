// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** L13, L15: what a limiter costs while it is idle, and per decision. */
class CostTest {
    private static final int MANY = 1_000_000;

    private final ManualTime time = ManualTime.create();
    private final HandClock clock = new HandClock(0);

    private RateLimiter limiter(Limit limit) {
        return RateLimiter.builder("cost").limit(limit).timeSource(clock).build();
    }

    @Test // P6, S41
    void granting_and_refusing_allocate_nothing() {
        RateLimiter granting = limiter(Limit.of(1_000_000_000, SECOND));
        RateLimiter fine = limiter(Limit.of(333, SECOND).burst(100_000));
        RateLimiter refusing = limiter(Limit.of(1, Duration.ofDays(1)));
        refusing.drain();
        assertThat(Allocations.perRun(() -> {
                    granting.tryAcquire();
                    clock.now++;
                }))
                .isZero();
        assertThat(Allocations.perRun(() -> fine.tryAcquire(2))).isZero();
        assertThat(Allocations.perRun(refusing::tryAcquire)).isZero();
        assertThat(Allocations.perRun(() -> refusing.acquireUpTo(3))).isZero();
        assertThat(refusing.tryAcquire()).isFalse();
    }

    @Test
    void a_call_that_cannot_wait_long_enough_costs_no_more() {
        RateLimiter refusing = limiter(Limit.of(1, Duration.ofDays(1)));
        refusing.drain();
        assertThat(Allocations.perRun(() -> refusing.reserve(1, SECOND))).isZero();
        assertThat(Allocations.perRun(() -> {
                    try {
                        refusing.tryAcquire(1, SECOND);
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                }))
                .isZero();
    }

    @Test
    void a_refused_call_allocates_its_exception_alone() {
        RateLimiter refusing = limiter(Limit.of(1, Duration.ofDays(1)));
        refusing.drain();
        assertThat(thrown(refusing)).isTrue();
        assertThat(Allocations.perRun(() -> thrown(refusing))).isLessThan(128);
    }

    private static boolean thrown(RateLimiter refusing) {
        try {
            refusing.call(() -> "refused");
            return false;
        } catch (RateLimitedException refused) {
            return true;
        }
    }

    @Test
    void a_call_through_the_gate_allocates_nothing() throws Exception {
        RateLimiter granting = limiter(Limit.of(1_000_000_000, SECOND));
        assertThat(Allocations.perRun(() -> {
                    granting.run(() -> {});
                    clock.now++;
                }))
                .isZero();
    }

    @Test // P8
    void a_refusal_writes_nothing() {
        RateLimiter limiter = Rig.limiter(Limit.of(10, SECOND).burst(2), time);
        limiter.tryAcquire(2);
        long ahead = Rig.bucket(limiter).aheadTicks();
        for (int i = 0; i < 10; i++) assertThat(limiter.tryAcquire()).isFalse();
        assertThat(Rig.bucket(limiter).aheadTicks()).isEqualTo(ahead);
    }

    @Test // L13
    void a_million_idle_limiters_have_no_thread_and_no_timer() {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        Limit limit = Limit.of(10, SECOND);
        long live = 0;
        for (int i = 0; i < MANY; i++) {
            RateLimiter limiter = Rig.limiter(limit, time);
            if (limiter.tryAcquire()) live++;
        }
        assertThat(live).isEqualTo(MANY);
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.parkedThreads()).isZero();
        assertThat(Thread.getAllStackTraces().keySet())
                .filteredOn(thread -> !before.contains(thread))
                .filteredOn(thread -> thread.getName().contains("resilience"))
                .isEmpty();
    }
}
