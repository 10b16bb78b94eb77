// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static dev.resilience.ratelimit.Rig.drained;
import static dev.resilience.ratelimit.Rig.limiter;
import static dev.resilience.ratelimit.Rig.ms;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.ratelimit.RateLimiter.Carry;
import dev.resilience.ratelimit.RateLimiter.Reservation;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** L12, S26: another limit while calls run. */
class ReconfigureTest {
    private static final int ROUNDS = 300;

    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();

    /** 10/s with this burst, of which so many tokens are there; negative ones are a debt. */
    private RateLimiter with(long burst, long tokens) {
        RateLimiter limiter = limiter(Limit.of(10, SECOND).burst(burst), time);
        limiter.charge(burst + 10);
        time.advance(ms(100 * (tokens + 10)));
        return limiter;
    }

    private static long tokens(RateLimiter limiter) {
        long remaining = limiter.peek(1).remaining();
        long wait = limiter.peek(1).retryAfter().orElse(Duration.ZERO).toMillis();
        return remaining > 0 ? remaining : -(wait / 100 - 1);
    }

    @ParameterizedTest // in tokens of 100 ms
    @CsvSource({
        "KEEP_TOKENS, 10, 4, 100, 4",
        "KEEP_TOKENS, 10, 0, 100, 0",
        "KEEP_TOKENS, 10, 10, 100, 10",
        "KEEP_TOKENS, 10, 8, 5, 5",
        "KEEP_TOKENS, 10, -3, 100, -3",
        "KEEP_TOKENS, 100, -3, 5, -3",
        "KEEP_DEBT_TIME, 10, 4, 100, 94",
        "KEEP_DEBT_TIME, 10, 0, 100, 90",
        "KEEP_DEBT_TIME, 10, 8, 5, 3",
        "KEEP_DEBT_TIME, 10, 2, 5, -3",
        "PROPORTIONAL, 10, 4, 100, 40",
        "PROPORTIONAL, 10, 8, 5, 4",
        "PROPORTIONAL, 10, -3, 100, -3",
        "ADD_DIFFERENCE, 10, 4, 100, 94",
        "ADD_DIFFERENCE, 10, 8, 5, 3",
        "ADD_DIFFERENCE, 10, 2, 5, -3",
        "ADD_DIFFERENCE, 10, -3, 100, 87",
        "RESET, 10, -3, 100, 100",
    })
    void what_becomes_of_the_tokens(Carry carry, long burst, long tokens, long newBurst, long then) {
        RateLimiter limiter = with(burst, tokens);
        assertThat(tokens(limiter)).isEqualTo(tokens);
        limiter.reconfigure(Limit.of(10, SECOND).burst(newBurst), carry);
        assertThat(tokens(limiter)).isEqualTo(then);
        assertThat(limiter.describe())
                .hasToString("RateLimiter 'search' {limit=10/s, burst " + newBurst + ", maxWait=0 s}");
    }

    @Test // S26: when p changes the state is in other units
    void tokens_are_kept_when_the_rate_changes_too() {
        RateLimiter limiter = with(10, 4);
        limiter.reconfigure(Limit.of(3, SECOND).burst(7), Carry.KEEP_TOKENS);
        assertThat(drained(limiter)).isEqualTo(4);
        time.advance(Duration.ofNanos(333_333_333));
        assertThat(limiter.tryAcquire()).isFalse();
        time.advance(Duration.ofNanos(1));
        assertThat(limiter.tryAcquire()).isTrue();
    }

    @Test // clarification 3
    void a_part_of_a_token_is_kept_as_far_as_ticks_go() {
        RateLimiter limiter = with(10, 0);
        time.advance(ms(50));
        limiter.reconfigure(Limit.of(100, SECOND), Carry.KEEP_TOKENS);
        assertThat(limiter.peek(1).retryAfter()).contains(ms(5));
        limiter.reconfigure(Limit.of(3, SECOND), Carry.KEEP_TOKENS);
        limiter.reconfigure(Limit.of(100, SECOND), Carry.KEEP_TOKENS);
        assertThat(limiter.peek(1).retryAfter()).contains(ms(5));
    }

