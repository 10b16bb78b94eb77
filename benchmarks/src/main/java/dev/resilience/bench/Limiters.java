// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimiter;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.TimeMeter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.time.Duration;

/** The same limiters from everybody: one that has a permit for every call, and one that has none for a day. */
final class Limiters {
    /** More than any core can ask for: every call is granted. */
    static final long PLENTY = 500_000_000;

    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration DAY = Duration.ofDays(1);

    private Limiters() {}

    static RateLimiter granting() {
        return RateLimiter.of(Limit.of(PLENTY, SECOND));
    }

    static RateLimiter refusing() {
        RateLimiter limiter = RateLimiter.of(Limit.of(1, DAY));
        limiter.drain();
        return limiter;
    }

    /** On nanoseconds: the same resolution, and the clock costs the same. */
    static Bucket bucket4j(boolean granting) {
        Bucket bucket = Bucket.builder()
                .addLimit(limit -> granting
                        ? limit.capacity(PLENTY).refillGreedy(PLENTY, SECOND)
                        : limit.capacity(1).refillGreedy(1, DAY))
                .withCustomTimePrecision(TimeMeter.SYSTEM_NANOTIME)
                .build();
        if (!granting) bucket.tryConsume(1);
        return bucket;
    }

    /** One of many, for the keyed ones. */
    static Bucket bucket4jDaily() {
        return Bucket.builder()
                .addLimit(limit -> limit.capacity(100_000).refillGreedy(24, DAY))
                .withCustomTimePrecision(TimeMeter.SYSTEM_NANOTIME)
                .build();
    }

    static io.github.resilience4j.ratelimiter.RateLimiter resilience4j(boolean granting) {
        var limiter = io.github.resilience4j.ratelimiter.RateLimiter.of(
                "limiter",
                RateLimiterConfig.custom()
                        .limitForPeriod(granting ? (int) PLENTY : 1)
                        .limitRefreshPeriod(granting ? SECOND : DAY)
                        .timeoutDuration(Duration.ZERO)
                        .build());
        if (!granting) limiter.acquirePermission();
        return limiter;
    }

    /** Bursty: its smooth one spaces evenly, which is another thing. */
    static dev.failsafe.RateLimiter<Object> failsafe(boolean granting) {
        dev.failsafe.RateLimiter<Object> limiter = granting
                ? dev.failsafe.RateLimiter.burstyBuilder(PLENTY, SECOND).build()
                : dev.failsafe.RateLimiter.burstyBuilder(1, DAY).build();
        if (!granting) limiter.tryAcquirePermit();
        return limiter;
    }

    /** {@code RateLimiter.tryAcquire()} of Guava, which nothing here is compiled against. */
    static MethodHandle guavaTryAcquire() {
        try {
            Class<?> type = Class.forName("com.google.common.util.concurrent.RateLimiter");
            MethodHandle handle =
                    MethodHandles.publicLookup().findVirtual(type, "tryAcquire", MethodType.methodType(boolean.class));
            return handle.asType(MethodType.methodType(boolean.class, Object.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    static Object guava(boolean granting) {
        try {
            Class<?> type = Class.forName("com.google.common.util.concurrent.RateLimiter");
            Object limiter = type.getMethod("create", double.class).invoke(null, granting ? PLENTY : 1.0 / 86_400);
            if (!granting) type.getMethod("tryAcquire").invoke(limiter);
            return limiter;
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
