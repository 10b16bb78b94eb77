// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.CircuitBreakerOpenException;
import dev.failsafe.FailsafeExecutor;
import dev.resilience.Outcome;
import dev.resilience.RejectedException;
import dev.resilience.breaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;

/** P4: an open breaker refuses. The exception is made and caught, but nobody asks for its message. */
public class OpenBreakerBench extends Bench {
    private final CircuitBreaker ours = Breakers.open();
    private final Supplier<String> resilience4j =
            Breakers.resilience4jOpen(false).decorateSupplier(work.supplier);
    private final Supplier<String> resilience4jStackTrace =
            Breakers.resilience4jOpen(true).decorateSupplier(work.supplier);
    private final FailsafeExecutor<Object> failsafe = Breakers.failsafeOpen();

    @Benchmark
    public long nanoTime() {
        return System.nanoTime();
    }

    @Benchmark
    public Object ours() {
        try {
            return ours.call(work.op);
        } catch (RejectedException rejected) {
            return rejected;
        }
    }

    @Benchmark
    public Outcome<String> oursOutcome() {
        return ours.outcome(work.op);
    }

    @Benchmark
    public Object resilience4j() {
        try {
            return resilience4j.get();
        } catch (CallNotPermittedException rejected) {
            return rejected;
        }
    }

    @Benchmark
    public Object resilience4jStackTrace() {
        try {
            return resilience4jStackTrace.get();
        } catch (CallNotPermittedException rejected) {
            return rejected;
        }
    }

    @Benchmark
    public Object failsafe() {
        try {
            return failsafe.get(work.checked);
        } catch (CircuitBreakerOpenException rejected) {
            return rejected;
        }
    }
}
