// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.time.Duration;

/** The snippets of {@link SharedRateLimiter} and {@link Sharing}; compiled here. */
final class SharedSnippets {
    private SharedSnippets() {}

    static String shared(RateLimitStore store) {
        // @start region="shared"
        SharedRateLimiter<String> tenants = RateLimiter.builder("tenant")
                .limit(Limit.of(100, Duration.ofSeconds(1)).burst(20))
                .shared(Sharing.through(store), 10_000);

        Decision decision = tenants.decide("acme", 1);
        return decision.permitted() ? "200 by " + decision.source() : "429";
        // @end
    }

    static Sharing sharing(RateLimitStore store) {
        // @start region="sharing"
        Sharing sharing = Sharing.through(store)
                .onFailure(Sharing.OnFailure.LOCAL)
                .share(0.25) // one of four processes
                .deadline(Duration.ofMillis(50))
                .leasing(Duration.ofMillis(100))
                .negativeCache(Duration.ofMillis(100));
        // @end
        return sharing;
    }
}
