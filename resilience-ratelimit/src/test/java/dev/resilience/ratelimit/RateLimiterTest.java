// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static dev.resilience.ratelimit.Rig.drained;
import static dev.resilience.ratelimit.Rig.limiter;
import static dev.resilience.ratelimit.Rig.ms;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.ratelimit.RateLimiter.Reservation;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The verbs of a limiter with a token bucket. */
class RateLimiterTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();
    private final RateLimiter search = limiter(Limit.of(10, SECOND).burst(2), time);

    @Test
    void grants_the_burst_then_the_rate() {
        assertThat(drained(search)).isEqualTo(2);
        time.advance(ms(100).minusNanos(1));
        assertThat(search.tryAcquire()).isFalse();
        time.advance(Duration.ofNanos(1));
        assertThat(search.tryAcquire()).isTrue();
        assertThat(search.tryAcquire()).isFalse();
    }

    @Test
    void never_holds_more_than_the_burst() {
        time.advance(Duration.ofDays(400));
        assertThat(drained(search)).isEqualTo(2);
    }

    @Test
    void takes_all_of_a_weight_or_nothing() {
        assertThat(search.tryAcquire(1)).isTrue();
        assertThat(search.tryAcquire(2)).isFalse();
        assertThat(search.tryAcquire(1)).isTrue();
    }

    @Test
    void a_burst_of_its_own_beginning() {
        assertThat(drained(limiter(Limit.of(10, SECOND).initial(3), time))).isEqualTo(3);
        assertThat(drained(limiter(Limit.of(10, SECOND).initial(0), time))).isZero();
        assertThat(drained(limiter(Limit.of(10, SECOND), time))).isEqualTo(10);
    }

    @Test
    void a_decision_tells_the_numbers_of_its_moment() {
        Decision first = search.decide(1);
        assertThat(first.permitted()).isTrue();
        assertThat(first.remaining()).isEqualTo(1);
        assertThat(first.retryAfter()).isEmpty();
        assertThat(first.resetAfter()).isEqualTo(ms(100));
        assertThat(first.limit()).isEqualTo("search");
        assertThat(first.source()).isEqualTo(Decision.Source.LOCAL);
        search.tryAcquire();
        Decision refused = search.decide(2);
        assertThat(refused.permitted()).isFalse();
        assertThat(refused.remaining()).isZero();
        assertThat(refused.retryAfter()).contains(ms(200));
        assertThat(refused.resetAfter()).isEqualTo(ms(200));
        assertThat(refused).hasToString("refused by 'search', 0 remaining, retry after 200 ms");
    }

    @Test
    void a_named_limit_is_told_by_its_name() {
        RateLimiter limiter = limiter(Limit.of(10, SECOND).named("per second"), time);
        assertThat(limiter.decide(1).limit()).isEqualTo("per second");
    }

    @Test // clarification 13
    void a_weight_beyond_the_burst_never_passes_and_says_so() {
        Decision never = search.decide(3);
        assertThat(never.isNever()).isTrue();
        assertThat(never.retryAfter()).isEmpty();
        assertThat(never).hasToString("refused by 'search', 2 remaining, never");
        assertThat(search.tryAcquire(3)).isFalse();
        assertThat(search.reserve(3, Duration.ofDays(1))).isEmpty();
        assertThat(search.tryAcquire(Long.MAX_VALUE)).isFalse(); // L10
        assertThat(drained(search)).isEqualTo(2);
    }

    @Test // P6
    void a_peek_tells_what_is_there_and_takes_nothing() {
        for (int i = 0; i < 3; i++) {
            assertThat(search.peek(2).permitted()).isTrue();
            assertThat(search.peek(2).remaining()).isEqualTo(2);
        }
        assertThat(drained(search)).isEqualTo(2);
        assertThat(search.peek(1).retryAfter()).contains(ms(100));
    }

    @Test
    void as_many_as_there_are() {
        assertThat(search.acquireUpTo(1)).isEqualTo(1);
        assertThat(search.acquireUpTo(5)).isEqualTo(1);
        assertThat(search.acquireUpTo(5)).isZero();
        assertThat(search.acquireUpTo(Long.MAX_VALUE)).isZero();
    }

    @Test
    void a_charge_is_paid_by_those_who_come_later() {
        search.charge(5);
        assertThat(search.peek(1).retryAfter()).contains(ms(400));
        time.advance(ms(400));
        assertThat(drained(search)).isEqualTo(1);
    }

    @Test // L10, clarification 10
    void a_debt_ends_at_thirty_days() {
        search.charge(Long.MAX_VALUE);
        search.charge(Long.MAX_VALUE);
        assertThat(search.peek(1).retryAfter()).contains(Duration.ofDays(30).plus(ms(100)));
        search.throttleFor(Duration.ofSeconds(Long.MAX_VALUE));
        assertThat(search.peek(1).retryAfter()).contains(Duration.ofDays(30).plus(ms(100)));
    }

    @Test
    void who_says_that_one_may_come_at_once_throttles_nothing() { // Retry-After: 0, or a date that has passed
        search.throttleFor(RateLimitHeaders.retryAfter("0", Instant.EPOCH).orElseThrow());
        assertThat(drained(search)).isEqualTo(2);
    }

    @Test
    void a_throttle_lets_nothing_pass_and_then_refills() {
        search.throttleFor(Duration.ofSeconds(10));
        search.throttleFor(Duration.ofSeconds(3));
        assertThat(search.peek(1).retryAfter()).contains(Duration.ofSeconds(10).plus(ms(100)));
        time.advance(Duration.ofSeconds(10).plus(ms(200)));
        assertThat(drained(search)).isEqualTo(2);
    }

    @Test // clarification 2
    void cancelling_a_reservation_never_shortens_a_throttle() {
        Reservation early = search.reserve(2, SECOND).orElseThrow();
        Reservation late = search.reserve(1, SECOND).orElseThrow();
        search.throttleFor(Duration.ofSeconds(10));
        assertThat(late.cancel()).isTrue();
        assertThat(early.cancel()).isTrue();
        assertThat(search.peek(1).retryAfter()).contains(Duration.ofSeconds(10).plus(ms(100)));
        Reservation behind = search.reserve(1, Duration.ofSeconds(60)).orElseThrow();
        assertThat(behind.cancel()).isTrue();
        assertThat(search.peek(1).retryAfter()).contains(Duration.ofSeconds(10).plus(ms(100)));
    }

    @Test
    void draining_takes_what_is_there_and_leaves_a_debt() {
        search.drain();
        assertThat(search.peek(1).retryAfter()).contains(ms(100));
        search.charge(3);
        search.drain();
        assertThat(search.peek(1).retryAfter()).contains(ms(400));
    }

    @Test
    void a_reset_forgives_debts_and_throttles() {
        search.charge(50);
        search.throttleFor(Duration.ofDays(1));
        search.reset();
        assertThat(drained(search)).isEqualTo(2);
        Reservation next = search.reserve(1, SECOND).orElseThrow();
        assertThat(next.cancel()).isTrue(); // the throttle is no floor any more
        assertThat(search.peek(1).retryAfter()).contains(ms(100));
    }

    @Test
    void a_reservation_is_granted_for_the_earliest_time() {
        search.tryAcquire(2);
        Reservation first = search.reserve(1, SECOND).orElseThrow();
        Reservation second = search.reserve(2, SECOND).orElseThrow();
        assertThat(first.delay()).isEqualTo(ms(100));
        assertThat(second.delay()).isEqualTo(ms(300));
        time.advance(ms(50));
        assertThat(first.delay()).isEqualTo(ms(50));
        time.advance(ms(100));
        assertThat(first.delay()).isZero();
        assertThat(search.tryAcquire())
                .as("P11: nobody barges past a reservation")
                .isFalse();
    }

    @Test
    void what_cannot_be_had_in_time_is_not_reserved() {
        search.tryAcquire(2);
        assertThat(search.reserve(2, ms(200).minusNanos(1))).isEmpty();
        assertThat(search.reserve(2, ms(200))).isPresent();
    }

    @Test // P12
    void a_reservation_is_cancelled_once() {
        Reservation reservation = search.reserve(2, Duration.ZERO).orElseThrow();
        assertThat(reservation.cancel()).isTrue();
        assertThat(reservation.cancel()).isFalse();
        assertThat(drained(search)).isEqualTo(2);
    }

    @Test // P13
    void reserving_and_cancelling_at_once_changes_nothing() {
        search.tryAcquire(2);
        long before = Rig.bucket(search).aheadTicks();
        for (int i = 0; i < 5; i++) {
            assertThat(search.reserve(2, SECOND).orElseThrow().cancel()).isTrue();
            assertThat(Rig.bucket(search).aheadTicks()).isEqualTo(before);
        }
    }

    @Test // P13: also where the time of the action is rounded up from a part of a nanosecond
    void undoing_the_newest_is_exact_to_the_tick() {
        RateLimiter odd = limiter(Limit.of(6, Duration.ofNanos(34)).burst(2), time);
        for (int i = 0; i < 20; i++) {
            long before = Rig.bucket(odd).aheadTicks();
            assertThat(odd.reserve(2, SECOND).orElseThrow().cancel()).isTrue();
            assertThat(Rig.bucket(odd).aheadTicks()).isEqualTo(Math.max(before, 0));
            odd.charge(1);
        }
    }

    @Test // S22, L2: a reset has forgiven the reservation, its cancel must not do so again
    void a_reservation_from_before_a_reset_refunds_nothing() {
        search.tryAcquire(2);
        Optional<Reservation> waiting = search.reserve(2, SECOND);
        search.reset();
        assertThat(drained(search)).isEqualTo(2);
        assertThat(waiting.orElseThrow().cancel()).isTrue();
        assertThat(search.tryAcquire()).isFalse();
    }

    @Test
    void everything_and_nothing() {
        RateLimiter all = limiter(Limit.unlimited(), time);
        RateLimiter nothing = limiter(Limit.none(), time);
        assertThat(all.tryAcquire(Long.MAX_VALUE)).isTrue();
        assertThat(all.decide(7).remaining()).isEqualTo(Long.MAX_VALUE);
        assertThat(all.acquireUpTo(7)).isEqualTo(7);
        assertThat(nothing.tryAcquire()).isFalse();
        assertThat(nothing.decide(1).isNever()).isTrue();
        assertThat(nothing.acquireUpTo(7)).isZero();
        assertThat(nothing.reserve(1, SECOND)).isEmpty();
        assertThat(nothing.decide(1).resetAfter()).isGreaterThan(Duration.ofDays(365_000));
    }

    @Test
    void an_unlimited_one_can_be_throttled() {
        RateLimiter all = limiter(Limit.unlimited(), time);
        all.throttleFor(SECOND);
        all.throttleFor(ms(10));
        assertThat(all.tryAcquire()).isFalse();
        assertThat(all.reserve(1, SECOND).orElseThrow().delay()).isEqualTo(SECOND);
        assertThat(all.reserve(1, ms(999))).isEmpty();
        time.advance(SECOND);
        assertThat(all.tryAcquire()).isTrue();
        all.throttleFor(SECOND);
        all.reset();
        assertThat(all.tryAcquire()).isTrue();
    }

    @Test
    void a_pacer_spaces_evenly_and_queues_as_far_as_it_says() {
        RateLimiter pacer = limiter(Limit.pacer(10, SECOND, 2), time);
        assertThat(pacer.tryAcquire()).isTrue();
        assertThat(pacer.tryAcquire()).isFalse();
        assertThat(pacer.reserve(1, SECOND).orElseThrow().delay()).isEqualTo(ms(100));
        assertThat(pacer.reserve(1, SECOND).orElseThrow().delay()).isEqualTo(ms(200));
        assertThat(pacer.reserve(1, SECOND)).isEmpty();
        assertThat(pacer.decideAsync(1, SECOND).join().retryAfter()).contains(ms(100));
        time.advance(ms(300));
        assertThat(drained(pacer)).isEqualTo(1);
        time.advance(Duration.ofHours(1));
        assertThat(drained(pacer)).isEqualTo(1);
    }

    @Test
    void a_pacer_holds_the_next_ones_back_for_a_weight() {
        RateLimiter pacer = limiter(Limit.pacer(10, SECOND, 100), time);
        assertThat(pacer.tryAcquire(5)).isTrue();
        assertThat(pacer.peek(1).retryAfter()).contains(ms(500));
        assertThat(pacer.reserve(3, SECOND).orElseThrow().delay()).isEqualTo(ms(500));
        assertThat(pacer.peek(1).retryAfter()).contains(ms(800));
        assertThat(pacer.decide(Long.MAX_VALUE).isNever()).isTrue(); // L10
    }

    @Test
    void a_shadow_refuses_nobody_and_counts_those_it_would_have() throws InterruptedException {
        RateLimiter shadow = RateLimiter.builder("dry")
                .limit(Limit.of(10, SECOND).burst(2))
                .timeSource(time)
                .shadow()
                .build();
        assertThat(drained(shadow)).isEqualTo(10_000);
        assertThat(shadow.snapshot().shadowRejected()).isEqualTo(9_998);
        assertThat(shadow.decide(1).permitted()).isFalse();
        assertThat(shadow.acquireUpTo(7)).isEqualTo(7);
        assertThat(shadow.tryAcquire(1, Duration.ofMinutes(1))).isTrue(); // nobody waits
        Reservation reservation = shadow.reserve(3, SECOND).orElseThrow();
        assertThat(reservation.delay()).isZero();
        assertThat(reservation.cancel()).isTrue();
        assertThat(shadow.call(() -> "passes")).isEqualTo("passes");
        assertThat(shadow.decideAsync(2, SECOND)).isCompleted();
        assertThat(shadow.peek(1).remaining()).as("nothing is minted").isZero();
    }

    @Test
    void a_shadow_that_waits_takes_what_its_callers_would_have_taken() throws InterruptedException {
        RateLimiter shadow = RateLimiter.builder("dry")
                .limit(Limit.of(10, SECOND).burst(1))
                .timeSource(time)
                .shadow()
                .build();
        assertThat(shadow.tryAcquire(1, ms(100))).isTrue();
        assertThat(shadow.tryAcquire(1, ms(100))).isTrue();
        assertThat(shadow.snapshot().shadowRejected()).isZero();
        assertThat(shadow.tryAcquire(1, ms(100))).isTrue();
        assertThat(shadow.snapshot().shadowRejected()).isEqualTo(1);
        assertThat(shadow.peek(1).retryAfter()).contains(ms(200));
    }

    @Test
    void a_weight_below_one_is_refused_with_what_to_do() {
        assertThatThrownBy(() -> search.tryAcquire(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("n must be at least 1, was 0 (peek(1) looks without taking)");
        for (long n : new long[] {0, -1, Long.MIN_VALUE}) {
            assertThatThrownBy(() -> search.decide(n)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> search.peek(n)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> search.charge(n)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> search.acquireUpTo(n)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> search.tryAcquire(n, SECOND)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> search.decideAsync(n, SECOND)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> search.reserve(n, SECOND)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> search.reserve(1, ms(-1)))
                .hasMessage("maxWait must not be negative, was PT-0.001S")
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> search.charge(-1)).hasMessage("n must be at least 1, was -1");
        assertThatThrownBy(() -> search.throttleFor(ms(-1)))
                .hasMessage("duration must not be negative, was PT-0.001S")
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(drained(search)).isEqualTo(2);
    }

    @Test
    void a_null_is_named() {
        assertThatThrownBy(() -> search.reserve(1, null)).hasMessage("maxWait");
        assertThatThrownBy(() -> search.throttleFor(null)).hasMessage("duration");
        assertThatThrownBy(() -> search.reconfigure(null, RateLimiter.Carry.RESET))
                .hasMessage("limit");
        assertThatThrownBy(() -> search.reconfigure(Limit.none(), null)).hasMessage("carry");
        assertThatThrownBy(() -> RateLimiter.of(null)).hasMessage("limit");
        assertThatThrownBy(() -> Limit.of(1, null)).hasMessage("duration");
    }

    @Test
    void describes_itself() {
        assertThat(search.describe()).hasToString("RateLimiter 'search' {limit=10/s, burst 2, maxWait=0 s}");
        RateLimiter paced = RateLimiter.builder("mail")
                .limit(Limit.pacer(5, Duration.ofMinutes(2), 10))
                .cost(c -> 2)
                .shadow()
                .build();
        assertThat(paced.describe())
                .hasToString("RateLimiter 'mail' {limit=paced 5/2 min, queue 10, maxWait=4 min, cost=per call,"
                        + " shadow=true}");
        assertThat(search).hasToString("rate limiter 'search'");
        assertThat(RateLimiter.of(Limit.none()).name()).isEqualTo("limiter");
    }
}
