// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.cache.Writer.Change;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToLongBiFunction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Functions of the user that throw, answer null or nonsense, or call back into the cache: clear answers, nothing lost. */
class HostileUsersTest {
    private final ManualTime time = ManualTime.create();
    private final AtomicInteger loads = new AtomicInteger();

    private LoadingCache.Builder<String, String> cache() {
        return LoadingCache.<String, String>builder("users", key -> key + loads.incrementAndGet())
                .executor(Runnable::run)
                .timeSource(new DrainedTime(time));
    }

    // --- the weigher ---

    private static ToLongBiFunction<String, String> weigher(boolean[] broken, String how) {
        return (key, value) -> {
            if (!broken[0]) return 1;
            switch (how) {
                case "exception" -> throw new IllegalStateException("weigher");
                case "error" -> throw new StackOverflowError();
                default -> {
                    return Long.MIN_VALUE;
                }
            }
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"exception", "error", "negative"})
    void what_cannot_be_weighed_is_answered_and_not_kept(String how) {
        boolean[] broken = {true};
        LoadingCache<String, String> cache =
                cache().maxWeight(10, weigher(broken, how)).build();
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.peek("a")).isEmpty();
        assertThat(cache.get("a")).isEqualTo("a2");
        assertThat(cache.getAll(List.of("a", "b"))).isEqualTo(Map.of("a", "a3", "b", "b4"));
        broken[0] = false;
        assertThat(cache.get("a")).isEqualTo("a5");
        assertThat(cache.get("a")).isEqualTo("a5");
    }

    /** What was there is out of date: it must not stay because its successor has no weight. */
    @ParameterizedTest
    @ValueSource(strings = {"exception", "error", "negative"})
    void a_put_that_cannot_be_weighed_removes_what_was_there(String how) {
        boolean[] broken = {false};
        LoadingCache<String, String> cache =
                cache().maxWeight(10, weigher(broken, how)).build();
        cache.put("a", "old");
        broken[0] = true;
        assertThatCode(() -> cache.put("a", "new")).doesNotThrowAnyException();
        assertThat(cache.peek("a")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"exception", "error", "negative"})
    void a_change_that_cannot_be_weighed_is_written_behind_and_read_until_then(String how) {
        boolean[] broken = {false};
        List<String> written = new ArrayList<>();
        LoadingCache<String, String> cache = cache().maxWeight(10, weigher(broken, how))
                .writer(change -> written.add(change.key() + "=" + change.value()))
                .writeBehind(WriteBehind.after(Duration.ofSeconds(1)).executor(Runnable::run))
                .build();
        cache.put("a", "old");
        time.advance(Duration.ofSeconds(1));
        broken[0] = true;
        cache.put("a", "new");
        assertThat(cache.get("a")).isEqualTo("new");
        time.advance(Duration.ofSeconds(1));
        assertThat(written).containsExactly("a=old", "a=new");
        assertThat(cache.get("a")).as("from the source again").isEqualTo("a1");
        assertThat(cache.close(Duration.ZERO)).isEmpty();
    }

    // --- keys and maps ---

    @Test
    void a_null_key_among_many_is_refused_before_anything_is_loaded() {
        LoadingCache<String, String> cache =
                cache().bulkLoader(keys -> Map.of(), 10).build();
        Collection<String> keys = Arrays.asList("a", nothing());
        assertThatThrownBy(() -> cache.getAll(keys))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("key");
        assertThatThrownBy(() -> cache.remove(nothing())).hasMessage("key");
        assertThatThrownBy(() -> cache.warm(nothing())).isInstanceOf(NullPointerException.class);
        assertThat(cache.warm(keys)).isCompletedExceptionally();
        assertThat(cache.core.background.turns().running()).isZero();
        assertThat(loads).hasValue(0);
        assertThat(cache.core.protocol.flights.size()).isZero();
    }

    /** hashCode and equals of a key are the user's: what they throw comes out, and later calls find nothing broken. */
    @Test
    void a_key_that_throws_breaks_its_own_call_and_nothing_else() {
        LoadingCache<Key, String> cache = LoadingCache.<Key, String>builder(
                        "users", key -> key.name + loads.incrementAndGet())
                .executor(Runnable::run)
                .maxEntries(2)
                .timeSource(new DrainedTime(time))
                .writer(change -> {})
                .writeBehind(WriteBehind.after(Duration.ofSeconds(1)).executor(Runnable::run))
                .bulkLoader(keys -> Map.of(), 10)
                .build();
        Key bad = new Key("bad");
        bad.broken = true;
        assertThatThrownBy(() -> cache.get(bad)).hasMessage("bad key");
        assertThatThrownBy(() -> cache.put(bad, "v")).hasMessage("bad key");
        assertThatThrownBy(() -> cache.getAll(List.of(new Key("a"), bad))).hasMessage("bad key");
        assertThatThrownBy(() -> cache.invalidate(bad)).hasMessage("bad key");
        assertThat(cache.snapshot().dirty()).isZero();
        for (int i = 0; i < 10; i++) cache.put(new Key("k" + i), "v" + i);
        assertThat(cache.get(new Key("k9"))).isEqualTo("v9");
        assertThat(cache.close(Duration.ofSeconds(1))).isEmpty();
        assertThat(cache.core.protocol.flights.size()).isZero();
    }

    private static final class Key {
        private final String name;
        private boolean broken;

        Key(String name) {
            this.name = name;
        }

        @Override
        public int hashCode() {
            if (broken) throw new IllegalStateException("bad key");
            return 7; // all collide
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Key key && key.name.equals(name);
        }
    }

    @Test
    void keys_that_collide_are_kept_apart() {
        LoadingCache<Key, String> cache = LoadingCache.<Key, String>builder("users", key -> key.name)
                .maxEntries(100)
                .build();
        for (int i = 0; i < 1_000; i++) assertThat(cache.get(new Key("k" + i))).isEqualTo("k" + i);
        assertThat(cache.snapshot().entries()).isEqualTo(100);
    }

    // --- calls back into the cache ---

    /** L5: a listener that puts and removes from within an eviction; the bound holds when it has ended. */
    @Test
    void a_listener_of_evictions_may_change_the_cache() {
        LoadingCache<Integer, Integer> cache = LoadingCache.<Integer, Integer>builder("users", key -> key)
                .maxEntries(10)
                .build();
        List<Integer> evicted = new ArrayList<>();
        cache.onEvent(new CacheListener<>() {
            @Override
            public void evicted(Integer key) {
                evicted.add(key);
                if (key >= 1_000) return;
                cache.put(key + 1_000, 0);
                cache.invalidate(key + 1_001);
                if (key % 7 == 0) throw new IllegalStateException("listener");
            }
        });
        for (int i = 0; i < 500; i++) cache.put(i, i);
        assertThat(evicted).hasSizeGreaterThan(500);
        assertThat(cache.snapshot().entries()).isLessThanOrEqualTo(10);
    }

    /** A writer on the caller's thread that puts another key: written as well, one after the other, without deep stacks. */
    @Test
    void a_writer_may_change_other_keys() {
        List<Integer> written = new ArrayList<>();
        Queue<LoadingCache<Integer, Integer>> self = new ArrayDeque<>();
        LoadingCache<Integer, Integer> cache = LoadingCache.<Integer, Integer>builder("users", key -> key)
                .timeSource(new DrainedTime(time))
                .writer(change -> {
                    written.add(change.key());
                    if (change.key() < 20_000) self.element().put(change.key() + 1, 0);
                })
                .writeBehind(WriteBehind.after(Duration.ZERO).executor(Runnable::run))
                .build();
        self.add(cache);
        cache.put(1, 0);
        time.advance(Duration.ofMillis(1));
        assertThat(written).hasSize(20_000).doesNotHaveDuplicates();
        assertThat(cache.close(Duration.ZERO)).isEmpty();
    }

    // --- batches ---

    @Test
    void a_batch_cannot_be_changed_by_the_writer() {
        List<Throwable> thrown = new ArrayList<>();
        LoadingCache<String, String> cache = cache().writer(Writer.async(changes -> {
                    try {
                        changes.clear();
                    } catch (RuntimeException e) {
                        thrown.add(e);
                    }
                    return CompletableFuture.completedFuture(null);
                }))
                .build();
        cache.put("a", "1");
        assertThat(thrown).hasSize(1).first().isInstanceOf(UnsupportedOperationException.class);
    }

    /** What close answers belongs to the caller; what the cache knows does not change with it. */
    @Test
    void what_close_answers_can_be_asked_for_again() {
        LoadingCache<String, String> cache = cache().writer(change -> {
                    throw new IllegalStateException("down");
                })
                .writeBehind(WriteBehind.after(Duration.ofSeconds(1)).executor(Runnable::run))
                .build();
        cache.put("a", "1");
        cache.put("b", "1");
        cache.remove("a");
        for (int times = 0; times < 2; times++) {
            List<Change<String, String>> left = cache.close(Duration.ZERO);
            assertThat(left).extracting(Change::toString).containsExactly("put, version 2", "delete, version 3");
            Collections.reverse(left);
        }
        assertThat(cache.get("b")).as("still what was put last").isEqualTo("1");
        assertThat(loads).hasValue(0);
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"})
    private static <T> T nothing() {
        return null;
    }
}
