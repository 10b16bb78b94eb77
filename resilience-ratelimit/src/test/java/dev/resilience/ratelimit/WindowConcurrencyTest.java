// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofNanos;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.ratelimit.RateLimiter.Carry;
import dev.resilience.testkit.ratelimit.GrantLog;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Windows and composites under threads: while the clock stands, while it runs, while reservations come and go. */
class WindowConcurrencyTest {
    private static final int THREADS = 4;

    private record Case(Limit limit, Consumer<GrantLog> bound) {
        @Override
        public String toString() {
            return limit.toString();
        }
    }

    static List<Case> cases() {
        return List.of(
                new Case(Limit.sliding(20, ofNanos(100)), log -> log.checkWindow(20, ofNanos(100))),
                new Case(Limit.sliding(20, ofNanos(100)).precision(2), log -> log.checkWindow(20, ofNanos(100))),
                new Case(Limit.slidingLog(20, ofNanos(100)), log -> log.checkWindow(20, ofNanos(100))),
                new Case(Limit.fixed(20, ofNanos(100)), log -> log.checkFixed(20, ofNanos(100))),
                new Case(
                        Limit.allOf(
                                Limit.of(3, ofNanos(10)).burst(20),
                                Limit.of(100, ofNanos(1_000)).burst(40)),
                        log -> {
                            log.checkBucket(3, ofNanos(10), 20);
                            log.checkBucket(100, ofNanos(1_000), 40);
                        }));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void p19_at_a_frozen_time_exactly_the_limit_is_granted(Case one) throws Exception {
        for (int round = 0; round < 40; round++) {
            HandClock clock = new HandClock(round * 1_000_003L);
            Meter meter = one.limit.meter(clock);
            clock.now += 777;
            AtomicLong granted = new AtomicLong();
            Rig.together(THREADS, thread -> {
                for (int i = 0; i < 20; i++) {
                    if (thread % 2 == 0 && meter.take(1) == Meter.GRANTED) granted.incrementAndGet();
                    if (thread % 2 == 1) granted.addAndGet(meter.takeUpTo(2));
                }
            });
            assertThat(granted.get()).isEqualTo(20);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void s24_the_bound_holds_while_the_clock_runs_and_reservations_come_and_go(Case one) throws Exception {
        for (int round = 0; round < 6; round++) {
            HandClock clock = new HandClock(-50);
            Meter meter = one.limit.meter(clock);
            GrantLog log = new GrantLog();
            AtomicLong running = new AtomicLong(THREADS);
            long seed = round;
            Rig.together(THREADS + 1, thread -> {
                if (thread == THREADS) { // the clock: steps that cross slices while others are within a decision
                    Random steps = new Random(seed);
                    for (int i = 0; i < 200_000 && running.get() > 0; i++) clock.now += steps.nextInt(3);
                    return;
                }
                ask(meter, log, new Random(seed * 31 + thread));
                running.decrementAndGet();
            });
            one.bound.accept(log);
        }
    }

    private static void ask(Meter meter, GrantLog log, Random random) {
        Deque<Answer> open = new ArrayDeque<>();
        for (int i = 0; i < 150; i++) {
            Answer answer = new Answer();
            long n = 1 + random.nextInt(3);
            if (meter.take(n, random.nextInt(4) == 0 ? 200 : 0, answer) == Meter.GRANTED) {
                log.granted(answer.at, n);
                open.add(answer);
            }
            if (open.size() > 3 && random.nextBoolean()) {
                // not used: taken out of the log first, so that nothing counts that another could be given by now
                Answer cancelled = random.nextBoolean() ? open.removeLast() : open.removeFirst();
                log.cancelled(cancelled.at, cancelled.n);
                meter.giveBack(cancelled);
            }
        }
    }

    @Test
    void s26_no_grant_is_lost_or_made_while_the_limit_is_replaced() throws Exception {
        for (int round = 0; round < 20; round++) {
            HandClock clock = new HandClock(0);
            RateLimiter limiter = RateLimiter.builder("r")
                    .limit(Limit.sliding(100, ofNanos(1_000)))
                    .timeSource(clock)
                    .build();
            AtomicLong granted = new AtomicLong();
            Rig.together(THREADS, thread -> {
                for (int i = 0; i < 50; i++) {
                    if (thread == 0) limiter.reconfigure(other(i), Carry.KEEP_TOKENS);
                    else if (limiter.tryAcquire()) granted.incrementAndGet();
                }
            });
            while (limiter.tryAcquire()) granted.incrementAndGet();
            assertThat(granted.get()).isEqualTo(100);
        }
    }

    private static Limit other(int i) {
        return switch (i % 4) {
            case 0 -> Limit.slidingLog(100, ofNanos(1_000));
            case 1 -> Limit.fixed(100, ofNanos(1_000));
            case 2 -> Limit.of(100, ofNanos(1_000));
            default -> Limit.sliding(100, ofNanos(1_000));
        };
    }

    @Test
    void s22_a_reset_that_races_with_cancels_mints_nothing() throws Exception {
        for (int round = 0; round < 40; round++) {
            HandClock clock = new HandClock(0);
            Meter meter = Limit.sliding(6, ofNanos(1_000)).meter(clock);
            Deque<Answer> before = new ArrayDeque<>();
            for (int i = 0; i < 6; i++) {
                Answer answer = new Answer();
                meter.take(1, 0, answer);
                before.add(answer);
            }
            Rig.together(2, thread -> {
                if (thread == 0) meter.reset();
                else before.forEach(meter::giveBack);
            });
            assertThat(meter.takeUpTo(100)).isEqualTo(6);
        }
    }
}
