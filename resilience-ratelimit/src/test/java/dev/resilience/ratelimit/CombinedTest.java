// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.ratelimit.RateLimiter.Carry;
import dev.resilience.ratelimit.RateLimiter.Reservation;
import dev.resilience.testkit.ratelimit.GrantLog;
import java.time.Duration;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Several limits at once: 10 a second and 30 a minute. */
class CombinedTest {
    private static final Limit SECOND = Limit.of(10, ofSeconds(1)).named("second");
    private static final Limit MINUTE = Limit.of(30, ofMinutes(1)).named("minute");
    private static final Limit BOTH = Limit.allOf(SECOND, MINUTE);

    private final HandClock clock = new HandClock(17);
    private final RateLimiter limiter = limiter(BOTH);

    private RateLimiter limiter(Limit limit) {
        return RateLimiter.builder("api").limit(limit).timeSource(clock).build();
    }

    private void advance(Duration by) {
        clock.now += by.toNanos();
    }

    @Test
    void the_binding_limit_is_named() {
        assertThat(limiter.decide(10).limit()).as("least left").isEqualTo("second");
        Decision refused = limiter.decide(1);
        assertThat(refused.limit()).isEqualTo("second");
        assertThat(refused.retryAfter()).contains(ofMillis(100));
        assertThat(refused.resetAfter()).as("of the minute").isEqualTo(ofSeconds(20));
        advance(ofSeconds(1));
        limiter.tryAcquire(10);
        advance(ofSeconds(1));
        assertThat(limiter.decide(10).limit()).isEqualTo("second");
        advance(ofSeconds(1));
        assertThat(limiter.decide(5).limit()).as("the minute has 1 left").isEqualTo("minute");
        assertThat(limiter.decide(11).isNever()).isTrue();
    }

    @Property(tries = 300)
    void p18_all_or_nothing_and_as_much_as_the_least_of_them(@ForAll long seed) {
        Random random = new Random(seed);
        HandClock time = new HandClock(random.nextLong());
        Kinds.Sample a = Kinds.sample(Kinds.Kind.BUCKET, random);
        Kinds.Sample b = Kinds.sample(Kinds.Kind.STRICT, random);
        Meter first = a.limit().meter(time);
        Meter second = b.limit().meter(time);
        Meter both = Limit.allOf(a.limit(), b.limit()).meter(time);
        for (int i = 0; i < 40; i++) {
            time.now += random.nextInt(5);
            long n = 1 + random.nextInt(6);
            long expected = Math.max(first.look(n), second.look(n));
            Answer one = new Answer();
            Answer other = new Answer();
            Answer answer = new Answer();
            first.peek(n, one);
            second.peek(n, other);
            both.peek(n, answer);
            assertThat(answer.remaining).isEqualTo(Math.min(one.remaining, other.remaining));
            assertThat(both.take(n)).isEqualTo(expected);
            if (expected != Meter.GRANTED) continue;
            first.take(n);
            second.take(n);
        }
    }

    @Test
    void s23_who_waits_counts_in_each_limit_when_it_acts() {
        // charged each at its own time the second's bucket would let 2 pass with the one that waited for the minute
        RateLimiter two = limiter(Limit.allOf(
                Limit.of(1, ofNanos(10)).burst(2), Limit.of(1, ofNanos(100)).burst(1)));
        GrantLog log = new GrantLog();
        for (int i = 0; i < 20; i++) {
            Answer answer = new Answer();
            two.meter().take(1, 10_000, answer);
            log.granted(answer.at, 1);
        }
        log.checkBucket(1, ofNanos(10), 2);
        log.checkBucket(1, ofNanos(100), 1);
    }

    @Test
    void the_newest_reservation_is_given_back_to_all() {
        limiter.tryAcquire(10);
        Reservation later = limiter.reserve(5, ofMinutes(1)).orElseThrow();
        assertThat(later.delay()).isEqualTo(ofMillis(500));
        Decision between = limiter.peek(1);
        later.cancel();
        assertThat(limiter.peek(1).retryAfter().orElseThrow()).isEqualTo(ofMillis(100));
        assertThat(between.retryAfter().orElseThrow()).isEqualTo(ofMillis(600));
        assertThat(limiter.peek(1).resetAfter()).isEqualTo(ofSeconds(20));
        assertThat(later.cancel()).isFalse();
    }

    @Test
    void a_drain_takes_what_could_pass() {
        limiter.drain();
        assertThat(limiter.peek(1).remaining()).isZero();
        advance(ofSeconds(1));
        assertThat(limiter.peek(1).remaining()).as("the minute still has 20").isEqualTo(10);
    }

    @Test
    void a_charge_counts_in_all() {
        limiter.charge(40);
        assertThat(limiter.peek(1).retryAfter())
                .as("the minute owes 10 and one more")
                .contains(ofSeconds(22));
        advance(ofSeconds(22));
        assertThat(limiter.tryAcquire()).isTrue();
    }

