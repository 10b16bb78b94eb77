// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.TimeSource;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A caller stalls right after it has read the clock, and the others do their worst meanwhile; timers that refuse. */
class StalledClockTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    /** Runs something between the reading of the clock and its use. */
    private static final class Stalling implements TimeSource {
        final ManualTime time = ManualTime.create();

        @Nullable
        Runnable meanwhile;

        int readingsBefore;
        boolean timers = true;

        @Override
        public long nanoTime() {
            long read = time.nanoTime();
            Runnable others = meanwhile;
            if (others != null && readingsBefore-- == 0) {
                meanwhile = null;
                others.run();
            }
            return read;
        }

        @Override
        public void park(Object blocker, long nanos) {
            time.park(blocker, nanos);
        }

        @Override
        public void unpark(Thread thread) {
            time.unpark(thread);
        }

        @Override
        public Timer schedule(Runnable task, long nanos) {
            if (!timers) throw new RejectedExecutionException("no more timers");
            return time.schedule(task, nanos);
        }
    }

    private final Stalling clock = new Stalling();

    /** At whichever reading it stalls: two permits at once, never three. */
    @Test // S27, K3, K4
    void a_caller_without_a_place_that_slept_through_a_life_of_its_key_is_not_granted_twice() {
        for (int stall = 0; stall < 12; stall++) {
            KeyedRateLimiter<String> users = RateLimiter.builder("user")
                    .limit(Limit.of(2, SECOND))
                    .timeSource(clock)
                    .keyed(1);
            assertThat(users.tryAcquire("other", 2)).isTrue(); // has the only place
            clock.readingsBefore = stall;
            clock.meanwhile = () -> {
                clock.time.advance(SECOND);
                users.tryAcquire("key", 2);
                clock.time.advance(SECOND);
                users.tryAcquire("other", 2); // evicts the key, which is full
                clock.time.advance(SECOND);
            };
            boolean slept = users.tryAcquire("key", 2);
            boolean stalled = clock.meanwhile == null;
            clock.meanwhile = null;
            int passed = slept && stalled ? 2 : 0;
            while (stalled && users.tryAcquire("key")) passed++;
            assertThat(passed).as("stalled at reading %d", stall).isLessThanOrEqualTo(2);
        }
    }

    @Test // L1, L13
    void timers_that_refuse_cost_no_permit() {
        RateLimiter limiter = RateLimiter.builder("search")
                .limit(Limit.of(1, SECOND))
                .maxWait(SECOND.multipliedBy(60))
                .timeSource(clock)
                .build();
        limiter.drain();
        Decision before = limiter.peek(1);
        clock.timers = false;
        for (int i = 0; i < 3; i++) {
            assertThat(limiter.callAsync(() -> new CompletableFuture<>())).isCompletedExceptionally();
            assertThat(limiter.admitAsync(CallContext.root())).isCompletedExceptionally();
            assertThat(limiter.decideAsync(1, SECOND.multipliedBy(60))).isCompletedExceptionally();
        }
        assertThat(limiter.waiting()).isZero();
        assertThat(limiter.peek(1).retryAfter()).isEqualTo(before.retryAfter());
    }
}
