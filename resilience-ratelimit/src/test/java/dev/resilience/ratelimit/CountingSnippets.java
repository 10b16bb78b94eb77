// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofSeconds;

/** What the pages show of counting. */
final class CountingSnippets {
    private CountingSnippets() {}

    static double refusedShare() {
        // @start region="snapshot"
        KeyedRateLimiter<String> tenants =
                RateLimiter.builder("tenant").limit(Limit.of(10, ofSeconds(1))).keyed(10_000);
        tenants.snapshot(); // counting begins
        tenants.tryAcquire("acme");
        LimiterSnapshot sofar = tenants.snapshot(); // of all keys
        double refused = (double) sofar.rejected() / (sofar.permitted() + sofar.rejected());
        // @end
        return refused;
    }
}