    @Test
    void a_throttle_is_not_shortened_by_a_cancel() {
        Reservation before = limiter.reserve(5, ofSeconds(1)).orElseThrow();
        limiter.throttleFor(ofSeconds(5));
        before.cancel();
        assertThat(limiter.peek(1).retryAfter().orElseThrow()).isGreaterThanOrEqualTo(ofSeconds(5));
        limiter.reset();
        assertThat(limiter.tryAcquire(10)).isTrue();
    }

    @Test
    void after_a_reset_an_earlier_reservation_gives_nothing_back() {
        // S22
        Reservation before = limiter.reserve(10, ofSeconds(1)).orElseThrow();
        limiter.reset();
        limiter.tryAcquire(10);
        before.cancel();
        assertThat(limiter.tryAcquire()).isFalse();
    }

    @Test
    void reconfigured_part_by_part() {
        // S26
        limiter.tryAcquire(10);
        limiter.reconfigure(
                Limit.allOf(Limit.of(20, ofSeconds(1)), Limit.of(30, ofMinutes(1)), Limit.of(100, Duration.ofDays(1))),
                Carry.KEEP_TOKENS);
        assertThat(limiter.tryAcquire()).as("the first had none left").isFalse();
        advance(ofSeconds(1));
        assertThat(limiter.acquireUpTo(100))
                .as("the second had 20 left, the first has 20 again")
                .isEqualTo(20);
        advance(ofSeconds(1));
        limiter.reconfigure(BOTH, Carry.RESET);
        assertThat(limiter.acquireUpTo(100)).isEqualTo(10);
    }

    @Test
    void between_one_limit_and_several() {
        limiter.tryAcquire(8);
        limiter.reconfigure(Limit.of(50, ofSeconds(1)), Carry.KEEP_TOKENS);
        assertThat(limiter.peek(1).remaining()).as("those of the binding limit").isEqualTo(2);
        limiter.reconfigure(BOTH, Carry.KEEP_TOKENS);
        assertThat(limiter.peek(1).remaining()).isEqualTo(2);
    }

    @Test
    void a_bucket_in_it_may_begin_with_less() {
        RateLimiter fresh = limiter(Limit.allOf(Limit.of(10, ofSeconds(1)).initial(3), MINUTE));
        assertThat(fresh.acquireUpTo(100)).isEqualTo(3);
    }

    @Test
    void keys_are_full_when_they_are_not_there_and_so_are_all_parts() {
        // S27 c
        RateLimiter.Builder keys = RateLimiter.builder("keys")
                .limit(Limit.allOf(MINUTE, Limit.of(10, ofSeconds(1)).initial(3)));
        assertThatThrownBy(() -> keys.keyed(10))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("initial must be the burst for keys");
    }

    @Test
    void a_pacer_in_it_makes_callers_wait() {
        RateLimiter paced = limiter(Limit.allOf(Limit.pacer(10, ofSeconds(1), 2), MINUTE));
        assertThat(paced.tryAcquire()).isTrue();
        assertThat(paced.reserve(1, ofMinutes(1)).orElseThrow().delay()).isEqualTo(ofMillis(100));
        assertThat(paced.reserve(1, ofMinutes(1)).orElseThrow().delay()).isEqualTo(ofMillis(200));
        assertThat(paced.reserve(1, ofMinutes(1))).as("the queue is full").isEmpty();
    }

    @Test
    void a_long_pause_fills_all_of_them() {
        // S25: the first counts in ticks that wrap after months
        RateLimiter fine = limiter(Limit.allOf(
                Limit.of(997, ofSeconds(1)), Limit.of(3, ofSeconds(1)).burst(1_000)));
        for (long days : new long[] {1, 50, 100, 150, 200, 400, 1_000, 20_000}) {
            fine.drain();
            advance(Duration.ofDays(days));
            assertThat(fine.acquireUpTo(5_000)).as("%s days", days).isEqualTo(997);
            assertThat(fine.tryAcquire()).isFalse();
        }
    }

    @Test
    void what_is_no_bucket_is_refused_with_the_way_to_do_it() {
        assertThatThrownBy(() -> limiter(Limit.allOf(SECOND, Limit.fixed(1, ofSeconds(1)), Limit.of(0, ofSeconds(1)))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("limit 2 of allOf (fixed 1/s): must be a token bucket, strict or a pacer")
                .hasMessageContaining("Pipeline")
                .hasMessageContaining("limit 3 of allOf")
                .hasMessageContaining("permits must be at least 1, was 0");
        assertThatThrownBy(() -> limiter(Limit.allOf())).hasMessageContaining("at least one limit");
        assertThatThrownBy(() -> Limit.allOf(SECOND, null)).isInstanceOf(NullPointerException.class);
    }

    @Test
    void a_grant_allocates_one_small_array_and_a_refusal_nothing() {
        // S41: 16 + 8k
        RateLimiter many = limiter(Limit.allOf(
                Limit.of(1_000_000_000, ofSeconds(1)),
                Limit.of(100_000_000, ofSeconds(1)).burst(1_000_000_000),
                Limit.of(333, ofSeconds(1)).burst(10_000_000)));
        assertThat(Allocations.perRun(many::tryAcquire)).isBetween(1.0, 16.0 + 8 * 3);
        many.drain();
        assertThat(Allocations.perRun(many::tryAcquire)).isZero();
    }
}
