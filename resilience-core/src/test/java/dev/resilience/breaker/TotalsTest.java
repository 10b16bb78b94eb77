// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Permit;
import dev.resilience.breaker.CircuitBreaker.Snapshot;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** What counters a breaker keeps for metrics: they only grow, and a new window or state does not start them anew. */
class TotalsTest {
    private final ManualTime time = ManualTime.create();
    private final CircuitBreaker breaker = CircuitBreaker.builder("pay")
            .window(Window.calls(4).minimumCalls(2))
            .openFor(Duration.ofSeconds(5))
            .probes(1)
            .timeSource(time)
            .build();

    private void fail() {
        assertThat(catchThrowable(() -> breaker.run(() -> {
                    throw new IllegalStateException("down");
                })))
                .isNotNull();
    }

    @Test
    void failures_ignored_rejected_and_transitions_are_counted_across_states() {
        Permit late = breaker.admit();
        assertThat(catchThrowable(() -> breaker.run(() -> {
                    throw new CancellationException();
                })))
                .isNotNull();
        fail();
        fail();
        fail(); // refused
        late.failure(new IllegalStateException("late"));
        Snapshot open = breaker.snapshot();
        assertThat(open.state()).isEqualTo(State.OPEN);
        assertThat(open.totalFailures()).isEqualTo(3);
        assertThat(open.totalIgnored()).isEqualTo(1);
        assertThat(open.rejected()).isEqualTo(1).isEqualTo(breaker.rejected());
        assertThat(open.transitions(State.OPEN)).isEqualTo(1);
        time.advance(Duration.ofSeconds(5));
        breaker.run(() -> {});
        Snapshot closed = breaker.snapshot();
        assertThat(closed.failures()).isZero();
        assertThat(closed.totalFailures()).isEqualTo(3);
        assertThat(closed.transitions(State.HALF_OPEN)).isEqualTo(1);
        assertThat(closed.transitions(State.CLOSED)).isEqualTo(1);
        assertThat(closed.transitions(State.FORCED_OPEN)).isZero();
    }

    @Test
    void a_snapshot_does_not_change_later() {
        Snapshot before = breaker.snapshot();
        fail();
        breaker.forceOpen("maintenance");
        assertThat(before.totalFailures()).isZero();
        assertThat(before.transitions(State.FORCED_OPEN)).isZero();
    }

    @Test
    void the_age_of_a_state_is_that_of_its_beginning() { // L3
        time.advance(Duration.ofSeconds(7));
        assertThat(breaker.snapshot().age()).isEqualTo(Duration.ofSeconds(7));
        breaker.reconfigure(b -> b.failureRate(0.9));
        assertThat(breaker.snapshot().age()).isEqualTo(Duration.ofSeconds(7));
        breaker.forceOpen("maintenance");
        time.advance(Duration.ofHours(3));
        assertThat(breaker.snapshot().age()).isEqualTo(Duration.ofHours(3));
    }
}
