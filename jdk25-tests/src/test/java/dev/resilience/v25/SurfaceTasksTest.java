// SPDX-License-Identifier: Apache-2.0
package dev.resilience.v25;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.retry.Retry;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** What users write with the language of today. */
class SurfaceTasksTest {
    private final Pipeline p = Pipeline.of(Retry.of(2));

    private String io() throws IOException {
        return "io";
    }

    private String broken() throws IOException {
        throw new IOException("broken");
    }

    @Test
    void t50_work_on_virtual_threads() {
        try (var vt = Executors.newVirtualThreadPerTaskExecutor()) {
            CompletableFuture<String> call = p.submit(vt, this::io);
            assertThat(call.join()).isEqualTo("io");
            assertThat(p.submit(vt, () -> Thread.currentThread().isVirtual()).join())
                    .isTrue();
        }
    }

    @Test
    void t51_a_switch_over_an_outcome_is_exhaustive() {
        assertThat(told(p.outcome(this::io))).isEqualTo("io");
        assertThat(told(p.outcome(this::broken))).isEqualTo("broken");
    }

    private static String told(Outcome<String> outcome) {
        return switch (outcome) {
            case Outcome.Success<String>(var v) -> v;
            case Outcome.Failure<String> f -> f.thrown().getMessage();
        };
    }

    @Test
    void t53_a_context_that_is_not_looked_at_has_no_name() throws IOException {
        String value = p.call(CallContext.root(), _ -> io());
        assertThat(value).isEqualTo("io");
    }
}
