// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.cache.FaultyBackplane;
import dev.resilience.testkit.cache.FaultySecondLevel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a lossy backplane and a second level that fails do to two nodes: the bounds of L16 (S21, cache.md 3.11, 3.14). */
class TieredFaultsTest {
    private static final Duration BEAT = Link.BEAT;
    private static final Duration SILENCE = Link.BEAT.multipliedBy(3);
    private static final Duration STALENESS = Duration.ofSeconds(30);

    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();
    private final Cluster cluster = new Cluster(time);
    private final Cluster.Node a = cluster.node();
    private final Cluster.Node b = cluster.node();

    @AfterEach
    void close() {
        a.close();
        b.close();
    }

    // --- messages ---

    @Test
    void a_lost_message_is_noticed_at_the_next_one() {
        a.put("k", "v1");
        b.get("k");
        b.end.lose(1);
        a.change("k", "v2");
        assertThat(b.get("k")).as("it cannot know yet").isEqualTo("v1");
        a.put("other", "x");
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(b.cache.snapshot().gaps()).isEqualTo(1);
    }

    /** S21: the last message of all has no next one; the heartbeat carries its number. */
    @Test
    void a_lost_message_is_noticed_within_a_beat() {
        a.put("k", "v1");
        b.get("k");
        b.end.lose(1);
        a.change("k", "v2");
        time.advance(BEAT);
        assertThat(b.get("k")).isEqualTo("v2");
    }

    /** A gap does not make nodes read everything again at once: each copy is asked for when it is used. */
    @Test
    void after_a_gap_each_copy_is_asked_for_once_and_none_before_it_is_used() {
        for (int i = 0; i < 10; i++) {
            a.put("k" + i, "v");
            b.get("k" + i);
        }
        long hits = b.cache.snapshot().secondLevelHits();
        b.end.lose(1);
        a.put("other", "x");
        time.advance(BEAT);
        assertThat(b.cache.snapshot().secondLevelHits()).isEqualTo(hits);
        for (int round = 0; round < 3; round++) b.get("k1");
        assertThat(b.cache.snapshot().secondLevelHits()).isEqualTo(hits + 1);
        assertThat(b.loads).isZero();
    }

    @Test
    void messages_out_of_order_are_a_gap_and_each_still_counts() {
        for (String key : List.of("x", "y", "z")) {
            a.put(key, "1");
            b.get(key);
        }
        b.end.hold();
        for (String key : List.of("x", "y", "z")) a.change(key, "2");
        for (int at : new int[] {2, 1, 0}) b.end.release(at);
        b.end.release();
        for (String key : List.of("x", "y", "z")) assertThat(b.get(key)).isEqualTo("2");
        assertThat(b.cache.snapshot().gaps()).isPositive();
    }

    /** Delay is as bad as loss, and looks alive as long as heartbeats of others come: only its own ones count. */
    @Test
    void a_message_that_is_late_prolongs_nothing_beyond_three_beats() {
        a.put("k", "v1");
        b.get("k");
        b.end.hold();
        a.change("k", "v2");
        time.advance(SILENCE.minusNanos(1));
        assertThat(b.get("k")).isEqualTo("v1");
        time.advance(Duration.ofNanos(1));
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(b.cache.snapshot().backplaneAlive()).isFalse();
        b.end.release();
        time.advance(BEAT);
        assertThat(b.cache.snapshot().backplaneAlive()).isTrue();
    }

    /** All messages come, in order and ten seconds late: heartbeats of others, and late ones of its own, prove nothing. */
    @Test
    void a_line_that_is_always_late_is_a_dead_line() {
        try (Cluster.Node c = cluster.node(s -> s.maxL1Staleness(Duration.ofSeconds(4)))) {
            c.end.hold();
            for (int second = 0; second < 10; second++) time.advance(BEAT);
            a.put("k", "v1");
            assertThat(c.get("k")).isEqualTo("v1");
            a.change("k", "v2");
            for (int second = 0; second < 4; second++) {
                for (int node = 0; node < 3; node++) c.end.release(0); // heartbeats of ten seconds ago
                time.advance(BEAT);
            }
            assertThat(c.cache.snapshot().backplaneAlive()).isFalse();
            assertThat(c.get("k")).isEqualTo("v2");
        }
    }

    /** The bound of L16: three beats for what is there, maxL1Staleness for what is read while it lasts. */
    @Test
    void while_the_backplane_is_lost_a_copy_is_as_old_as_is_allowed() {
        a.put("k", "v1");
        b.get("k");
        b.end.disconnect();
        time.advance(SILENCE);
        assertThat(b.get("k")).isEqualTo("v1"); // asked for anew
        a.change("k", "v2");
        time.advance(STALENESS.minusNanos(1));
        assertThat(b.get("k")).as("in the bound").isEqualTo("v1");
        time.advance(Duration.ofNanos(1));
        assertThat(b.get("k")).as("past the bound").isEqualTo("v2");
    }

