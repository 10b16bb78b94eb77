// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.CallInterruptedException;
import dev.resilience.cache.WriteBehind.WhenFull;
import dev.resilience.cache.Writer.Change;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The rules of write-behind (cache.md 3.8, S20), one by one. */
class WriteBehindTest {
    private static final Duration DELAY = WriteRig.DELAY;

    @Test
    void a_put_is_written_when_its_delay_has_passed_and_not_before() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.advance(DELAY.minusNanos(1));
        assertThat(rig.started).isEmpty();
        rig.advance(Duration.ofNanos(1));
        assertThat(rig.started).containsExactly("a=1");
        rig.call("a").succeed();
        assertThat(rig.source).containsEntry("a", 1);
        assertThat(rig.writes.dirtyKeys()).isZero();
    }

    @Test
    void an_idle_map_has_no_timer() {
        WriteRig rig = new WriteRig();
        assertThat(rig.time.pendingTimers()).isZero();
        rig.writes.put("a", 1);
        rig.writes.put("b", 1);
        assertThat(rig.time.pendingTimers())
                .as("one for the earliest deadline, however many keys")
                .isOne();
        rig.advance(DELAY);
        rig.call("a").succeed();
        rig.call("b").succeed();
        assertThat(rig.time.pendingTimers()).isZero();
    }

    @Test
    void continuous_updates_do_not_postpone_the_write() {
        WriteRig rig = new WriteRig();
        for (int i = 1; i <= 10; i++) {
            rig.writes.put("a", i);
            rig.advance(DELAY.dividedBy(10));
        }
        assertThat(rig.started)
                .as("the deadline counts from the first change, and the write carries the newest")
                .containsExactly("a=10");
    }

    @Test
    void changes_of_one_key_become_one_write_of_the_newest() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.writes.remove("a");
        rig.writes.put("a", 3);
        rig.advance(DELAY);
        assertThat(rig.started).containsExactly("a=3");
    }

    @Test
    void puts_and_deletes_of_different_keys_keep_their_order() {
        WriteRig rig = new WriteRig(WriteRig.settings().concurrency(1));
        rig.writes.put("a", 1);
        rig.writes.remove("b");
        rig.writes.put("c", 1);
        rig.advance(DELAY);
        rig.call("a").succeed();
        rig.run();
        rig.call("b").succeed();
        rig.run();
        assertThat(rig.started).containsExactly("a=1", "b=null", "c=1");
    }

    @Test
    void of_one_key_only_one_write_is_under_way_and_the_next_carries_what_came_meanwhile() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        rig.writes.put("a", 2);
        rig.writes.put("a", 3);
        rig.advance(DELAY.multipliedBy(5));
        assertThat(rig.started).containsExactly("a=1");
        rig.call("a").succeed();
        rig.run();
        assertThat(rig.started).containsExactly("a=1", "a=3");
        assertThat(rig.writes.dirtyKeys()).isOne();
        rig.call("a").succeed();
        assertThat(rig.source).containsEntry("a", 3);
        assertThat(rig.writes.dirtyKeys()).isZero();
    }

    @Test
    void a_change_during_a_write_has_a_delay_of_its_own() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        rig.writes.put("a", 2);
        rig.call("a").succeed();
        rig.run();
        assertThat(rig.started).as("not before its own delay").containsExactly("a=1");
        rig.advance(DELAY);
        assertThat(rig.started).containsExactly("a=1", "a=2");
    }

    @Test
    void a_success_leaves_a_newer_change_dirty() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        rig.writes.put("a", 2);
        rig.call("a").succeed();
        assertThat(rig.writes.dirtyKeys()).isOne();
        assertThat(rig.readPastStore("a")).isEqualTo(2);
    }

    @Test
    void a_retry_writes_the_newest_and_never_an_older_value_over_a_newer() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        rig.writes.put("a", 2);
        rig.call("a").fail();
        rig.run();
        rig.advance(WriteRig.PAUSE);
        assertThat(rig.started).containsExactly("a=1", "a=2");
    }

    @Test
    void a_failed_write_is_repeated_after_the_backoff_and_for_ever() {
        WriteRig rig = new WriteRig(WriteRig.settings().backoff(Backoff.exponential(Duration.ofSeconds(1))));
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        for (int k = 0; k < 10; k++) {
            rig.call("a").fail();
            rig.run();
            Duration pause = Duration.ofSeconds(1L << k);
            rig.advance(pause.minusNanos(1));
            assertThat(rig.calls).isEmpty();
            rig.advance(Duration.ofNanos(1));
            assertThat(rig.calls).hasSize(1);
        }
        assertThat(rig.told).contains("failed a 1 down", "failed a 10 down");
    }

    @Test
    void the_backoff_begins_anew_after_a_success() {
        WriteRig rig = new WriteRig(WriteRig.settings().backoff(Backoff.exponential(Duration.ofSeconds(1))));
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        rig.call("a").fail();
        rig.run();
        rig.advance(Duration.ofSeconds(1));
        rig.writes.put("a", 2);
        rig.call("a").succeed();
        rig.advance(DELAY);
        rig.call("a").fail();
        assertThat(rig.told).endsWith("failed a 1 down");
    }

    @Test
    void a_write_that_always_fails_does_not_hold_up_other_keys() {
        WriteRig rig = new WriteRig(WriteRig.settings().concurrency(1));
        rig.writes.put("poison", 1);
        rig.advance(DELAY);
        for (int i = 0; i < 20; i++) {
            rig.writes.put("k" + i, i);
            rig.advance(DELAY);
            for (WriteRig.Call call : new ArrayList<>(rig.calls)) {
                if (call.changes.get(0).key().equals("poison")) call.fail();
                rig.run();
            }
            rig.call("k" + i).succeed();
            rig.run();
        }
        assertThat(rig.source).hasSize(20).doesNotContainKey("poison");
        assertThat(rig.writes.dirtyKeys()).isOne();
        assertThat(rig.readPastStore("poison")).isEqualTo(1);
    }

    @Test
    void a_key_stays_in_flight_until_the_stage_completes_and_the_timeout_only_reports() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        WriteRig.Call late = rig.call("a");
        rig.writes.put("a", 2);
        rig.advance(WriteRig.TIMEOUT);
        assertThat(rig.told).contains("late a");
        assertThat(rig.writes.lateWrites()).isOne();
        rig.advance(WriteRig.TIMEOUT.multipliedBy(100));
        assertThat(rig.started).as("S20: v2 waits for the end of v1").containsExactly("a=1");
        late.succeed();
        rig.run();
        assertThat(rig.started).containsExactly("a=1", "a=2");
        rig.call("a").succeed();
        assertThat(rig.source).containsEntry("a", 2);
        assertThat(rig.writes.lateWrites()).isZero();
        assertThat(rig.told.stream().filter("late a"::equals)).hasSize(1);
    }

    @Test
    void a_write_that_hangs_frees_its_place_for_other_keys_when_it_is_late() {
        WriteRig rig = new WriteRig(WriteRig.settings().concurrency(1));
        rig.writes.put("hangs", 1);
        rig.writes.put("b", 1);
        rig.advance(DELAY);
        assertThat(rig.started).containsExactly("hangs=1");
        rig.advance(WriteRig.TIMEOUT);
        assertThat(rig.started).containsExactly("hangs=1", "b=1");
        rig.writes.put("c", 1);
        rig.advance(DELAY);
        rig.call("hangs").succeed();
        rig.run();
        assertThat(rig.started).as("its end frees no second place").hasSize(2);
        rig.call("b").succeed();
        rig.run();
        assertThat(rig.started).endsWith("c=1");
    }

    @Test
    void reads_see_the_dirty_value_when_the_copy_is_evicted_or_invalidated() {
        WriteRig rig = new WriteRig();
        rig.source.put("a", 0);
        rig.writes.put("a", 1);
        rig.store.clear();
        assertThat(rig.read("a"))
                .as("S20: an invalidation never drops a dirty change")
                .isEqualTo(1);
        rig.advance(DELAY);
        assertThat(rig.read("a")).as("while it is being written").isEqualTo(1);
        rig.call("a").fail();
        assertThat(rig.read("a")).as("after a failure").isEqualTo(1);
        rig.run();
        rig.advance(WriteRig.PAUSE);
        rig.call("a").succeed();
        assertThat(rig.writes.dirty("a")).isNull();
        assertThat(rig.read("a")).isEqualTo(1);
    }

    @Test
    void a_dirty_delete_reads_as_absent() {
        WriteRig rig = new WriteRig();
        rig.source.put("a", 0);
        rig.writes.remove("a");
        assertThat(rig.writes.dirty("a")).isNotNull().matches(Change::isDelete);
        assertThat(rig.read("a")).isNull();
    }

    @Test
    void a_put_that_stores_late_does_not_store_over_a_newer_one() {
        WriteRig rig = new WriteRig();
        DirtyMap<String, Integer> map = new DirtyMap<>(WriteRig.settings(), copy -> ((WriteRig.Copy) copy).dead = true);
        WriteRig.Copy first = new WriteRig.Copy(1);
        Change<String, Integer> one = map.put("a", 1, first, 0);
        DirtyMap.Batch<String, Integer> batch = map.take(DELAY.toNanos());
        map.end(batch, true, 0, DELAY.toNanos());
        assertThat(map.size()).as("written").isZero();
        WriteRig.Copy second = new WriteRig.Copy(2);
        map.put("a", 2, second, DELAY.toNanos());
        assertThat(first.dead)
                .as("I7: the first put has not stored its copy yet, and will not")
                .isTrue();
        map.published(one);
        assertThat(map.read("a").value()).isEqualTo(2);
        assertThat(second.dead).isFalse();
        assertThat(rig.time.pendingTimers()).isZero();
    }

    @Test
    void a_batch_takes_keys_that_are_due_together_and_those_that_have_failed_alone() {
        WriteRig rig = new WriteRig(WriteRig.settings().batch(3).concurrency(8));
        for (String key : List.of("a", "b", "c", "d")) rig.writes.put(key, 1);
        rig.advance(DELAY);
        assertThat(rig.calls).extracting(call -> call.changes.size()).containsExactly(3, 1);
        rig.call("a").fail();
        rig.run();
        rig.advance(WriteRig.PAUSE);
        assertThat(rig.calls).extracting(call -> call.changes.size()).containsExactly(1, 1, 1, 1);
    }

    @Test
    void a_full_map_rejects_another_key_and_takes_further_changes_of_those_it_has() {
        WriteRig rig = new WriteRig(WriteRig.settings().maxDirty(1).whenFull(WhenFull.REJECT));
        rig.writes.put("a", 1);
        rig.writes.put("a", 2);
        assertThatThrownBy(() -> rig.writes.put("b", 1))
                .isInstanceOfSatisfying(
                        CacheWriteException.class,
                        e -> assertThat(e.isRejected()).isTrue())
                .hasMessage("cache 'users' rejected a change: 1 keys wait to be written, as many as maxDirty allows");
        assertThat(rig.store).as("nothing has changed").containsOnlyKeys("a");
        assertThat(rig.writes.dirty("b")).isNull();
        rig.advance(DELAY);
        rig.call("a").succeed();
        rig.writes.put("b", 1);
        assertThat(rig.read("b")).isEqualTo(1);
    }

    @Test
    void a_full_map_lets_the_caller_write_through() {
        WriteRig rig = new WriteRig(WriteRig.settings().maxDirty(1).whenFull(WhenFull.WRITE_THROUGH));
        rig.writes.put("a", 1);
        Thread caller = new Thread(() -> rig.writes.put("b", 1));
        caller.start();
        rig.time.awaitParked(1);
        assertThat(rig.started).as("at once, by the caller").containsExactly("b=1");
        assertThat(rig.writes.dirty("b")).as("not to be seen before it counts").isNull();
        rig.call("b").succeed();
        join(caller);
        assertThat(rig.read("b")).isEqualTo(1);
        assertThat(rig.writes.dirtyKeys()).isOne();
    }

    @Test
    void a_write_through_for_want_of_room_that_fails_is_told_to_its_caller_and_given_up() {
        List<Change<String, Integer>> seen = new ArrayList<>();
        WriteRig rig = new WriteRig();
        Writer<String, Integer> failing = Writer.async(changes -> {
            seen.addAll(changes);
            return CompletableFuture.failedFuture(new IllegalStateException("down"));
        });
        BehindWrites<String, Integer> writes = new BehindWrites<>(
                new DirectWrite<>("users", failing, rig.unwatched),
                WriteRig.settings().maxDirty(1).whenFull(WhenFull.WRITE_THROUGH).executor(rig.tasks::add),
                rig,
                rig);
        writes.put("a", 1);
        assertThatThrownBy(() -> writes.put("b", 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("down");
        assertThat(seen).hasSize(1);
        assertThat(writes.dirty("b")).isNull();
        assertThat(writes.dirtyKeys()).isOne();
        assertThat(rig.told).contains("drop b");
    }

    @Test
    void a_write_through_for_want_of_room_takes_no_place_and_gives_none_back() {
        WriteRig rig =
                new WriteRig(WriteRig.settings().maxDirty(2).concurrency(1).whenFull(WhenFull.WRITE_THROUGH));
        rig.writes.put("a", 1);
        rig.writes.put("b", 1);
        Thread caller = new Thread(() -> rig.writes.put("c", 1));
        caller.start();
        rig.time.awaitParked(1);
        rig.call("c").succeed();
        join(caller);
        rig.advance(DELAY);
        assertThat(rig.calls).as("one at once").hasSize(1);
    }

    @Test
    void a_map_that_takes_no_more_changes_takes_none_to_write_through_either() {
        DirtyMap<String, Integer> map = new DirtyMap<>(WriteRig.settings(), copy -> {});
        assertThat(map.refuse()).isTrue();
        assertThat(map.refuse()).as("the second time").isFalse();
        assertThat(map.put("a", 1, null, 0)).isNull();
        assertThat(map.takeOver("a", 1, null, 0)).isNull();
    }

    @Test
    void a_change_that_comes_while_another_is_written_through_is_written_behind_it() {
        WriteRig rig = new WriteRig(WriteRig.settings().maxDirty(1).whenFull(WhenFull.WRITE_THROUGH));
        rig.writes.put("a", 1);
        Thread caller = new Thread(() -> rig.writes.put("b", 1));
        caller.start();
        rig.time.awaitParked(1);
        rig.writes.put("b", 2);
        assertThat(rig.read("b")).isEqualTo(2);
        rig.advance(DELAY);
        assertThat(rig.started).as("after the one under way").containsExactly("b=1", "a=1");
        rig.call("b").succeed();
        join(caller);
        rig.run();
        assertThat(rig.started).endsWith("b=2");
        rig.call("b").succeed();
        assertThat(rig.source).containsEntry("b", 2);
    }

    @Test
    void a_full_map_lets_the_caller_wait_for_room() {
        WriteRig rig = new WriteRig(WriteRig.settings().maxDirty(1));
        rig.writes.put("a", 1);
        Thread caller = new Thread(() -> rig.writes.put("b", 2));
        caller.start();
        rig.time.awaitParked(1);
        assertThat(rig.writes.dirty("b")).isNull();
        rig.advance(DELAY);
        rig.call("a").succeed();
        join(caller);
        assertThat(rig.read("b")).isEqualTo(2);
        assertThat(rig.writes.dirtyKeys()).isOne();
    }

    @Test
    void who_waits_for_room_longer_than_allowed_is_refused() {
        WriteRig rig = new WriteRig(WriteRig.settings().maxDirty(1).maxWait(Duration.ofMillis(50)));
        rig.writes.put("a", 1);
        CompletableFuture<Throwable> thrown = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            try {
                rig.writes.put("b", 2);
            } catch (Throwable refused) {
                thrown.complete(refused);
            }
        });
        caller.start();
        rig.time.awaitParked(1);
        rig.advance(Duration.ofMillis(50));
        join(caller);
        assertThat(thrown.getNow(null))
                .isInstanceOf(CacheWriteException.class)
                .hasMessage(
                        "cache 'users' rejected a change: 1 keys wait to be written for PT0.05S, as many as maxDirty"
                                + " allows");
        assertThat(rig.store).doesNotContainKey("b");
    }

    @Test
    void an_interrupt_ends_the_wait_for_room_and_stays_set() {
        WriteRig rig = new WriteRig(WriteRig.settings().maxDirty(1));
        rig.writes.put("a", 1);
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> rig.writes.put("b", 2))
                    .isInstanceOf(CallInterruptedException.class)
                    .hasMessage("cache 'users': the change was not accepted: the thread was interrupted while it waited"
                            + " for room");
        } finally {
            assertThat(Thread.interrupted()).as("L8").isTrue();
        }
        assertThat(rig.writes.dirty("b")).isNull();
    }

    @Test
    void close_writes_what_is_dirty_and_answers_what_could_not_be_written() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.writes.put("b", 1);
        rig.writes.put("b", 2);
        rig.writes.remove("c");
        CompletableFuture<List<Change<String, Integer>>> left = new CompletableFuture<>();
        Thread closer = new Thread(() -> left.complete(rig.writes.close(Duration.ofSeconds(5))));
        closer.start();
        rig.time.awaitParked(1);
        rig.run();
        assertThat(rig.started).as("at once").containsExactlyInAnyOrder("a=1", "b=2", "c=null");
        rig.call("a").succeed();
        rig.call("c").fail();
        rig.run();
        rig.advance(Duration.ofSeconds(5));
        join(closer);
        assertThat(left.getNow(List.of()))
                .as("b is under way and c has failed")
                .extracting(Change::key)
                .containsExactly("b", "c");
        assertThat(rig.time.pendingTimers()).isZero();
        assertThatThrownBy(() -> rig.writes.put("d", 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("cache 'users' is closed: it takes no more changes");
    }

    @Test
    void a_closed_map_starts_no_write_and_a_late_end_does_no_harm() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        WriteRig.Call late = rig.call("a");
        assertThat(rig.writes.close(Duration.ZERO)).hasSize(1);
        late.fail();
        rig.run();
        rig.advance(Duration.ofDays(1));
        assertThat(rig.calls).isEmpty();
        assertThat(rig.writes.close(Duration.ofDays(1)))
                .as("again, without waiting")
                .hasSize(1);
        assertThat(rig.time.pendingTimers()).isZero();
    }

    @Test
    void close_ends_the_wait_for_room() {
        WriteRig rig = new WriteRig(WriteRig.settings().maxDirty(1));
        rig.writes.put("a", 1);
        CompletableFuture<Throwable> thrown = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            try {
                rig.writes.put("b", 2);
            } catch (Throwable refused) {
                thrown.complete(refused);
            }
        });
        caller.start();
        rig.time.awaitParked(1);
        rig.writes.close(Duration.ZERO);
        join(caller);
        assertThat(thrown.getNow(null)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void flush_writes_all_that_was_dirty_and_does_not_wait_for_what_comes_later() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        CompletableFuture<Boolean> flushed = new CompletableFuture<>();
        Thread flusher = new Thread(() -> flushed.complete(rig.writes.flush(Duration.ofSeconds(5))));
        flusher.start();
        rig.time.awaitParked(1);
        rig.writes.put("b", 1);
        rig.run();
        assertThat(rig.started).containsExactly("a=1");
        rig.call("a").succeed();
        join(flusher);
        assertThat(flushed.getNow(false)).isTrue();
        assertThat(rig.writes.dirtyKeys()).isOne();
    }

    @Test
    void flush_also_writes_what_came_during_the_write_under_way() {
        WriteRig rig = new WriteRig();
        rig.writes.put("a", 1);
        rig.advance(DELAY);
        rig.writes.put("a", 2);
        CompletableFuture<Boolean> flushed = new CompletableFuture<>();
        Thread flusher = new Thread(() -> flushed.complete(rig.writes.flush(Duration.ofSeconds(5))));
        flusher.start();
        rig.time.awaitParked(1);
        rig.call("a").succeed();
        rig.run();
        rig.call("a").succeed();
        join(flusher);
        assertThat(flushed.getNow(false)).isTrue();
        assertThat(rig.source).containsEntry("a", 2);
    }

    @Test
    void flush_of_nothing_is_done_at_once() {
        WriteRig rig = new WriteRig();
        assertThat(rig.writes.flush(Duration.ZERO)).isTrue();
        rig.writes.put("a", 1);
        assertThat(rig.writes.flush(Duration.ZERO)).isFalse();
    }

    @Test
    void what_an_executor_refuses_is_a_failed_write_and_tried_again() {
        WriteRig rig = new WriteRig();
        boolean[] refuse = {true};
        BehindWrites<String, Integer> writes = new BehindWrites<>(
                new DirectWrite<>("users", Writer.async(c -> CompletableFuture.completedFuture(null)), rig.unwatched),
                WriteBehind.after(Duration.ZERO)
                        .backoff(Backoff.constant(WriteRig.PAUSE))
                        .executor(task -> {
                            if (refuse[0]) throw new IllegalStateException("full");
                            task.run();
                        }),
                rig,
                rig);
        writes.put("a", 1);
        assertThat(rig.told).containsExactly("failed a 1 full");
        refuse[0] = false;
        rig.time.advance(WriteRig.PAUSE);
        assertThat(rig.told).endsWith("written a");
        assertThat(writes.dirtyKeys()).isZero();
    }

    @Test
    void a_writer_that_fails_at_once_on_the_callers_thread_does_not_loop() {
        WriteRig rig = new WriteRig();
        BehindWrites<String, Integer> writes = new BehindWrites<>(
                new DirectWrite<>(
                        "users",
                        change -> {
                            throw new java.io.IOException("down");
                        },
                        rig.unwatched),
                WriteBehind.after(Duration.ZERO).backoff(Backoff.none()).executor(Runnable::run),
                rig,
                rig);
        writes.put("a", 1);
        rig.time.advance(Duration.ofMillis(5));
        assertThat(rig.told)
                .containsExactly(
                        "failed a 1 down",
                        "failed a 2 down",
                        "failed a 3 down",
                        "failed a 4 down",
                        "failed a 5 down",
                        "failed a 6 down");
    }

    @Test
    void a_null_stage_is_a_failure_that_names_it() {
        WriteRig rig = new WriteRig();
        BehindWrites<String, Integer> writes = new BehindWrites<>(
                new DirectWrite<>("users", Writer.async(c -> null), rig.unwatched),
                WriteBehind.after(Duration.ZERO).executor(Runnable::run),
                rig,
                rig);
        writes.put("a", 1);
        assertThat(rig.told).containsExactly("failed a 1 the writer's stage");
    }

    @Test
    void versions_rise_and_begin_where_they_are_told_to() {
        List<Long> versions = new ArrayList<>();
        WriteRig rig = new WriteRig();
        BehindWrites<String, Integer> writes = new BehindWrites<>(
                new DirectWrite<>("users", change -> versions.add(change.version()), rig.unwatched),
                WriteBehind.after(Duration.ZERO).firstVersion(1000).executor(Runnable::run),
                rig,
                rig);
        writes.put("a", 1);
        writes.put("b", 1);
        writes.put("a", 2);
        assertThat(versions).containsExactly(1000L, 1001L, 1002L);
    }

    @Test
    void settings_of_any_length_do_not_overflow() {
        Duration ever = Duration.ofSeconds(Long.MAX_VALUE);
        WriteRig rig = new WriteRig(WriteBehind.after(ever).timeout(ever).maxWait(ever));
        rig.writes.put("a", 1);
        rig.advance(Duration.ofDays(3650));
        assertThat(rig.started).isEmpty();
        assertThat(rig.writes.flush(Duration.ZERO)).isFalse();
        rig.run();
        assertThat(rig.started).containsExactly("a=1");
    }

    @Test
    void every_bad_setting_is_named() {
        List<String> problems = new ArrayList<>();
        WriteBehind.after(Duration.ofMillis(-1))
                .maxDirty(0)
                .batch(0)
                .concurrency(-1)
                .maxWait(Duration.ZERO)
                .timeout(Duration.ofNanos(-5))
                .check(problems);
        assertThat(problems)
                .containsExactly(
                        "the delay of write-behind must not be negative, was PT-0.001S",
                        "maxDirty of write-behind must be at least 1, was 0",
                        "batch of write-behind must be at least 1, was 0",
                        "concurrency of write-behind must be at least 1, was -1",
                        "maxWait of write-behind must be more than zero, was PT0S",
                        "timeout of write-behind must be more than zero, was PT-0.000000005S");
    }

    @Test
    void a_change_shows_neither_key_nor_value() {
        assertThat(new Change<>("secret", 42, 7)).hasToString("put, version 7");
        assertThat(new Change<>("secret", null, 8)).hasToString("delete, version 8");
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
