// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Pipeline;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.Window;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.retry.Retry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.slf4j.event.Level;

/** What being watched costs a call: no byte, and no look at the clock (L15). */
class CostTest {
    /** Bytes of an outcome that nobody has looked at: what a rejection costs that nobody listens to. */
    static final double AN_OUTCOME = 32;

    private final CircuitBreaker breaker =
            CircuitBreaker.builder("cost").window(Window.calls(100)).build();
    private final Pipeline pipeline = Pipeline.builder("cost")
            .policies(Retry.of(3), breaker, Bulkhead.of(10))
            .onWarning(w -> {})
            .build();

    @Test
    void a_call_allocates_nothing_with_metrics_log_and_events_bound() { // L15
        PolicyMetrics.on(new SimpleMeterRegistry()).bind(pipeline);
        PolicyLog.to(new RecordingLogger(Level.INFO)).bind(pipeline);
        PolicyEvents.create().bind(pipeline);
        assertThat(Allocations.perRun(() -> breaker.call(() -> 1), 0)).isZero();
        assertThat(Allocations.perRun(() -> pipeline.call(() -> 1), 0)).isZero();
    }

    @Test
    void a_rejection_allocates_no_byte_more_while_nobody_listens() {
        breaker.forceOpen("cost");
        PolicyMetrics.on(new SimpleMeterRegistry()).bind(breaker);
        PolicyLog.to(new RecordingLogger(Level.INFO)).bind(breaker);
        PolicyEvents.create().bind(breaker);
        assertThat(Allocations.perRun(() -> breaker.outcome(() -> 1), AN_OUTCOME))
                .isLessThanOrEqualTo(AN_OUTCOME);
    }

    @Test
    void a_meter_allocates_nothing_counting_nor_timing() {
        CallMeter counting = CallMeter.of("counting");
        CallMeter timing = CallMeter.timed("timing");
        PolicyMetrics metrics = PolicyMetrics.on(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        metrics.bind(counting);
        metrics.bind(timing);
        assertThat(Allocations.perRun(() -> counting.call(() -> 1), 0)).isZero();
        assertThat(Allocations.perRun(() -> timing.call(() -> 1), 0)).isZero();
    }

    @Test
    void a_watched_call_reads_no_clock() {
        CountingTime time = new CountingTime();
        CircuitBreaker watched = CircuitBreaker.builder("cost").timeSource(time).build();
        CallMeter meter = CallMeter.of("cost", time);
        Pipeline around = Pipeline.builder("cost")
                .policies(meter, watched)
                .onWarning(w -> {})
                .build();
        PolicyMetrics.on(new SimpleMeterRegistry(), TimeSource.system()).bind(around);
        PolicyLog.to(new RecordingLogger(Level.DEBUG), 1, Duration.ofSeconds(1), TimeSource.system())
                .bind(around);
        PolicyEvents.create(TimeSource.system()).bind(around);
        int before = time.looks;
        for (int i = 0; i < 100; i++) around.run(() -> {});
        assertThat(time.looks).isEqualTo(before);
    }

    private static final class CountingTime implements TimeSource {
        int looks;

        @Override
        public long nanoTime() {
            looks++;
            return System.identityHashCode(this);
        }

        @Override
        public void park(Object blocker, long nanos) {
            throw new AssertionError("nobody waits");
        }

        @Override
        public void unpark(Thread thread) {
            throw new AssertionError("nobody waits");
        }

        @Override
        public Timer schedule(Runnable task, long nanos) {
            throw new AssertionError("nothing is scheduled");
        }
    }
}
