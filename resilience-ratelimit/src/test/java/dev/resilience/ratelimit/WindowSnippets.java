// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import java.time.Instant;
import java.time.InstantSource;
import java.util.List;

/** What the Javadoc and docs/policies/ratelimit-windows.md show of windows and of several limits at once. */
final class WindowSnippets {
    private WindowSnippets() {}

    static List<Limit> windows() {
        // @start region="windows"
        Limit logins = Limit.sliding(5, ofMinutes(10)); // never more than 5 in any ten minutes
        Limit finer = Limit.sliding(5, ofMinutes(10)).precision(60); // forgotten after 10 to 10 min 10 s, not 11 min
        Limit exact = Limit.slidingLog(5, ofMinutes(10)); // forgotten after ten minutes to the nanosecond
        Limit hourly = Limit.fixed(9_000, ofHours(1)).alignedTo(Instant.EPOCH, InstantSource.system()); // in UTC
        // @end
        return List.of(logins, finer, exact, hourly);
    }

    static RateLimiter several() {
        // @start region="several"
        RateLimiter api = RateLimiter.builder("api")
                .limit(Limit.allOf(
                        Limit.of(20, ofSeconds(1)).named("second"),
                        Limit.of(10_000, ofDays(1)).burst(500).named("day")))
                .build();
        Decision decision = api.decide(1);
        String said = decision.permitted() ? "go" : decision.limit() + " is used up, again in " + decision.retryAfter();
        // @end
        return said.isEmpty() ? RateLimiter.of(Limit.none()) : api;
    }
}
