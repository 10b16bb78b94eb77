// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Failures;
import dev.resilience.Keyed;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.Subscription;
import dev.resilience.breaker.CircuitBreaker;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.slf4j.event.Level;

class PolicyLogTest {
    private final Rig rig = new Rig();
    private final RecordingLogger info = new RecordingLogger(Level.INFO);
    private final RecordingLogger debug = new RecordingLogger(Level.DEBUG);

    private PolicyLog to(RecordingLogger logger) {
        return PolicyLog.to(logger, 10, Duration.ofSeconds(10), rig.time);
    }

    @Test
    void the_life_of_a_breaker_can_be_read_at_3_a_m() {
        to(info).bind(rig.breaker);
        Rig.fail(rig.breaker);
        Rig.fail(rig.breaker);
        rig.time.advance(Duration.ofSeconds(5));
        rig.breaker.run(() -> {});
        assertThat(info.lines())
                .containsExactly(
                        "WARN circuit breaker 'payments' opened and refuses calls: 2 of 2 calls failed, threshold 50 %",
                        "INFO circuit breaker 'payments' lets probes through: the time to stay open has passed",
                        "INFO circuit breaker 'payments' closed, calls pass: enough probes succeeded");
        assertThat(info.facts(0))
                .containsExactly(
                        "policy=circuit breaker 'payments'",
                        "event=transition",
                        "from=CLOSED",
                        "to=OPEN",
                        "reason=2 of 2 calls failed, threshold 50 %");
        assertThat(info.events.get(0).getThrowable())
                .isInstanceOf(IOException.class)
                .hasMessage("connection refused");
    }

    @Test
    void what_a_person_did_is_said_with_the_reason() {
        to(info).bind(rig.breaker);
        rig.breaker.forceOpen("moving to eu-west");
        rig.breaker.disable("moving back");
        rig.breaker.observe("trial");
        Rig.fail(rig.breaker);
        Rig.fail(rig.breaker);
        rig.breaker.reset();
        assertThat(info.lines())
                .containsExactly(
                        "WARN circuit breaker 'payments' was forced open and refuses calls: moving to eu-west",
                        "WARN circuit breaker 'payments' was disabled, calls pass and are not judged: moving back",
                        "INFO circuit breaker 'payments' observes only, calls pass: trial",
                        "WARN circuit breaker 'payments' would have opened: 2 of 2 calls failed, threshold 50 %",
                        "INFO circuit breaker 'payments' closed, calls pass: reset");
    }

    @Test
    void a_retry_that_gives_up_says_why_and_with_what() {
        to(info).bind(rig.retry);
        Rig.fail(rig.pipeline(rig.retry));
        assertThat(info.lines())
                .containsExactly("INFO retry 'payments' stopped after 3 attempts: maxAttempts reached;"
                        + " the call ends with java.io.IOException: connection refused");
        assertThat(info.facts(0))
                .containsExactly("policy=retry 'payments'", "event=stop", "reason=attempts", "attempts=3");
        rig.retry.reconfigure(b -> b.budget(RetryBudget.builder()
                .ratio(0.01)
                .minPerSecond(0)
                .timeSource(rig.time)
                .build()));
        Rig.fail(rig.pipeline(rig.retry));
        assertThat(info.lines().get(1))
                .isEqualTo("WARN retry 'payments' stopped after 1 attempt: the retry budget is used up;"
                        + " the call ends with java.io.IOException: connection refused");
    }

    @Test
    void a_value_that_is_a_failure_is_named_by_its_status_or_class_and_not_shown() {
        to(info).bind(rig.retry);
        Pipeline pipeline = Pipeline.builder("payments")
                .policies(rig.retry)
                .failures(Failures.on(IOException.class).orResult(Object.class, any -> true))
                .timeSource(rig.time)
                .build();
        pipeline.call(() -> Rig.response(503));
        pipeline.call(() -> "the card's number");
        assertThat(info.lines())
                .containsExactly(
                        "INFO retry 'payments' stopped after 3 attempts: maxAttempts reached;"
                                + " the call ends with a value that is a failure: HTTP status 503",
                        "INFO retry 'payments' stopped after 3 attempts: maxAttempts reached;"
                                + " the call ends with a value that is a failure: java.lang.String");
    }

