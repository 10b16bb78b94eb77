// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Calls a second level, a backplane or a lock through a policy, and waits for it where a load has to. */
final class Through {
    static final Duration DEADLINE = Duration.ofMillis(250);

    private final Policy policy;
    private final TimeSource time;
    private final LongAdder failures = new LongAdder();
    private volatile @Nullable Throwable lastFailure;

    Through(String name, @Nullable Policy policy, TimeSource time) {
        this.policy = policy == null ? standard(name, time) : policy;
        this.time = time;
    }

    /** A second level is a service like any other: one that is down costs its callers nothing, one that hangs little. */
    private static Policy standard(String name, TimeSource time) {
        CircuitBreaker breaker = CircuitBreaker.builder(name)
                .consecutiveFailures(5)
                .openFor(Duration.ofSeconds(1))
                .probes(1)
                .requiredSuccesses(1)
                .timeSource(time)
                .build();
        return Pipeline.of(breaker, Timeout.of(name, DEADLINE));
    }

    <T extends @Nullable Object> CompletableFuture<T> call(Supplier<? extends CompletionStage<T>> operation) {
        return policy.callAsync(operation::get).whenComplete((value, thrown) -> {
            if (thrown == null) return;
            lastFailure = thrown;
            failures.increment();
        });
    }

    /**
     * Waits on the thread of a load.
     *
     * @throws InterruptedException when the load is to end
     * @throws ExecutionException around what the call failed with
     */
    <T extends @Nullable Object> T await(CompletableFuture<T> future) throws InterruptedException, ExecutionException {
        if (!future.isDone()) {
            Thread loading = Thread.currentThread();
            CompletableFuture<?> unused = future.whenComplete((value, thrown) -> time.unpark(loading));
            while (!future.isDone()) {
                if (Thread.interrupted()) throw new InterruptedException();
                time.park(this, Long.MAX_VALUE);
            }
        }
        return future.get();
    }

    long failures() {
        return failures.sum();
    }

    @Nullable
    Throwable lastFailure() {
        return lastFailure;
    }
}
