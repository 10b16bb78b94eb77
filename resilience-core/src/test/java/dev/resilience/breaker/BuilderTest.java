// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.resilience.Backoff;
import dev.resilience.Failures;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker.Builder;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** L11: what makes no sense is refused, all of it at once. */
class BuilderTest {

    static Stream<Arguments> nonsense() {
        return Stream.of(
                wrong("window must hold 1 to 1000000 calls, was 0", b -> b.window(Window.calls(0))),
                wrong(
                        "window must hold 1 to 1000000 calls, was -7",
                        b -> b.window(Window.calls(-7).minimumCalls(3))),
                wrong("window must hold 1 to 1000000 calls, was 1000001", b -> b.window(Window.calls(1_000_001))),
                wrong("window must be at least PT0.001S long, was PT0S", b -> b.window(Window.time(ZERO))),
                wrong("window must be at least PT0.001S long, was PT-1S", b -> b.window(Window.time(ofSeconds(-1)))),
                wrong(
                        "minimumCalls must be at least 1, was 0",
                        b -> b.window(Window.calls(9).minimumCalls(0))),
                wrong(
                        "minimumCalls must be at least 1, was -1",
                        b -> b.window(Window.time(ofSeconds(9)).minimumCalls(-1))),
                wrong(
                        "minimumCalls must be at most the window's 9 calls, was 10",
                        b -> b.window(Window.calls(9).minimumCalls(10))),
                wrong("failureRate must be in (0, 1], was 0.0", b -> b.failureRate(0)),
                wrong("failureRate must be in (0, 1], was -0.1", b -> b.failureRate(-0.1)),
                wrong("failureRate must be in (0, 1], was 1.5", b -> b.failureRate(1.5)),
                wrong("failureRate must be in (0, 1], was 50.0", b -> b.failureRate(50)),
                wrong("failureRate must be in (0, 1], was NaN", b -> b.failureRate(Double.NaN)),
                wrong("consecutiveFailures must be at least 1, was 0", b -> b.consecutiveFailures(0)),
                wrong("consecutiveFailures must be at least 1, was -3", b -> b.consecutiveFailures(-3)),
                wrong("slowCalls' duration must be positive, was PT0S", b -> b.slowCalls(ZERO, 0.5)),
                wrong("slowCalls' duration must be positive, was PT-1S", b -> b.slowCalls(ofSeconds(-1), 0.5)),
                wrong("slowCalls' rate must be in (0, 1], was 0.0", b -> b.slowCalls(ofSeconds(1), 0)),
                wrong("slowCalls' rate must be in (0, 1], was 2.0", b -> b.slowCalls(ofSeconds(1), 2)),
                wrong("slowCalls' rate must be in (0, 1], was NaN", b -> b.slowCalls(ofSeconds(1), Double.NaN)),
                wrong("openFor must be positive, was PT0S", b -> b.openFor(ZERO)),
                wrong("openFor must be positive, was PT-0.000000001S", b -> b.openFor(ofNanos(-1))),
                wrong("maxOpen must be positive, was PT0S", b -> b.maxOpen(ZERO)),
                wrong("probeLease must be positive, was PT-1S", b -> b.probeLease(ofSeconds(-1))),
                wrong("probes must be at least 1, was 0", b -> b.probes(0)),
                wrong("probes must be at least 1, was -1", b -> b.probes(-1)),
                wrong("probes must be at most 1000, was 1001", b -> b.probes(1001)),
                wrong("requiredSuccesses must be at least 1, was 0", b -> b.requiredSuccesses(0)),
                wrong("requiredSuccesses must be at most the 5 probes, was 6", b -> b.requiredSuccesses(6)),
                wrong("ramp must be growing shares between 0 and 1, was [0.0]", b -> b.ramp(0)),
                wrong("ramp must be growing shares between 0 and 1, was [0.5, 1.0]", b -> b.ramp(0.5, 1)),
                wrong("ramp must be growing shares between 0 and 1, was [0.5, 0.5]", b -> b.ramp(0.5, 0.5)),
                wrong("ramp must be growing shares between 0 and 1, was [NaN]", b -> b.ramp(Double.NaN)));
    }

