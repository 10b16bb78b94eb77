// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static dev.resilience.examples.Phase.HANGING;
import static dev.resilience.examples.Phase.HEALTHY;
import static dev.resilience.examples.Phase.SLOW;
import static dev.resilience.examples.Script.step;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ScriptTest {
    private final Script script =
            Script.of(Duration.ofSeconds(10), step(HEALTHY, 0.2), step(HANGING, 0.3), step(SLOW, 0.5));

    @Test
    void a_phase_lasts_for_its_share_of_the_run_and_the_last_one_for_ever() {
        assertThat(script.at(0)).isEqualTo(HEALTHY);
        assertThat(script.at(millis(1999))).isEqualTo(HEALTHY);
        assertThat(script.at(millis(2000))).isEqualTo(HANGING);
        assertThat(script.at(millis(4999))).isEqualTo(HANGING);
        assertThat(script.at(millis(5000))).isEqualTo(SLOW);
        assertThat(script.at(Long.MAX_VALUE)).isEqualTo(SLOW);
    }

    @Test
    void the_outage_is_found() {
        assertThat(script.outage()).isEqualTo(HANGING);
        assertThat(script.outageBegins()).isEqualTo(millis(2000));
        assertThat(script.outageEnds()).isEqualTo(millis(5000));
    }

    @Test
    void shares_that_do_not_add_up_are_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Script.of(Duration.ofSeconds(10), step(HEALTHY, 0.2), step(HANGING, 0.3)))
                .withMessage("shares must add up to 1, was 0.5");
    }

    private static long millis(long millis) {
        return TimeUnit.MILLISECONDS.toNanos(millis);
    }
}
