// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import dev.resilience.bulkhead.Bulkhead;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.smallrye.faulttolerance.api.TypedGuard;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Threads;

/** A bulkhead with room, through a face: one thread, and two that share it. The floor is the JDK's semaphore. */
public class BulkheadBench extends Bench {
    private static final int ROOM = 25;

    private final Semaphore semaphore = new Semaphore(ROOM);
    private final Bulkhead ours = Bulkhead.of(ROOM);
    private final Supplier<String> resilience4j = io.github.resilience4j.bulkhead.Bulkhead.decorateSupplier(
            io.github.resilience4j.bulkhead.Bulkhead.of(
                    "peer", BulkheadConfig.custom().maxConcurrentCalls(ROOM).build()),
            work.supplier);
    private final FailsafeExecutor<Object> failsafe = Failsafe.with(dev.failsafe.Bulkhead.of(ROOM));
    private final TypedGuard<String> smallrye =
            TypedGuard.create(String.class).withBulkhead().limit(ROOM).done().build();

    @Benchmark
    public String plain() {
        return work.op.call();
    }

    @Benchmark
    public String semaphore() {
        if (!semaphore.tryAcquire()) throw new IllegalStateException("full");
        try {
            return work.op.call();
        } finally {
            semaphore.release();
        }
    }

    @Benchmark
    public String ours() {
        return ours.call(work.op);
    }

    @Benchmark
    @Threads(2)
    public String oursTwoThreads() {
        return ours.call(work.op);
    }

    @Benchmark
    public String resilience4j() {
        return resilience4j.get();
    }

    @Benchmark
    @Threads(2)
    public String resilience4jTwoThreads() {
        return resilience4j.get();
    }

    @Benchmark
    public String failsafe() {
        return failsafe.get(work.checked);
    }

    @Benchmark
    @Threads(2)
    public String failsafeTwoThreads() {
        return failsafe.get(work.checked);
    }

    @Benchmark
    public String smallrye() {
        return smallrye.get(work.supplier);
    }

    @Benchmark
    @Threads(2)
    public String semaphoreTwoThreads() {
        return semaphore();
    }
}
