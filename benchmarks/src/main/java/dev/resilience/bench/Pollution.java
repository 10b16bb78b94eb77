// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import io.smallrye.faulttolerance.api.TypedGuard;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs pipelines of many shapes first, ours and the peers', so that no benchmark lives on the luck of a JVM that has
 * seen one shape only: an application has several.
 */
final class Pollution {
    /** Enough for the compiled code to be made with all shapes in the profile. */
    private static final int ROUNDS = 12_000;

    private Pollution() {}

    static void run() {
        List<Policy> policies = policies();
        List<FailsafeExecutor<Object>> failsafes = failsafes();
        List<Supplier<Object>> suppliers = suppliers();
        Other other = new Other();
        for (int i = 0; i < ROUNDS; i++) {
            call(policies.get(i % policies.size()), i, other);
            callFailsafe(failsafes.get(i % failsafes.size()), i);
            callSupplier(suppliers.get(i % suppliers.size()), other);
        }
        if (other.sum == 0) throw new IllegalStateException("nothing ran");
    }

    private static List<Policy> policies() {
        Gate counting = new Counting("counting", false);
        Gate timed = new Counting("timed", true);
        Timeout timeout = Timeout.of(Duration.ofSeconds(3));
        Retry retry = Retry.of(1);
        CircuitBreaker count = Breakers.count();
        CircuitBreaker slow = Breakers.slow();
        Retry within = Retry.builder("within")
                .maxAttempts(1)
                .within(Duration.ofHours(1))
                .build();
        return List.of(
                counting,
                timed,
                timeout,
                retry,
                count,
                slow,
                Pipeline.of(within, counting),
                Pipeline.of(retry, timeout),
                Pipeline.of(retry, count),
                Pipeline.of(timeout, Breakers.time()),
                Pipeline.of(counting, timed),
                Pipeline.of(timeout, counting),
                Pipeline.of(timed, Pipeline.of(timeout)));
    }

    private static List<FailsafeExecutor<Object>> failsafes() {
        var timeout = dev.failsafe.Timeout.of(Duration.ofSeconds(3));
        var breaker = Breakers.failsafePolicy();
        var retry = dev.failsafe.RetryPolicy.builder().withMaxRetries(0).build();
        return List.of(
                Failsafe.with(breaker), Failsafe.with(retry), Failsafe.with(retry, breaker), Failsafe.with(timeout));
    }

    private static List<Supplier<Object>> suppliers() {
        var breaker = Breakers.resilience4j();
        var time = Breakers.resilience4jTime();
        var lockFree = Breakers.resilience4jLockFree();
        var retry = io.github.resilience4j.retry.Retry.ofDefaults("retry");
        return List.of(
                breaker.decorateSupplier(() -> 1),
                time.decorateSupplier(() -> "2"),
                lockFree.decorateSupplier(() -> 5),
                io.github.resilience4j.retry.Retry.decorateSupplier(retry, () -> 3L),
                io.github.resilience4j.retry.Retry.decorateSupplier(retry, breaker.decorateSupplier(() -> 4)),
                guard()::call);
    }

    private static Guarded guard() {
        TypedGuard<Object> breaker =
                TypedGuard.create(Object.class).withCircuitBreaker().done().build();
        TypedGuard<Object> retry =
                TypedGuard.create(Object.class).withRetry().done().build();
        TypedGuard<Object> timeout =
                TypedGuard.create(Object.class).withTimeout().done().build();
        return () -> List.of(breaker.get(() -> 1), retry.get(() -> 2), timeout.get(() -> 3));
    }

    private interface Guarded {
        Object call();
    }

    private static void callSupplier(Supplier<Object> supplier, Other other) {
        other.sum += supplier.get().hashCode();
    }

    private static void call(Policy policy, int i, Other other) {
        switch (i % 5) {
            case 0 -> other.sum += policy.call(() -> i);
            case 1 -> policy.run(() -> other.sum++);
            case 2 -> other.sum += policy.outcome(other).succeeded() ? 1 : 0;
            case 3 ->
                other.sum += policy.callAsync(() -> CompletableFuture.completedFuture(i))
                        .join();
            default -> other.sum += policy.outcome(() -> failing(i)).succeeded() ? 1 : 0;
        }
    }

    private static void callFailsafe(FailsafeExecutor<Object> failsafe, int i) {
        if (i % 2 == 0) failsafe.run(() -> {});
        else failsafe.get(() -> i);
    }

    private static int failing(int i) {
        if (i % 100 == 4) throw new Work.Failed();
        return i;
    }

    /** An op that is a class with a state of its own. */
    private static final class Other implements dev.resilience.Op<Long, RuntimeException> {
        long sum;

        @Override
        public Long call() {
            return sum++;
        }
    }

    /** A gate that is none of the built-in ones. */
    private static final class Counting extends Gate {
        private final boolean timed;
        private long settled;

        Counting(String name, boolean timed) {
            super(name, TimeSource.system());
            this.timed = timed;
        }

        @Override
        protected boolean timed() {
            return timed;
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            return settled & Long.MAX_VALUE;
        }

        @Override
        protected void settle(
                long permit,
                long admittedAt,
                long now,
                Verdict verdict,
                @Nullable Object value,
                @Nullable Throwable thrown) {
            settled++;
        }
    }
}
