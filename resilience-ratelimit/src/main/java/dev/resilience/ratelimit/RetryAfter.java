// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads the value of a {@code Retry-After} field (RFC 9110 §10.2.3): seconds, or a date in one of the three forms that a
 * recipient has to accept (§5.6.7). What cannot be read is treated as absent, as for every malformed field.
 */
final class RetryAfter {
    /** Longer ones are cut to it, so that arithmetic on the answer cannot overflow (L10): a hundred years. */
    private static final long MOST_SECONDS = 3_155_760_000L;

    private static final int PIVOT_YEARS = 50;

    private RetryAfter() {}

    static Optional<Duration> parse(@Nullable String value, Instant now) {
        if (value == null) return Optional.empty();
        String text = value.strip();
        if (text.isEmpty() || text.length() > 64) return Optional.empty();
        return isDigit(text.charAt(0)) ? seconds(text) : date(text, now);
    }

    private static Optional<Duration> seconds(String text) {
        long seconds = 0;
        for (int i = 0; i < text.length(); i++) {
            if (!isDigit(text.charAt(i))) return Optional.empty();
            seconds = Math.min(MOST_SECONDS, seconds * 10 + (text.charAt(i) - '0'));
        }
        return Optional.of(Duration.ofSeconds(seconds));
    }

    /** A date that has passed means now. */
    private static Optional<Duration> date(String text, Instant now) {
        return Stream.of(IMF, asctime(), rfc850(now))
                .map(form -> parsed(text, form))
                .flatMap(Optional::stream)
                .findFirst()
                .map(at -> left(now, at));
    }

    private static Optional<Instant> parsed(String text, DateTimeFormatter form) {
        try {
            return Optional.of(ZonedDateTime.parse(text, form).toInstant());
        } catch (DateTimeException otherForm) {
            return Optional.empty();
        }
    }

    private static Duration left(Instant now, Instant at) {
        if (at.getEpochSecond() - now.getEpochSecond() > MOST_SECONDS) return Duration.ofSeconds(MOST_SECONDS);
        Duration left = Duration.between(now, at);
        return left.isNegative() ? Duration.ZERO : left;
    }

    /** {@code Sun, 06 Nov 1994 08:49:37 GMT}. */
    private static final DateTimeFormatter IMF = english("EEE, dd MMM uuuu HH:mm:ss 'GMT'");

    /** {@code Sun Nov  6 08:49:37 1994}. */
    private static DateTimeFormatter asctime() {
        return english("EEE MMM ppd HH:mm:ss uuuu");
    }

    /** {@code Sunday, 06-Nov-94 08:49:37 GMT}: a year that seems more than 50 years ahead is one of the past. */
    private static DateTimeFormatter rfc850(Instant now) {
        LocalDate today = now.atZone(ZoneOffset.UTC).toLocalDate();
        return new DateTimeFormatterBuilder()
                .appendPattern("EEEE, dd-MMM-")
                .appendValueReduced(ChronoField.YEAR, 2, 2, today.minusYears(100 - PIVOT_YEARS - 1))
                .appendPattern(" HH:mm:ss 'GMT'")
                .toFormatter(Locale.US)
                .withZone(ZoneOffset.UTC);
    }

    private static DateTimeFormatter english(String pattern) {
        return DateTimeFormatter.ofPattern(pattern, Locale.US).withZone(ZoneOffset.UTC);
    }

    private static boolean isDigit(char letter) {
        return letter >= '0' && letter <= '9';
    }
}
