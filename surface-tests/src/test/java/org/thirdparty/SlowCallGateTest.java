// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SlowCallGateTest {
    private final ManualTime time = ManualTime.create();
    private final SlowCallGate gate = new SlowCallGate("slow", Duration.ofSeconds(1), Duration.ofSeconds(30), time);

    @ParameterizedTest
    @EnumSource
    void learns_how_long_a_call_took_on_every_face(ThirdPartyFace face) {
        face.go(gate, () -> "quick");
        assertThat(gate.slow()).isZero();
        face.go(gate, () -> {
            time.advance(Duration.ofSeconds(2));
            return "slow";
        });
        assertThat(gate.slow()).isEqualTo(1);
    }

    @Test
    void calls_that_never_report_are_written_off_and_harm_nobody_later() { // L2, L3
        CompletableFuture<Object> first = new CompletableFuture<>();
        gate.callAsync(() -> first);
        gate.callAsync(() -> new CompletableFuture<>());
        SlowCallGate.BusyException busy =
                gate.outcome(() -> "x").as(SlowCallGate.BusyException.class).orElseThrow();
        assertThat(busy).hasMessageStartingWith("slow call gate 'slow' is busy; a lease ends in PT30");

        time.advance(Duration.ofSeconds(31));
        CompletableFuture<Object> second = new CompletableFuture<>();
        gate.callAsync(() -> second);
        gate.callAsync(() -> new CompletableFuture<>());
        first.complete("late");
        assertThat(gate.slow()).as("written off").isZero();
        assertThat(gate.outcome(() -> "x").succeeded())
                .as("its slot was somebody else's")
                .isFalse();
        second.complete("in time");
        assertThat(gate.call(() -> "x")).isEqualTo("x");
    }

    @Test
    void a_third_partys_policies_describe_themselves_and_log() {
        Logged logged = new Logged("log");
        Pipeline pipeline = Pipeline.of(logged, gate, new FairGate("fair", 4, time));
        assertThat(pipeline.describe())
                .hasToString("Pipeline 'pipeline'\n  Logged 'log'\n  SlowCallGate 'slow' {slowerThan=1 s}\n"
                        + "  FairGate 'fair'");
        for (ThirdPartyFace face : ThirdPartyFace.values()) {
            assertThat(face.go(pipeline, () -> "x")).isEqualTo(Outcome.success("x"));
            face.go(pipeline, () -> {
                throw new IllegalStateException("why");
            });
        }
        assertThat(logged.log()).hasSize(2 * ThirdPartyFace.values().length).containsOnly("returned x", "threw why");
    }
}
