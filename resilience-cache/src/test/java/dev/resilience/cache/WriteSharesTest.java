// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.cache.WriteBehind.WhenFull;
import dev.resilience.cache.Writer.Change;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Who writes what: callers for want of room, and keys that have failed alone. */
class WriteSharesTest {

    /** S17, S20: the source first, then the load under way, then the store; and no record stays. */
    @Test
    void what_is_written_through_is_stored_and_a_load_that_read_before_is_not() {
        Map<String, String> source = new HashMap<>(Map.of("b", "old"));
        AtomicInteger loads = new AtomicInteger();
        AtomicReference<Runnable> afterRead = new AtomicReference<>(() -> {});
        LoadingCache<String, String> cache = LoadingCache.<String, String>builder("users", key -> {
                    loads.incrementAndGet();
                    String read = source.getOrDefault(key, "none");
                    afterRead.getAndSet(() -> {}).run();
                    return read;
                })
                .timeSource(new DrainedTime(ManualTime.create()))
                .writer(change -> source.put(change.key(), String.valueOf(change.value())))
                .writeBehind(WriteBehind.after(Duration.ofDays(1))
                        .maxDirty(1)
                        .whenFull(WhenFull.WRITE_THROUGH)
                        .executor(Runnable::run))
                .build();
        cache.put("a", "1");
        afterRead.set(() -> cache.put("b", "new"));
        assertThat(cache.get("b")).as("began before").isEqualTo("old");
        assertThat(source).containsEntry("b", "new").doesNotContainKey("a");
        assertThat(cache.peek("b")).contains("new");
        cache.put("b", "newer");
        assertThat(source).containsEntry("b", "newer");
        assertThat(cache.peek("b")).contains("newer");
        assertThat(loads).hasValue(1);
        assertThat(cache.snapshot().dirty()).isOne();
        assertThat(cache.close(Duration.ofDays(1))).isEmpty();
        assertThat(Optional.ofNullable(source.get("a"))).contains("1");
    }

    /** Its caller is told how it went; who closes would write it a second time. */
    @Test
    void close_does_not_answer_what_a_caller_is_writing() throws InterruptedException {
        WriteRig rig = new WriteRig(WriteRig.settings().maxDirty(1).whenFull(WhenFull.WRITE_THROUGH));
        rig.writes.put("a", 1);
        Thread caller = new Thread(() -> rig.writes.put("b", 1));
        caller.setDaemon(true);
        caller.start();
        rig.time.awaitParked(1);
        assertThat(rig.writes.close(Duration.ZERO)).extracting(Change::key).containsExactly("a");
        rig.call("b").succeed();
        caller.join(TimeUnit.MINUTES.toMillis(1));
        assertThat(caller.isAlive()).isFalse();
        assertThat(rig.source).containsEntry("b", 1);
        assertThat(rig.read("b")).isEqualTo(1);
    }

    /** Nobody shares a batch with a key that has failed, whichever of them is due first. */
    @Test
    void a_key_that_has_failed_does_not_join_a_batch_that_others_have_begun() {
        WriteRig rig = new WriteRig(WriteRig.settings().batch(10).concurrency(1));
        rig.writes.put("a", 1);
        rig.advance(WriteRig.DELAY);
        rig.call("a").fail(); // due again at 1100 ms
        rig.run();
        rig.advance(Duration.ofMillis(800));
        rig.writes.put("c", 1); // takes the only place at 1000 ms
        rig.advance(Duration.ofMillis(50));
        rig.writes.put("b", 1); // due at 1050 ms
        rig.advance(Duration.ofMillis(250));
        rig.call("c").succeed();
        rig.run();
        assertThat(rig.call("b").changes).hasSize(1);
        rig.call("b").succeed();
        rig.run();
        rig.call("a").succeed();
        assertThat(rig.started).containsExactly("a=1", "c=1", "b=1", "a=1");
    }
}
