// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.hedge.Hedge;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A gate without a lease learns what its call ended with, on a worker too, when something inside was left behind. */
class LeftBehindOutcomeTest {
    @Test
    void on_a_worker_a_gate_sees_the_timeout_of_what_it_leaves_behind() { // S34
        CountDownLatch release = new CountDownLatch(1);
        RecordingGate gate = new RecordingGate("g");
        Timeout detached =
                Timeout.builder("t").after(Duration.ofMillis(1)).detached().build();
        Hedge onWorker = Hedge.builder("h").delayQuantile(0.9, 100).build();
        Pipeline pipeline = Pipeline.of(onWorker, gate, detached);
        try {
            assertThatThrownBy(() -> pipeline.run(() -> stubborn(release)))
                    .isInstanceOf(TimeoutExceededException.class);
            assertThat(gate.verdicts).containsExactly(Verdict.FAILURE);
            assertThat(gate.seen).singleElement().isInstanceOf(TimeoutExceededException.class);
        } finally {
            release.countDown();
        }
    }

    private static void stubborn(CountDownLatch release) {
        for (; ; ) {
            try {
                if (!release.await(60, TimeUnit.SECONDS)) throw new AssertionError("never released");
                return;
            } catch (InterruptedException ignored) {
                // that is what makes it stubborn
            }
        }
    }
}
