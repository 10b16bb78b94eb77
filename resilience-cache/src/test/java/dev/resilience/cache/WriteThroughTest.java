// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallInterruptedException;
import dev.resilience.cache.Writer.Change;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** Write-through: the source first, then the cached copy, in turns for each key (cache.md 3.8). */
class WriteThroughTest {
    private final WriteRig rig = new WriteRig();
    private final List<String> written = new CopyOnWriteArrayList<>();

    private ThroughWrites<String, Integer> through(Writer<String, Integer> writer) {
        return new ThroughWrites<>(new DirectWrite<>("users", writer, rig.time), rig);
    }

    private ThroughWrites<String, Integer> recording() {
        return through(change -> written.add(change.key() + "=" + change.value() + "@" + change.version()));
    }

    @Test
    void a_put_writes_first_and_stores_then() {
        ThroughWrites<String, Integer> writes = through(change -> {
            assertThat(rig.store).isEmpty();
            written.add(change.key());
        });
        writes.put("a", 1);
        assertThat(written).containsExactly("a");
        assertThat(rig.read("a")).isEqualTo(1);
        assertThat(writes.busyKeys()).isZero();
    }

    @Test
    void a_remove_deletes_in_the_source_and_drops_the_copy() {
        ThroughWrites<String, Integer> writes = recording();
        writes.put("a", 1);
        writes.remove("a");
        assertThat(written).containsExactly("a=1@1", "a=null@2");
        assertThat(rig.store).isEmpty();
    }

    @Test
    void a_failed_write_comes_out_as_it_was_thrown_and_drops_the_copy() {
        IllegalStateException down = new IllegalStateException("down");
        recording().put("a", 0);
        ThroughWrites<String, Integer> writes = through(change -> {
            throw down;
        });
        assertThatThrownBy(() -> writes.put("a", 1)).isSameAs(down);
        assertThat(rig.store).as("nobody knows what the source holds").isEmpty();
        assertThat(writes.busyKeys()).isZero();
    }

    @Test
    void a_stage_that_fails_comes_out_as_its_cause() {
        IllegalStateException down = new IllegalStateException("down");
        ThroughWrites<String, Integer> writes =
                through(Writer.async(c -> CompletableFuture.failedFuture(down).thenApply(x -> x)));
        assertThatThrownBy(() -> writes.put("a", 1)).isSameAs(down);
    }

    @Test
    void a_checked_exception_is_the_cause_of_ours() {
        ThroughWrites<String, Integer> writes = through(change -> {
            throw new IOException("secret-key-17");
        });
        assertThatThrownBy(() -> writes.put("a", 1))
                .isInstanceOfSatisfying(
                        CacheWriteException.class,
                        e -> assertThat(e.isRejected()).isFalse())
                .hasMessage("cache 'users': the writer failed")
                .hasCauseInstanceOf(IOException.class);
    }

    @Test
    void an_error_comes_out_and_passes_the_turn() {
        AssertionError error = new AssertionError("broken");
        ThroughWrites<String, Integer> writes = through(change -> {
            throw error;
        });
        assertThatThrownBy(() -> writes.put("a", 1)).isSameAs(error);
        assertThat(writes.busyKeys()).isZero();
    }

    @Test
    void writes_of_one_key_take_turns_until_the_copy_is_stored() {
        List<CompletableFuture<Void>> stages = new CopyOnWriteArrayList<>();
        ThroughWrites<String, Integer> writes = through(Writer.async(changes -> {
            written.add("v" + changes.get(0).version());
            CompletableFuture<Void> stage = new CompletableFuture<>();
            stages.add(stage);
            return stage;
        }));
        Thread first = started(() -> writes.put("a", 1));
        rig.time.awaitParked(1);
        Thread second = started(() -> writes.put("a", 2));
        rig.time.awaitParked(2);
        assertThat(written).as("one write of a key at once").containsExactly("v1");
        stages.get(0).complete(null);
        join(first);
        rig.time.awaitParked(1);
        assertThat(written).containsExactly("v1", "v2");
        stages.get(1).complete(null);
        join(second);
        assertThat(rig.read("a")).as("source and cache agree").isEqualTo(2);
        assertThat(writes.busyKeys()).isZero();
    }

    @Test
    void writes_of_other_keys_do_not_wait() {
        ThroughWrites<String, Integer> writes = through(Writer.async(changes -> hanging(changes)));
        Thread first = started(() -> writes.put("hangs", 1));
        rig.time.awaitParked(1);
        writes.put("b", 2);
        assertThat(rig.read("b")).isEqualTo(2);
        hung.complete(null);
        join(first);
    }

    private final CompletableFuture<Void> hung = new CompletableFuture<>();

    private CompletionStage<Void> hanging(List<Change<String, Integer>> changes) {
        return changes.get(0).key().equals("hangs") ? hung : CompletableFuture.completedFuture(null);
    }

    @Test
    void an_interrupted_caller_leaves_and_the_write_counts_when_it_ends() {
        ThroughWrites<String, Integer> writes = through(Writer.async(changes -> hanging(changes)));
        CompletableFuture<Throwable> thrown = new CompletableFuture<>();
        Thread first = started(() -> {
            try {
                writes.put("hangs", 1);
            } catch (CallInterruptedException interrupted) {
                thrown.complete(Thread.currentThread().isInterrupted() ? interrupted : new AssertionError("L8"));
            }
        });
        rig.time.awaitParked(1);
        first.interrupt();
        join(first);
        assertThat(thrown.getNow(null))
                .hasMessage(
                        "cache 'users': it is not known whether the change was written: the thread was interrupted");
        assertThat(writes.busyKeys()).as("still being written").isOne();
        hung.complete(null);
        assertThat(writes.busyKeys()).isZero();
        assertThat(rig.read("hangs")).isEqualTo(1);
    }

    @Test
    void who_is_interrupted_before_its_turn_writes_nothing_and_passes_the_turn_on() {
        ThroughWrites<String, Integer> writes = through(Writer.async(changes -> {
            written.add("v" + changes.get(0).value());
            return hanging(changes);
        }));
        Thread first = started(() -> writes.put("hangs", 1));
        rig.time.awaitParked(1);
        Thread second = started(() -> {
            try {
                writes.put("hangs", 2);
            } catch (CallInterruptedException expected) {
                written.add("left");
            }
        });
        rig.time.awaitParked(2);
        second.interrupt();
        join(second);
        Thread third = started(() -> writes.put("hangs", 3));
        rig.time.awaitParked(2);
        hung.complete(null);
        join(first);
        join(third);
        assertThat(written).containsExactly("v1", "left", "v3");
        assertThat(rig.read("hangs")).isEqualTo(3);
        assertThat(writes.busyKeys()).isZero();
    }

    @Test
    void nothing_is_dirty_and_closing_has_nothing_to_write() {
        ThroughWrites<String, Integer> writes = recording();
        writes.put("a", 1);
        assertThat(writes.dirty("a")).isNull();
        assertThat(writes.dirtyKeys()).isZero();
        assertThat(writes.flush(Duration.ZERO)).isTrue();
        assertThat(writes.close(Duration.ZERO)).isEmpty();
    }

    private static Thread started(Runnable task) {
        Thread thread = new Thread(task);
        thread.start();
        return thread;
    }

    private static void join(Thread thread) {
        try {
            thread.join(60_000);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertThat(thread.isAlive()).isFalse();
    }
}
