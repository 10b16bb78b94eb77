// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.resilience.testkit.ManualTime;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.greenbytes.http.sfv.ByteSequenceItem;
import org.greenbytes.http.sfv.IntegerItem;
import org.greenbytes.http.sfv.ListElement;
import org.greenbytes.http.sfv.Parser;
import org.greenbytes.http.sfv.StringItem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every draft field is read back by a structured-field parser of other hands (RFC 8941 and 9651). */
class RateLimitHeadersTest {
    private static final Instant NOW = Instant.parse("1994-11-06T08:49:00Z");

    private final ManualTime time = ManualTime.create();

    private RateLimiter limiter(String name, Limit limit) {
        return RateLimiter.builder(name).limit(limit).timeSource(time).build();
    }

    @Test
    void a_grant_tells_policy_and_what_is_left() {
        RateLimiter search = limiter("search", Limit.of(100, Duration.ofMinutes(1)));
        assertThat(RateLimitHeaders.of(search.decide(50)))
                .containsExactly(
                        Map.entry("RateLimit-Policy", "\"search\";q=100;w=60"),
                        Map.entry("RateLimit", "\"search\";r=50;t=30"));
    }

    @Test
    void a_refusal_tells_when_to_come_back_and_never_too_early() {
        RateLimiter search = limiter("search", Limit.of(100, Duration.ofMinutes(1)));
        search.decide(100);
        Map<String, String> fields = RateLimitHeaders.of(search.decide(2)); // after 1.2 s
        assertThat(fields).containsEntry("RateLimit", "\"search\";r=0;t=2").containsEntry("Retry-After", "2");
        time.advance(Duration.ofSeconds(2));
        assertThat(search.decide(2).permitted()).isTrue();
    }

    @Test
    void with_nothing_left_the_window_ends_with_the_next_permit_not_with_the_last() {
        RateLimiter search = limiter("search", Limit.of(10, Duration.ofMinutes(1)));
        assertThat(RateLimitHeaders.of(search.decide(10))).containsEntry("RateLimit", "\"search\";r=0;t=6");
    }

    @Test
    void nobody_is_told_to_hurry_because_a_long_window_is_still_full() {
        // the draft's own example of harm: r=10000;t=10 of a policy of 10 per second
        RateLimiter day = limiter("some", Limit.of(10_000, Duration.ofSeconds(1000)));
        assertThat(RateLimitHeaders.of(day.peek(1))).containsEntry("RateLimit", "\"some\";r=10000;t=1000");
    }

    @Test
    void what_can_never_pass_has_no_time_to_come_back() {
        RateLimiter search = limiter("search", Limit.of(10, Duration.ofSeconds(1)));
        assertThat(RateLimitHeaders.of(search.decide(11))).doesNotContainKey("Retry-After");
        search.drain();
        RateLimiter never = limiter("never", Limit.of(10, Duration.ofSeconds(1)));
        assertThat(RateLimitHeaders.of(search.decide(1), never.decide(11)))
                .as("coming back for the one does not help with the other")
                .doesNotContainKey("Retry-After");
    }

    @Test
    void several_limits_are_told_together_and_the_longest_wait_counts() {
        RateLimiter user = limiter("user", Limit.of(1, Duration.ofSeconds(2)));
        RateLimiter endpoint = limiter("endpoint", Limit.of(1, Duration.ofSeconds(10)));
        user.drain();
        endpoint.drain();
        assertThat(RateLimitHeaders.in(RateLimitHeaders.Format.DRAFT_11, RateLimitHeaders.Format.X_RATELIMIT)
                        .render(user.decide(1), endpoint.decide(1)))
                .containsExactly(
                        Map.entry("RateLimit-Policy", "\"user\";q=1;w=2, \"endpoint\";q=1;w=10"),
                        Map.entry("RateLimit", "\"user\";r=0;t=2, \"endpoint\";r=0;t=10"),
                        Map.entry("X-RateLimit-Limit", "1"),
                        Map.entry("X-RateLimit-Remaining", "0"),
                        Map.entry("X-RateLimit-Reset", "10"),
                        Map.entry("Retry-After", "10"));
    }

    @Test
    void the_older_triple_speaks_of_the_one_with_least_left() {
        RateLimiter user = limiter("user", Limit.of(10, Duration.ofSeconds(10)));
        RateLimiter endpoint = limiter("endpoint", Limit.of(100, Duration.ofSeconds(10)));
        Map<String, String> fields =
                RateLimitHeaders.in(RateLimitHeaders.Format.X_RATELIMIT).render(endpoint.decide(1), user.decide(1));
        assertThat(fields)
                .containsExactly(
                        Map.entry("X-RateLimit-Limit", "10"),
                        Map.entry("X-RateLimit-Remaining", "9"),
                        Map.entry("X-RateLimit-Reset", "1"));
    }

    @Test
    void a_strict_limit_tells_its_promise() {
        RateLimiter strict = limiter("strict", Limit.strict(50, Duration.ofMinutes(1), 10));
        assertThat(RateLimitHeaders.of(strict.decide(1)))
                .containsEntry("RateLimit-Policy", "\"strict\";q=50;w=60")
                .containsEntry("RateLimit", "\"strict\";r=9;t=11");
    }

    @Test
    void a_window_below_a_second_is_told_as_one() {
        RateLimiter fast = limiter("fast", Limit.of(5, Duration.ofMillis(10)));
        assertThat(RateLimitHeaders.of(fast.decide(1))).containsEntry("RateLimit-Policy", "\"fast\";q=5;w=1");
    }