    @Test
    void what_the_caller_is_told_anyway_is_said_at_debug_only() {
        to(info).bind(rig.all());
        to(debug).bind(rig.all());
        rig.gate.shut = true;
        Rig.fail(rig.gate);
        assertThat(catchThrowable(() -> rig.pipeline(rig.timeout).run(() -> rig.time.advance(Duration.ofSeconds(2)))))
                .isNotNull();
        int[] attempts = new int[1];
        assertThat(catchThrowable(() -> rig.pipeline(rig.retry).run(() -> {
                    if (attempts[0]++ == 0) throw new IOException("once");
                })))
                .isNull();
        assertThat(info.lines()).isEmpty();
        assertThat(debug.lines())
                .containsExactly(
                        "DEBUG shut 'payments' rejected the call",
                        "DEBUG timeout 'payments' in pipeline 'payments' timed out: not done within 1 s (gave up after 2 s)",
                        "DEBUG retry 'payments': attempt 1 failed, the next begins in 100 ms:"
                                + " java.io.IOException: once");
    }

    @Test
    void a_flood_is_held_back_and_counted() {
        PolicyLog log = PolicyLog.to(info, 2, Duration.ofSeconds(10), rig.time);
        Subscription binding = log.bind(rig.breaker);
        for (int i = 0; i < 5; i++)
            rig.breaker.forceOpen("flap " + (rig.breaker.snapshot().calls() + i), Duration.ofSeconds(1));
        for (int i = 0; i < 5; i++) {
            rig.breaker.reset();
            rig.breaker.forceOpen("flap");
        }
        assertThat(info.lines()).hasSize(2);
        rig.time.advance(Duration.ofSeconds(10));
        rig.breaker.reset();
        assertThat(info.lines()).hasSize(3);
        assertThat(info.facts(2)).contains("suppressed=9");
        rig.breaker.forceOpen("flap");
        rig.breaker.reset();
        binding.close();
        assertThat(info.lines().get(3))
                .isEqualTo("INFO 2 lines about a transition were held back before the log was closed");
        assertThat(info.facts(3)).containsExactly("event=transition", "suppressed=2");
    }

    @Test
    void rejections_of_one_sort_hide_no_transition() {
        PolicyLog log = PolicyLog.to(debug, 1, Duration.ofSeconds(10), rig.time);
        log.bind(rig.breaker);
        rig.breaker.forceOpen("maintenance");
        for (int i = 0; i < 100; i++) Rig.fail(rig.breaker);
        rig.time.advance(Duration.ofSeconds(10));
        rig.breaker.reset();
        assertThat(debug.lines()).hasSize(3).last().asString().startsWith("INFO circuit breaker 'payments' closed");
    }

    @Test
    void a_policy_bound_twice_speaks_once_and_is_silent_after_the_last_close() { // L13
        PolicyLog log = to(info);
        Subscription one = log.bind(rig.breaker);
        Subscription two = log.bind(rig.pipeline(rig.breaker, rig.timeout));
        rig.breaker.forceOpen("once");
        assertThat(info.lines()).hasSize(1);
        one.close();
        one.close();
        rig.breaker.reset();
        assertThat(info.lines()).hasSize(2);
        two.close();
        rig.breaker.forceOpen("silence");
        assertThat(info.lines()).hasSize(2);
        log.bind(rig.breaker);
        log.close();
        rig.breaker.reset();
        assertThat(info.lines()).hasSize(2);
        assertThatIllegalStateException().isThrownBy(() -> log.bind(rig.breaker));
    }

    @Test
    void all_policies_of_a_registry_speak_those_to_come_too() {
        Keyed<String, CircuitBreaker> hosts =
                Keyed.builder().timeSource(rig.time).build(rig::breaker);
        hosts.get("a");
        Subscription binding = to(info).bind(hosts);
        hosts.get("a").forceOpen("here already");
        hosts.get("b").forceOpen("came later");
        binding.close();
        hosts.get("b").reset();
        assertThat(info.lines())
                .containsExactly(
                        "WARN circuit breaker 'a' was forced open and refuses calls: here already",
                        "WARN circuit breaker 'b' was forced open and refuses calls: came later");
    }

    @Test
    void settings_that_make_no_sense_are_all_named() { // L11
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PolicyLog.to(info, 0, Duration.ZERO))
                .withMessage("policy log: burst must be at least 1, was 0; every must be positive, was PT0S");
    }
}
