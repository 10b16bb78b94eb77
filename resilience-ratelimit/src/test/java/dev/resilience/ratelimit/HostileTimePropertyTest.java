// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofNanos;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.ratelimit.Kinds.Kind;
import dev.resilience.ratelimit.Kinds.Sample;
import dev.resilience.testkit.ratelimit.GrantLog;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Clocks that jump, wrap around or have run for ages, and rates from the slowest to the fastest. */
class HostileTimePropertyTest {
    private static final long DAY = Duration.ofDays(1).toNanos();

    @Property(tries = 400)
    void p14_the_bound_holds_on_a_clock_that_stands_jumps_and_goes_back(
            @ForAll Kind kind, @ForAll long seed, @ForAll @IntRange(min = 5, max = 80) int steps) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = sample.limit().meter(time);
        GrantLog log = new GrantLog();
        for (int i = 0; i < steps; i++) {
            time.now += step(random, (int) sample.span());
            Answer answer = new Answer();
            long n = kind == Kind.PACER ? 1 : 1 + random.nextInt((int) sample.most());
            if (meter.take(n, random.nextInt(3) * 10, answer) == Meter.GRANTED) log.granted(answer.at, n);
            if (meter.take(1) == Meter.GRANTED) log.granted(time.now, 1);
        }
        sample.bound().accept(log);
    }

    private static long step(Random random, int span) {
        return switch (random.nextInt(8)) {
            case 0 -> -random.nextInt(3 * span);
            case 1 -> DAY * random.nextInt(100);
            case 2 -> random.nextInt(3 * span);
            default -> random.nextInt(4);
        };
    }

    @Property(tries = 200)
    void p14_after_a_clock_has_gone_back_it_recovers_when_the_clock_is_where_it_was(
            @ForAll Kind kind, @ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = sample.limit().meter(time);
        time.now += 1_000;
        while (meter.take(1) == Meter.GRANTED) continue;
        Answer before = new Answer();
        meter.peek(1, before);
        long back = 1 + random.nextInt(900);
        time.now -= back;
        Answer after = new Answer();
        meter.peek(1, after);
        assertThat(after.resetAfter).as(sample.toString()).isEqualTo(before.resetAfter + back);
        time.now += after.resetAfter;
        assertThat(meter.take(sample.most())).as(sample.toString()).isEqualTo(Meter.GRANTED);
    }

    @Property(tries = 200)
    void p15_where_the_clock_begins_makes_no_difference(@ForAll Kind kind, @ForAll long seed) {
        Random random = new Random(seed);
        Sample sample = Kinds.sample(kind, random);
        // a bucket's state never is the value that seals it, but one tick more: those that come so near differ by it
        long near = sample.window() ? random.nextInt(100) : 1_000_000;
        List<HandClock> clocks = List.of(
                new HandClock(0),
                new HandClock(Long.MAX_VALUE - near),
                new HandClock(Long.MIN_VALUE + near),
                new HandClock(-random.nextInt(100)));
        List<Meter> meters =
                clocks.stream().map(time -> sample.limit().meter(time)).toList();
        for (int i = 0; i < 40; i++) {
            long passed = random.nextInt(10) == 0 ? DAY : random.nextInt(6);
            long n = 1 + random.nextInt((int) sample.most());
            long longest = random.nextInt(3) * 15L;
            Answer first = new Answer();
            for (int c = 0; c < clocks.size(); c++) {
                clocks.get(c).now += passed;
                Answer answer = new Answer();
                meters.get(c).take(n, longest, answer);
                if (c == 0) first = answer;
                assertThat(answer.wait).as("%s, clock %s", sample, c).isEqualTo(first.wait);
                assertThat(answer.remaining).as("%s, clock %s", sample, c).isEqualTo(first.remaining);
                assertThat(answer.resetAfter).as("%s, clock %s", sample, c).isEqualTo(first.resetAfter);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1000000000", "3,1000000000", "10,13000000000", "7,86400000000000", "333,1000000000"})
    void p5_nothing_drifts_in_ten_to_the_nine_periods(long permits, long per) {
        // a bucket that is never full gives exactly the rate, however it is asked
        long periods = Math.min(1_000_000_000, Long.MAX_VALUE / 8 / per);
        long jump = Math.min(periods / 16, (1L << 58) / per / permits);
        HandClock time = new HandClock(0);
        Meter bucket = Limit.of(permits, ofNanos(per)).burst(permits * jump).meter(time);
        assertThat(bucket.takeUpTo(Long.MAX_VALUE)).isEqualTo(permits * jump);
        Random random = new Random(1);
        long passed = 0;
        long taken = 0;
        while (passed < periods) {
            long some = Math.min(periods - passed, 1 + random.nextInt((int) jump));
            time.now += some * per - per / 3; // not at the edge
            taken += bucket.takeUpTo(Long.MAX_VALUE);
            time.now += per / 3;
            taken += bucket.takeUpTo(Long.MAX_VALUE);
            passed += some;
            assertThat(taken).isEqualTo(permits * passed);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"SLIDING", "LOG", "FIXED"})
    void p5_windows_end_where_they_should_after_ten_to_the_nine_of_them(Kind kind) {
        long window = 333_333_333;
        Sample sample = kind == Kind.SLIDING
                ? Kinds.sliding(5, window, 9)
                : kind == Kind.LOG ? Kinds.log(5, window) : Kinds.fixed(5, window);
        long forgotten = sample.span();
        HandClock time = new HandClock(-5);
        Meter meter = sample.limit().meter(time);
        for (long windows : new long[] {1, 1_000, 1_000_000_007, 2_000_000_011}) {
            time.now = -5 + windows * window * 9; // a whole number of slices of each kind
            for (int i = 0; i < 5; i++) assertThat(meter.take(1)).isEqualTo(Meter.GRANTED);
            assertThat(meter.take(1)).isEqualTo(forgotten);
            time.now += forgotten - 1;
            assertThat(meter.take(1)).isEqualTo(1);
            time.now++;
            assertThat(meter.take(5)).isEqualTo(Meter.GRANTED);
        }
    }

    @Property(tries = 100)
    void p4_who_always_asks_gets_the_rate(@ForAll long seed) {
        // S52: bucket and log; slices hold back up to one of them
        Random random = new Random(seed);
        Kind kind = random.nextBoolean() ? Kind.BUCKET : Kind.LOG;
        Sample sample = Kinds.sample(kind, random);
        HandClock time = new HandClock(random.nextLong());
        Meter meter = sample.limit().meter(time);
        Model model = sample.model().get();
        long got = 0;
        long due = 0;
        for (long now = 0; now < 200; now++) {
            while (meter.take(1) == Meter.GRANTED) got++;
            while (model.until(now, 1) == 0) {
                model.grant(now, now, 1);
                due++;
            }
            assertThat(got).as("%s after %s ns", sample, now).isEqualTo(due);
            time.now++;
        }
        if (kind == Kind.LOG) assertThat(got).isEqualTo(sample.most() * (199 / sample.span() + 1));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 567648000000000000", // one in 18 years
        "1, 31536000000000000",
        "1, 86400000000000",
        "7, 86400000000000",
        "10, 13000000000",
        "3, 1000000000",
        "333, 1000000000",
        "65536, 1000000000",
        "99991, 1000000000",
        "1000000, 1000000000",
        "1000000000, 1000000000"
    })
    void every_rate_keeps_its_bound_and_is_the_models(long permits, long per) {
        Random random = new Random(permits);
        for (int run = 0; run < 20; run++) {
            long burst = 1 + (long) (random.nextDouble() * Math.min(permits, 50));
            follow(Kinds.bucket(permits, per, burst), random, per / permits + 1);
            follow(Kinds.strict(permits, per, burst), random, per / permits + 1);
            follow(Kinds.sliding(permits, per, 10), random, per / 10);
            follow(Kinds.fixed(permits, per), random, per / 4);
            if (permits <= 65_536) follow(Kinds.log(permits, per), random, per / 4);
        }
    }

    /** Beside the model, with steps of about so much. */
    private static void follow(Sample sample, Random random, long step) {
        HandClock time = new HandClock(random.nextLong());
        long start = time.now;
        Meter meter = sample.limit().meter(time);
        Model model = sample.model().get();
        GrantLog log = new GrantLog();
        for (int i = 0; i < 25; i++) {
            time.now += (long) (random.nextDouble() * step * (random.nextInt(5) == 0 ? 20 : 1));
            long now = time.now - start;
            if (now < 0 || now > Long.MAX_VALUE / 2) break; // of 292 years that readings may be apart
            long n = 1 + (long) (random.nextDouble() * sample.most());
            Answer answer = new Answer();
            long longest = random.nextInt(2) * 3L * step;
            long expected = model.until(now, n);
            if (meter.take(n, longest, answer) != Meter.GRANTED) {
                assertThat(expected).as(sample.toString()).isGreaterThan(Math.min(longest, meter.longestWait()) - i);
                continue;
            }
            // a rate that is not exact in ticks is late by less than a nanosecond for each permit
            assertThat(answer.wait).as(sample.toString()).isGreaterThanOrEqualTo(expected);
            assertThat(answer.wait - expected).as(sample.toString()).isLessThanOrEqualTo(exact(sample) ? 0 : i);
            model.grant(now, now + expected, n);
            log.granted(answer.at, n);
        }
        sample.bound().accept(log);
    }

    private static boolean exact(Sample sample) {
        return sample.window() || !sample.limit().toString().contains("99991/s");
    }

    @Test
    void a_century_is_a_window_and_too_long_for_a_bucket() {
        HandClock time = new HandClock(Long.MAX_VALUE - 7);
        Duration century = Duration.ofDays(36_525);
        Meter meter = RateLimiter.builder("r")
                .limit(Limit.fixed(1, century))
                .timeSource(time)
                .build()
                .meter();
        assertThat(meter.take(1)).isEqualTo(Meter.GRANTED);
        assertThat(meter.take(1)).isEqualTo(century.toNanos());
        time.now += century.toNanos();
        assertThat(meter.take(1)).isEqualTo(Meter.GRANTED);
    }
}
