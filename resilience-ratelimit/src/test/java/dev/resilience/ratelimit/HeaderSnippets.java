// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The snippets of {@link RateLimitHeaders}; compiled here. */
final class HeaderSnippets {
    private HeaderSnippets() {}

    static int headers(KeyedRateLimiter<String> users, RateLimiter search, String user, Map<String, String> response) {
        // @start region="headers"
        Decision perUser = users.decide(user, 1);
        Decision perEndpoint = search.decide(1);
        response.putAll(RateLimitHeaders.of(perUser, perEndpoint));
        return perUser.permitted() && perEndpoint.permitted() ? 200 : 429;
        // @end
    }

    static Map<String, String> both(Decision decision) {
        // @start region="formats"
        RateLimitHeaders headers =
                RateLimitHeaders.in(RateLimitHeaders.Format.DRAFT_11, RateLimitHeaders.Format.X_RATELIMIT);
        Map<String, String> fields = new HashMap<>(headers.render(decision));
        // @end
        return fields;
    }

    static Duration client(Map<String, String> response, Instant now) {
        // @start region="retryAfter"
        Optional<Duration> pause = RateLimitHeaders.retryAfter(response.get("Retry-After"), now);
        // @end
        return pause.orElse(Duration.ZERO);
    }
}
