// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.FailsafeExecutor;
import dev.resilience.Op;
import dev.resilience.breaker.CircuitBreaker;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;

/** P3: one closed breaker and two threads that do nothing but call through it. A score is the time of a call of one thread. */
@Threads(2)
public class ContendedBreakerBench extends Bench {
    private final AtomicLong counter = new AtomicLong();
    private final LongAdder adder = new LongAdder();
    private final CircuitBreaker ours = Breakers.count();
    private final io.github.resilience4j.circuitbreaker.CircuitBreaker theirs = Breakers.resilience4j();
    private final Supplier<String> resilience4j = theirs.decorateSupplier(work.supplier);
    private final Supplier<String> resilience4jLockFree =
            Breakers.resilience4jLockFree().decorateSupplier(work.supplier);
    private final FailsafeExecutor<Object> failsafe = Breakers.failsafe();

    @Benchmark
    public String plain() {
        return work.op.call();
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
        return ours.call(work.op);
    }

    @Benchmark
    @Threads(1)
    public String oursAlone() {
        return ours.call(work.op);
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
    public String failsafe() {
        return failsafe.get(work.checked);
    }

    /** A thread's own calls, one of 64 of which fails: then the window never holds successes only. */
    @State(Scope.Thread)
    public static class SomeFail {
        private int calls;
        final Op<String, RuntimeException> op = this::next;
        final Supplier<String> supplier = this::next;

        private String next() {
            if ((++calls & 63) == 0) throw new Work.Failed();
            return "done";
        }
    }

    @Benchmark
    public @Nullable String oursSomeFail(SomeFail calls) {
        try {
            return ours.call(calls.op);
        } catch (Work.Failed expected) {
            return null;
        }
    }

    @Benchmark
    public @Nullable String resilience4jSomeFail(SomeFail calls) {
        try {
            return theirs.executeSupplier(calls.supplier);
        } catch (Work.Failed expected) {
            return null;
        }
    }
}
