// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.TimeSource;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Two nodes, one second level, one backplane, and nothing lost: what TieredFaultsTest takes away. */
class TieredCacheTest {
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

    @Test
    void what_one_node_has_loaded_the_other_reads_from_the_second_level() {
        cluster.source.put("k", "v1");
        assertThat(a.get("k")).isEqualTo("v1");
        assertThat(b.get("k")).isEqualTo("v1");
        assertThat(a.loads + b.loads).isEqualTo(1);
        assertThat(b.cache.snapshot().secondLevelHits()).isEqualTo(1);
        assertThat(a.cache.snapshot().secondLevelMisses()).isEqualTo(1);
    }

    @Test
    void a_copy_in_the_first_level_is_answered_without_asking() {
        cluster.source.put("k", "v1");
        b.get("k");
        b.level.down();
        cluster.source.put("k", "changed behind the cache");
        assertThat(b.get("k")).isEqualTo("v1");
        assertThat(b.cache.snapshot().secondLevelFailures()).isZero();
    }

    @Test
    void an_invalidation_reaches_both_levels_of_both_nodes() {
        cluster.source.put("k", "v1");
        a.get("k");
        b.get("k");
        a.change("k", "v2");
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(a.get("k")).isEqualTo("v2");
        assertThat(a.loads + b.loads).isEqualTo(2);
    }

    @Test
    void a_put_is_seen_by_the_other_without_a_load() {
        cluster.source.put("k", "v1");
        a.get("k");
        b.get("k");
        a.put("k", "v2");
        assertThat(a.get("k")).isEqualTo("v2");
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(a.loads + b.loads).isEqualTo(1);
    }

    /** cache.md 3.11: a set makes nobody read; who needs the value does. */
    @Test
    void nobody_reads_the_second_level_because_another_has_set_a_value() {
        a.put("k", "v1");
        b.get("k");
        long reads = b.cache.snapshot().secondLevelHits();
        for (int i = 0; i < 5; i++) a.put("k", "v" + i);
        assertThat(b.cache.snapshot().secondLevelHits()).isEqualTo(reads);
        assertThat(b.get("k")).isEqualTo("v4");
        assertThat(b.cache.snapshot().secondLevelHits()).isEqualTo(reads + 1);
    }

    @Test
    void a_tag_takes_its_values_with_it_on_both_nodes_and_no_others() {
        a.put("r", "1@red");
        a.put("rg", "1@red,green");
        a.put("g", "1@green");
        for (String key : List.of("r", "rg", "g")) b.get(key);
        cluster.source.put("r", "2@red");
        cluster.source.put("rg", "2@green");
        cluster.source.put("g", "2@green");
        a.cache.invalidateTag("red");
        for (Cluster.Node each : List.of(a, b)) {
            assertThat(each.get("r")).isEqualTo("2@red");
            assertThat(each.get("rg")).isEqualTo("2@green");
            assertThat(each.get("g")).isEqualTo("1@green");
        }
    }

    /** cache.md 3.10: also what only the second level has is dead after a clear. */
    @Test
    void a_clear_drops_everything_in_both_levels() {
        for (String key : List.of("x", "y", "z")) a.put(key, "1");
        b.get("x");
        for (String key : List.of("x", "y", "z")) cluster.source.put(key, "2");
        b.cache.clear();
        for (String key : List.of("x", "y", "z")) {
            assertThat(a.get(key)).isEqualTo("2");
            assertThat(b.get(key)).isEqualTo("2");
        }
    }

    @Test
    void caches_of_other_names_share_everything_and_disturb_nothing() {
        Cluster other = new Cluster(time);
        try (TieredCache<String, String> stranger = TieredCache.<String, String>builder("things2", k -> "other")
                .keys(k -> k, k -> k)
                .codec(Codec.utf8())
                .secondLevel(cluster.shared)
                .backplane(cluster.plane)
                .ttl(Cluster.TTL)
                .executor(Runnable::run)
                .timeSource(time)
                .build()) {
            a.put("k", "v1");
            assertThat(stranger.get("k")).isEqualTo("other");
            stranger.clear();
            stranger.invalidate("k");
            assertThat(a.get("k")).isEqualTo("v1");
            assertThat(b.get("k")).isEqualTo("v1");
            assertThat(a.cache.snapshot().gaps()).isZero();
        }
        assertThat(other.source).isEmpty();
    }

