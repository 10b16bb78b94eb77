// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.tuple;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheEventsTest {
    private static final List<String> NAMES = List.of("Load", "StaleAnswer", "WriteFailure");

    private final CacheRig rig = new CacheRig();
    private final PolicyEvents events = PolicyEvents.create(rig.time);

    @TempDir
    private Path directory;

    private List<RecordedEvent> recorded(boolean on, Runnable incident) throws IOException {
        Path file = directory.resolve("recording.jfr");
        try (Recording recording = new Recording()) {
            if (on) NAMES.forEach(name -> recording.enable("dev.resilience." + name));
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

    private void outage() {
        rig.loading = () -> rig.time.advance(Duration.ofSeconds(2));
        rig.users.get("a");
        rig.down = true;
        rig.loading = () -> {};
        assertThat(catchThrowable(() -> rig.users.get("b"))).isNotNull();
        rig.time.advance(CacheRig.TTL.plusSeconds(1));
        rig.users.get("a");
        rig.work();
        rig.users.put("c", "new");
        rig.time.advance(Duration.ofSeconds(1));
        rig.work();
    }

    @Test
    void a_recording_holds_loads_stale_answers_and_failed_writes() throws IOException {
        CacheEvents.bind(events, rig.users);
        List<RecordedEvent> all = recorded(true, this::outage);
        assertThat(named(all, "Load"))
                .extracting(
                        event -> event.getString("cache"),
                        event -> event.getDuration("took"),
                        event -> event.getBoolean("background"),
                        event -> event.getString("failure"))
                .containsExactly(
                        tuple("users", Duration.ofSeconds(2), false, ""),
                        tuple("users", Duration.ZERO, false, "java.io.IOException"),
                        tuple("users", Duration.ZERO, true, "java.io.IOException"));
        RecordedEvent stale = named(all, "StaleAnswer").get(0);
        assertThat(stale.getString("failure")).isEmpty();
        assertThat(stale.getEventType().getCategoryNames()).containsExactly("Resilience");
        RecordedEvent write = named(all, "WriteFailure").get(0);
        assertThat(write.getInt("failures")).isEqualTo(1);
        assertThat(write.getString("failure")).isEqualTo("java.io.IOException");
    }

    @Test
    void they_are_off_until_a_recording_asks_for_them() throws IOException {
        CacheEvents.bind(events, rig.users);
        assertThat(recorded(false, this::outage)).isEmpty();
    }

    @Test
    void stale_answers_are_throttled_and_the_rest_is_counted() throws IOException {
        CacheEvents.bind(events, rig.users);
        List<RecordedEvent> all = recorded(true, () -> {
            rig.users.get("a");
            rig.time.advance(CacheRig.TTL.plusSeconds(1));
            for (int i = 0; i < 350; i++) rig.users.get("a");
            rig.time.advance(Duration.ofMillis(10));
            rig.users.get("a");
        });
        List<RecordedEvent> answers = named(all, "StaleAnswer");
        assertThat(answers).hasSize(101);
        assertThat(answers.get(100).getLong("suppressed")).isEqualTo(250);
    }

    @Test
    void closed_they_hear_nothing() throws IOException { // L13
        CacheEvents.bind(events, rig.users).close();
        assertThat(recorded(true, this::outage)).isEmpty();
        events.close();
        assertThatIllegalStateException().isThrownBy(() -> CacheEvents.bind(events, rig.users));
    }
}
