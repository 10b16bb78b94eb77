// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofNanos;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Who has a place, who has none, and what those are told that have none. */
class KeyedOverflowTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();

    private <K> KeyedRateLimiter<K> keyed(Limit limit, int maxKeys) {
        return RateLimiter.builder("user").limit(limit).timeSource(time).keyed(maxKeys);
    }

    static Stream<Limit> ten() {
        return Stream.of(
                Limit.of(10, SECOND),
                Limit.strict(19, SECOND, 10),
                Limit.sliding(10, SECOND),
                Limit.sliding(10, ofDays(36_525)),
                Limit.slidingLog(10, SECOND),
                Limit.fixed(10, ofDays(1)),
                Limit.allOf(Limit.of(10, SECOND), Limit.of(1_000, ofDays(1))));
    }

    @ParameterizedTest
    @MethodSource("ten")
    void a_new_key_has_all_of_its_limit_from_the_first_moment_on(Limit limit) {
        KeyedRateLimiter<String> users = keyed(limit, 2);
        Decision seen = users.peek("a", 10);
        assertThat(seen.permitted()).isTrue();
        assertThat(seen.remaining()).isEqualTo(10);
        assertThat(users.keys()).as("looking makes no place").isZero();
        assertThat(users.decide("a", 4).remaining()).isEqualTo(6);
        assertThat(users.tryAcquire("a", 6)).isTrue();
        assertThat(users.tryAcquire("a")).isFalse();
        assertThat(users.keys()).isEqualTo(1);
    }

    @ParameterizedTest
    @MethodSource("ten")
    void what_can_never_be_is_never_also_without_a_place(Limit limit) {
        KeyedRateLimiter<String> users = keyed(limit, 1);
        assertThat(users.tryAcquire("a", 10)).isTrue();
        assertThat(users.decide("a", 11).isNever()).isTrue();
        assertThat(users.decide("b", 11).isNever()).isTrue();
        assertThat(users.decide("b", 10).isNever()).isFalse();
    }

    @Test
    void a_heavy_call_to_a_pacer_is_told_to_wait_for_a_place() {
        KeyedRateLimiter<String> users = keyed(Limit.pacer(2, SECOND, 100), 1);
        assertThat(users.tryAcquire("a")).isTrue();
        assertThat(users.decide("b", 5).isNever()).isFalse();
        time.advance(SECOND);
        assertThat(users.tryAcquire("b", 5)).as("a is forgotten").isTrue();
    }

    @Test
    void a_burst_of_no_whole_number_of_nanoseconds_passes_without_a_place() {
        for (long burst = 1; burst <= 7; burst++) {
            KeyedRateLimiter<String> users = keyed(Limit.of(7, ofNanos(33)).burst(burst), 1);
            users.charge("a", 1_000);
            assertThat(users.tryAcquire("b", burst)).as("burst %d", burst).isTrue();
            Decision refused = users.decide("b", 1);
            assertThat(refused.permitted()).isFalse();
            time.advance(refused.retryAfter().orElseThrow());
            assertThat(users.tryAcquire("b")).isTrue();
            assertThat(users.keys()).isEqualTo(1);
        }
    }

    /** Throws when it has been compared so many times. */
    private static final class Fragile {
        static final ThreadLocal<Integer> COMPARISONS = ThreadLocal.withInitial(() -> Integer.MAX_VALUE);

        @Override
        public int hashCode() {
            return 1;
        }

        @Override
        public boolean equals(Object other) {
            int left = COMPARISONS.get();
            COMPARISONS.set(left - 1);
            if (left == 0) throw new IllegalStateException("broken key");
            return this == other;
        }
    }

    @Test
    void a_key_that_throws_takes_no_room() { // L5, L13
        KeyedRateLimiter<Fragile> users = keyed(Limit.of(10, SECOND), 3);
        assertThat(users.tryAcquire(new Fragile())).isTrue();
        for (int i = 0; i < 5; i++) {
            Fragile.COMPARISONS.set(1); // it is looked for, and not found; then it is to have a place
            assertThatIllegalStateException().isThrownBy(() -> users.tryAcquire(new Fragile()));
        }
        Fragile.COMPARISONS.remove();
        assertThat(users.keys()).isEqualTo(1);
        assertThat(users.tryAcquire(new Fragile())).isTrue();
        assertThat(users.keys()).isEqualTo(2);
    }
}
