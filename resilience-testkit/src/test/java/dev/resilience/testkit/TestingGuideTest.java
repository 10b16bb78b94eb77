// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import static dev.resilience.testkit.Attempt.fails;
import static dev.resilience.testkit.Attempt.hangs;
import static dev.resilience.testkit.Attempt.returns;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.Pipeline;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.Verdict;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The code of {@code docs/testing.md} and of the Javadoc; it runs. */
class TestingGuideTest {

    // @start region="production"
    static Pipeline payments(TimeSource time) {
        return Pipeline.builder("payments")
                .policies(
                        Timeout.of(ofSeconds(5)),
                        Retry.builder("payments")
                                .maxAttempts(3)
                                .backoff(Backoff.constant(ofMillis(100)).noJitter())
                                .build(),
                        Timeout.of(ofSeconds(2)))
                .timeSource(time)
                .build();
    }
    // @end

    // @start region="scenario"
    @TestFactory
    Stream<DynamicTest> a_failed_payment_is_tried_again_after_a_pause() {
        return Scenario.with(time -> payments(time))
                .attempts(fails(new IOException("connection reset")), returns("receipt"))
                .onEveryFace(run -> {
                    assertThat(run.value()).isEqualTo("receipt");
                    assertThat(run.attempts()).isEqualTo(2);
                    assertThat(run.took()).isEqualTo(ofMillis(100));
                });
    }

    @TestFactory
    Stream<DynamicTest> a_gateway_that_hangs_is_given_up_after_five_seconds() {
        return Scenario.with(time -> payments(time)).attempts(hangs()).onEveryFace(run -> {
            assertThat(run.thrown()).isInstanceOf(TimeoutExceededException.class);
            assertThat(run.took()).isEqualTo(ofSeconds(5));
            assertThat(run.cancelled()).isEqualTo(3);
        });
    }
    // @end

    @Test
    void a_blocking_call_on_the_test_s_own_thread() throws Exception {
        // @start region="auto"
        ManualTime time = ManualTime.autoAdvancing();
        int[] attempts = {0};

        String receipt = payments(time).call(() -> {
            if (++attempts[0] < 3) throw new IOException("connection reset");
            return "receipt";
        });

        assertThat(receipt).isEqualTo("receipt");
        assertThat(time.elapsed()).isEqualTo(ofMillis(200)); // and the test took none of them
        // @end
    }

    @Test
    void a_stage_step_by_step() {
        // @start region="advance"
        ManualTime time = ManualTime.create();
        CompletableFuture<String> gateway = new CompletableFuture<>();
        CompletableFuture<String> receipt = Pipeline.builder("p")
                .policies(Timeout.of(ofSeconds(2)))
                .timeSource(time)
                .build()
                .callAsync(() -> gateway);

        time.advance(ofSeconds(2).minusNanos(1));
        assertThat(receipt).isNotDone();
        time.advance(ofSeconds(1)); // returns when all that it set off has been done
        assertThat(receipt).isCompletedExceptionally();
        assertThat(gateway).isCancelled();
        assertThat(time.pendingTimers()).isZero();
        // @end
    }

    // @start region="laws"
    @RegisterExtension
    final Laws laws = new Laws();

    final ManualTime time = laws.time();
    final CountingGate gateway = laws.gate("gateway", time); // sees every attempt

    @Test
    void each_attempt_is_counted_and_every_permit_comes_back() {
        Pipeline pipeline = Pipeline.of(Retry.of(1), gateway);

        assertThat(pipeline.outcome(() -> "receipt").succeeded()).isTrue();

        assertThat(gateway.settled(Verdict.SUCCESS)).isEqualTo(1);
    } // after it: no timer armed, no thread parked, permits settled once, nothing logged
    // @end
}
