// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The arithmetic of the bucket: exact rates, long pauses, clocks that wrap or go back. */
class GcraTest {
    private static GcraMeter bucket(Limit limit, HandClock clock) {
        return (GcraMeter) limit.meter(clock);
    }

    private static long drained(Meter meter) {
        long n = 0;
        while (meter.take(1) == Meter.GRANTED) n++;
        return n;
    }

    @ParameterizedTest // P5: no drift; ticks are whole, so k periods give exactly k times the permits
    @CsvSource({
        "10,1000000000",
        "3,1000000000",
        "333,1000000000",
        "1000,3600000000000",
        "7,60000000000",
        "1021,1000000000"
    })
    void gives_exactly_the_rate(long permits, long nanos) {
        HandClock clock = new HandClock(Long.MAX_VALUE - nanos); // L10: and wraps meanwhile
        GcraMeter meter = bucket(Limit.of(permits, Duration.ofNanos(nanos)), clock);
        assertThat(drained(meter)).isEqualTo(permits);
        for (int period = 0; period < 7; period++) {
            clock.now += nanos - 1;
            assertThat(drained(meter)).isEqualTo(permits - 1);
            clock.now++;
            assertThat(drained(meter)).isEqualTo(1);
        }
    }

    @ParameterizedTest // clarification 11: always under, by no more than 2^-10 ns per permit
    @CsvSource({"99991,1000000000", "999999937,1000000000", "1000000007,2000000000"})
    void a_rate_beyond_the_ticks_is_a_little_less_and_never_more(long permits, long nanos) {
        HandClock clock = new HandClock(0);
        GcraMeter meter = bucket(Limit.of(permits, Duration.ofNanos(nanos)).burst(1), clock);
        Rate rate = Rate.of(permits, nanos);
        double exact = (double) nanos / permits * rate.ticksPerNano();
        assertThat(rate.ticksPerPermit() - exact).isBetween(0.0, 1.0);
        long granted = 0;
        for (int i = 0; i < 100_000; i++) {
            clock.now += 3;
            if (meter.take(1) == Meter.GRANTED) granted++;
        }
        double most = 1 + 300_000.0 * permits / nanos;
        assertThat(granted).isLessThanOrEqualTo((long) most);
    }

    @ParameterizedTest // P3
    @ValueSource(longs = {1, 3, 7, 333, 99_991})
    void the_hint_is_enough_and_not_a_nanosecond_too_much(long permits) {
        HandClock clock = new HandClock(-5);
        GcraMeter meter = bucket(Limit.of(permits, SECOND).burst(5), clock);
        Random random = new Random(permits);
        for (int i = 0; i < 200; i++) {
            drained(meter);
            long n = 1 + random.nextInt(5);
            long wait = meter.look(n);
            assertThat(wait).isPositive();
            clock.now += wait - 1;
            assertThat(meter.take(n)).isEqualTo(1);
            clock.now++;
            assertThat(meter.take(n)).isEqualTo(Meter.GRANTED);
            clock.now += random.nextInt(1_000_000_000);
        }
    }

    @ParameterizedTest // S25: the difference of ticks is no longer true after so long a pause
    @ValueSource(longs = {10, 50, 60, 100, 104, 110, 200, 5_000, 40_000})
    void a_pause_of_any_length_fills_the_bucket_and_no_more(long days) {
        for (long permits : new long[] {10, 3, 333, 1021, 99_991}) { // 1 to 2^10 ticks per nanosecond
            HandClock clock = new HandClock(Long.MAX_VALUE - 7);
            GcraMeter meter = bucket(Limit.of(permits, SECOND).burst(5), clock);
            for (int pause = 0; pause < 3; pause++) {
                assertThat(drained(meter)).isEqualTo(5);
                clock.now += Duration.ofDays(days).toNanos();
                assertThat(meter.look(5)).isZero();
                assertThat(meter.full()).isTrue();
            }
            assertThat(meter.takeUpTo(9)).isEqualTo(5);
            assertThat(meter.takeUpTo(9)).isZero();
        }
    }

    @Test // S25: a debt that is as long as can be is not taken for a pause
    void the_greatest_debt_is_paid_in_full_whatever_the_ticks() {
        for (long permits : new long[] {10, 1021, 99_991}) {
            HandClock clock = new HandClock(0);
            GcraMeter meter = bucket(Limit.of(permits, SECOND).burst(5), clock);
            meter.throttle(Long.MAX_VALUE);
            long debt = meter.look(1);
            assertThat(debt).isGreaterThanOrEqualTo(Duration.ofDays(13).toNanos());
            for (int i = 0; i < 16; i++) {
                clock.now += debt / 16;
                assertThat(meter.look(1)).isEqualTo(debt - (i + 1) * (debt / 16));
            }
            clock.now += debt % 16;
            assertThat(drained(meter)).isEqualTo(1);
        }
    }

