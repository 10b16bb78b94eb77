// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.ratelimit.RateLimiter;
import io.github.bucket4j.Bucket;
import java.lang.invoke.MethodHandle;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Threads;

/** P6 with two threads that do nothing but ask one limiter. A score is the time of a decision of one thread. */
@Threads(2)
public class ContendedLimiterBench extends Bench {
    private static final MethodHandle GUAVA = Limiters.guavaTryAcquire();

    private final RateLimiter granting = Limiters.granting();
    private final RateLimiter refusing = Limiters.refusing();
    private final Bucket bucket4jGranting = Limiters.bucket4j(true);
    private final Bucket bucket4jRefusing = Limiters.bucket4j(false);
    private final io.github.resilience4j.ratelimiter.RateLimiter resilience4jGranting = Limiters.resilience4j(true);
    private final io.github.resilience4j.ratelimiter.RateLimiter resilience4jRefusing = Limiters.resilience4j(false);
    private final dev.failsafe.RateLimiter<Object> failsafeGranting = Limiters.failsafe(true);
    private final Object guavaGranting = Limiters.guava(true);

    @Benchmark
    public boolean oursGrant() {
        return granting.tryAcquire();
    }

    @Benchmark
    public boolean bucket4jGrant() {
        return bucket4jGranting.tryConsume(1);
    }

    @Benchmark
    public boolean resilience4jGrant() {
        return resilience4jGranting.acquirePermission();
    }

    @Benchmark
    public boolean failsafeGrant() {
        return failsafeGranting.tryAcquirePermit();
    }

    @Benchmark
    public boolean guavaGrant() throws Throwable {
        return (boolean) GUAVA.invokeExact(guavaGranting);
    }

    @Benchmark
    public boolean oursReject() {
        return refusing.tryAcquire();
    }

    @Benchmark
    public boolean bucket4jReject() {
        return bucket4jRefusing.tryConsume(1);
    }

    @Benchmark
    public boolean resilience4jReject() {
        return resilience4jRefusing.acquirePermission();
    }
}
