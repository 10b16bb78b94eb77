// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.FailsafeExecutor;
import dev.resilience.breaker.CircuitBreaker;
import io.smallrye.faulttolerance.api.TypedGuard;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;

/** P1 and P2: a closed breaker and calls that succeed, through a face. resilience4j times every call, we on demand. */
public class BreakerBench extends Bench {
    private final AtomicLong counter = new AtomicLong();
    private final LongAdder adder = new LongAdder();

    private final CircuitBreaker count = Breakers.count();
    private final CircuitBreaker slow = Breakers.slow();
    private final CircuitBreaker time = Breakers.time();
    private final Supplier<String> resilience4j = Breakers.resilience4j().decorateSupplier(work.supplier);
    private final Supplier<String> resilience4jLockFree =
            Breakers.resilience4jLockFree().decorateSupplier(work.supplier);
    private final Supplier<String> resilience4jTime =
            Breakers.resilience4jTime().decorateSupplier(work.supplier);
    private final Supplier<String> resilience4jTimeLockFree =
            Breakers.resilience4jTimeLockFree().decorateSupplier(work.supplier);
    private final FailsafeExecutor<Object> failsafe = Breakers.failsafe();
    private final TypedGuard<String> smallrye = Breakers.smallrye();

    @Benchmark
    public String plain() {
        return work.op.call();
    }

    @Benchmark
    public long nanoTime() {
        return System.nanoTime();
    }

    @Benchmark
    public long cas() {
        return counter.getAndIncrement();
    }

    @Benchmark
    public void longAdder() {
        adder.increment();
    }

    @Benchmark
    public String ours() {
        return count.call(work.op);
    }

    @Benchmark
    public String oursSlowCalls() {
        return slow.call(work.op);
    }

    @Benchmark
    public String oursTimeWindow() {
        return time.call(work.op);
    }

    @Benchmark
    public String resilience4j() {
        return resilience4j.get();
    }

    @Benchmark
    public String resilience4jLockFree() {
        return resilience4jLockFree.get();
    }

    @Benchmark
    public String resilience4jTime() {
        return resilience4jTime.get();
    }

    @Benchmark
    public String resilience4jTimeLockFree() {
        return resilience4jTimeLockFree.get();
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
