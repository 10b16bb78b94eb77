// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import java.time.Duration;

/** The snippets of {@link KeyedRateLimiter}; compiled here. */
final class KeyedSnippets {
    private KeyedSnippets() {}

    static final CallContext.Attribute<String> TENANT = CallContext.Attribute.of("tenant");

    static String keyed() {
        // @start region="keyed"
        KeyedRateLimiter<String> tenants = RateLimiter.builder("tenant")
                .limit(Limit.of(100, Duration.ofSeconds(1)).burst(20))
                .keyed(10_000);

        if (!tenants.tryAcquire("acme")) return "429"; // by hand, or
        Pipeline perTenant = Pipeline.of(tenants.by(call -> call.get(TENANT, "nobody")));
        return perTenant.call(CallContext.of(TENANT, "acme"), call -> "served");
        // @end
    }

    static KeyedRateLimiter<String> plans() {
        // @start region="plans"
        KeyedRateLimiter<String> plans = RateLimiter.builder("plan")
                .keyed(
                        user -> user.startsWith("premium-")
                                ? Limit.of(1000, Duration.ofMinutes(1))
                                : Limit.of(60, Duration.ofMinutes(1)).burst(10),
                        10_000);
        // @end
        return plans;
    }
}
