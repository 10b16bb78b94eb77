// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Allocations;
import dev.resilience.Op;
import dev.resilience.Pipeline;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class TimeoutCostTest {
    private static final Op<String, RuntimeException> NOTHING = () -> "done";

    @Test // P9
    void a_timed_call_allocates_its_scope_and_its_context_and_nothing_else() {
        Pipeline pipeline = Pipeline.of(Timeout.of(Duration.ofHours(1)));
        assertThat(Allocations.perRun(() -> pipeline.call(NOTHING))).isLessThan(96.5);
    }
}
