// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.Pipeline;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.observability.CallMeter;
import dev.resilience.observability.PolicyEvents;
import dev.resilience.observability.PolicyLog;
import dev.resilience.observability.PolicyMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.openjdk.jmh.annotations.Benchmark;

/** What being watched costs: a closed breaker with metrics, log and events bound, beside one that nobody watches. */
public class ObservedBench extends Bench {
    private final PolicyMetrics metrics = PolicyMetrics.on(new SimpleMeterRegistry());
    private final PolicyLog log = PolicyLog.create();
    private final PolicyEvents events = PolicyEvents.create();

    private final CircuitBreaker alone = Breakers.count();
    private final CircuitBreaker bound = Breakers.count();
    private final Pipeline counted = Pipeline.builder("counted")
            .policies(CallMeter.of("counted"), Breakers.count())
            .onWarning(warning -> {})
            .build();
    private final Pipeline timed = Pipeline.builder("timed")
            .policies(CallMeter.timed("timed"), Breakers.count())
            .onWarning(warning -> {})
            .build();

    {
        metrics.bind(bound);
        metrics.bind(counted);
        metrics.bind(timed);
        log.bind(bound);
        events.bind(bound);
    }

    @Benchmark
    public String alone() {
        return alone.call(work.op);
    }

    @Benchmark
    public String bound() {
        return bound.call(work.op);
    }

    @Benchmark
    public String counted() {
        return counted.call(work.op);
    }

    @Benchmark
    public String timed() {
        return timed.call(work.op);
    }
}
