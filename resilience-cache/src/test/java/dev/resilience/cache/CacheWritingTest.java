// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Subscription;
import dev.resilience.cache.Writer.Change;
import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Writing, listening and counting through the face of a loading cache. */
class CacheWritingTest {
    private static final Duration DELAY = Duration.ofMillis(100);

    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = ManualTime.create();
    private final Map<String, String> source = new ConcurrentHashMap<>(Map.of("a", "a0"));
    private final List<String> loads = new ArrayList<>();
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private Runnable beforeWrite = () -> {};

    private LoadingCache.Builder<String, String> builder() {
        return LoadingCache.<String, String>builder("users", this::load)
                .executor(Runnable::run)
                .timeSource(new DrainedTime(time))
                .writer(this::write);
    }

    private LoadingCache.Builder<String, String> behind() {
        return builder().writeBehind(WriteBehind.after(DELAY).executor(tasks::add));
    }

    private @Nullable String load(String key) {
        loads.add(key);
        return source.get(key);
    }

    private void write(Change<String, String> change) {
        beforeWrite.run();
        if (change.isDelete()) source.remove(change.key());
        else source.put(change.key(), change.value());
    }

    private void run() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) task.run();
    }

    @Test
    void an_evicted_dirty_value_is_read_and_not_loaded() {
        LoadingCache<String, String> cache = behind().maxEntries(1).build();
        cache.put("a", "a1");
        cache.put("b", "b1");
        cache.put("c", "c1");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("b")).isEqualTo("b1");
        assertThat(loads).isEmpty();
        cache.close(Duration.ZERO);
    }

    @Test
    void an_invalidated_dirty_value_is_read_and_is_still_written() {
        LoadingCache<String, String> cache = behind().build();
        cache.put("a", "a1");
        cache.invalidate("a");
        cache.invalidateAll();
        assertThat(cache.get("a")).as("S20").isEqualTo("a1");
        assertThat(cache.peek("a")).contains("a1");
        time.advance(DELAY);
        run();
        assertThat(source).containsEntry("a", "a1");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(loads).as("nothing was cached, nothing is dirty: loaded").containsExactly("a");
    }

    @Test
    void a_removed_key_reads_as_absent_until_it_is_deleted_and_after() {
        LoadingCache<String, String> cache = behind().build();
        assertThat(cache.get("a")).isEqualTo("a0");
        cache.remove("a");
        assertThat(cache.get("a")).isNull();
        assertThat(cache.peek("a")).isEmpty();
        time.advance(DELAY);
        run();
        assertThat(source).doesNotContainKey("a");
        assertThat(cache.get("a")).isNull();
        assertThat(loads).containsExactly("a", "a");
    }

    @Test
    void a_load_that_began_before_a_put_does_not_store_the_old_value() {
        LoadingCache<String, String>[] self = newArray();
        self[0] = LoadingCache.<String, String>builder("users", key -> {
                    String old = source.get(key);
                    self[0].put(key, "a1");
                    return old;
                })
                .timeSource(new DrainedTime(time))
                .writer(this::write)
                .writeBehind(WriteBehind.after(DELAY).executor(tasks::add))
                .build();
        assertThat(self[0].get("a")).isIn("a0", "a1");
        assertThat(self[0].get("a")).as("S17").isEqualTo("a1");
        time.advance(DELAY);
        run();
        assertThat(self[0].get("a")).isEqualTo("a1");
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static LoadingCache<String, String>[] newArray() {
        return new LoadingCache[1];
    }

    @Test
    void a_refresh_does_not_bring_back_what_a_dirty_value_replaces() {
        LoadingCache<String, String> cache = behind().ttl(Duration.ofSeconds(10))
                .refreshAfter(Duration.ofSeconds(1))
                .build();
        assertThat(cache.get("a")).isEqualTo("a0");
        time.advance(Duration.ofSeconds(2));
        cache.put("a", "a1");
        cache.invalidate("a");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(loads).hasSize(1);
        cache.close(Duration.ZERO);
    }

    @Test
    void a_write_through_that_fails_leaves_no_copy() {
        LoadingCache<String, String> cache = builder().build();
        cache.get("a");
        beforeWrite = () -> {
            throw new IllegalStateException("down");
        };
        assertThatThrownBy(() -> cache.put("a", "a1")).hasMessage("down");
        assertThat(cache.peek("a")).isEmpty();
        assertThat(cache.get("a")).as("what the source holds").isEqualTo("a0");
    }

    @Test
    void without_a_writer_remove_invalidates_and_there_is_nothing_to_flush() {
        LoadingCache<String, String> cache =
                LoadingCache.<String, String>builder("users", this::load).build();
        cache.get("a");
        cache.remove("a");
        assertThat(cache.peek("a")).isEmpty();
        assertThat(source).containsKey("a");
        assertThat(cache.flush(Duration.ZERO)).isTrue();
        assertThat(cache.close(Duration.ZERO)).isEmpty();
    }

    @Test
    void a_closed_cache_is_read_and_takes_no_changes_to_write_behind() {
        LoadingCache<String, String> cache = behind().build();
        cache.put("a", "a1");
        assertThat(cache.close(Duration.ZERO)).extracting(Change::value).containsExactly("a1");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThatThrownBy(() -> cache.put("b", "b1"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("cache 'users' is closed: it takes no more changes");
    }

    @Test
    void listeners_hear_of_failed_and_late_writes_and_the_log_is_not_flooded() {
        laws.expectLog("cache 'users': a write behind failed \\(1 in a row, 1 keys\\), it is tried again");
        LoadingCache<String, String> cache = behind().build();
        List<String> heard = new ArrayList<>();
        cache.onEvent(new CacheListener<>() {
            @Override
            public void writeFailed(Change<String, String> change, Throwable thrown, int failures) {
                heard.add(change.key() + " " + thrown.getMessage() + " " + failures);
            }
        });
        beforeWrite = () -> {
            throw new IllegalStateException("down");
        };
        for (int i = 0; i < 20; i++) cache.put("k" + i, "v");
        time.advance(DELAY);
        run();
        assertThat(heard).hasSize(20).contains("k0 down 1", "k19 down 1");
        cache.close(Duration.ZERO);
        assertThat(laws.logged()).as("one a second").hasSize(1);
    }

    @Test
    void a_listener_that_throws_is_reported_and_keeps_nothing_from_the_others() {
        laws.expectLog("cache 'users': a cache listener threw java.lang.IllegalStateException: broken");
        LoadingCache<String, String> cache = builder().build();
        List<String> heard = new ArrayList<>();
        cache.onEvent(new CacheListener<>() {
            @Override
            public void loaded(String key, Duration took, boolean background) {
                throw new IllegalStateException("broken");
            }
        });
        Subscription second = cache.onEvent(new CacheListener<>() {
            @Override
            public void loaded(String key, Duration took, boolean background) {
                heard.add("loaded " + key);
            }

            @Override
            public void invalidated(String key) {
                heard.add("invalidated " + key);
            }
        });
        assertThat(cache.get("a")).as("L5").isEqualTo("a0");
        cache.invalidate("a");
        second.close();
        cache.invalidate("a");
        assertThat(heard).containsExactly("loaded a", "invalidated a");
    }

    @Test
    void a_snapshot_counts_from_the_first_look_on() {
        LoadingCache<String, String> cache = behind().build();
        cache.get("a");
        assertThat(cache.snapshot().misses()).isZero();
        cache.get("a");
        cache.get("nobody");
        cache.invalidate("a");
        cache.put("b", "b1");
        CacheSnapshot seen = cache.snapshot();
        assertThat(seen.hits()).isEqualTo(1);
        assertThat(seen.misses()).isEqualTo(1);
        assertThat(seen.loads()).isEqualTo(1);
        assertThat(seen.invalidations()).isEqualTo(1);
        assertThat(seen.hitRate()).isEqualTo(0.5);
        assertThat(seen.dirty()).isEqualTo(1);
        assertThat(seen.entries()).isEqualTo(1);
        assertThat(seen).hasToString("1 entries, hits 1, misses 1, loads 1, failures 0, dirty 1");
        time.advance(DELAY);
        run();
        assertThat(cache.snapshot().dirty()).isZero();
        assertThat(cache.snapshot().writes()).isEqualTo(1);
        assertThat(seen.dirty()).as("immutable").isEqualTo(1);
    }

    @Test
    void evictions_are_counted_and_told() {
        LoadingCache<Integer, Integer> cache = LoadingCache.<Integer, Integer>builder("users", key -> key)
                .maxEntries(10)
                .build();
        List<Integer> heard = new ArrayList<>();
        cache.onEvent(new CacheListener<>() {
            @Override
            public void evicted(Integer key) {
                heard.add(key);
            }
        });
        cache.snapshot();
        for (int i = 0; i < 1_000; i++) cache.get(i);
        assertThat(cache.snapshot().evictions()).isEqualTo(heard.size()).isPositive();
    }

    @Test
    void closing_with_something_unwritten_is_reported() {
        laws.expectLog("cache 'users': closed with 1 keys not written; close\\(timeout\\) returns them");
        ManualTime auto = ManualTime.autoAdvancing();
        LoadingCache<String, String> cache = LoadingCache.<String, String>builder("users", this::load)
                .timeSource(new DrainedTime(auto))
                .writer(Writer.async(changes -> new CompletableFuture<Void>()))
                .writeBehind(
                        WriteBehind.after(DELAY).timeout(Duration.ofDays(1)).executor(Runnable::run))
                .build();
        cache.put("a", "a1");
        cache.close();
        assertThat(auto.elapsed()).isEqualTo(Duration.ofSeconds(30));
    }
}
