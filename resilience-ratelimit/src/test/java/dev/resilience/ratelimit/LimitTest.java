// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;

/** L11: what cannot be is refused when the limiter is built, all of it, with what would work. */
class LimitTest {
    private static AbstractThrowableAssert<?, ?> refused(Limit limit) {
        return assertThatThrownBy(
                        () -> RateLimiter.builder("search").limit(limit).build())
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void all_problems_at_once() {
        refused(Limit.of(0, Duration.ZERO).burst(-1).initial(-2))
                .hasMessage("rate limiter 'search': permits must be at least 1, was 0 (Limit.none() lets nothing pass);"
                        + " the duration must be more than zero, was PT0S; burst must be at least 1, was -1;"
                        + " initial must be 0 to the burst of -1, was -2");
        assertThatThrownBy(() -> RateLimiter.builder("search")
                        .maxWait(Duration.ofSeconds(-1))
                        .build())
                .hasMessage("rate limiter 'search': limit must be set; maxWait must not be negative, was PT-1S");
    }

    @Test
    void more_than_the_burst_cannot_be_there_at_first() {
        refused(Limit.of(10, SECOND).initial(11))
                .hasMessage("rate limiter 'search': initial must be 0 to the burst of 10, was 11");
        RateLimiter.of(Limit.of(10, SECOND).initial(11).burst(11)); // the order does not count
    }

    @Test
    void more_than_one_permit_per_nanosecond_is_no_limit() {
        refused(Limit.of(1_000_000_001, SECOND))
                .hasMessageContaining("must be at most one permit per nanosecond, was 1000000001 per 1000000000 ns")
                .hasMessageContaining("Limit.unlimited()");
        RateLimiter.of(Limit.of(1_000_000_000, SECOND));
    }

    @Test // L10
    void a_burst_that_takes_years_is_refused_with_the_most_that_works() {
        refused(Limit.of(1, Duration.ofDays(365)).burst(100))
                .hasMessageContaining("a burst must refill within 6671.9 d")
                .hasMessageContaining("burst must be at most 18, was 100");
        RateLimiter.of(Limit.of(1, Duration.ofDays(365)).burst(18));
        refused(Limit.of(1, Duration.ofDays(365_000))).hasMessageContaining("one permit takes longer");
        refused(Limit.of(1, Duration.ofSeconds(Long.MAX_VALUE))).hasMessageContaining("one permit takes longer");
        refused(Limit.of(1, SECOND).burst(Long.MAX_VALUE)).hasMessageContaining("burst must be at most 576460752");
        refused(Limit.of(999_999_937, Duration.ofSeconds(Long.MAX_VALUE))).hasMessageContaining("at most 61035");
    }

    @Test // S28
    void a_strict_limit_needs_a_burst_that_fits_into_its_window() {
        refused(Limit.strict(5, SECOND, 6))
                .hasMessage("rate limiter 'search': the burst of a strict limit must be at most its 5 permits, was 6");
        refused(Limit.strict(5, SECOND, 0)).hasMessageContaining("burst must be at least 1, was 0");
        refused(Limit.strict(5, SECOND, -1)).hasMessageContaining("burst must be at least 1, was -1");
        RateLimiter.of(Limit.strict(1, SECOND, 1));
        RateLimiter.of(Limit.strict(5, SECOND, 5));
    }

    @Test
    void a_queue_is_not_negative() {
        refused(Limit.pacer(0, SECOND, -1))
                .hasMessage("rate limiter 'search': permits must be at least 1, was 0 (Limit.none() lets nothing pass);"
                        + " queue must be at least 0, was -1");
        RateLimiter.of(Limit.pacer(1, SECOND, Long.MAX_VALUE));
    }

    @Test
    void a_name_is_not_blank() {
        refused(Limit.of(1, SECOND).named(" ")).hasMessageContaining("the name of a limit must not be blank, was ' '");
        refused(Limit.allOf(Limit.of(1, SECOND).named(""))).hasMessageContaining("must not be blank, was ''");
    }

    @Test
    void nulls_are_named() {
        assertThatNullPointerException()
                .isThrownBy(() -> Limit.allOf((Limit[]) null))
                .withMessage("limits");
        assertThatNullPointerException()
                .isThrownBy(() -> Limit.allOf(Limit.of(1, SECOND), null))
                .withMessage("a limit of limits");
    }

    @Test
    void says_what_it_is() {
        assertThat(Limit.of(100, SECOND).burst(20)).hasToString("100/s, burst 20");
        assertThat(Limit.of(7, Duration.ofMinutes(1))).hasToString("7/min, burst 7");
        assertThat(Limit.of(3, Duration.ofMillis(500))).hasToString("3/500 ms, burst 3");
        assertThat(Limit.strict(100, Duration.ofHours(1), 5)).hasToString("strictly 100/h, burst 5");
        assertThat(Limit.unlimited()).hasToString("unlimited");
        assertThat(Limit.none()).hasToString("none");
    }

    @Test
    void setters_make_new_limits() {
        Limit.Bucket plain = Limit.of(10, SECOND);
        plain.burst(5).initial(1).named("x");
        assertThat(plain).hasToString("10/s, burst 10");
    }
}
