// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.tuple;

import dev.resilience.saga.JournalEntry.Phase;
import dev.resilience.saga.SagaListener;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.StepOutcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SagaEventsTest {
    private static final List<String> NAMES =
            List.of("SagaStep", "SagaRetry", "SagaTurn", "SagaEnd", "SagaTakeover", "SagaFlush");
    private static final SagaRef ORDER = new SagaRef("place-order", "4711");

    private final HeardEngine engine = new HeardEngine();
    private final PolicyEvents events = PolicyEvents.create();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        engine.close();
    }

    private List<RecordedEvent> recorded(boolean on) throws IOException {
        Path file = directory.resolve("recording.jfr");
        try (Recording recording = new Recording()) {
            if (on) NAMES.forEach(name -> recording.enable("dev.resilience." + name));
            recording.start();
            engine.happens(SagaEventsTest::everything);
            recording.stop();
            recording.dump(file);
        }
        List<RecordedEvent> ours = new ArrayList<>(RecordingFile.readAllEvents(file));
        ours.removeIf(event -> !event.getEventType().getName().startsWith("dev.resilience.Saga"));
        Files.delete(file);
        return ours;
    }

    private static void everything(SagaListener heard) {
        heard.started(ORDER);
        heard.step(ORDER, "pay", Phase.ACTION, StepOutcome.IN_DOUBT, Duration.ofSeconds(6));
        heard.retried(ORDER, "pay", 2, new IOException("secret"), Duration.ofSeconds(1));
        heard.rejectedLocally(ORDER, "pay", new IOException("secret"), Duration.ofSeconds(1));
        heard.turned(ORDER, "EXHAUSTED", "pay", "secret");
        heard.parked(ORDER, "POISON", null, "secret");
        heard.takenOver(ORDER, "a#1", 2);
        heard.fenced(ORDER);
        heard.ended(ORDER, SagaStatus.COMPENSATED, Duration.ofSeconds(9));
        heard.flushed(12, Duration.ofMillis(3));
    }

    private static List<RecordedEvent> named(List<RecordedEvent> all, String name) {
        return all.stream()
                .filter(event -> event.getEventType().getName().equals("dev.resilience." + name))
                .toList();
    }

    @Test
    void a_recording_holds_steps_turns_ends_and_changes_of_hands() throws IOException {
        SagaEvents.bind(events, engine);
        List<RecordedEvent> all = recorded(true);
        assertThat(named(all, "SagaStep"))
                .extracting(
                        event -> event.getString("saga"),
                        event -> event.getString("sagaId"),
                        event -> event.getString("step"),
                        event -> event.getString("phase"),
                        event -> event.getString("outcome"),
                        event -> event.getDuration("took"))
                .containsExactly(tuple("place-order", "4711", "pay", "action", "in_doubt", Duration.ofSeconds(6)));
        assertThat(named(all, "SagaRetry"))
                .extracting(
                        event -> event.getInt("attempt"),
                        event -> event.getDuration("delay"),
                        event -> event.getString("failure"),
                        event -> event.getBoolean("local"))
                .containsExactly(
                        tuple(2, Duration.ofSeconds(1), "java.io.IOException", false),
                        tuple(0, Duration.ofSeconds(1), "java.io.IOException", true));
        assertThat(named(all, "SagaTurn"))
                .extracting(
                        event -> event.getString("step"),
                        event -> event.getString("reason"),
                        event -> event.getBoolean("parked"))
                .containsExactly(tuple("pay", "EXHAUSTED", false), tuple("", "POISON", true));
        assertThat(named(all, "SagaTakeover"))
                .extracting(
                        event -> event.getString("from"),
                        event -> event.getInt("claims"),
                        event -> event.getBoolean("lost"))
                .containsExactly(tuple("a#1", 2, false), tuple("", 0, true));
        assertThat(named(all, "SagaEnd"))
                .extracting(event -> event.getString("outcome"), event -> event.getDuration("took"))
                .containsExactly(tuple("compensated", Duration.ofSeconds(9)));
        assertThat(named(all, "SagaFlush"))
                .extracting(event -> event.getInt("checkpoints"), event -> event.getDuration("took"))
                .containsExactly(tuple(12, Duration.ofMillis(3)));
        assertThat(all).allSatisfy(event -> {
            assertThat(event.getEventType().getCategoryNames()).containsExactly("Resilience");
            assertThat(event.toString()).doesNotContain("secret");
        });
    }

    @Test
    void they_are_off_until_a_recording_asks_for_them() throws IOException {
        SagaEvents.bind(events, engine);
        assertThat(recorded(false)).isEmpty();
    }

    @Test
    void closed_they_hear_nothing() throws IOException { // L13
        SagaEvents.bind(events, engine).close();
        assertThat(recorded(true)).isEmpty();
        events.close();
        assertThatIllegalStateException().isThrownBy(() -> SagaEvents.bind(events, engine));
        assertThat(engine.listeners).isEmpty();
    }
}