    @Test
    void a_connection_that_comes_back_unnoticed_is_noticed_by_the_numbers() {
        a.put("k", "v1");
        b.get("k");
        b.end.disconnect();
        a.change("k", "v2");
        b.end.reconnect();
        time.advance(BEAT);
        assertThat(b.get("k")).isEqualTo("v2");
    }

    @Test
    void a_backplane_that_knows_of_its_gap_is_believed_at_once() {
        a.put("k", "v1");
        b.get("k");
        b.end.disconnect();
        a.change("k", "v2");
        b.end.reconnectAndTell();
        assertThat(b.get("k")).isEqualTo("v2");
    }

    /** Copies that were made while the line was dead are older than its return: all of them are asked for again. */
    @Test
    void after_a_silence_copies_of_the_meantime_are_asked_for_again() {
        b.end.disconnect();
        time.advance(SILENCE);
        a.put("k", "v1");
        b.get("k");
        a.change("k", "v2");
        b.end.reconnect();
        time.advance(BEAT);
        assertThat(b.get("k")).isEqualTo("v2");
    }

    /** A load that began before a gap is older than the gap, whenever it ends. */
    @Test
    void a_load_that_spans_a_gap_is_asked_for_again() {
        cluster.source.put("k", "v1");
        a.end.lose(1);
        a.level.afterNext(() -> {
            b.put("k", "v2"); // lost
            time.advance(BEAT); // noticed
        });
        a.get("k");
        assertThat(a.get("k")).isEqualTo("v2");
    }

    @Test
    void a_publisher_that_is_cut_off_owes_its_changes_and_pays_them() {
        a.put("k", "v1");
        b.get("k");
        a.end.disconnect();
        cluster.source.put("k", "v2");
        assertThat(a.cache.invalidateAsync("k").join()).isFalse();
        assertThat(a.cache.snapshot().pending()).isEqualTo(1);
        assertThat(a.get("k")).isEqualTo("v2");
        a.end.reconnect();
        time.advance(Duration.ofSeconds(5)); // the breaker has opened perhaps
        assertThat(a.cache.snapshot().pending()).isZero();
        assertThat(b.get("k")).isEqualTo("v2");
    }

    @Test
    void without_a_backplane_a_copy_is_as_old_as_is_allowed() {
        TieredCache<String, String> lone = TieredCache.<String, String>builder("things", cluster.source::get)
                .keys(k -> k, k -> k)
                .codec(Codec.utf8())
                .secondLevel(cluster.shared)
                .ttl(Cluster.TTL)
                .maxL1Staleness(Duration.ofSeconds(7))
                .executor(Runnable::run)
                .timeSource(time)
                .build();
        a.put("k", "v1");
        assertThat(lone.get("k")).isEqualTo("v1");
        a.change("k", "v2");
        time.advance(Duration.ofSeconds(7).minusNanos(1));
        assertThat(lone.get("k")).isEqualTo("v1");
        time.advance(Duration.ofNanos(1));
        assertThat(lone.get("k")).isEqualTo("v2");
        assertThat(lone.snapshot().backplaneAlive()).isFalse();
        lone.close();
    }

    // --- the second level ---

    /** cache.md 3.14. */
    @Test
    void without_its_second_level_a_node_loads_and_keeps() {
        a.level.down();
        cluster.source.put("k", "v1");
        assertThat(a.get("k")).isEqualTo("v1");
        assertThat(a.get("k")).isEqualTo("v1");
        assertThat(a.loads).isEqualTo(1);
        assertThat(a.cache.snapshot().secondLevelFailures()).isPositive();
        assertThat(a.cache.snapshot().lastFailure()).isPresent();
    }

    /** cache.md 3.14: who is told before the second level has changed reads the old value again. */
    @Test
    void nobody_is_told_before_the_second_level_has_changed() {
        a.put("k", "v1");
        b.get("k");
        a.level.down();
        cluster.source.put("k", "v2");
        assertThat(a.cache.invalidateAsync("k").join()).isFalse();
        assertThat(b.get("k")).isEqualTo("v1");
        assertThat(a.get("k")).as("the node that removed it never serves it").isEqualTo("v2");
        a.level.up();
        assertThat(a.get("k")).as("the second level still has the old value").isEqualTo("v2");
        time.advance(Duration.ofSeconds(1));
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(a.get("k")).isEqualTo("v2");
        assertThat(a.cache.snapshot().pending()).isZero();
    }