    @Test
    void what_is_not_there_is_not_kept() {
        assertThat(a.get("k")).isNull();
        cluster.source.put("k", "v1");
        assertThat(a.get("k")).isEqualTo("v1");
    }

    @Test
    void a_load_that_fails_fails_and_stores_nothing() {
        a.duringLoad(() -> {
            throw new IllegalStateException("thrown by a test");
        });
        cluster.source.put("k", "v1");
        assertThatThrownBy(() -> a.get("k")).hasStackTraceContaining("thrown by a test");
        assertThat(cluster.shared.read("things:k").toCompletableFuture().join().content())
                .isEmpty();
        assertThat(a.get("k")).isEqualTo("v1");
    }

    // --- races, each in one deterministic order ---

    /** S21: A loads v1; B writes v2, removes, publishes; A puts v1. */
    @Test
    void a_load_that_was_overtaken_by_a_removal_elsewhere_is_stored_in_neither_level() {
        cluster.source.put("k", "v1");
        a.duringLoad(() -> b.change("k", "v2"));
        assertThat(a.get("k")).as("who waited for it gets it").isIn("v1", "v2");
        assertThat(a.get("k")).isEqualTo("v2");
        assertThat(b.get("k")).isEqualTo("v2");
        assertThat(a.cache.snapshot().refused()).isEqualTo(1);
    }

    /** The same without the message: the refusal alone tells. */
    @Test
    void a_refused_value_is_not_kept_in_the_first_level_although_the_message_was_lost() {
        cluster.source.put("k", "v1");
        a.end.lose(1);
        a.duringLoad(() -> b.change("k", "v2"));
        a.get("k");
        assertThat(a.get("k")).isEqualTo("v2");
    }

    /** S21: B's own value, stored and dropped again within A's load, does not make A's token good. */
    @Test
    void a_load_that_was_overtaken_by_a_put_leaves_the_newer_value() {
        cluster.source.put("k", "v1");
        a.duringLoad(() -> b.put("k", "v2"));
        a.get("k");
        assertThat(a.get("k")).isEqualTo("v2");
        assertThat(b.get("k")).isEqualTo("v2");
    }

    /** cache.md 3.11: the message arrives between the read of the second level and the put into the first. */
    @Test
    void an_invalidation_hits_a_read_that_is_under_way() {
        b.put("k", "v1");
        a.level.afterNext(() -> b.change("k", "v2"));
        a.get("k");
        assertThat(a.get("k")).isEqualTo("v2");
    }

    /** S18. */
    @Test
    void a_tag_hits_a_read_and_a_load_that_are_under_way() {
        b.put("k", "v1@t");
        cluster.source.put("k", "v2@t");
        a.level.afterNext(() -> b.cache.invalidateTag("t"));
        a.get("k");
        assertThat(a.get("k")).isEqualTo("v2@t");

        cluster.source.put("x", "x1@t");
        a.duringLoad(() -> {
            cluster.source.put("x", "x2@t");
            b.cache.invalidateTag("t");
        });
        a.get("x");
        assertThat(a.get("x")).isEqualTo("x2@t");
    }

    @Test
    void a_clear_hits_a_read_and_a_load_that_are_under_way() {
        b.put("k", "v1");
        cluster.source.put("k", "v2");
        a.level.afterNext(() -> b.cache.clear());
        a.get("k");
        assertThat(a.get("k")).isEqualTo("v2");

        cluster.source.put("x", "x1");
        a.duringLoad(() -> {
            cluster.source.put("x", "x2");
            b.cache.clear();
        });
        a.get("x");
        assertThat(a.get("x")).isEqualTo("x2");
    }

