// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import dev.failsafe.RetryPolicy;
import dev.resilience.Pipeline;
import dev.resilience.retry.Retry;
import io.smallrye.faulttolerance.api.TypedGuard;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.TearDown;

/** Retry around a breaker, blocking and (P10) with a stage that is complete already. */
public class PipelineBench extends Bench {
    private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
    private final Pipeline ours = Pipeline.of(Retry.of(3), Breakers.count());

    private final io.github.resilience4j.retry.Retry theirRetry =
            io.github.resilience4j.retry.Retry.ofDefaults("retry");
    private final io.github.resilience4j.circuitbreaker.CircuitBreaker theirBreaker = Breakers.resilience4j();
    private final Supplier<String> resilience4j = io.github.resilience4j.retry.Retry.decorateSupplier(
            theirRetry, theirBreaker.decorateSupplier(work.supplier));
    private final Supplier<CompletionStage<String>> resilience4jAsync =
            io.github.resilience4j.retry.Retry.decorateCompletionStage(
                    theirRetry, scheduler, theirBreaker.decorateCompletionStage(work.asyncSupplier));

    private final FailsafeExecutor<Object> failsafe =
            Failsafe.with(RetryPolicy.ofDefaults(), Breakers.failsafePolicy());
    /** On the caller's thread: its own pool would cost it a hop that the others do not make. */
    private final FailsafeExecutor<Object> failsafeAsync =
            Failsafe.with(RetryPolicy.ofDefaults(), Breakers.failsafePolicy()).with(Runnable::run);

    private final TypedGuard<String> smallrye = TypedGuard.create(String.class)
            .withRetry()
            .done()
            .withCircuitBreaker()
            .requestVolumeThreshold(100)
            .done()
            .build();

    @TearDown
    public void stop() {
        scheduler.shutdownNow();
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

    @Benchmark
    public CompletableFuture<String> oursAsync() {
        return ours.callAsync(work.asyncOp);
    }

    @Benchmark
    public CompletionStage<String> resilience4jAsync() {
        return resilience4jAsync.get();
    }

    @Benchmark
    public CompletableFuture<String> failsafeAsync() {
        return failsafeAsync.getStageAsync(work.asyncChecked);
    }
}