    @ParameterizedTest // S26: with KEEP_DEBT_TIME, as specified at first, the same change shortened it
    @EnumSource(value = Carry.class, mode = EnumSource.Mode.EXCLUDE, names = "RESET")
    void a_throttle_is_not_shortened(Carry carry) {
        RateLimiter limiter = limiter(Limit.of(10, SECOND), time);
        limiter.throttleFor(Duration.ofSeconds(60));
        limiter.reconfigure(Limit.of(10, SECOND).burst(100), carry);
        assertThat(limiter.tryAcquire()).isFalse();
        assertThat(limiter.peek(1).retryAfter().orElseThrow())
                .isGreaterThanOrEqualTo(Duration.ofSeconds(60).plus(ms(100)));
        limiter.reconfigure(Limit.unlimited(), carry);
        assertThat(limiter.peek(1).retryAfter()).contains(Duration.ofSeconds(60));
        limiter.reconfigure(Limit.pacer(10, SECOND, 5), carry);
        assertThat(limiter.peek(1).retryAfter().orElseThrow()).isGreaterThanOrEqualTo(Duration.ofSeconds(60));
    }

    @Test
    void a_reset_forgives_the_throttle() {
        RateLimiter limiter = limiter(Limit.of(10, SECOND), time);
        limiter.throttleFor(Duration.ofSeconds(60));
        limiter.reconfigure(Limit.of(10, SECOND).initial(3), Carry.RESET);
        assertThat(drained(limiter)).isEqualTo(3);
    }

    @Test // L2: over-restricts by its weight at most
    void a_reservation_of_the_old_limit_refunds_nothing() {
        RateLimiter limiter = limiter(Limit.of(10, SECOND).burst(1), time);
        limiter.tryAcquire();
        Reservation old = limiter.reserve(1, SECOND).orElseThrow();
        limiter.reconfigure(Limit.of(10, SECOND).burst(1), Carry.KEEP_TOKENS);
        assertThat(limiter.peek(1).retryAfter()).contains(ms(200));
        assertThat(old.cancel()).isTrue();
        assertThat(limiter.peek(1).retryAfter()).contains(ms(200));
    }

    @Test // L11: nothing has changed then
    void a_limit_that_cannot_be_changes_nothing() {
        RateLimiter limiter = with(10, 4);
        assertThatThrownBy(() -> limiter.reconfigure(Limit.of(0, SECOND), Carry.KEEP_TOKENS))
                .hasMessageContaining("rate limiter 'search': permits must be at least 1, was 0");
        assertThat(drained(limiter)).isEqualTo(4);
    }

    @Test // P16
    void from_nothing_and_to_nothing() {
        RateLimiter limiter = limiter(Limit.none(), time);
        limiter.reconfigure(Limit.of(10, SECOND), Carry.KEEP_TOKENS);
        assertThat(drained(limiter)).as("none has no tokens to keep").isZero();
        limiter.reconfigure(Limit.unlimited(), Carry.KEEP_TOKENS);
        assertThat(limiter.tryAcquire(1000)).isTrue();
        limiter.reconfigure(Limit.of(10, SECOND), Carry.KEEP_TOKENS);
        assertThat(drained(limiter)).isEqualTo(10);
        limiter.reconfigure(Limit.none(), Carry.ADD_DIFFERENCE);
        assertThat(limiter.tryAcquire()).isFalse();
    }

    @Test // S26, L2: no grant is lost between the limits, and none is made by one that was replaced
    void grants_while_it_is_reconfigured_are_exactly_those_that_are_there() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            RateLimiter limiter = limiter(Limit.of(10, SECOND).burst(40), time);
            AtomicLong granted = new AtomicLong();
            Rig.together(3, thread -> {
                if (thread == 0) {
                    for (int i = 0; i < 8; i++) {
                        Limit.Bucket next = i % 2 == 0 ? Limit.of(3, SECOND) : Limit.of(10, SECOND);
                        limiter.reconfigure(next.burst(40 + i), Carry.KEEP_TOKENS);
                    }
                } else {
                    for (int i = 0; i < 30; i++) {
                        if (limiter.tryAcquire()) granted.incrementAndGet();
                    }
                }
            });
            assertThat(granted.get()).isEqualTo(40);
        }
    }

    @Test // S22 with S26: an undo that meets a change gives back once or not at all
    void cancels_while_it_is_reconfigured_mint_nothing() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            RateLimiter limiter = limiter(Limit.of(10, SECOND).burst(5), time);
            Reservation two = limiter.reserve(2, SECOND).orElseThrow();
            Rig.together(2, thread -> {
                if (thread == 0) two.cancel();
                else limiter.reconfigure(Limit.of(10, SECOND).burst(5), Carry.KEEP_TOKENS);
            });
            assertThat(drained(limiter)).isIn(3, 5);
        }
    }
}
