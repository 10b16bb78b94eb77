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
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What each verb of a limiter means when its limit is a window: 4 permits in 100 ms, wherever nothing else is said. */
class WindowTest {
    private final HandClock clock = new HandClock(-1_000);

    private RateLimiter limiter(Limit limit) {
        return RateLimiter.builder("quota").limit(limit).timeSource(clock).build();
    }

    private void advance(Duration by) {
        clock.now += by.toNanos();
    }

    /** With a precision at which it begins to forget exactly after its window and one slice. */
    static List<Limit> windows() {
        return List.of(
                Limit.sliding(4, ofMillis(100)),
                Limit.sliding(4, ofMillis(100)).precision(1),
                Limit.slidingLog(4, ofMillis(100)),
                Limit.fixed(4, ofMillis(100)));
    }

    /** When permits that are used at once, at the beginning of a slice, are forgotten. */
    private static Duration forgotten(Limit limit) {
        return limit.toString().contains("precision 10")
                ? ofMillis(110)
                : limit.toString().contains("precision 1") ? ofMillis(200) : ofMillis(100);
    }

    @ParameterizedTest
    @MethodSource("windows")
    void a_window_is_full_until_what_was_used_is_forgotten(Limit limit) {
        RateLimiter limiter = limiter(limit);
        assertThat(limiter.tryAcquire(3)).isTrue();
        assertThat(limiter.tryAcquire(2)).isFalse();
        assertThat(limiter.acquireUpTo(5)).isEqualTo(1);
        Decision refused = limiter.decide(1);
        assertThat(refused.permitted()).isFalse();
        assertThat(refused.retryAfter()).contains(forgotten(limit));
        assertThat(refused.resetAfter()).isEqualTo(forgotten(limit));
        assertThat(refused.remaining()).isZero();
        advance(forgotten(limit));
        assertThat(limiter.decide(1).remaining()).isEqualTo(3);
    }

