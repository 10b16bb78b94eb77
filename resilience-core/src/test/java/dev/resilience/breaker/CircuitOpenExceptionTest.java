// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Outcome;
import dev.resilience.breaker.CircuitBreaker.State;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import org.junit.jupiter.api.Test;

class CircuitOpenExceptionTest {

    @Test
    void says_why_since_when_and_when_to_try_again() {
        Rig rig = Rig.of(b -> b.window(Window.calls(100).minimumCalls(100)));
        rig.succeed(38).fail(62).after(ofMillis(1_200));
        CircuitOpenException refused = rig.refusal();
        assertThat(refused)
                .hasMessage(
                        "circuit breaker 'payments' is open (62 of 100 calls failed, threshold 50 %, opened 1.2 s ago);"
                                + " retry after 3.8 s");
        assertThat(refused.retryAfter()).contains(ofMillis(3_800));
        assertThat(refused.policy()).isSameAs(rig.breaker);
        assertThat(refused.state()).isEqualTo(State.OPEN);
        assertThat(refused.getStackTrace()).isEmpty();
    }

    @Test
    void says_who_forced_it_open() {
        Rig rig = Rig.of(b -> b);
        rig.breaker.forceOpen("maintenance");
        rig.after(ofSeconds(90));
        assertThat(rig.refusal())
                .hasMessage("circuit breaker 'payments' is forced open (maintenance, forced 1.5 min ago)");
        assertThat(rig.refusal().retryAfter()).isEmpty();
        rig.breaker.forceOpen("maintenance", ofSeconds(60));
        rig.after(ofSeconds(15));
        assertThat(rig.refusal())
                .hasMessage(
                        "circuit breaker 'payments' is forced open (maintenance, forced 15 s ago); retry after 45 s");
    }

    @Test
    void the_cause_is_the_failure_that_opened_it_until_it_is_closed_again() {
        // clarification 11
        Rig rig = Rig.of(b -> Rig.small(b).ramp(0.5));
        IOException last = new IOException("the last one");
        rig.fail(1).fail(last);
        assertThat(rig.refusal()).hasCause(last);
        rig.after(ofSeconds(5));
        rig.admit();
        rig.admit();
        assertThat(rig.refusal()).hasCause(last);
        IOException probe = new IOException("a probe");
        Rig second = Rig.of(b -> Rig.small(b).probes(1))
                .fail(1)
                .fail(last)
                .after(ofSeconds(5))
                .fail(probe);
        assertThat(second.refusal()).hasCause(probe);
    }

    @Test
    void a_probe_that_was_lost_keeps_the_cause() {
        Rig rig = Rig.of(b -> Rig.small(b).probes(1));
        IOException last = new IOException("the last one");
        rig.fail(1).fail(last).after(ofSeconds(5));
        rig.admit();
        rig.after(ofSeconds(30));
        assertThat(rig.refusal()).hasCause(last);
    }

    @Test
    void an_outcome_that_is_asked_later_still_tells_the_truth() {
        Rig rig = Rig.of(Rig::small).fail(2);
        Outcome<String> refused = rig.breaker.outcome(() -> "never");
        rig.after(ofSeconds(5)).succeed(1);
        assertThat(rig.state()).isEqualTo(State.CLOSED);
        assertThat(refused.fold(v -> "", Throwable::getMessage))
                .isEqualTo("circuit breaker 'payments' refused the call and admits calls again since; retry after 5 s");
    }

    @Test
    void each_is_fresh_so_what_is_suppressed_in_one_is_not_in_another() {
        Rig rig = Rig.of(Rig::small).fail(2);
        CircuitOpenException one = rig.refusal();
        one.addSuppressed(new IOException());
        assertThat(one.getSuppressed()).hasSize(1);
        assertThat(rig.refusal().getSuppressed()).isEmpty();
    }

    @Test
    void survives_serialisation() throws Exception {
        CircuitOpenException refused = Rig.of(Rig::small).fail(2).refusal();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(refused);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertThat((Throwable) in.readObject()).hasMessage(refused.getMessage());
        }
    }
}
