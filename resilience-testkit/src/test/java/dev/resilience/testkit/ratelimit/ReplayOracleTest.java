// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.ratelimit;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ReplayOracleTest {

    @Test
    void a_cancelled_reservation_is_as_if_it_had_never_been() {
        // @start region="oracle"
        ManualTime time = ManualTime.create();
        ReplayOracle oracle = ReplayOracle.of(10, ofSeconds(1), 1);
        oracle.granted(time.nanoTime(), 1);
        oracle.granted(time.nanoTime() + 100_000_000, 1); // a reservation, due in 100 ms
        assertThat(oracle.delay(time.nanoTime(), 1)).isCloseTo(ofMillis(200), ofNanos(1));

        oracle.cancelled(time.nanoTime() + 100_000_000, 1);
        assertThat(oracle.delay(time.nanoTime(), 1)).isCloseTo(ofMillis(100), ofNanos(1));
        // @end
        assertThat(oracle.untilFull(time.nanoTime())).isEqualTo(ofMillis(100));
        assertThat(oracle.cancelled(time.nanoTime(), 2)).isFalse();
        assertThat(oracle.cancelled(time.nanoTime(), 1)).isTrue();
        assertThat(oracle.delay(time.nanoTime(), 1)).isZero();
        assertThat(oracle.untilFull(time.nanoTime())).isZero();
    }

    @Property(tries = 300)
    void the_delay_is_the_least_that_keeps_the_bound_of_every_window(
            @ForAll long seed, @ForAll @IntRange(min = 1, max = 5) int p, @ForAll @IntRange(min = 1, max = 9) int per) {
        Random random = new Random(seed);
        long burst = 1 + random.nextInt(5);
        ReplayOracle oracle = ReplayOracle.of(p, ofNanos(per), burst);
        GrantLog log = new GrantLog();
        long now = random.nextLong();
        for (int i = 0; i < 12; i++) {
            now += random.nextInt(4);
            long asked = 1 + random.nextInt((int) burst);
            long at = now + oracle.delay(now, asked).toNanos();
            long least = now;
            while (breaks(log, least, asked, p, per, burst)) least++;
            assertThat(at).as("grant %s", i).isEqualTo(least);
            at += random.nextInt(3) * 5L; // some limiter is not as good, and leaves gaps
            if (breaks(log, at, asked, p, per, burst)) continue;
            log.granted(at, asked);
            oracle.granted(at, asked);
        }
    }

    private static boolean breaks(GrantLog log, long at, long permits, long p, long per, long burst) {
        log.granted(at, permits);
        try {
            log.checkBucket(p, ofNanos(per), burst);
            return false;
        } catch (AssertionError broken) {
            return true;
        } finally {
            log.cancelled(at, permits);
        }
    }

    @Test
    void what_cannot_be_meant_is_refused() {
        assertThatThrownBy(() -> ReplayOracle.of(0, Duration.ZERO, 1))
                .hasMessage("permits, per and burst must be at least 1, were 0, PT0S and 1");
        assertThatThrownBy(() -> ReplayOracle.of(1, ofNanos(1), 2).delay(0, 3))
                .hasMessage("permits must be between 1 and the burst 2, was 3");
    }
}
