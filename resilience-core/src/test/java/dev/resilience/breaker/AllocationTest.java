// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Allocations;
import dev.resilience.Op;
import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** P1, P2, P4, L15: bytes per call, which unlike nanoseconds are the same each time. */
class AllocationTest {
    private static Object sink = "";

    private static double bytesPerCall(Runnable call) {
        return Allocations.perRun(call);
    }

    private static double bytesPerSuccess(CircuitBreaker breaker) {
        Op<String, RuntimeException> op = () -> "ok";
        return bytesPerCall(() -> sink = breaker.call(op));
    }

    @Test
    void a_successful_call_allocates_nothing() {
        assertThat(bytesPerSuccess(CircuitBreaker.of("plain"))).isLessThan(0.1);
    }

    @Test
    void nor_with_slow_calls_or_consecutive_failures() {
        CircuitBreaker breaker = CircuitBreaker.builder("slow")
                .slowCalls(Duration.ofSeconds(1), 0.5)
                .consecutiveFailures(5)
                .build();
        assertThat(bytesPerSuccess(breaker)).isLessThan(0.1);
    }

    @Test
    void nor_with_a_time_window_but_once_per_slice() {
        CircuitBreaker breaker = CircuitBreaker.builder("time")
                .window(Window.time(Duration.ofMinutes(10)))
                .slowCalls(Duration.ofSeconds(1), 0.5)
                .build();
        assertThat(bytesPerSuccess(breaker)).isLessThan(0.1);
    }

    @Test
    void nor_when_the_window_is_never_full_enough_to_be_judged() {
        CircuitBreaker breaker = CircuitBreaker.builder("time")
                .window(Window.time(Duration.ofMinutes(10)).minimumCalls(Integer.MAX_VALUE))
                .build();
        assertThat(bytesPerSuccess(breaker)).isLessThan(0.1);
    }

    @Test
    void nor_disabled() {
        CircuitBreaker breaker = CircuitBreaker.of("off");
        breaker.disable("test");
        assertThat(bytesPerSuccess(breaker)).isLessThan(0.1);
    }

    @Test
    void a_thrown_rejection_takes_at_most_128_bytes() {
        CircuitBreaker breaker = CircuitBreaker.builder("open")
                .window(Window.calls(1))
                .openFor(Duration.ofDays(1))
                .timeSource(TimeSource.system())
                .build();
        breaker.admit().failure(new IllegalStateException());
        Op<String, RuntimeException> op = () -> "never";
        double bytes = bytesPerCall(() -> {
            try {
                breaker.call(op);
            } catch (CircuitOpenException refused) {
                sink = refused;
            }
        });
        assertThat(bytes).isBetween(16.0, 128.0);
    }

    @Test
    void a_rejection_as_an_outcome_takes_at_most_32_bytes() {
        CircuitBreaker breaker = CircuitBreaker.builder("open")
                .window(Window.calls(1))
                .openFor(Duration.ofDays(1))
                .build();
        breaker.admit().failure(new IllegalStateException());
        Op<String, RuntimeException> op = () -> "never";
        double bytes = bytesPerCall(() -> {
            Outcome<String> outcome = breaker.outcome(op);
            sink = outcome;
        });
        assertThat(bytes).isBetween(1.0, 32.0);
    }

    @Test
    void something_was_measured() {
        // the tests above are worth nothing if the meter stands still
        assertThat(bytesPerCall(() -> sink = new byte[100])).isGreaterThan(100);
        assertThat(sink).isNotNull();
    }
}
