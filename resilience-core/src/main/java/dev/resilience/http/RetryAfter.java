// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Reads how long a server asks to be left alone: the header {@code Retry-After} (RFC 9110 §10.2.3), in seconds or as a
 * date. {@link ResilientHttpClient} does so by itself; use this where you send requests in a pipeline of your own.
 *
 * {@snippet class="dev.resilience.http.Snippets" region="retry-after"}
 *
 * <p><b>Seconds</b> are digits and nothing else; more than fit are as many as fit. <b>Dates</b> are those of RFC 9110
 * §5.6.7: {@code Sun, 06 Nov 1994 08:49:37 GMT} and the two obsolete spellings. A date is compared with the response's
 * own {@code Date}, which the same clock wrote, so that it does not matter by how much that clock and ours differ. Only
 * without a readable {@code Date} it is compared with the wall clock here. One that has passed is zero. What is neither,
 * a negative number for instance, is no answer.
 *
 * <p>Reads nothing but the headers, does not block, and throws nothing but what the response or the clock does.
 */
@SuppressWarnings("exports") // who uses it needs java.net.http, and is to say so: see docs/adr/0001
public final class RetryAfter {
    private RetryAfter() {}

    /**
     * What a response asks for, with the system's wall clock for a response that has a date in {@code Retry-After} and
     * none in {@code Date}.
     *
     * @param response any response, whatever its status
     * @return zero or more; empty when it does not say, or not readably
     */
    public static Optional<Duration> of(HttpResponse<?> response) {
        return of(response, InstantSource.system());
    }

    /**
     * {@link #of(HttpResponse)} with another wall clock.
     *
     * @param response any response, whatever its status
     * @param wallClock asked for the time at most once, and only for a date
     * @return zero or more; empty when it does not say, or not readably
     */
    public static Optional<Duration> of(HttpResponse<?> response, InstantSource wallClock) {
        Objects.requireNonNull(response, "response");
        Objects.requireNonNull(wallClock, "wallClock");
        Optional<String> text = response.headers().firstValue("Retry-After").map(String::strip);
        if (text.isEmpty()) return Optional.empty();
        if (isNumber(text.get())) return Optional.of(seconds(text.get()));
        Supplier<Instant> now = once(wallClock);
        return HttpDate.parse(text.get(), now)
                .map(at -> Duration.between(sent(response, now), at))
                .map(left -> left.isNegative() ? Duration.ZERO : left);
    }

    private static Instant sent(HttpResponse<?> response, Supplier<Instant> now) {
        return response.headers()
                .firstValue("Date")
                .flatMap(date -> HttpDate.parse(date.strip(), now))
                .orElseGet(now);
    }

    /** The wall clock may step between two looks. */
    private static Supplier<Instant> once(InstantSource wallClock) {
        return new Supplier<>() {
            private Instant seen = Instant.MIN;

            @Override
            public Instant get() {
                if (seen.equals(Instant.MIN)) seen = wallClock.instant();
                return seen;
            }
        };
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static Duration seconds(String digits) {
        try {
            return Duration.ofSeconds(Long.parseLong(digits));
        } catch (NumberFormatException moreThanFit) {
            return Duration.ofSeconds(Long.MAX_VALUE);
        }
    }
}