    @Test
    void what_is_owed_of_a_key_is_not_read_from_the_second_level_and_not_stored_there() {
        b.put("k", "v1");
        a.level.down();
        a.change("k", "v2");
        a.level.up();
        assertThat(a.get("k")).isEqualTo("v2");
        assertThat(a.cache.snapshot().secondLevelHits()).isZero();
        assertThat(b.get("k")).as("it does not know yet").isEqualTo("v1");
    }

    @Test
    void what_is_owed_is_tried_each_second_until_it_is_paid() {
        a.put("k", "v1");
        b.get("k");
        a.level.down();
        a.change("k", "v2");
        time.advance(Duration.ofMinutes(2));
        assertThat(a.cache.snapshot().pending()).isEqualTo(1);
        a.level.up();
        time.advance(Duration.ofSeconds(2));
        assertThat(a.cache.snapshot().pending()).isZero();
        assertThat(b.get("k")).isEqualTo("v2");
    }

    @Test
    void a_put_that_could_not_be_stored_is_known_here_and_becomes_a_removal_elsewhere() {
        a.put("k", "v1");
        b.get("k");
        a.level.down();
        cluster.source.put("k", "v2");
        assertThat(a.cache.putAsync("k", "v2").join()).isFalse();
        assertThat(a.get("k")).isEqualTo("v2");
        assertThat(a.loads).isZero();
        a.level.up();
        time.advance(Duration.ofSeconds(1));
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(a.get("k")).isEqualTo("v2");
    }

    @Test
    void tags_and_clears_that_are_owed_are_not_believed_here_and_paid_later() {
        a.put("k", "v1@t");
        a.put("x", "x1");
        b.get("k");
        b.get("x");
        a.level.down();
        cluster.source.put("k", "v2@t");
        a.cache.invalidateTag("t");
        a.level.up();
        assertThat(a.get("k")).as("the second level does not know yet").isEqualTo("v2@t");
        assertThat(a.get("x")).isEqualTo("x1");
        time.advance(Duration.ofSeconds(1));
        assertThat(b.get("k")).isEqualTo("v2@t");

        a.level.down();
        cluster.source.put("x", "x2");
        a.cache.clear();
        a.level.up();
        assertThat(a.get("x")).isEqualTo("x2");
        time.advance(Duration.ofSeconds(1));
        assertThat(b.get("x")).isEqualTo("x2");
        assertThat(a.cache.snapshot().pending()).isZero();
    }

    /** The bound of what is owed: beyond it all debts become one. */
    @Test
    void too_many_changes_that_are_owed_become_a_clear() {
        try (Cluster.Node c = cluster.node(s -> s.maxPending(3))) {
            for (int i = 0; i < 6; i++) {
                a.put("k" + i, "1");
                b.get("k" + i);
            }
            c.level.down();
            for (int i = 0; i < 5; i++) c.change("k" + i, "2");
            assertThat(c.cache.snapshot().pending()).isEqualTo(1);
            c.level.up();
            time.advance(Duration.ofSeconds(3));
            assertThat(c.cache.snapshot().pending()).isZero();
            for (int i = 0; i < 5; i++) assertThat(b.get("k" + i)).isEqualTo("2");
            cluster.source.put("k5", "3");
            assertThat(b.get("k5")).as("cleared with the others").isEqualTo("3");
        }
    }

    /** Nobody to ask: a copy is better than a load for everybody at once, up to the age that is allowed. */
    @Test
    void while_both_are_lost_a_copy_is_served_up_to_its_age_and_then_loaded() {
        a.put("k", "v1");
        b.get("k");
        b.end.disconnect();
        b.level.down();
        cluster.source.put("k", "v2");
        time.advance(STALENESS.minusNanos(1));
        assertThat(b.get("k")).isEqualTo("v1");
        assertThat(b.get("k")).isEqualTo("v1");
        assertThat(b.loads).isZero();
        time.advance(Duration.ofNanos(1));
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(b.loads).isEqualTo(1);
    }

    /** What was served for want of anybody to ask is asked for as soon as there is somebody. */
    @Test
    void a_copy_that_was_served_blindly_is_asked_for_when_the_second_level_is_back() {
        a.put("k", "v1");
        b.get("k");
        b.end.disconnect();
        b.level.down();
        time.advance(SILENCE);
        a.change("k", "v2");
        assertThat(b.get("k")).isEqualTo("v1");
        b.level.up();
        time.advance(Duration.ofSeconds(2)); // the breaker, had it opened
        assertThat(b.get("k")).isEqualTo("v2");
    }