    @Test // S25: a reservation from before a long pause has nothing left to give
    void a_cancel_after_a_long_pause_refunds_nothing() {
        for (long days : new long[] {60, 100, 106, 150, 300}) {
            HandClock clock = new HandClock(0);
            GcraMeter meter = bucket(Limit.of(99_991, SECOND).burst(5), clock);
            Answer old = new Answer();
            meter.take(5, 0, old);
            clock.now += Duration.ofDays(days).toNanos();
            drained(meter);
            long ahead = meter.aheadTicks();
            old.giveBack();
            assertThat(meter.aheadTicks()).isEqualTo(ahead);
        }
    }

    @Test // S25: a throttle or a wait of long ago is not taken for one to come, however far the ticks have gone round
    void what_was_once_throttled_or_waited_for_is_over_for_ever() {
        for (long days : new long[] {1, 60, 100, 104, 110, 195, 200, 205, 208, 210, 400, 30_000}) {
            HandClock clock = new HandClock(0);
            GcraMeter meter = bucket(Limit.of(99_991, SECOND).burst(5), clock);
            drained(meter);
            Answer waited = new Answer();
            meter.take(5, SECOND.toNanos(), waited);
            meter.throttle(SECOND.toNanos());
            for (int i = 0; i < 10; i++) { // seldom enough for no pause to be noticed
                clock.now += Duration.ofDays(days).toNanos() / 10;
                meter.take(1);
            }
            clock.now += SECOND.toNanos();
            Answer used = new Answer();
            meter.take(5, 0, used);
            used.giveBack();
            assertThat(drained(meter)).as("refunded after %d days", days).isEqualTo(5);
            Carried carried = java.util.Objects.requireNonNull(meter.seal());
            assertThat(carried.throttleNanos).isZero();
        }
    }

    @Test // S43: over-admits nothing, and locks out for the greatest debt at most
    void a_clock_that_goes_back_neither_forgives_nor_locks_out_for_ever() {
        HandClock clock = new HandClock(0);
        GcraMeter meter = bucket(Limit.of(10, SECOND).burst(5), clock);
        drained(meter);
        clock.now -= Duration.ofDays(1).toNanos();
        assertThat(meter.take(1)).isEqualTo(Duration.ofDays(1).plusMillis(100).toNanos());
        clock.now -= Duration.ofDays(9999).toNanos();
        assertThat(meter.take(1)).isEqualTo(Duration.ofDays(30).toNanos());
        clock.now += Duration.ofDays(30).toNanos();
        assertThat(drained(meter)).isLessThanOrEqualTo(5);
        clock.now += SECOND.toNanos();
        assertThat(drained(meter)).isEqualTo(5);
    }

    @ParameterizedTest // S28: half-open windows, also with weights
    @CsvSource({"1,1", "5,1", "5,2", "5,5", "100,20"})
    void a_strict_limit_is_kept_in_every_half_open_window(long most, long burst) {
        long window = 1000;
        HandClock clock = new HandClock(-500);
        GcraMeter meter = bucket(Limit.strict(most, Duration.ofNanos(window), burst), clock);
        Random random = new Random(most * 31 + burst);
        List<long[]> grants = new ArrayList<>();
        long greatest = 0;
        for (int i = 0; i < 20_000; i++) {
            clock.now += random.nextInt(3) == 0 ? random.nextInt(40) : 0;
            long n = 1 + random.nextInt((int) burst);
            if (meter.take(n) == Meter.GRANTED) grants.add(new long[] {clock.now, n});
            grants.removeIf(g -> g[0] <= clock.now - window);
            greatest = Math.max(greatest, grants.stream().mapToLong(g -> g[1]).sum());
        }
        assertThat(greatest).isBetween(most - most / 20, most);
    }

    @Test // P7
    void splitting_a_weight_changes_nothing() {
        Random random = new Random(3);
        HandClock clock = new HandClock(0);
        GcraMeter whole = bucket(Limit.of(333, SECOND).burst(50), clock);
        GcraMeter split = bucket(Limit.of(333, SECOND).burst(50), clock);
        for (int i = 0; i < 2_000; i++) {
            clock.now += random.nextInt(50_000_000);
            long a = 1 + random.nextInt(20);
            long b = 1 + random.nextInt(20);
            if (split.look(a + b) == Meter.GRANTED) {
                assertThat(split.take(a)).isZero();
                assertThat(split.take(b)).isZero();
                assertThat(whole.take(a + b)).isZero();
            } else {
                assertThat(whole.take(a + b)).isPositive();
            }
            assertThat(whole.aheadTicks()).isEqualTo(split.aheadTicks());
        }
    }

    @Test // S26: the value that seals is no state of a bucket
    void a_state_that_would_be_the_seal_is_the_one_beside_it() {
        HandClock clock = new HandClock(Long.MIN_VALUE);
        GcraMeter meter = bucket(Limit.of(1, Duration.ofNanos(1)), clock);
        assertThat(meter.take(1)).as("one tick late").isEqualTo(1);
        clock.now = Long.MIN_VALUE - 1;
        GcraMeter next = bucket(Limit.of(1, Duration.ofNanos(1)), clock);
        assertThat(next.take(1)).isEqualTo(Meter.GRANTED);
        assertThat(next.full()).isFalse();
        assertThat(next.take(1)).isPositive();
    }
}
