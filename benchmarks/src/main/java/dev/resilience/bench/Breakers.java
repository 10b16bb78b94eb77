// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.Window;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowSynchronizationStrategy;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import io.smallrye.faulttolerance.api.TypedGuard;
import java.time.Duration;
import java.time.temporal.ChronoUnit;

/** Everybody's breaker with the same settings: 100 calls or 10 s, half of them failed, at least 20. */
final class Breakers {
    private static final Duration OPEN_FOR = Duration.ofHours(1);

    private Breakers() {}

    private static CircuitBreaker.Builder ours(Window window) {
        return CircuitBreaker.builder("bench")
                .window(window.minimumCalls(20))
                .failureRate(0.5)
                .openFor(OPEN_FOR);
    }

    static CircuitBreaker count() {
        return ours(Window.calls(100)).build();
    }

    static CircuitBreaker slow() {
        return ours(Window.calls(100)).slowCalls(Duration.ofSeconds(60), 1).build();
    }

    static CircuitBreaker time() {
        return ours(Window.time(Duration.ofSeconds(10))).build();
    }

    static CircuitBreaker open() {
        CircuitBreaker breaker = count();
        for (int i = 0; i < 20; i++) breaker.outcome(Breakers::fail);
        if (breaker.snapshot().state() != CircuitBreaker.State.OPEN) throw new IllegalStateException("not open");
        return breaker;
    }

    private static String fail() {
        throw new Work.Failed();
    }

    private static CircuitBreakerConfig.Builder theirs() {
        return CircuitBreakerConfig.custom()
                .slidingWindowType(SlidingWindowType.COUNT_BASED)
                .slidingWindowSize(100)
                .minimumNumberOfCalls(20)
                .failureRateThreshold(50)
                .waitDurationInOpenState(OPEN_FOR);
    }

    static io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4j() {
        return of(theirs());
    }

    static io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4jLockFree() {
        return of(theirs().slidingWindowSynchronizationStrategy(SlidingWindowSynchronizationStrategy.LOCK_FREE));
    }

    static io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4jTime() {
        return of(theirs().slidingWindowType(SlidingWindowType.TIME_BASED).slidingWindowSize(10));
    }

    static io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4jTimeLockFree() {
        return of(theirs().slidingWindowType(SlidingWindowType.TIME_BASED)
                .slidingWindowSize(10)
                .slidingWindowSynchronizationStrategy(SlidingWindowSynchronizationStrategy.LOCK_FREE));
    }

    static io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4jOpen(boolean stackTraces) {
        var breaker = of(theirs().writableStackTraceEnabled(stackTraces));
        breaker.transitionToOpenState();
        return breaker;
    }

    private static io.github.resilience4j.circuitbreaker.CircuitBreaker of(CircuitBreakerConfig.Builder config) {
        return io.github.resilience4j.circuitbreaker.CircuitBreaker.of("bench", config.build());
    }

    static dev.failsafe.CircuitBreaker<Object> failsafePolicy() {
        return dev.failsafe.CircuitBreaker.builder()
                .withFailureThreshold(50, 100)
                .withDelay(OPEN_FOR)
                .build();
    }

    static FailsafeExecutor<Object> failsafe() {
        return Failsafe.with(failsafePolicy());
    }

    static FailsafeExecutor<Object> failsafeOpen() {
        dev.failsafe.CircuitBreaker<Object> breaker = failsafePolicy();
        breaker.open();
        return Failsafe.with(breaker);
    }

    static TypedGuard<String> smallrye() {
        return TypedGuard.create(String.class)
                .withCircuitBreaker()
                .requestVolumeThreshold(100)
                .failureRatio(0.5)
                .delay(1, ChronoUnit.HOURS)
                .done()
                .build();
    }
}
