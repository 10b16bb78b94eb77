// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static dev.resilience.observability.Series.counter;
import static dev.resilience.observability.Series.gauge;
import static dev.resilience.observability.Series.seconds;

import dev.resilience.observability.Series.Folding;
import dev.resilience.ratelimit.Decision.Source;
import dev.resilience.ratelimit.KeyedRateLimiter;
import dev.resilience.ratelimit.LimiterSnapshot;
import dev.resilience.ratelimit.RateLimiter;
import dev.resilience.ratelimit.SharedRateLimiter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** What is seen of rate limiters; with {@link LimiterMetrics} all that knows them, for their module may not be there. */
final class Limiters {
    private static final String LIMITER = "dev.resilience.ratelimit.RateLimiter";

    private Limiters() {}

    /** None when the module is not there, or where this one cannot see it. */
    static List<Kind<?, ?>> kinds() {
        try {
            Class<?> limiter = Class.forName(LIMITER, false, Limiters.class.getClassLoader());
            boolean readable = Limiters.class.getModule().canRead(limiter.getModule());
            return readable ? List.of(Present.LIMITERS) : List.of();
        } catch (ClassNotFoundException absent) {
            return List.of();
        }
    }

    /** Loaded only when the limiter is there. */
    static final class Present {
        private static final Set<Source> HERE = Set.of(Source.LOCAL);

        static final Kind<RateLimiter, Seen> LIMITERS = new Kind<>(
                "limiter",
                RateLimiter.class,
                limiter -> new Seen(limiter.snapshot(), limiter.peek(1).remaining()),
                alone("available", "Permits that could be had now"));

        @SuppressWarnings("rawtypes") // a class has no type arguments
        static final Kind<KeyedRateLimiter, Seen> KEYED = new Kind<>(
                "limiter",
                KeyedRateLimiter.class,
                limiter -> new Seen(limiter.snapshot(), limiter.keys()),
                alone("keys", "Keys that have a place of their own"));

        @SuppressWarnings("rawtypes")
        static final Kind<SharedRateLimiter, Seen> SHARED = new Kind<>(
                "limiter",
                SharedRateLimiter.class,
                limiter -> new Seen(limiter.snapshot(), 0),
                decisions(
                        Set.of(Source.STORE, Source.LEASE, Source.FALLBACK),
                        Set.of(Source.LOCAL, Source.STORE, Source.NEGATIVE_CACHE, Source.FALLBACK)));

        private Present() {}

        /** A limiter's numbers. */
        record Seen(LimiterSnapshot counted, double level) {}

        private static List<Series<Seen>> decisions(Set<Source> permitting, Set<Source> rejecting) {
            List<Series<Seen>> rows = new ArrayList<>();
            for (Source source : permitting) {
                rows.add(counter("permitted", "Askings granted", (Seen seen) -> seen.counted.permitted(source))
                        .tagged("source", Policies.lower(source)));
            }
            for (Source source : rejecting) {
                rows.add(counter("rejected", "Askings refused", (Seen seen) -> seen.counted.rejected(source))
                        .tagged("source", Policies.lower(source)));
            }
            rows.add(counter(
                    "shadow.rejected",
                    "What a limiter that only shadows would have refused",
                    seen -> seen.counted.shadowRejected()));
            rows.add(counter("permits", "Permits granted", seen -> seen.counted.permits()));
            return rows;
        }

        private static List<Series<Seen>> alone(String level, String about) {
            List<Series<Seen>> rows = decisions(HERE, HERE);
            rows.add(counter("charged", "Permits charged afterwards", seen -> seen.counted.charged()));
            rows.add(counter("refunded", "Permits given back", seen -> seen.counted.refunded()));
            rows.add(counter("waits", "Askings granted for a later time", seen -> seen.counted.waits()));
            rows.add(seconds(
                    "waited",
                    "How long those were to wait",
                    seen -> seen.counted.waited().toNanos() / 1e9));
            rows.add(gauge(level, Folding.SUM, about, Seen::level));
            return List.copyOf(rows);
        }
    }
}