    @ParameterizedTest
    @MethodSource("windows")
    void more_than_the_limit_never_passes(Limit limit) {
        Decision never = limiter(limit).decide(5);
        assertThat(never.isNever()).isTrue();
        assertThat(never.retryAfter()).isEmpty();
        assertThat(never.remaining()).isEqualTo(4);
        assertThat(limiter(limit).reserve(5, ofMinutes(9))).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("windows")
    void reservations_are_made_for_the_next_windows_in_order(Limit limit) {
        RateLimiter limiter = limiter(limit);
        long forgotten = forgotten(limit).toNanos();
        List<Duration> delays = new ArrayList<>();
        for (int i = 0; i < 12; i++)
            delays.add(limiter.reserve(1, ofSeconds(1)).orElseThrow().delay());
        for (int i = 0; i < 12; i++) assertThat(delays.get(i)).isEqualTo(ofNanos(i / 4 * forgotten));
        assertThat(limiter.reserve(1, ofNanos(3 * forgotten - 1))).isEmpty();
        assertThat(limiter.tryAcquire()).isFalse();
    }

    @ParameterizedTest
    @MethodSource("windows")
    void what_is_cancelled_is_there_again_the_newest_or_not(Limit limit) {
        RateLimiter limiter = limiter(limit);
        List<Reservation> all = new ArrayList<>();
        for (int i = 0; i < 12; i++) all.add(limiter.reserve(1, ofSeconds(1)).orElseThrow());
        for (Reservation one : all.subList(4, 12)) assertThat(one.cancel()).isTrue();
        assertThat(limiter.reserve(1, ofSeconds(1)).orElseThrow().delay()).isEqualTo(forgotten(limit));
        assertThat(all.get(0).cancel()).isTrue();
        assertThat(all.get(0).cancel()).isFalse();
        assertThat(limiter.tryAcquire()).as("nobody passes who has reserved").isFalse();
    }

    @ParameterizedTest
    @MethodSource("windows")
    void a_permit_that_was_used_and_given_back_at_once_is_there_again(Limit limit) {
        RateLimiter limiter = limiter(limit);
        Reservation now = limiter.reserve(4, Duration.ZERO).orElseThrow();
        assertThat(limiter.tryAcquire()).isFalse();
        now.cancel();
        assertThat(limiter.tryAcquire(4)).isTrue();
    }

    @ParameterizedTest
    @MethodSource("windows")
    void a_charge_counts_where_it_is_made_and_may_exceed_the_limit(Limit limit) {
        RateLimiter limiter = limiter(limit);
        limiter.charge(1);
        assertThat(limiter.peek(1).remaining()).isEqualTo(3);
        limiter.charge(1_000_000);
        limiter.charge(Long.MAX_VALUE);
        assertThat(limiter.peek(1).remaining()).isZero();
        assertThat(limiter.peek(1).retryAfter()).contains(forgotten(limit));
        advance(forgotten(limit));
        assertThat(limiter.peek(1).remaining()).isEqualTo(4);
    }

    @ParameterizedTest
    @MethodSource("windows")
    void a_drain_takes_what_is_there(Limit limit) {
        RateLimiter limiter = limiter(limit);
        limiter.tryAcquire();
        limiter.drain();
        limiter.drain();
        assertThat(limiter.peek(1).remaining()).isZero();
        advance(forgotten(limit));
        assertThat(limiter.peek(1).remaining()).isEqualTo(4);
    }

    @ParameterizedTest
    @MethodSource("windows")
    void a_throttle_closes_it_and_a_cancel_does_not_open_it(Limit limit) {
        RateLimiter limiter = limiter(limit);
        Reservation before = limiter.reserve(1, ofSeconds(1)).orElseThrow();
        limiter.throttleFor(ofMillis(500));
        limiter.throttleFor(ofMillis(300));
        before.cancel();
        assertThat(limiter.peek(1).retryAfter()).contains(ofMillis(500));
        assertThat(limiter.peek(1).remaining()).isZero();
        assertThat(limiter.acquireUpTo(1)).isZero();
        Optional<Reservation> after = limiter.reserve(1, ofSeconds(1));
        assertThat(after.orElseThrow().delay()).isEqualTo(ofMillis(500));
        advance(ofMillis(500));
        assertThat(limiter.peek(1).remaining()).isEqualTo(3);
    }

    @ParameterizedTest
    @MethodSource("windows")
    void a_reset_forgets_everything_and_those_who_were_granted_a_time_give_nothing_back(Limit limit) {
        RateLimiter limiter = limiter(limit);
        Reservation now = limiter.reserve(4, Duration.ZERO).orElseThrow();
        Reservation later = limiter.reserve(4, ofSeconds(1)).orElseThrow();
        limiter.throttleFor(ofSeconds(3));
        limiter.reset();
        assertThat(limiter.tryAcquire(4)).isTrue();
        now.cancel();
        later.cancel();
        assertThat(limiter.tryAcquire()).isFalse();
    }

    @ParameterizedTest
    @MethodSource("windows")
    void to_reconfigure_to_the_same_changes_nothing_however_often(Limit limit) {
        // L3: a refresh of the configuration must not keep permits from being forgotten
        RateLimiter limiter = limiter(limit);
        limiter.tryAcquire(4);
        for (long passed = 0; passed < forgotten(limit).toMillis(); passed++) {
            assertThat(limiter.peek(1).retryAfter()).contains(forgotten(limit).minusMillis(passed));
            limiter.reconfigure(limit, passed % 2 == 0 ? Carry.KEEP_TOKENS : Carry.PROPORTIONAL);
            advance(ofMillis(1));
        }
        assertThat(limiter.tryAcquire(4)).isTrue();
    }

    @ParameterizedTest
    @MethodSource("windows")
    void what_becomes_of_the_permits_when_the_limit_grows(Limit limit) {
        // S26
        Limit larger = larger(limit);
        assertThat(left(limit, 3, larger, Carry.KEEP_TOKENS)).isEqualTo(1);
        assertThat(left(limit, 3, larger, Carry.PROPORTIONAL)).isEqualTo(10);
        assertThat(left(limit, 3, larger, Carry.ADD_DIFFERENCE)).isEqualTo(37);
        assertThat(left(limit, 3, larger, Carry.KEEP_DEBT_TIME)).isEqualTo(37);
        assertThat(left(limit, 3, larger, Carry.RESET)).isEqualTo(40);
        assertThat(left(limit, 0, larger, Carry.KEEP_TOKENS)).isEqualTo(4);
    }

    @ParameterizedTest
    @MethodSource("windows")
    void what_becomes_of_the_permits_when_the_limit_shrinks(Limit limit) {
        Limit larger = larger(limit);
        assertThat(left(larger, 30, limit, Carry.KEEP_TOKENS)).isEqualTo(4);
        assertThat(left(larger, 38, limit, Carry.KEEP_TOKENS)).isEqualTo(2);
        assertThat(left(larger, 30, limit, Carry.PROPORTIONAL)).isEqualTo(1);
        assertThat(left(larger, 30, limit, Carry.ADD_DIFFERENCE)).isZero();
        assertThat(left(larger, 2, limit, Carry.ADD_DIFFERENCE)).isEqualTo(2);
        assertThat(left(larger, 40, limit, Carry.RESET)).isEqualTo(4);
    }

    private static Limit larger(Limit limit) {
        if (limit instanceof Limit.Sliding) return Limit.sliding(40, ofMillis(100));
        return limit instanceof Limit.Fixed ? Limit.fixed(40, ofMillis(100)) : Limit.slidingLog(40, ofMillis(100));
    }

    private long left(Limit from, long used, Limit to, Carry carry) {
        RateLimiter limiter = limiter(from);
        if (used > 0) limiter.tryAcquire(used);
        limiter.reconfigure(to, carry);
        return limiter.peek(1).remaining();
    }

    @ParameterizedTest
    @MethodSource("windows")
    void a_throttle_and_a_debt_survive_a_change_to_any_other_kind(Limit limit) {
        // S26, L12
        for (Limit other : List.of(
                Limit.of(4, ofMillis(100)),
                Limit.sliding(7, ofSeconds(1)),
                Limit.slidingLog(7, ofSeconds(1)),
                Limit.fixed(7, ofSeconds(1)),
                Limit.allOf(Limit.of(4, ofMillis(100)), Limit.of(100, ofMinutes(1))))) {
            RateLimiter throttled = limiter(limit);
            throttled.throttleFor(ofSeconds(9));
            throttled.reconfigure(other, Carry.KEEP_TOKENS);
            assertThat(throttled.peek(1).retryAfter().orElseThrow()).isGreaterThanOrEqualTo(ofSeconds(9));

            RateLimiter ahead = limiter(limit);
            for (int i = 0; i < 10; i++) ahead.reserve(4, ofSeconds(9)).orElseThrow();
            Duration wait = ahead.peek(1).retryAfter().orElseThrow();
            ahead.reconfigure(other, Carry.KEEP_TOKENS);
            assertThat(ahead.peek(1).retryAfter().orElseThrow())
                    .as(other.toString())
                    .isGreaterThanOrEqualTo(wait);

            RateLimiter back = limiter(other);
            back.charge(50);
            back.drain();
            Duration owed = back.peek(1).retryAfter().orElseThrow();
            back.reconfigure(limit, Carry.KEEP_TOKENS);
            Duration onePermit = ofMillis(25);
            if (other instanceof Limit.Bucket || other instanceof CombinedLimit) {
                assertThat(back.peek(1).retryAfter().orElseThrow())
                        .as("%s: the debt, without the permit after it", other)
                        .isGreaterThanOrEqualTo(owed.minus(onePermit));
            }
            assertThat(back.tryAcquire()).isFalse();
        }
    }

    @Test
    void a_slice_that_has_passed_counts_until_all_of_it_has_left() {
        // clarification 5: ten slices of 10 ms; used at 9 ms, forgotten when the slice that ends at 10 ms has left
        RateLimiter limiter = limiter(Limit.sliding(4, ofMillis(100)));
        advance(ofMillis(9));
        limiter.tryAcquire(4);
        assertThat(limiter.peek(1).retryAfter()).contains(ofMillis(101));
        RateLimiter odd = limiter(Limit.sliding(4, ofNanos(95)));
        odd.tryAcquire(4);
        assertThat(odd.peek(1).retryAfter()).as("slices of 10 ns").contains(ofNanos(110));
    }

    @Test
    void an_aligned_window_ends_with_the_calendars() {
        Instant wall = Instant.parse("2026-03-01T10:59:30Z");
        RateLimiter hourly = limiter(Limit.fixed(4, Duration.ofHours(1)).alignedTo(Instant.EPOCH, () -> wall));
        hourly.drain();
        assertThat(hourly.peek(1).retryAfter()).contains(ofSeconds(30));
        advance(ofSeconds(30));
        assertThat(hourly.tryAcquire(4)).isTrue();
        assertThat(hourly.peek(1).retryAfter()).contains(Duration.ofHours(1));
        Instant tuesday = Instant.parse("2026-03-03T00:00:00Z");
        RateLimiter weekly = limiter(Limit.fixed(4, Duration.ofDays(7)).alignedTo(tuesday, () -> wall));
        weekly.drain();
        assertThat(weekly.peek(1).retryAfter()).contains(Duration.between(wall, tuesday));
    }

    @Test
    void a_wall_clock_that_is_set_moves_no_window() {
        // L4
        Instant[] wall = {Instant.parse("2026-03-01T10:59:30Z")};
        RateLimiter hourly = limiter(Limit.fixed(4, Duration.ofHours(1)).alignedTo(Instant.EPOCH, () -> wall[0]));
        wall[0] = Instant.EPOCH;
        hourly.drain();
        assertThat(hourly.peek(1).retryAfter()).contains(ofSeconds(30));
    }

    @Test
    void an_aligned_window_keeps_its_count_when_it_is_reconfigured() {
        Instant wall = Instant.parse("2026-03-01T10:59:30Z");
        Limit hourly = Limit.fixed(4, Duration.ofHours(1)).alignedTo(Instant.EPOCH, () -> wall);
        RateLimiter limiter = limiter(hourly);
        limiter.tryAcquire(3);
        limiter.reconfigure(hourly, Carry.KEEP_TOKENS);
        assertThat(limiter.peek(1).remaining()).isEqualTo(1);
        limiter.drain();
        assertThat(limiter.peek(1).retryAfter()).contains(ofSeconds(30));
    }

    @Test
    void settings_out_of_range_are_all_named() {
        assertThatThrownBy(() -> limiter(Limit.sliding(0, Duration.ZERO).precision(0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("permits must be at least 1, was 0")
                .hasMessageContaining("must be more than zero")
                .hasMessageContaining("precision must be 1 to 1000");
        assertThatThrownBy(() -> limiter(Limit.sliding(4, ofNanos(9)).precision(10)))
                .hasMessageContaining("no slice shorter than a nanosecond, was 10");
        assertThatThrownBy(() -> limiter(Limit.sliding(4, ofNanos(9)).precision(-1)))
                .hasMessageContaining("precision must be");
        assertThatThrownBy(() -> limiter(Limit.slidingLog(65_537, ofSeconds(1))))
                .hasMessageContaining("must be at most 65536")
                .hasMessageContaining("was 65537");
        assertThatThrownBy(() -> limiter(Limit.fixed(1, Duration.ofDays(40_000))))
                .hasMessageContaining("at most 100 years");
        assertThatThrownBy(() -> limiter(Limit.fixed(1L << 41, Duration.ofDays(30))))
                .hasMessageContaining("permits of a window must be at most 1099511627776, was 2199023255552");
        assertThatThrownBy(() -> limiter(Limit.sliding(1_000_000, ofMillis(1)).precision(1000)))
                .hasMessageContaining("use less precision");
        assertThatThrownBy(() -> Limit.fixed(1, ofSeconds(1)).alignedTo(null, Instant::now))
                .hasMessage("anchor");
    }

    @Test
    void a_wait_for_a_window_is_bounded() {
        RateLimiter limiter = limiter(Limit.fixed(1, ofNanos(100)));
        long reserved = 0;
        while (limiter.reserve(1, Duration.ofDays(300)).isPresent()) reserved++;
        assertThat(reserved).isEqualTo((1 << 16) + 1);
    }

    @Test
    void grants_and_refusals_allocate_nothing() {
        // L15, S41
        for (Limit limit : List.of(
                Limit.sliding(1_000_000, ofMillis(100)),
                Limit.sliding(100, ofNanos(1_000)),
                Limit.slidingLog(1_000, ofMillis(100)),
                Limit.fixed(1_000, ofNanos(10_000)))) {
            RateLimiter limiter = limiter(limit);
            for (int i = 0; i < 3_000; i++) limiter.tryAcquire();
            assertThat(Allocations.perRun(() -> {
                        limiter.tryAcquire();
                        clock.now += 10;
                    }))
                    .as(limit.toString())
                    .isZero();
            limiter.drain();
            assertThat(Allocations.perRun(limiter::tryAcquire))
                    .as(limit.toString())
                    .isZero();
        }
    }
}
