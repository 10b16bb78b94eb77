// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Permit;
import org.junit.jupiter.api.Test;

/** S40: what a registry of breakers per key may forget. */
class ForgettableTest {

    private static boolean forgettable(Rig rig) {
        return rig.breaker.forgettable(rig.time.nanoTime());
    }

    @Test
    void closed_without_a_failure_holds_nothing() {
        assertThat(forgettable(Rig.of(Rig::small))).isTrue();
        assertThat(forgettable(Rig.of(Rig::small).succeed(3))).isTrue();
    }

    @Test
    void failures_matter_until_nothing_has_happened_for_long() {
        Rig rig = Rig.of(b -> b.window(Window.calls(10))).succeed(3).fail(1);
        assertThat(forgettable(rig)).isFalse();
        assertThat(forgettable(rig.after(ofMinutes(9)))).isFalse();
        rig.succeed(1);
        assertThat(forgettable(rig.after(ofMinutes(9))))
                .as("a call came in between")
                .isFalse();
        assertThat(forgettable(rig.after(ofMinutes(10)))).isTrue();
    }

    @Test
    void a_time_window_forgets_by_itself() {
        Rig rig = Rig.of(b -> b.window(Window.time(ofSeconds(10)))).fail(1);
        assertThat(forgettable(rig)).isFalse();
        assertThat(forgettable(rig.after(ofSeconds(10)))).isTrue();
    }

    @Test
    void open_half_open_and_what_an_operator_put_stay() {
        Rig rig = Rig.of(Rig::small).fail(2);
        assertThat(forgettable(rig.after(ofMinutes(60)))).isFalse();
        rig.state();
        assertThat(forgettable(rig.after(ofMinutes(60)))).as("HALF_OPEN").isFalse();
        rig.breaker.disable("why");
        assertThat(forgettable(rig.after(ofMinutes(60)))).isFalse();
        rig.breaker.observe("why");
        assertThat(forgettable(rig.after(ofMinutes(60)))).isFalse();
        rig.breaker.forceOpen("why");
        assertThat(forgettable(rig.after(ofMinutes(60)))).isFalse();
    }

    @Test
    void a_circuit_that_has_not_recovered_remembers_how_often_it_opened() {
        Rig rig = Rig.of(Rig::small).fail(2).after(ofSeconds(5)).succeed(1);
        assertThat(forgettable(rig)).isFalse();
        rig.after(ofSeconds(5)).succeed(2);
        assertThat(forgettable(rig)).isTrue();
    }

    @Test
    void a_call_that_is_known_to_run_keeps_it() {
        Rig rig = Rig.of(b -> b.slowCalls(ofSeconds(1), 0.5));
        Permit running = rig.admit();
        assertThat(forgettable(rig)).isFalse();
        running.success();
        assertThat(forgettable(rig)).isTrue();
    }
}