    /** Of two puts at the same time either may win; both nodes have the same one. A late removal costs a load. */
    @Test
    void changes_that_overlap_leave_one_value_on_all_nodes() {
        a.level.hold();
        CompletableFuture<Boolean> late = a.cache.putAsync("k", "v1");
        b.put("k", "v2");
        a.level.release();
        assertThat(late.join()).isTrue();
        String kept = b.get("k");
        assertThat(a.get("k")).as("whichever was last, both agree").isEqualTo(kept);

        a.level.hold();
        CompletableFuture<Boolean> removal = a.cache.invalidateAsync("k");
        b.put("k", "v3");
        a.level.release();
        assertThat(removal.join()).isTrue();
        assertThat(a.get("k")).isEqualTo("v3");
        assertThat(b.get("k")).isEqualTo("v3");
    }

    @Test
    void a_change_whose_answer_does_not_come_is_owed_at_the_deadline() {
        a.put("k", "v1");
        b.get("k");
        a.level.hold();
        cluster.source.put("k", "v2");
        CompletableFuture<Boolean> removal = a.cache.invalidateAsync("k");
        time.advance(Through.DEADLINE);
        assertThat(removal).isCompletedWithValue(false);
        a.level.release();
        time.advance(Duration.ofSeconds(1));
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(a.cache.snapshot().pending()).isZero();
    }

    @Test
    void a_second_level_that_hangs_delays_a_load_by_its_deadline() {
        ManualTime moving = laws.watch(ManualTime.autoAdvancing());
        Cluster other = new Cluster(moving);
        try (Cluster.Node c = other.node()) {
            other.source.put("k", "v1");
            c.level.hold();
            assertThat(c.get("k")).isEqualTo("v1");
            assertThat(c.loads).isEqualTo(1);
            assertThat(moving.elapsed()).isBetween(Through.DEADLINE, Through.DEADLINE.multipliedBy(2));
        }
    }

    /** The second level forgot everything, tokens and removals as well: nothing is stored with a token of before. */
    @Test
    void a_second_level_that_lost_everything_revives_nothing() {
        cluster.source.put("k", "v1");
        SecondLevel empty = SecondLevel.inProcess(100, time);
        a.duringLoad(() -> {
            a.level.lose(empty);
            b.level.lose(empty);
            b.change("k", "v2");
        });
        a.get("k");
        assertThat(a.get("k")).isEqualTo("v2");
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(a.cache.snapshot().refused()).isEqualTo(1);
    }

    @Test
    void a_node_that_starts_anew_reads_what_is_there_and_is_told_from_then_on() {
        a.put("k", "v1");
        b.get("k");
        b.close();
        a.change("k", "v2");
        try (Cluster.Node again = cluster.node()) {
            assertThat(again.get("k")).isEqualTo("v2");
            a.change("k", "v3");
            assertThat(again.get("k")).isEqualTo("v3");
        }
    }

    /** L13: what is closed leaves no timer, no subscription, and hears nothing. */
    @Test
    void a_closed_cache_leaves_nothing_behind() {
        Cluster.Node c = cluster.node();
        c.level.down();
        c.cache.invalidate("k");
        c.close();
        c.close();
        int timers = time.pendingTimers();
        assertThat(timers).as("those of a and b").isEqualTo(2);
        a.put("k", "v");
        time.advance(Duration.ofSeconds(10));
        assertThat(time.pendingTimers()).isEqualTo(2);
    }

    @Test
    void a_node_that_has_nothing_to_pay_has_one_timer() {
        a.level.down();
        a.change("k", "v");
        assertThat(time.pendingTimers()).isEqualTo(3);
        a.level.up();
        time.advance(Duration.ofSeconds(3));
        assertThat(time.pendingTimers()).isEqualTo(2);
    }

    @Test
    void how_a_test_of_yours_breaks_things() {
        // @start region="faults"
        ManualTime clock = ManualTime.create();
        FaultySecondLevel level = FaultySecondLevel.over(SecondLevel.inProcess(1000, clock));
        FaultyBackplane line = FaultyBackplane.over(Backplane.inProcess());
        TieredCache<String, String> node = TieredCache.<String, String>builder("users", key -> "loaded")
                .keys(key -> key, text -> text)
                .codec(Codec.utf8())
                .secondLevel(level)
                .backplane(line)
                .ttl(Duration.ofMinutes(10))
                .executor(Runnable::run)
                .timeSource(clock)
                .build();
        node.get("42");
        level.down();
        line.lose(3);
        clock.advance(Duration.ofSeconds(30));
        assertThat(node.get("42")).isEqualTo("loaded");
        node.close();
        // @end
    }
}