    @Test
    void no_limit_has_nothing_to_tell() {
        assertThat(RateLimitHeaders.of(limiter("open", Limit.unlimited()).decide(1)))
                .isEmpty();
        assertThatIllegalArgumentException()
                .isThrownBy(RateLimitHeaders::of)
                .withMessage("decisions must not be empty");
    }

    @Test
    void unit_and_partition_are_written_as_the_grammar_wants_them() {
        byte[] key = "tenant-7".getBytes(StandardCharsets.UTF_8);
        Map<String, String> fields = RateLimitHeaders.in(RateLimitHeaders.Format.DRAFT_11)
                .unit("content-bytes")
                .partition(key)
                .render(limiter("bytes", Limit.of(100, Duration.ofSeconds(1))).decide(1));
        StringItem policy = only(fields.get("RateLimit-Policy"));
        assertThat(policy.getParams().get("qu").get()).isEqualTo("content-bytes");
        ByteSequenceItem pk = (ByteSequenceItem) policy.getParams().get("pk");
        assertThat(pk.get()).isEqualTo(ByteBuffer.wrap(key));
        assertThat(only(fields.get("RateLimit")).getParams()).containsKey("pk");
    }

    @Property(tries = 300)
    void every_field_is_what_the_draft_allows(
            @ForAll String name,
            @ForAll @LongRange(min = 1, max = 1_000_000) long permits,
            @ForAll @LongRange(min = 1_000_000, max = 100_000_000_000_000L) long perNanos,
            @ForAll @IntRange(min = 1, max = 40) int asked,
            @ForAll @LongRange(max = 100_000_000_000L) long later) {
        RateLimiter any = limiter(name, Limit.of(permits, Duration.ofNanos(perNanos)));
        for (int i = 0; i < asked; i++) {
            Decision decision = any.decide(1 + permits * i / 30);
            Map<String, String> fields = RateLimitHeaders.of(decision);
            StringItem policy = only(fields.get("RateLimit-Policy"));
            StringItem limit = only(fields.get("RateLimit"));
            assertThat(policy.get()).isEqualTo(limit.get()).hasSameSizeAs(name);
            long w = number(policy, "w");
            long r = number(limit, "r");
            long t = number(limit, "t");
            assertThat(w).isPositive();
            assertThat(r).isBetween(0L, number(policy, "q"));
            assertThat(t).isNotNegative();
            if (decision.permitted()) {
                assertThat(fields).doesNotContainKey("Retry-After");
                // r/t is no more than the rate
                assertThat((double) r * perNanos).isLessThanOrEqualTo((double) t * 1e9 * permits * (1 + 1e-9));
            } else if (!decision.isNever()) {
                long after = Long.parseLong(fields.get("Retry-After"));
                assertThat(after).isGreaterThanOrEqualTo(t);
                assertThat(Duration.ofSeconds(after))
                        .isGreaterThanOrEqualTo(decision.retryAfter().orElseThrow());
            }
            time.advance(Duration.ofNanos(later));
        }
    }

    private static StringItem only(String field) {
        List<? extends ListElement<?>> items = Parser.parseList(field).get();
        assertThat(items.size()).isEqualTo(1);
        return (StringItem) items.get(0);
    }

    private static long number(StringItem item, String parameter) {
        return ((IntegerItem) item.getParams().get(parameter)).getAsLong();
    }

    // --- Retry-After ---

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0 | 0",
                "120 | 120",
                " 7  | 7",
                "Sun, 06 Nov 1994 08:49:37 GMT | 37",
                "Sunday, 06-Nov-94 08:49:37 GMT | 37",
                "Sun Nov  6 08:49:37 1994 | 37",
                "Sun Nov 13 08:49:00 1994 | 604800",
                "Sun, 06 Nov 1994 08:48:59 GMT | 0",
                "Monday, 06-Nov-95 08:49:00 GMT | 31536000",
                "99999999999999999999999999 | 3155760000"
            })
    void retry_after_is_read(String value, long seconds) {
        assertThat(RateLimitHeaders.retryAfter(value, NOW)).contains(Duration.ofSeconds(seconds));
    }

    @Test
    void a_year_of_two_digits_that_seems_far_ahead_is_past() {
        // RFC 9110 §5.6.7: more than 50 years in the future means the most recent past year with these digits
        assertThat(RateLimitHeaders.retryAfter("Wednesday, 06-Nov-46 08:49:37 GMT", NOW))
                .contains(Duration.ZERO);
        assertThat(RateLimitHeaders.retryAfter("Saturday, 06-Nov-43 08:49:00 GMT", NOW))
                .isEmpty(); // 1943 or 2043? 49 years ahead, and a Friday
        assertThat(RateLimitHeaders.retryAfter("Friday, 06-Nov-43 08:49:00 GMT", NOW)
                        .orElseThrow())
                .isGreaterThan(Duration.ofDays(49 * 365));
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", " ", "-1", "1.5", "soon", "12 s", "٣", "Sun, 32 Nov 1994 08:49:37 GMT", "0x10"})
    void what_cannot_be_read_is_absent(String value) {
        assertThat(RateLimitHeaders.retryAfter(value, NOW)).isEmpty();
    }

    @Property(tries = 300)
    void no_text_of_a_stranger_throws(@ForAll String value) {
        assertThat(RateLimitHeaders.retryAfter(value, NOW).orElse(Duration.ZERO).isNegative())
                .isFalse();
    }

    @Test
    void fractions_of_a_second_are_kept_for_dates() {
        assertThat(RateLimitHeaders.retryAfter("Sun, 06 Nov 1994 08:49:37 GMT", NOW.plusMillis(500)))
                .contains(Duration.ofMillis(36_500));
    }
}