    /** The removal's own node reads the old value while the removal is on its way to the second level. */
    @Test
    void a_read_between_the_first_and_the_second_level_of_a_removal_is_not_kept() {
        a.put("k", "v1");
        cluster.source.put("k", "v2");
        a.level.beforeNext(() -> assertThat(a.get("k")).isEqualTo("v1"));
        a.cache.invalidate("k");
        assertThat(a.get("k")).isEqualTo("v2");
    }

    /** Two puts of one node cross: the first level ends with what the second has. */
    @Test
    void two_puts_that_cross_leave_the_same_in_both_levels() {
        a.level.beforeNext(() -> a.put("k", "inner"));
        a.put("k", "outer");
        String second = secondLevel("k");
        assertThat(a.get("k")).isEqualTo(second);
        assertThat(b.get("k")).isEqualTo(second);
    }

    /** Puts of two nodes cross at each point: all end with one value. */
    @Test
    void puts_of_two_nodes_that_cross_end_with_one_value() {
        b.get("k");
        a.level.beforeNext(() -> b.put("k", "b1"));
        a.put("k", "a1");
        assertThat(List.of(a.get("k"), b.get("k"), secondLevel("k"))).containsOnly(secondLevel("k"));
        a.level.afterNext(() -> b.put("k", "b2"));
        a.put("k", "a2");
        assertThat(List.of(a.get("k"), b.get("k"), secondLevel("k"))).containsOnly(secondLevel("k"));
        a.level.afterNext(() -> a.level.afterNext(() -> b.put("k", "b3")));
        a.put("k", "a3");
        assertThat(List.of(a.get("k"), b.get("k"), secondLevel("k"))).containsOnly(secondLevel("k"));
    }

    // --- lives ---

    /** cache.md 3.7. */
    @Test
    void a_copy_does_not_outlive_the_value_in_the_second_level() {
        a.put("k", "v1");
        time.advance(Cluster.TTL.minusSeconds(1));
        assertThat(b.get("k")).isEqualTo("v1");
        cluster.source.put("k", "v2");
        time.advance(Duration.ofMillis(999));
        assertThat(b.get("k")).isEqualTo("v1");
        time.advance(Duration.ofMillis(1));
        assertThat(b.get("k")).isEqualTo("v2");
    }

    @Test
    void a_copy_lives_in_the_first_level_for_its_own_time_at_most() {
        try (Cluster.Node c = cluster.node(s -> s.l1Ttl(Duration.ofSeconds(20)))) {
            cluster.source.put("k", "v1");
            c.get("k");
            c.level.down();
            cluster.source.put("k", "v2");
            time.advance(Duration.ofSeconds(20).minusNanos(1));
            assertThat(c.get("k")).isEqualTo("v1");
            time.advance(Duration.ofNanos(1));
            assertThat(c.get("k")).isEqualTo("v2");
        }
    }

    /** A clock that is behind makes values of the others look young: their copies still live for l1Ttl at most. */
    @Test
    void a_clock_that_is_an_hour_behind_prolongs_no_copy() {
        try (Cluster.Node c = cluster.node(s -> s.l1Ttl(Duration.ofSeconds(20)))) {
            c.level.skew(Duration.ofHours(-1));
            a.put("k", "v1");
            assertThat(c.get("k")).isEqualTo("v1");
            cluster.source.put("k", "v2");
            time.advance(Cluster.TTL);
            assertThat(c.get("k")).isEqualTo("v2");
        }
    }

    /** A clock that is ahead takes values of the others for expired: it loads, and leaves what it does not believe. */
    @Test
    void a_clock_that_is_an_hour_ahead_costs_loads_and_nothing_else() {
        b.level.skew(Duration.ofHours(1));
        a.put("k", "v1");
        assertThat(b.get("k")).isEqualTo("v1");
        assertThat(b.loads).isEqualTo(1);
        assertThat(secondLevel("k")).isEqualTo("v1");
        a.change("k", "v2");
        assertThat(b.get("k")).isEqualTo("v2");
    }

    // --- guests ---

