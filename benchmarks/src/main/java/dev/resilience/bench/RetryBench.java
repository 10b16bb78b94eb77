// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import dev.failsafe.RetryPolicy;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.retry.Retry;
import io.smallrye.faulttolerance.api.TypedGuard;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;

/** P5: a retry whose first attempt succeeds, as nearly all do. */
public class RetryBench extends Bench {
    private final LongAdder adder = new LongAdder();
    private final Pipeline ours = Pipeline.of(Retry.of(3));
    private final Pipeline oursWithBudget =
            Pipeline.of(Retry.builder("budget").budget(RetryBudget.of(0.2)).build());
    private final Supplier<String> resilience4j = io.github.resilience4j.retry.Retry.decorateSupplier(
            io.github.resilience4j.retry.Retry.ofDefaults("retry"), work.supplier);
    private final FailsafeExecutor<Object> failsafe = Failsafe.with(RetryPolicy.ofDefaults());
    private final TypedGuard<String> smallrye =
            TypedGuard.create(String.class).withRetry().done().build();

    @Benchmark
    public String plain() {
        return work.op.call();
    }

    @Benchmark
    public String longAdder() {
        adder.increment();
        return work.op.call();
    }

    @Benchmark
    public String ours() {
        return ours.call(work.op);
    }

    @Benchmark
    public String oursWithBudget() {
        return oursWithBudget.call(work.op);
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
