// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.resilience.TimeSource;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RetryAfterTest {
    private static final Instant NOW = Instant.parse("1994-11-06T08:49:37Z");
    private static final InstantSource AT_NOW = InstantSource.fixed(NOW);

    private static final InstantSource NOBODY_ASKS = () -> {
        throw new AssertionError("no need to know the time");
    };

    private static HttpResponse<?> response(String... namesAndValues) {
        return StubClient.response(429, Map.of(), namesAndValues);
    }

    private static Optional<Duration> read(String retryAfter) {
        return RetryAfter.of(response("Retry-After", retryAfter), AT_NOW);
    }

    @ParameterizedTest
    @CsvSource({"0, PT0S", "120, PT2M", "007, PT7S", "' 3 ', PT3S", "9223372036854775807, PT2562047788015215H30M7S"})
    void seconds_are_digits(String text, Duration expected) {
        assertThat(RetryAfter.of(response("retry-AFTER", text), NOBODY_ASKS)).contains(expected);
    }

    @Test
    void more_seconds_than_fit_are_as_many_as_fit() { // L10
        Duration asked = read("9".repeat(400)).orElseThrow();
        assertThat(asked).isEqualTo(Duration.ofSeconds(Long.MAX_VALUE));
        assertThat(TimeSource.nanos(asked)).isEqualTo(Long.MAX_VALUE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Sun, 06 Nov 1994 08:50:37 GMT",
                "Sunday, 06-Nov-94 08:50:37 GMT",
                "Sun Nov  6 08:50:37 1994",
                "sun, 06 nov 1994 08:50:37 gmt",
                " Sun, 06 Nov 1994 08:50:37 GMT ",
                "Mon, 06 Nov 1994 08:50:37 GMT" // nobody needs the name of the day
            })
    void a_date_is_a_distance_from_now(String text) {
        assertThat(read(text)).contains(Duration.ofMinutes(1));
    }

    @Test
    void a_leap_second_is_the_next_one() {
        assertThat(read("Sun, 06 Nov 1994 08:49:60 GMT")).contains(Duration.ofSeconds(23));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sat, 05 Nov 1994 08:49:37 GMT", "Mon Jan  1 00:00:00 0001"})
    void a_date_that_has_passed_is_no_wait(String text) {
        assertThat(read(text)).contains(Duration.ZERO);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "-1",
                "+1",
                "1.5",
                "1e3",
                "0x10",
                "PT5S",
                "5 seconds",
                "\u0661\u0662", // digits, but not these
                "Sun, 6 Nov 1994 08:49:37 GMT",
                "Sun, 06 Nov 1994 08:49:37 CET",
                "Sun, 06 Nov 1994 08:49:37 +0100",
                "Sun, 06 Nov 1994 24:00:00 GMT",
                "Sun, 06 Nov 1994 08:60:00 GMT",
                "Sun, 06 Nov 1994 08:49:61 GMT",
                "Sun, 06 Nov 1994 08:49:37 GMT, please",
                "Wed, 30 Feb 1994 08:49:37 GMT",
                "Sun, 00 Nov 1994 08:49:37 GMT",
                "Sun, 06 Nox 1994 08:49:37 GMT",
                "Sunday, 06-Nov-1994 08:49:37 GMT",
                "1994-11-06T08:49:37Z"
            })
    void what_is_neither_is_no_answer(String text) {
        assertThat(read(text)).isEmpty();
    }

    @Test
    void a_response_without_the_header_has_no_answer() {
        assertThat(RetryAfter.of(response("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), NOBODY_ASKS))
                .isEmpty();
    }

    @Test
    void the_clock_that_wrote_the_date_is_the_one_to_compare_with() { // L4
        HttpResponse<?> ofAnotherCentury =
                response("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT", "Date", "Fri, 31 Dec 1999 23:59:29 GMT");
        assertThat(RetryAfter.of(ofAnotherCentury, NOBODY_ASKS)).contains(Duration.ofSeconds(30));
        assertThat(RetryAfter.of(ofAnotherCentury)).contains(Duration.ofSeconds(30));
    }

    @Test
    void an_unreadable_date_of_the_response_leaves_our_clock() {
        HttpResponse<?> response = response("Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT", "Date", "yesterday");
        assertThat(RetryAfter.of(response, AT_NOW)).contains(Duration.ofSeconds(30));
    }

    @Test
    void a_clock_that_steps_is_asked_once() {
        AtomicInteger looks = new AtomicInteger();
        InstantSource stepping = () -> NOW.plusSeconds(3_600L * looks.getAndIncrement());
        assertThat(RetryAfter.of(response("Retry-After", "Sunday, 06-Nov-94 08:50:37 GMT"), stepping))
                .contains(Duration.ofMinutes(1));
        assertThat(looks).hasValue(1);
    }

    @Test
    void the_systems_clock_is_the_default() {
        assertThat(RetryAfter.of(response("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")))
                .contains(Duration.ZERO);
        assertThat(RetryAfter.of(response("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"))
                        .orElseThrow())
                .isGreaterThan(Duration.ofDays(1000));
    }

    @Test
    void null_is_refused_by_name() {
        assertThatNullPointerException().isThrownBy(() -> RetryAfter.of(null)).withMessage("response");
        assertThatNullPointerException()
                .isThrownBy(() -> RetryAfter.of(response(), null))
                .withMessage("wallClock");
    }
}