    @Test
    void a_value_that_cannot_be_decoded_counts_as_missing_and_is_replaced() {
        laws.expectLog("tiered cache 'numbers': the codec's decode threw .*");
        SecondLevel level = SecondLevel.inProcess(10, time);
        store(level, "numbers:k", "not a number");
        try (TieredCache<String, Long> numbers = numbers(level, decimal())) {
            assertThat(numbers.get("k")).isEqualTo(42L);
            assertThat(laws.logged()).hasSize(1);
        }
        try (TieredCache<String, Long> numbers = numbers(level, decimal())) {
            assertThat(numbers.get("k")).isEqualTo(42L);
            assertThat(numbers.snapshot().secondLevelHits()).isEqualTo(1);
        }
    }

    @Test
    void a_loaded_value_that_cannot_be_encoded_is_kept_in_the_first_level_only() {
        laws.expectLog("tiered cache 'numbers': the codec's encode threw .*");
        SecondLevel level = SecondLevel.inProcess(10, time);
        AtomicInteger loads = new AtomicInteger();
        try (TieredCache<String, Long> numbers = TieredCache.<String, Long>builder("numbers", k -> {
                    loads.incrementAndGet();
                    return 42L;
                })
                .keys(k -> k, k -> k)
                .codec(unwritable())
                .secondLevel(level)
                .ttl(Cluster.TTL)
                .executor(Runnable::run)
                .timeSource(time)
                .build()) {
            assertThat(numbers.get("k")).isEqualTo(42L);
            assertThat(numbers.get("k")).isEqualTo(42L);
            assertThat(loads).hasValue(1);
            assertThat(read(level, "numbers:k")).isEmpty();
        }
    }

    @Test
    void a_put_value_that_cannot_be_encoded_changes_nothing() {
        SecondLevel level = SecondLevel.inProcess(10, time);
        store(level, "numbers:k", "7");
        try (TieredCache<String, Long> numbers = numbers(level, new Codec<>() {
            @Override
            public byte[] encode(Long value) {
                throw new IllegalStateException("thrown by a test");
            }

            @Override
            public Long decode(byte[] bytes) {
                return Long.valueOf(new String(bytes, StandardCharsets.UTF_8));
            }
        })) {
            assertThatThrownBy(() -> numbers.put("k", 8L))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("tiered cache 'numbers': the codec cannot encode the value, nothing was put")
                    .hasRootCauseMessage("thrown by a test");
            assertThat(numbers.get("k")).isEqualTo(7L);
        }
    }

    @Test
    void tags_that_throw_in_a_load_are_reported_and_the_value_is_not_kept() {
        laws.expectLog("tiered cache 'things': tags threw .*a tag must not be empty.*");
        try (Cluster.Node c = cluster.node(s -> s.tags((k, v) -> List.of("")))) {
            cluster.source.put("k", "v1");
            assertThat(c.get("k")).isEqualTo("v1");
            cluster.source.put("k", "v2");
            assertThat(c.get("k")).isEqualTo("v2");
            assertThatThrownBy(() -> c.put("k", "v3")).isInstanceOf(IllegalArgumentException.class);
        }
        try (Cluster.Node c = cluster.node(s -> s.tags(
                (k, v) -> IntStream.range(0, 17).mapToObj(Integer::toString).toList()))) {
            assertThatThrownBy(() -> c.put("k", "v"))
                    .hasMessage("tiered cache 'things': a value may have at most 16 tags, had 17");
        }
    }

