// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Outcome;
import dev.resilience.Subscription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PolicyEventsTest {
    private static final List<String> NAMES = List.of("Transition", "Rejection", "Retry", "Stop", "Timeout");

    private final Rig rig = new Rig();
    private final PolicyEvents events = PolicyEvents.create(rig.time);

    @TempDir
    private Path directory;

    private List<RecordedEvent> recorded(Runnable incident) throws IOException {
        Path file = directory.resolve("recording.jfr");
        try (Recording recording = new Recording()) {
            NAMES.forEach(name -> recording.enable("dev.resilience." + name));
            recording.start();
            incident.run();
            recording.stop();
            recording.dump(file);
        }
        List<RecordedEvent> ours = new ArrayList<>(RecordingFile.readAllEvents(file));
        ours.removeIf(event -> !event.getEventType().getName().startsWith("dev.resilience."));
        Files.delete(file);
        return ours;
    }

    private static List<RecordedEvent> named(List<RecordedEvent> all, String name) {
        return all.stream()
                .filter(event -> event.getEventType().getName().equals("dev.resilience." + name))
                .toList();
    }

    @Test
    void a_recording_holds_transitions_rejections_retries_stops_and_timeouts() throws IOException {
        events.bind(rig.all());
        List<RecordedEvent> all = recorded(() -> {
            Rig.fail(rig.all());
            Rig.fail(rig.breaker);
            assertThat(catchThrowable(
                            () -> rig.pipeline(rig.timeout).run(() -> rig.time.advance(Duration.ofSeconds(2)))))
                    .isNotNull();
        });
        RecordedEvent opened = named(all, "Transition").get(0);
        assertThat(opened.getString("policy")).isEqualTo("circuit breaker 'payments'");
        assertThat(opened.getString("from")).isEqualTo("CLOSED");
        assertThat(opened.getString("to")).isEqualTo("OPEN");
        assertThat(opened.getString("reason")).isEqualTo("2 of 2 calls failed, threshold 50 %");
        assertThat(opened.getEventType().getCategoryNames()).containsExactly("Resilience");
        RecordedEvent refused = named(all, "Rejection").get(0);
        assertThat(refused.getString("message")).contains("circuit breaker 'payments' is open");
        assertThat(refused.getDuration("retryAfter")).isPositive();
        RecordedEvent retried = named(all, "Retry").get(0);
        assertThat(retried.getInt("attempt")).isEqualTo(1);
        assertThat(retried.getDuration("delay")).isEqualTo(Duration.ofMillis(100));
        assertThat(retried.getString("failure")).isEqualTo("java.io.IOException");
        assertThat(named(all, "Stop").get(0).getString("reason")).isEqualTo("ATTEMPTS");
        RecordedEvent late = named(all, "Timeout").get(0);
        assertThat(late.getDuration("allowed")).isEqualTo(Duration.ofSeconds(1));
        assertThat(late.getDuration("elapsed")).isEqualTo(Duration.ofSeconds(2));
    }

    @Test
    void they_are_off_until_a_recording_asks_for_them() throws IOException {
        events.bind(rig.breaker);
        Path file = directory.resolve("off.jfr");
        try (Recording recording = new Recording()) {
            recording.start();
            rig.breaker.forceOpen("maintenance");
            Rig.fail(rig.breaker);
            recording.stop();
            recording.dump(file);
        }
        assertThat(RecordingFile.readAllEvents(file))
                .noneMatch(event -> event.getEventType().getName().startsWith("dev.resilience."));
        assertThat(FlightRecorder.getFlightRecorder().getEventTypes().stream()
                        .filter(type -> type.getName().startsWith("dev.resilience."))
                        .map(EventType::isEnabled))
                .containsOnly(false);
    }

    @Test
    void off_they_allocate_nothing() { // L15
        rig.breaker.forceOpen("maintenance");
        events.bind(rig.breaker);
        assertThat(Allocations.perRun(() -> rig.breaker.outcome(() -> 1), CostTest.AN_OUTCOME))
                .isLessThanOrEqualTo(CostTest.AN_OUTCOME);
        Outcome<Integer> refused = rig.breaker.outcome(() -> 1);
        assertThat(refused.succeeded()).isFalse();
    }

    @Test
    void rejections_are_throttled_and_the_rest_is_counted() throws IOException {
        events.bind(rig.breaker);
        rig.breaker.forceOpen("maintenance");
        List<RecordedEvent> all = recorded(() -> {
            for (int i = 0; i < 350; i++) Rig.fail(rig.breaker);
            rig.time.advance(Duration.ofMillis(10));
            Rig.fail(rig.breaker);
        });
        List<RecordedEvent> rejections = named(all, "Rejection");
        assertThat(rejections).hasSize(101);
        assertThat(rejections.get(100).getLong("suppressed")).isEqualTo(250);
    }

    @Test
    void closed_they_hear_nothing() throws IOException { // L13
        Subscription binding = events.bind(rig.breaker);
        binding.close();
        events.bind(rig.retry);
        events.close();
        assertThat(recorded(() -> {
                    rig.breaker.forceOpen("maintenance");
                    Rig.fail(rig.pipeline(rig.retry));
                }))
                .isEmpty();
        assertThatIllegalStateException().isThrownBy(() -> events.bind(rig.retry));
    }
}
