// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import dev.failsafe.RetryPolicy;
import dev.resilience.Pipeline;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.retry.Retry;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.smallrye.faulttolerance.api.RateLimitType;
import io.smallrye.faulttolerance.api.TypedGuard;
import java.time.temporal.ChronoUnit;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;

/** P8: retry around a breaker around a limiter around a bulkhead, with room and permits for every call. */
public class FourPoliciesBench extends Bench {
    private static final int ROOM = 25;

    private final Pipeline ours = Pipeline.of(Retry.of(3), Breakers.count(), Limiters.granting(), Bulkhead.of(ROOM));

    private final Supplier<String> resilience4j = resilience4j(work.supplier);

    private final FailsafeExecutor<Object> failsafe = Failsafe.with(
            RetryPolicy.ofDefaults(),
            Breakers.failsafePolicy(),
            Limiters.failsafe(true),
            dev.failsafe.Bulkhead.of(ROOM));

    private final TypedGuard<String> smallrye = TypedGuard.create(String.class)
            .withRetry()
            .done()
            .withCircuitBreaker()
            .requestVolumeThreshold(100)
            .done()
            .withRateLimit()
            .limit((int) Limiters.PLENTY)
            .window(1, ChronoUnit.SECONDS)
            .type(RateLimitType.FIXED)
            .done()
            .withBulkhead()
            .limit(ROOM)
            .done()
            .build();

    private static Supplier<String> resilience4j(Supplier<String> work) {
        var bulkhead = io.github.resilience4j.bulkhead.Bulkhead.of(
                "bulkhead", BulkheadConfig.custom().maxConcurrentCalls(ROOM).build());
        var retry = io.github.resilience4j.retry.Retry.ofDefaults("retry");
        Supplier<String> limited = io.github.resilience4j.ratelimiter.RateLimiter.decorateSupplier(
                Limiters.resilience4j(true), io.github.resilience4j.bulkhead.Bulkhead.decorateSupplier(bulkhead, work));
        return io.github.resilience4j.retry.Retry.decorateSupplier(
                retry, Breakers.resilience4j().decorateSupplier(limited));
    }

    @Benchmark
    public String plain() {
        return work.op.call();
    }

    @Benchmark
    public String ours() {
        return ours.call(work.op);
    }

    @Benchmark
    public String resilience4j() {
        return resilience4j.get();
    }

    @Benchmark
    public String failsafe() {
        return failsafe.get(work.checked);
    }

    @Benchmark
    public String smallrye() {
        return smallrye.get(work.supplier);
    }
}