    @ParameterizedTest
    @MethodSource("nonsense")
    void names_the_setting_the_expectation_and_the_value(String message, Consumer<Builder> setting) {
        Builder builder = CircuitBreaker.builder("payments");
        setting.accept(builder);
        assertThatThrownBy(builder::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("circuit breaker 'payments': " + message);
    }

    @ParameterizedTest
    @MethodSource("nonsense")
    void refuses_the_same_while_running_and_keeps_what_was(String message, Consumer<Builder> setting) {
        CircuitBreaker breaker = CircuitBreaker.of("payments");
        assertThatThrownBy(() -> breaker.reconfigure(setting))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("circuit breaker 'payments': " + message);
        assertThat(breaker.describe().settings())
                .isEqualTo(CircuitBreaker.of("x").describe().settings());
    }

    @Test
    void all_problems_come_in_one_message() {
        assertThatThrownBy(() -> CircuitBreaker.builder("payments")
                        .failureRate(1.5)
                        .probes(0)
                        .openFor(ZERO)
                        .build())
                .hasMessage("circuit breaker 'payments': failureRate must be in (0, 1], was 1.5;"
                        + " openFor must be positive, was PT0S; probes must be at least 1, was 0");
    }

    static Stream<Arguments> nulls() {
        return Stream.of(
                wrong("window", b -> b.window(null)),
                wrong("slowerThan", b -> b.slowCalls(null, 0.5)),
                wrong("duration", b -> b.openFor((Duration) null)),
                wrong("backoff", b -> b.openFor((Backoff) null)),
                wrong("duration", b -> b.maxOpen(null)),
                wrong("valueOrExceptionType", b -> b.hintFrom(null, x -> Optional.empty())),
                wrong("hint", b -> b.hintFrom(String.class, null)),
                wrong("duration", b -> b.probeLease(null)),
                wrong("shares", b -> b.ramp((double[]) null)),
                wrong("failures", b -> b.failures(null)),
                wrong("failures", b -> b.tripOn(null)),
                wrong("time", b -> b.timeSource(null)),
                wrong("name", b -> CircuitBreaker.builder(null)),
                wrong("name", b -> CircuitBreaker.of(null)),
                wrong("duration", b -> Window.time(null)),
                wrong("reason", b -> CircuitBreaker.of("x").forceOpen(null)),
                wrong("reason", b -> CircuitBreaker.of("x").forceOpen(null, ofSeconds(1))),
                wrong("duration", b -> CircuitBreaker.of("x").forceOpen("why", null)),
                wrong("reason", b -> CircuitBreaker.of("x").forceClosed(null)),
                wrong("reason", b -> CircuitBreaker.of("x").disable(null)),
                wrong("reason", b -> CircuitBreaker.of("x").observe(null)),
                wrong("deadline", b -> CircuitBreaker.of("x").openUntil(null)),
                wrong("change", b -> CircuitBreaker.of("x").reconfigure(null)),
                wrong("listener", b -> CircuitBreaker.of("x").onTransition(null)));
    }

    @ParameterizedTest
    @MethodSource("nulls")
    void null_is_refused_at_the_setter_by_the_parameters_name(String parameter, Consumer<Builder> setting) {
        assertThatThrownBy(() -> setting.accept(CircuitBreaker.builder("payments")))
                .isInstanceOf(NullPointerException.class)
                .hasMessage(parameter);
    }

    @Test
    void sensible_extremes_are_accepted() {
        assertThatCode(() -> CircuitBreaker.builder("x")
                        .window(Window.calls(1).minimumCalls(1))
                        .failureRate(1)
                        .slowCalls(ofNanos(1), 1)
                        .openFor(ofNanos(1))
                        .probes(1000)
                        .requiredSuccesses(1000)
                        .ramp(0.000001, 0.999999)
                        .build())
                .doesNotThrowAnyException();
        assertThatCode(() -> CircuitBreaker.builder("x")
                        .window(Window.time(ofMillis(1)).minimumCalls(Integer.MAX_VALUE))
                        .build())
                .doesNotThrowAnyException();
    }

    @Test
    void the_order_of_setters_does_not_matter() {
        CircuitBreaker one =
                CircuitBreaker.builder("x").requiredSuccesses(8).probes(9).build();
        CircuitBreaker two =
                CircuitBreaker.builder("x").probes(9).requiredSuccesses(8).build();
        assertThat(one.describe().settings()).isEqualTo(two.describe().settings());
    }

    @Test
    void the_last_open_delay_wins() {
        Builder builder = CircuitBreaker.builder("x")
                .openFor(Backoff.constant(ofSeconds(1)))
                .openFor(ofSeconds(2));
        assertThat(builder.build().describe().settings()).containsEntry("openFor", "2 s");
        assertThat(builder.failures(Failures.standard())
                        .timeSource(TimeSource.system())
                        .build()
                        .describe()
                        .settings())
                .containsEntry("failures", "own");
    }

    @Test
    void a_builder_that_is_used_again_does_not_reach_what_it_built() {
        double[] shares = {0.1, 0.5};
        Builder builder = CircuitBreaker.builder("x").ramp(shares);
        CircuitBreaker breaker = builder.build();
        shares[0] = 0.4;
        builder.failureRate(0.9);
        assertThat(breaker.describe().settings())
                .containsEntry("ramp", "10 %, 50 %")
                .containsEntry("failureRate", "50 %");
    }

    private static Arguments wrong(String message, Consumer<Builder> setting) {
        return arguments(message, setting);
    }
}
