// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * S22: whatever is reserved and cancelled in whatever order, no window ever sees more than the bound. What is recovered
 * is compared with a clairvoyant replay, which knows every action that will be and lets the bucket be as full as any
 * bucket could be.
 */
class RefundPropertyTest {
    private static final int TRACES = 4_000;
    private static final int STEPS = 40;

    /** Which reservations are cancelled. */
    enum Cancels {
        BEFORE_THEIR_TIME,
        AFTER_THEIR_TIME,
        ANY
    }

    /** Sums of one run, in ticks. */
    private static final class Sums {
        long cancelled;
        long recovered;
        long replayed;
        int violations;

        double share() {
            return 100.0 * recovered / cancelled;
        }

        double possible() {
            return 100.0 * replayed / cancelled;
        }
    }

    /** One random life of a bucket; a tick is a nanosecond. */
    private static final class Life {
        final Random random;
        final HandClock clock;
        final long burst;
        final long c;
        final GcraMeter meter;
        final List<Answer> granted = new ArrayList<>();
        final List<Answer> open = new ArrayList<>();

        Life(Random random) {
            this.random = random;
            this.clock = new HandClock(random.nextLong());
            this.burst = 1 + random.nextInt(8);
            this.c = 1 + random.nextInt(3);
            Limit limit = Limit.of(1, Duration.ofNanos(c)).burst(burst);
            this.meter = (GcraMeter) limit.meter(clock);
        }

        void run(Cancels cancels, Sums sums) {
            for (int i = 0; i < STEPS; i++) {
                switch (random.nextInt(4)) {
                    case 0 -> clock.now += random.nextInt(3 * (int) c);
                    case 1 -> reserve(random.nextInt(20));
                    case 2 -> reserve(random.nextBoolean() ? 0 : 40);
                    default -> cancel(cancels, sums);
                }
            }
            if (violated()) sums.violations++;
        }

        void reserve(long wait) {
            Answer answer = new Answer();
            if (meter.take(1 + random.nextInt((int) burst), wait * c, answer) != Meter.GRANTED) return;
            granted.add(answer);
            open.add(answer);
        }

        void cancel(Cancels cancels, Sums sums) {
            List<Answer> candidates = new ArrayList<>(open);
            candidates.removeIf(a -> cancels == Cancels.BEFORE_THEIR_TIME && a.at - clock.now <= 0);
            candidates.removeIf(a -> cancels == Cancels.AFTER_THEIR_TIME && a.at - clock.now > 0);
            if (candidates.isEmpty()) return;
            Answer answer = candidates.get(random.nextInt(candidates.size()));
            open.remove(answer);
            granted.remove(answer);
            long before = Math.max(0, meter.aheadTicks());
            answer.giveBack();
            long after = Math.max(0, meter.aheadTicks());
            long replay = Math.max(0, replayed());
            assertThat(after)
                    .as("P12: never fuller than what the replay can justify")
                    .isGreaterThanOrEqualTo(replay);
            sums.cancelled += answer.n * c;
            sums.recovered += before - after;
            sums.replayed += Math.min(answer.n * c, before - replay); // not what earlier ones have left
        }

        /** How far ahead the state would be if only what is not cancelled had ever been granted, at its time. */
        long replayed() {
            long ahead = Long.MIN_VALUE;
            for (Answer a : sorted()) {
                long at = a.at - clock.now;
                ahead = Math.max(ahead, at) + a.n * c;
            }
            return ahead;
        }

        List<Answer> sorted() {
            List<Answer> byTime = new ArrayList<>(granted);
            byTime.sort(Comparator.comparingLong(a -> a.at - clock.now));
            return byTime;
        }

        /** N(s, t) <= B + r t over every pair of actions. */
        boolean violated() {
            List<Answer> byTime = sorted();
            for (int i = 0; i < byTime.size(); i++) {
                long sum = 0;
                for (int j = i; j < byTime.size(); j++) {
                    sum += byTime.get(j).n;
                    if ((sum - burst) * c > byTime.get(j).at - byTime.get(i).at) return true;
                }
            }
            return false;
        }
    }

    static Sums run(Cancels cancels, int traces, long seed) {
        Sums sums = new Sums();
        for (int i = 0; i < traces; i++) new Life(new Random(seed + i)).run(cancels, sums);
        return sums;
    }

    @ParameterizedTest
    @EnumSource(Cancels.class)
    void no_cancel_mints_permits(Cancels cancels) { // S22, P1, P12
        Sums sums = run(cancels, TRACES, 42);
        assertThat(sums.violations).isZero();
        assertThat(sums.cancelled).isPositive();
    }

    @Test
    void most_of_what_can_be_recovered_is_recovered() { // S22: the figure of docs/internals/ratelimit.md
        Sums pending = run(Cancels.BEFORE_THEIR_TIME, TRACES, 1);
        assertThat(pending.share()).isGreaterThan(0.8 * pending.possible());
        Sums due = run(Cancels.AFTER_THEIR_TIME, TRACES, 1);
        assertThat(due.share()).isGreaterThan(0.4 * due.possible());
    }
}