    @Test
    void an_empty_tag_is_refused() {
        assertThatThrownBy(() -> a.cache.invalidateTag(""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a tag must not be empty: the empty one is the cache's");
    }

    @Test
    void a_key_that_cannot_be_read_makes_the_node_ask_for_all_its_copies_again() {
        laws.expectLog("tiered cache 'things': a message's key threw .*");
        try (Cluster.Node c = cluster.node(s -> s.keys(k -> k, text -> {
            throw new IllegalStateException("thrown by a test");
        }))) {
            cluster.source.put("k", "v1");
            c.get("k");
            a.change("k", "v2");
            assertThat(c.get("k")).isEqualTo("v2");
            assertThat(c.cache.snapshot().gaps()).isEqualTo(1);
        }
    }

    @Test
    void the_loader_runs_through_its_policy() {
        Bulkhead none =
                Bulkhead.builder("loads").maxConcurrent(1).timeSource(time).build();
        try (Cluster.Node c = cluster.node(s -> s.through(none))) {
            var permit = none.admit();
            assertThatThrownBy(() -> c.get("k")).hasStackTraceContaining("bulkhead 'loads' is full");
            permit.success();
            cluster.source.put("k", "v1");
            assertThat(c.get("k")).isEqualTo("v1");
        }
    }

    // --- faces ---

    @Test
    void the_asynchronous_face_does_the_same() {
        cluster.source.put("k", "v1@t");
        assertThat(a.cache.getAsync("k").join()).isEqualTo("v1@t");
        assertThat(b.cache.getAsync("k").join()).isEqualTo("v1@t");
        cluster.source.put("k", "v2@t");
        assertThat(a.cache.invalidateAsync("k").join()).isTrue();
        assertThat(b.cache.getAsync("k").join()).isEqualTo("v2@t");
        assertThat(a.cache.putAsync("k", "v3@t").join()).isTrue();
        assertThat(b.cache.getAsync("k").join()).isEqualTo("v3@t");
        cluster.source.put("k", "v4@t");
        assertThat(a.cache.invalidateTagAsync("t").join()).isTrue();
        assertThat(b.cache.getAsync("k").join()).isEqualTo("v4@t");
        cluster.source.put("k", "v5");
        assertThat(a.cache.clearAsync().join()).isTrue();
        assertThat(b.cache.getAsync("k").join()).isEqualTo("v5");
    }

    /** L8. */
    @Test
    void a_change_keeps_the_interrupt_of_its_thread() {
        Thread.currentThread().interrupt();
        a.cache.put("k", "v1");
        a.cache.invalidate("k");
        assertThat(Thread.interrupted()).isTrue();
        assertThat(read(cluster.shared, "things:k")).isEmpty();
    }

    @Test
    void null_is_refused_everywhere() {
        assertThatThrownBy(() -> a.cache.get(nothing())).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> a.cache.getAsync(nothing())).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> a.cache.put(nothing(), "v")).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> a.cache.put("k", nothing())).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> a.cache.invalidate(nothing())).isInstanceOf(NullPointerException.class);
    }

    /** L11. */
    @Test
    void all_bad_settings_are_named_at_once() {
        TieredCache.Builder<String, String> bad = TieredCache.<String, String>builder("things", k -> k)
                .l1Ttl(Duration.ZERO)
                .maxL1Staleness(Duration.ofSeconds(-1))
                .maxEntries(0)
                .maxPending(0)
                .loadLock(LoadLock.inProcess(time), Duration.ZERO);
        assertThatThrownBy(bad::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("tiered cache 'things': keys must be set: how a key becomes a text, and back; codec must be"
                        + " set: how a value becomes bytes, and back; secondLevel must be set; for one process use a"
                        + " LoadingCache; ttl must be set; l1Ttl must be more than zero, was PT0S; maxL1Staleness must"
                        + " not be negative, was PT-1S; maxEntries must be at least 1, was 0; maxPending must be at"
                        + " least 1, was 0; the lease of loadLock must be more than zero, was PT0S");
        assertThatThrownBy(() -> cluster.node(s -> s.loadLock(LoadLock.inProcess(time), Duration.ofSeconds(31))))
                .hasMessage(
                        "tiered cache 'things': the lease of loadLock must be at most PT30S, was PT31S: who waits for it"
                                + " is given up after a minute");
        assertThatThrownBy(() -> cluster.node(s -> s.l1Ttl(Cluster.TTL.plusNanos(1))))
                .hasMessage("tiered cache 'things': l1Ttl must be at most the ttl of PT10M, was PT10M0.000000001S");
    }

    @Test
    void a_builder_that_is_used_again_changes_no_cache_that_it_has_built() {
        TieredCache.Builder<String, Long> builder = TieredCache.<String, Long>builder("numbers", k -> 42L)
                .keys(k -> k, k -> k)
                .codec(decimal())
                .secondLevel(SecondLevel.inProcess(10, time))
                .ttl(Cluster.TTL)
                .executor(Runnable::run)
                .timeSource(time);
        try (TieredCache<String, Long> first = builder.build()) {
            builder.secondLevel(new Broken());
            assertThat(first.get("k")).isEqualTo(42L);
            assertThat(first.snapshot().secondLevelFailures()).isZero();
        }
    }

    @Test
    void it_shows_its_name_and_numbers() {
        a.put("k", "v1");
        assertThat(a.cache.name()).isEqualTo("things");
        assertThat(a.cache)
                .hasToString("tiered cache 'things' (second level: hits=0, misses=0, refused=0, failures=0; backplane"
                        + " alive, gaps=0; pending=0)");
    }

    // --- the load lock ---

    /** cache.md 3.15. */
    @Test
    void who_does_not_get_the_lock_waits_for_the_value_of_who_has_it() {
        ManualTime moving = laws.watch(ManualTime.autoAdvancing());
        Cluster other = new Cluster(moving);
        LoadLock lock = LoadLock.inProcess(moving);
        try (Cluster.Node c = other.node(s -> s.loadLock(lock, Duration.ofSeconds(5)))) {
            Optional<String> theirs = lock.tryLock("things:k", Duration.ofSeconds(5))
                    .toCompletableFuture()
                    .join();
            assertThat(theirs).isPresent();
            TimeSource.Timer loaded = moving.schedule(
                    () -> store(other.shared, "things:k", "theirs"),
                    Duration.ofMillis(200).toNanos());
            assertThat(c.get("k")).isEqualTo("theirs");
            assertThat(c.loads).isZero();
            loaded.cancel();
        }
    }

    /** Between a look at the second level and the lock its holder may have stored the value: it is not loaded again. */
    @Test
    void who_gets_the_lock_after_a_wait_looks_for_the_value_first_and_gives_the_lock_back() {
        ManualTime moving = laws.watch(ManualTime.autoAdvancing());
        Cluster other = new Cluster(moving);
        AtomicInteger asked = new AtomicInteger();
        List<String> unlocked = new ArrayList<>();
        LoadLock lock = new LoadLock() {
            @Override
            public CompletionStage<Optional<String>> tryLock(String key, Duration lease) {
                if (asked.incrementAndGet() == 1) return CompletableFuture.completedFuture(Optional.empty());
                store(other.shared, "things:k", "theirs");
                return CompletableFuture.completedFuture(Optional.of("token"));
            }

            @Override
            public CompletionStage<Void> unlock(String key, String token) {
                unlocked.add(key + " " + token);
                return CompletableFuture.completedFuture(null);
            }
        };
        try (Cluster.Node c = other.node(s -> s.loadLock(lock, Duration.ofSeconds(5)))) {
            assertThat(c.get("k")).isEqualTo("theirs");
            assertThat(c.loads).isZero();
            assertThat(unlocked).containsExactly("things:k token");
        }
    }

    @Test
    void nobody_waits_for_longer_than_the_lease() {
        ManualTime moving = laws.watch(ManualTime.autoAdvancing());
        Cluster other = new Cluster(moving);
        LoadLock lock = new LoadLock() {
            @Override
            public CompletionStage<Optional<String>> tryLock(String key, Duration lease) {
                return CompletableFuture.completedFuture(Optional.empty());
            }

            @Override
            public CompletionStage<Void> unlock(String key, String token) {
                throw new AssertionError("nothing to unlock");
            }
        };
        try (Cluster.Node c = other.node(s -> s.loadLock(lock, Duration.ofSeconds(5)))) {
            other.source.put("k", "v1");
            assertThat(c.get("k")).isEqualTo("v1");
            assertThat(moving.elapsed()).isBetween(Duration.ofSeconds(5), Duration.ofMillis(5060));
            assertThat(secondLevel(other, "k")).isEqualTo("v1");
        }
    }

    @Test
    void a_lock_that_fails_keeps_nobody_from_loading() {
        LoadLock broken = new LoadLock() {
            @Override
            public CompletionStage<Optional<String>> tryLock(String key, Duration lease) {
                throw new IllegalStateException("thrown by a test");
            }

            @Override
            public CompletionStage<Void> unlock(String key, String token) {
                throw new AssertionError("nothing to unlock");
            }
        };
        try (Cluster.Node c = cluster.node(s -> s.loadLock(broken, Duration.ofSeconds(5)))) {
            cluster.source.put("k", "v1");
            assertThat(c.get("k")).isEqualTo("v1");
        }
    }

    @Test
    void the_lock_is_given_back_also_by_a_load_that_fails() {
        LoadLock lock = LoadLock.inProcess(time);
        try (Cluster.Node c = cluster.node(s -> s.loadLock(lock, Duration.ofSeconds(5)))) {
            c.duringLoad(() -> {
                throw new IllegalStateException("thrown by a test");
            });
            assertThatThrownBy(() -> c.get("k")).hasStackTraceContaining("thrown by a test");
            assertThat(lock.tryLock("things:k", Duration.ofSeconds(5))
                            .toCompletableFuture()
                            .join())
                    .isPresent();
        }
    }

    // --- helpers ---

    private String secondLevel(String key) {
        return secondLevel(cluster, key);
    }

    private static String secondLevel(Cluster of, String key) {
        return read(of.shared, "things:" + key)
                .map(c -> new String(c.bytes(), StandardCharsets.UTF_8))
                .orElse("");
    }

    private static Optional<SecondLevel.Content> read(SecondLevel level, String key) {
        return level.read(key).toCompletableFuture().join().content();
    }

    private static void store(SecondLevel level, String key, String value) {
        String token = level.remove(key).toCompletableFuture().join();
        SecondLevel.Content content =
                SecondLevel.Content.of(value.getBytes(StandardCharsets.UTF_8), Cluster.TTL, List.of());
        assertThat(level.put(key, content, token).toCompletableFuture().join()).isTrue();
    }

    private TieredCache<String, Long> numbers(SecondLevel level, Codec<Long> codec) {
        return TieredCache.<String, Long>builder("numbers", k -> 42L)
                .keys(k -> k, k -> k)
                .codec(codec)
                .secondLevel(level)
                .ttl(Cluster.TTL)
                .executor(Runnable::run)
                .timeSource(time)
                .build();
    }

    private static Codec<Long> decimal() {
        return new Codec<>() {
            @Override
            public byte[] encode(Long value) {
                return value.toString().getBytes(StandardCharsets.UTF_8);
            }

            @Override
            public Long decode(byte[] bytes) {
                return Long.valueOf(new String(bytes, StandardCharsets.UTF_8));
            }
        };
    }

    private static Codec<Long> unwritable() {
        return new Codec<>() {
            @Override
            public byte[] encode(Long value) {
                throw new IllegalStateException("thrown by a test");
            }

            @Override
            public Long decode(byte[] bytes) {
                throw new AssertionError("nothing to decode");
            }
        };
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"}) // what a caller without a checker does
    private static <T> T nothing() {
        return null;
    }

    /** Throws where it should fail. */
    private static final class Broken implements SecondLevel {
        @Override
        public CompletionStage<Read> read(String key) {
            throw new IllegalStateException("thrown by a test");
        }

        @Override
        public CompletionStage<Boolean> put(String key, Content content, String token) {
            throw new IllegalStateException("thrown by a test");
        }

        @Override
        public CompletionStage<String> remove(String key) {
            throw new IllegalStateException("thrown by a test");
        }

        @Override
        public CompletionStage<Void> invalidateTag(String tag) {
            throw new IllegalStateException("thrown by a test");
        }
    }
}
