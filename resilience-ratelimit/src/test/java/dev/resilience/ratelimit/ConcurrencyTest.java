// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.ratelimit.RateLimiter.Reservation;
import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** P19: whatever the threads do, at a frozen time no more passes than is there. */
class ConcurrencyTest {
    private static final int ROUNDS = 200;
    private static final int THREADS = 4;

    private final ManualTime time = ManualTime.create();

    @Test
    void at_a_frozen_time_exactly_the_burst_is_granted() throws Exception {
        for (Limit limit : List.of(
                Limit.of(10, SECOND).burst(100), Limit.of(99_991, SECOND).burst(100))) {
            for (int round = 0; round < ROUNDS; round++) {
                RateLimiter limiter = Rig.limiter(limit, time);
                AtomicLong granted = new AtomicLong();
                Rig.together(THREADS, thread -> {
                    for (int i = 0; i < 100; i++) {
                        if (thread % 2 == 0 && limiter.tryAcquire()) granted.incrementAndGet();
                        if (thread % 2 == 1) granted.addAndGet(limiter.acquireUpTo(2));
                    }
                });
                assertThat(granted.get()).isEqualTo(100);
            }
        }
    }

    @Test // S25: several threads find the bucket asleep; its burst is given once
    void after_a_long_pause_the_burst_is_granted_once() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            HandClock clock = new HandClock(round);
            Meter meter = Limit.of(99_991, SECOND).burst(20).meter(clock);
            meter.takeUpTo(20);
            clock.now += 60L * 24 * 3600 * 1_000_000_000;
            AtomicLong granted = new AtomicLong();
            Rig.together(THREADS, thread -> {
                for (int i = 0; i < 20; i++) {
                    if (meter.take(1) == Meter.GRANTED) granted.incrementAndGet();
                }
            });
            assertThat(granted.get()).isEqualTo(20);
        }
    }

    @Test // S22: refunds race with grants, with and without a wait; what is used keeps the bound
    void refunds_that_race_with_grants_mint_nothing() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            HandClock clock = new HandClock(0);
            GcraMeter meter = (GcraMeter)
                    Limit.of(1, java.time.Duration.ofNanos(1)).burst(3).meter(clock);
            ConcurrentLinkedQueue<Answer> kept = new ConcurrentLinkedQueue<>();
            Rig.together(THREADS, thread -> {
                for (int i = 0; i < 25; i++) {
                    Answer answer = new Answer();
                    if (meter.take(1 + i % 3, 200, answer) != Meter.GRANTED) continue;
                    if ((i + thread) % 2 == 0) answer.giveBack();
                    else kept.add(answer);
                    if (thread == 0 && i % 5 == 0) clock.now++;
                }
            });
            assertThat(violations(kept, 3)).isEmpty();
        }
    }

    /** Windows that saw more than burst + length, at one permit per nanosecond. */
    private static List<String> violations(Iterable<Answer> kept, long burst) {
        List<Answer> byTime = new ArrayList<>();
        kept.forEach(byTime::add);
        byTime.sort(java.util.Comparator.comparingLong(a -> a.at));
        List<String> found = new ArrayList<>();
        for (int i = 0; i < byTime.size(); i++) {
            long sum = 0;
            for (int j = i; j < byTime.size(); j++) {
                sum += byTime.get(j).n;
                long length = byTime.get(j).at - byTime.get(i).at;
                if (sum > burst + length) found.add(sum + " permits in " + length + " ns");
            }
        }
        return found;
    }

    @Test // P12
    void a_reservation_that_many_cancel_is_cancelled_by_one() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            RateLimiter limiter = Rig.limiter(Limit.of(10, SECOND).burst(2), time);
            Reservation reservation = limiter.reserve(1, SECOND).orElseThrow();
            AtomicLong cancelled = new AtomicLong();
            Rig.together(THREADS, thread -> {
                if (reservation.cancel()) cancelled.incrementAndGet();
            });
            assertThat(cancelled.get()).isEqualTo(1);
            assertThat(Rig.drained(limiter)).isEqualTo(2);
        }
    }
}
