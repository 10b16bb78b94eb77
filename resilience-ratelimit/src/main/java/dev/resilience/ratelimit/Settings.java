// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.CallContext;
import dev.resilience.Description;
import dev.resilience.Policy;
import dev.resilience.Review;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** What stays for the life of a limiter, and the checks of what users write. */
record Settings(@Nullable Duration maxWait, @Nullable ToLongFunction<? super CallContext> cost, boolean shadow) {

    /** 1 when the user's function throws or answers nonsense, which is reported (L5). */
    long cost(CallContext context, BiConsumer<String, Throwable> report) {
        if (cost == null) return 1;
        try {
            long n = cost.applyAsLong(context);
            if (n >= 1) return n;
            report.accept("a cost function", new IllegalArgumentException("cost must be at least 1, was " + n));
        } catch (Throwable broken) {
            report.accept("a cost function", broken);
        }
        return 1;
    }

    /** The longest wait of a call through the gate. */
    long ownWait(Meter meter) {
        if (maxWait == null) return meter.waits() ? meter.longestWait() : 0;
        return Math.min(meter.longestWait(), TimeSource.nanos(maxWait));
    }

    Map<String, String> described(Limit limit, Meter meter) {
        Map<String, String> shown = new LinkedHashMap<>();
        shown.put("limit", limit.toString());
        shown.put("maxWait", Description.text(Duration.ofNanos(ownWait(meter))));
        describe(shown);
        return shown;
    }

    /** As a bulkhead does: who waits longer than it may live is told the wrong thing. */
    static void review(Review review, Policy limiter, Duration wait) {
        if (wait.isZero()) return;
        review.endedBefore(wait)
                .ifPresent(outer -> review.warn(limiter + " lets calls wait as long (" + Description.text(wait)
                        + ") as " + outer + " ("
                        + Description.text(review.bound(outer).orElseThrow())
                        + ") around it lets them live: they end as"
                        + " timed out, and nobody learns that the limit was exceeded; make maxWait shorter"));
    }

    void describe(Map<String, String> shown) {
        if (cost != null) shown.put("cost", "per call");
        if (shadow) shown.put("shadow", "true");
    }

    static long positive(long n) {
        if (n < 1) {
            String hint = n == 0 ? " (peek(1) looks without taking)" : "";
            throw new IllegalArgumentException("n must be at least 1, was " + n + hint);
        }
        return n;
    }

    static long notNegative(Duration maxWait) {
        long nanos = TimeSource.nanos(Objects.requireNonNull(maxWait, "maxWait"));
        if (nanos < 0) throw new IllegalArgumentException("maxWait must not be negative, was " + maxWait);
        return nanos;
    }

    static long zeroOrMore(Duration duration) {
        long nanos = TimeSource.nanos(Objects.requireNonNull(duration, "duration"));
        if (nanos < 0) throw new IllegalArgumentException("duration must not be negative, was " + duration);
        return nanos;
    }

    /** The limit of a builder, if there is nothing to complain of. */
    static Limit checked(RateLimiter.Builder builder, List<String> others) {
        return checked(builder.name, builder.limit, problems(builder, others));
    }

    /** What is wrong with a builder beside its limit. */
    static List<String> problems(RateLimiter.Builder builder, List<String> others) {
        List<String> problems = new ArrayList<>(others);
        Duration maxWait = builder.maxWait;
        if (maxWait != null && maxWait.isNegative()) problems.add("maxWait must not be negative, was " + maxWait);
        return problems;
    }

    /** The limit, if there is nothing to complain of. */
    static Limit checked(String name, @Nullable Limit limit, List<String> others) {
        List<String> problems = new ArrayList<>();
        if (limit == null) problems.add("limit must be set");
        else limit.checkAll(problems);
        problems.addAll(others);
        if (limit == null || !problems.isEmpty()) {
            throw new IllegalArgumentException("rate limiter '" + name + "': " + String.join("; ", problems));
        }
        return limit;
    }
}
