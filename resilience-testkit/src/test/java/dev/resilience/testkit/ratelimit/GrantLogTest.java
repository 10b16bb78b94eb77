// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.ratelimit;

import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class GrantLogTest {

    @Test
    void a_limiter_of_ones_own_is_checked_over_every_window() {
        // @start region="log"
        ManualTime time = ManualTime.create();
        GrantLog log = new GrantLog();
        for (int second = 0; second < 10; second++) {
            for (int call = 0; call < 5; call++) log.granted(time.nanoTime(), 1); // what the limiter let through
            time.advance(ofSeconds(1));
        }
        log.checkWindow(5, ofSeconds(1)); // never more than 5 in any second
        log.checkBucket(5, ofSeconds(1), 5); // and 5 at once, 5 per second
        // @end
        assertThat(log.total()).isEqualTo(50);
        assertThat(log.most(ofSeconds(2))).isEqualTo(10);
    }

    @Test
    void a_window_is_half_open() {
        // S28
        GrantLog log = log(0, 1, 10, 1);
        log.checkWindow(1, ofNanos(10));
        assertThatThrownBy(() -> log.checkWindow(1, ofNanos(11)))
                .isInstanceOf(AssertionError.class)
                .hasMessage("at most 1 in any PT0.000000011S, but 2 within 10 ns: 1 at 0 ns, 1 at 10 ns");
    }

    @Test
    void a_fixed_window_may_be_full_on_both_sides_of_its_edge() {
        log(99, 10, 100, 10).checkFixed(10, ofNanos(100));
        assertThatThrownBy(() -> log(99, 10, 100, 11).checkFixed(10, ofNanos(100)))
                .hasMessageContaining("but 21 within 1 ns");
        assertThatThrownBy(() -> log(99, 11).checkFixed(10, ofNanos(100))).hasMessageContaining("but 11 within 0 ns");
        assertThatThrownBy(() -> log(0, 10, 50, 10, 100, 11).checkFixed(10, ofNanos(100)))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void a_cancelled_grant_counts_no_more() {
        GrantLog log = log(0, 3, 0, 2);
        assertThat(log.cancelled(0, 2)).isTrue();
        assertThat(log.cancelled(0, 2)).isFalse();
        log.checkBucket(1, ofNanos(1), 3);
        assertThat(log.total()).isEqualTo(3);
    }

    @Test
    void times_may_wrap_around() {
        GrantLog log = new GrantLog();
        log.granted(Long.MAX_VALUE, 1);
        log.granted(Long.MIN_VALUE + 9, 1);
        assertThat(log.most(ofNanos(10))).isEqualTo(1);
        assertThat(log.most(ofNanos(11))).isEqualTo(2);
    }

    @Test
    void what_cannot_be_meant_is_refused() {
        GrantLog log = new GrantLog();
        assertThatThrownBy(() -> log.granted(0, 0)).hasMessage("permits must be at least 1, was 0");
        assertThatThrownBy(() -> log.most(Duration.ZERO)).hasMessage("window must be more than zero, was PT0S");
        assertThat(log.most(ofNanos(1))).isZero();
    }

    @Property(tries = 300)
    void the_quick_checks_are_those_of_every_pair(
            @ForAll long seed, @ForAll @IntRange(min = 1, max = 7) int p, @ForAll @IntRange(min = 1, max = 9) int per) {
        Random random = new Random(seed);
        GrantLog log = new GrantLog();
        List<Long> times = new ArrayList<>();
        List<Long> weights = new ArrayList<>();
        long at = random.nextLong();
        for (int i = 0; i < 12; i++) {
            at += random.nextInt(6);
            times.add(at);
            weights.add(1L + random.nextInt(3));
            log.granted(at, weights.get(i));
        }
        long burst = 1 + random.nextInt(8);
        boolean bucket = true;
        long most = 0;
        for (int i = 0; i < times.size(); i++) {
            long sum = 0;
            for (int j = i; j < times.size(); j++) {
                long t = times.get(j) - times.get(i);
                sum += weights.get(j);
                bucket &= sum * per <= burst * per + p * (t + 1);
                if (t < per) most = Math.max(most, sum);
            }
        }
        assertThat(holds(() -> log.checkBucket(p, ofNanos(per), burst))).isEqualTo(bucket);
        assertThat(log.most(ofNanos(per))).isEqualTo(most);
        assertThat(holds(() -> log.checkEverySpan(t -> burst + p * (t + 1) / per)))
                .isEqualTo(bucket);
    }

    private static boolean holds(ThrowingCallable check) {
        try {
            check.call();
            return true;
        } catch (AssertionError e) {
            assertThat(e).hasMessageStartingWith("at most ");
            return false;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static GrantLog log(long... timesAndPermits) {
        GrantLog log = new GrantLog();
        for (int i = 0; i < timesAndPermits.length; i += 2) log.granted(timesAndPermits[i], timesAndPermits[i + 1]);
        return log;
    }
}
