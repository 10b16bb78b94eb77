// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.ratelimit.RateLimiter.Carry;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No change of the limit forgives what is owed. L12, S26. */
class CarriedDebtTest {
    private static final Duration SECOND = ofSeconds(1);
    private static final Limit SECOND_AND_DAY = Limit.allOf(Limit.of(10, SECOND), Limit.of(24, ofDays(1)));

    private final ManualTime time = ManualTime.create();

    private static Duration retryAfter(RateLimiter limiter) {
        return limiter.peek(1).retryAfter().orElse(Duration.ZERO);
    }

    @ParameterizedTest
    @EnumSource(
            value = Carry.class,
            names = {"KEEP_TOKENS", "PROPORTIONAL", "KEEP_DEBT_TIME", "ADD_DIFFERENCE"})
    void of_several_limits_the_longest_debt_is_carried(Carry carry) {
        RateLimiter limiter = Rig.limiter(SECOND_AND_DAY, time);
        limiter.charge(34); // both have none left, and the day owes ten
        assertThat(retryAfter(limiter)).isEqualTo(ofHours(11));
        limiter.reconfigure(Limit.of(24, ofDays(1)), carry);
        assertThat(retryAfter(limiter)).isEqualTo(ofHours(11));
    }

    @Test
    void of_several_limits_the_longest_time_until_full_is_carried() {
        RateLimiter limiter = Rig.limiter(Limit.allOf(Limit.of(10, SECOND), Limit.of(1_000, ofDays(1))), time);
        for (int i = 0; i < 50; i++) {
            limiter.acquireUpTo(10);
            time.advance(SECOND);
        }
        Duration reset = limiter.peek(1).resetAfter();
        limiter.reconfigure(Limit.of(1_000, ofDays(1)), Carry.KEEP_DEBT_TIME);
        assertThat(limiter.peek(1).resetAfter()).isEqualTo(reset);
    }

    @Test
    void of_several_limits_the_one_with_fewest_permits_is_carried_also_if_all_have_less_than_one() {
        RateLimiter limiter = Rig.limiter(Limit.allOf(Limit.of(1, SECOND), Limit.of(1, ofHours(1))), time);
        assertThat(limiter.tryAcquire()).isTrue();
        time.advance(Duration.ofMillis(900)); // 0.9 of the second's, 0.00025 of the hour's
        limiter.reconfigure(Limit.of(1, ofHours(1)), Carry.KEEP_TOKENS);
        assertThat(retryAfter(limiter)).isEqualTo(ofHours(1).minusMillis(900));
    }

    @Test
    void a_log_that_is_charged_more_than_it_remembers_stays_shut() {
        RateLimiter limiter = Rig.limiter(Limit.slidingLog(1, ofSeconds(28)), time);
        for (int i = 0; i < 5; i++) limiter.charge(1);
        limiter.reconfigure(Limit.slidingLog(1, ofSeconds(2)), Carry.KEEP_TOKENS);
        assertThat(retryAfter(limiter)).isEqualTo(ofSeconds(28));
    }

    @Test
    void a_log_after_a_limit_of_billions_is_full() { // L10
        RateLimiter limiter = Rig.limiter(Limit.of(1L << 32, ofSeconds(10)).initial(0), time);
        limiter.reconfigure(Limit.slidingLog(10, SECOND), Carry.ADD_DIFFERENCE);
        assertThat(retryAfter(limiter)).isEqualTo(SECOND);
    }

    @Test
    void without_a_limit_too_a_throttle_ends_at_30_days() { // L10
        RateLimiter limiter = Rig.limiter(Limit.unlimited(), time);
        limiter.throttleFor(ofSeconds(Long.MAX_VALUE));
        assertThat(retryAfter(limiter)).isEqualTo(ofDays(30));
        assertThat(limiter.reserve(1, ofDays(365)).orElseThrow().delay()).isEqualTo(ofDays(30));
    }

    @Test
    void a_calendar_that_changes_the_limit_meanwhile_is_not_waited_for() { // L5
        RateLimiter limiter = Rig.limiter(Limit.of(10, SECOND), time);
        InstantSource meddling = () -> {
            try {
                return Rig.start(() -> {
                            limiter.reconfigure(Limit.of(20, SECOND), Carry.KEEP_TOKENS);
                            return Instant.EPOCH;
                        })
                        .end();
            } catch (Exception e) {
                throw new AssertionError("the change is waited for", e);
            }
        };
        limiter.reconfigure(Limit.fixed(30, SECOND).alignedTo(Instant.EPOCH, meddling), Carry.KEEP_TOKENS);
        assertThat(limiter.peek(1).remaining()).isEqualTo(10);
    }
}
