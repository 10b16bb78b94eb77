// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import dev.resilience.Pipeline;
import dev.resilience.timeout.Timeout;
import io.smallrye.faulttolerance.api.TypedGuard;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import org.openjdk.jmh.annotations.Benchmark;

/** P9: a timeout that runs the call on the caller's thread and would interrupt it; it never fires here. */
public class TimeoutBench extends Bench {
    private final Pipeline ours = Pipeline.of(Timeout.of(Duration.ofSeconds(2)));
    private final FailsafeExecutor<Object> failsafe = Failsafe.with(
            dev.failsafe.Timeout.builder(Duration.ofSeconds(2)).withInterrupt().build());
    private final TypedGuard<String> smallrye = TypedGuard.create(String.class)
            .withTimeout()
            .duration(2, ChronoUnit.SECONDS)
            .done()
            .build();

    @Benchmark
    public String plain() {
        return work.op.call();
    }

    @Benchmark
    public long nanoTime() {
        return System.nanoTime();
    }

    @Benchmark
    public String ours() {
        return ours.call(work.op);
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
