// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LoadingCacheTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final AtomicInteger loads = new AtomicInteger();
    private final List<Runnable> queue = new ArrayList<>();
    private volatile @Nullable Exception failing;
    private volatile boolean none;

    private LoadingCache.Builder<String, String> builder() {
        return LoadingCache.builder("users", this::load)
                .timeSource(time)
                .jitter(0)
                .executor(queue::add);
    }

    @SuppressWarnings("NullAway") // null: there is none
    private String load(String key) throws Exception {
        int number = loads.incrementAndGet();
        Exception thrown = failing;
        if (thrown != null) throw thrown;
        return none ? null : key + number;
    }

    private void drain() {
        while (!queue.isEmpty()) queue.remove(0).run();
    }

    @Test
    void a_value_is_loaded_once_and_kept() {
        LoadingCache<String, String> cache = builder().build();
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("b")).isEqualTo("b2");
        assertThat(cache.peek("a")).contains("a1");
        assertThat(cache.peek("c")).isEmpty();
        assertThat(loads).hasValue(2);
    }

    @Test
    void a_loader_of_the_call_is_cache_aside() {
        LoadingCache<String, String> cache =
                LoadingCache.<String, String>builder("aside").build();
        assertThat(cache.get("a", key -> "own " + key)).isEqualTo("own a");
        assertThat(cache.get("a", key -> "other")).isEqualTo("own a");
        assertThatThrownBy(() -> cache.get("b"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "loading cache 'aside' has no loader of its own; use get(key, loader), or build it with one");
    }

    @Test
    void a_remembered_failure_tells_how_long_ago_it_was() {
        LoadingCache<String, String> cache = builder()
                .failuresFor(
                        Duration.ofSeconds(5),
                        Backoff.constant(Duration.ofSeconds(5)).noJitter())
                .build();
        failing = new IOException("down");
        assertThatThrownBy(() -> cache.get("a"))
                .hasMessage("loading cache 'users': the load failed after 0 s: java.io.IOException");
        time.advance(Duration.ofSeconds(2));
        assertThatExceptionOfType(CacheLoadException.class)
                .isThrownBy(() -> cache.get("a"))
                .withMessage("loading cache 'users': the load failed 2 s ago and is not repeated yet:"
                        + " java.io.IOException")
                .satisfies(thrown -> assertThat(thrown.age()).hasSeconds(2));
        assertThat(loads).hasValue(1);
    }

    @Test
    void a_peek_finds_the_stale_value_that_a_read_gets_at_once_while_a_failure_is_remembered() {
        LoadingCache<String, String> cache = builder()
                .ttl(SECOND)
                .staleIfError(Duration.ofHours(1))
                .failuresFor(
                        Duration.ofSeconds(5),
                        Backoff.constant(Duration.ofSeconds(5)).noJitter())
                .build();
        cache.get("a");
        time.advance(SECOND);
        assertThat(cache.peek("a")).isEmpty(); // a read would ask the loader
        failing = new IOException("down");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.peek("a")).contains("a1");
        time.advance(Duration.ofSeconds(5));
        assertThat(cache.peek("a")).isEmpty();
    }

    @Test
    void without_a_time_to_live_the_stale_windows_still_keep_a_value() {
        LoadingCache<String, String> cache =
                builder().ttl(Duration.ZERO).staleIfError(Duration.ofHours(1)).build();
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("a")).isEqualTo("a2");
        failing = new IOException("down");
        assertThat(cache.get("a")).isEqualTo("a2");
    }

    @Test
    void a_put_is_seen_and_an_invalidated_key_is_loaded_again() {
        LoadingCache<String, String> cache = builder().build();
        cache.put("a", "put");
        assertThat(cache.get("a")).isEqualTo("put");
        cache.invalidate("a");
        assertThat(cache.get("a")).isEqualTo("a1");
        cache.invalidateAll();
        assertThat(cache.get("a")).isEqualTo("a2");
    }

    @Test
    void all_values_of_several_keys_come_in_their_order() {
        LoadingCache<String, String> cache = builder().build();
        cache.put("b", "put");
        assertThat(cache.getAll(List.of("c", "b", "a")))
                .containsExactly(Map.entry("c", "c1"), Map.entry("b", "put"), Map.entry("a", "a2"));
    }

    @Test // cache.md 3.7: the TTL counts from the end of the load
    void a_value_is_fresh_for_its_ttl_counted_from_the_end_of_the_load() {
        LoadingCache<String, String> cache = LoadingCache.builder("users", (String key) -> {
                    time.advance(Duration.ofSeconds(5));
                    return load(key);
                })
                .timeSource(time)
                .jitter(0)
                .ttl(SECOND)
                .build();
        assertThat(cache.get("a")).isEqualTo("a1");
        time.advance(SECOND.minusNanos(1));
        assertThat(cache.get("a")).isEqualTo("a1");
        time.advance(Duration.ofNanos(1));
        assertThat(cache.peek("a")).isEmpty();
        assertThat(cache.get("a")).isEqualTo("a2");
    }

    @Test
    void each_value_may_have_a_ttl_of_its_own() {
        LoadingCache<String, String> cache = builder()
                .ttl((key, value) -> key.equals("short") ? SECOND : Duration.ofHours(1))
                .build();
        cache.get("short");
        cache.get("long");
        time.advance(SECOND);
        assertThat(cache.peek("short")).isEmpty();
        assertThat(cache.peek("long")).isPresent();
    }

    @Test
    void a_ttl_of_zero_keeps_nothing() {
        LoadingCache<String, String> cache = builder().ttl(Duration.ZERO).build();
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("a")).isEqualTo("a2");
        cache.put("a", "put");
        assertThat(cache.get("a")).isEqualTo("a3");
    }

    @Test // L10: nanoTime wraps
    void time_may_wrap_around() {
        ManualTime late = ManualTime.startingAt(Long.MAX_VALUE - 10);
        LoadingCache<String, String> cache = LoadingCache.builder("users", this::load)
                .timeSource(late)
                .jitter(0)
                .ttl(SECOND)
                .build();
        assertThat(cache.get("a")).isEqualTo("a1");
        late.advance(Duration.ofMillis(999));
        assertThat(cache.get("a")).isEqualTo("a1");
        late.advance(Duration.ofMillis(1));
        assertThat(cache.get("a")).isEqualTo("a2");
    }

    @Test // L10: durations are clamped
    void the_longest_durations_are_for_ever() {
        LoadingCache<String, String> cache = builder()
                .ttl(Duration.ofSeconds(Long.MAX_VALUE))
                .staleIfError(Duration.ofSeconds(Long.MAX_VALUE))
                .hardDeadline(Duration.ofSeconds(Long.MAX_VALUE))
                .build();
        cache.get("a");
        time.advance(Duration.ofDays(365 * 100));
        assertThat(cache.get("a")).isEqualTo("a1");
    }

    // --- refresh ---

    @Test
    void a_value_read_after_its_refresh_time_is_loaded_again_in_the_background() {
        LoadingCache<String, String> cache =
                builder().ttl(Duration.ofMinutes(1)).refreshAfter(SECOND).build();
        cache.get("a");
        time.advance(SECOND);
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(queue).hasSize(1);
        drain();
        assertThat(cache.get("a")).isEqualTo("a2");
        assertThat(queue).isEmpty();
    }

    @Test // cache.md 3.9: bounded, and no per-key timers
    void refreshes_are_bounded_and_the_rest_waits_or_is_left_out() {
        List<String> skipped = new ArrayList<>();
        LoadingCache.Builder<String, String> builder =
                builder().ttl(Duration.ofMinutes(1)).refreshAfter(SECOND).refreshes(1, 1);
        builder.hooks = new Hooks<>() {
            @Override
            void refreshSkipped(String key) {
                skipped.add(key);
            }
        };
        LoadingCache<String, String> cache = builder.build();
        cache.getAll(List.of("a", "b", "c"));
        assertThat(time.pendingTimers()).isZero();
        time.advance(SECOND);
        cache.getAll(List.of("a", "b", "c"));
        assertThat(queue).hasSize(1);
        assertThat(skipped).containsExactly("c");
        queue.remove(0).run();
        assertThat(queue).hasSize(1);
        drain();
        assertThat(cache.get("a")).isEqualTo("a4");
        assertThat(cache.get("b")).isEqualTo("b5");
        assertThat(cache.get("c")).isEqualTo("c3");
        drain();
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void a_stale_value_is_served_while_it_is_loaded_again() {
        LoadingCache<String, String> cache =
                builder().ttl(SECOND).staleWhileRevalidate(SECOND).build();
        cache.get("a");
        time.advance(Duration.ofMillis(1999));
        assertThat(cache.get("a")).isEqualTo("a1");
        drain();
        assertThat(cache.get("a")).isEqualTo("a2");
        time.advance(Duration.ofMillis(2000));
        assertThat(cache.get("a")).isEqualTo("a3");
    }

    @Test // errors in the background never surface in a reader
    void a_refresh_that_fails_is_told_to_listeners_only_and_holds_back_the_next() {
        List<Throwable> heard = new ArrayList<>();
        LoadingCache.Builder<String, String> builder =
                builder().ttl(Duration.ofMinutes(1)).refreshAfter(SECOND);
        builder.hooks = new Hooks<>() {
            @Override
            void loadFailed(String key, long nanos, boolean background, Throwable failure) {
                assertThat(background).isTrue();
                heard.add(failure);
            }
        };
        LoadingCache<String, String> cache = builder.build();
        cache.get("a");
        IOException down = new IOException("down");
        failing = down;
        time.advance(SECOND);
        assertThat(cache.get("a")).isEqualTo("a1");
        drain();
        assertThat(heard).containsExactly(down);
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(queue).isEmpty();
        time.advance(Duration.ofMillis(200));
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(queue).hasSize(1);
        failing = null;
        drain();
        assertThat(cache.get("a")).isEqualTo("a3");
    }

    @Test
    void a_conditional_refresh_sees_the_old_value_and_may_keep_it() {
        List<String> asked = new ArrayList<>();
        LoadingCache<String, String> cache = builder()
                .ttl(SECOND)
                .staleIfError(SECOND)
                .refreshWith((key, old) -> {
                    asked.add(old);
                    return asked.size() == 1 ? old : "newer";
                })
                .build();
        assertThat(cache.get("a")).isEqualTo("a1");
        time.advance(SECOND);
        assertThat(cache.get("a")).isEqualTo("a1");
        time.advance(SECOND.minusNanos(1));
        assertThat(cache.get("a")).isEqualTo("a1");
        time.advance(Duration.ofNanos(1));
        assertThat(cache.get("a")).isEqualTo("newer");
        assertThat(asked).containsExactly("a1", "a1");
        assertThat(loads).hasValue(1);
    }

    // --- failures ---

    @Test // cache.md 3.2
    void a_failure_is_a_fresh_exception_around_the_cause_and_is_not_kept() {
        LoadingCache<String, String> cache = builder().build();
        IOException down = new IOException("down");
        failing = down;
        assertThatExceptionOfType(CacheLoadException.class)
                .isThrownBy(() -> cache.get("a"))
                .withCause(down);
        failing = null;
        assertThat(cache.get("a")).isEqualTo("a2");
    }

    @Test
    void a_stale_value_is_served_when_the_load_fails() {
        LoadingCache<String, String> cache =
                builder().ttl(SECOND).staleIfError(Duration.ofHours(1)).build();
        cache.get("a");
        failing = new IOException("down");
        time.advance(Duration.ofMinutes(30));
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(loads).hasValue(3);
        time.advance(Duration.ofMinutes(31));
        assertThatThrownBy(() -> cache.get("a")).isInstanceOf(CacheLoadException.class);
        failing = null;
        assertThat(cache.get("a")).isEqualTo("a5");
    }

    @Test // S19: visible stale value, else cached failure, else throw
    void a_remembered_failure_answers_without_a_load_until_its_backoff_is_over() {
        LoadingCache<String, String> cache = builder()
                .ttl(SECOND)
                .failuresFor(Duration.ofSeconds(3), Backoff.exponential(SECOND))
                .build();
        IOException down = new IOException("down");
        failing = down;
        assertThatThrownBy(() -> cache.get("a")).hasCause(down);
        time.advance(SECOND.minusNanos(1));
        assertThatThrownBy(() -> cache.get("a"))
                .isInstanceOf(CacheLoadException.class)
                .hasCause(down);
        assertThat(loads).hasValue(1);
        time.advance(Duration.ofNanos(1));
        assertThatThrownBy(() -> cache.get("a")).hasCause(down);
        assertThat(loads).hasValue(2);
        time.advance(Duration.ofMillis(1999));
        assertThatThrownBy(() -> cache.get("a")).hasCause(down);
        assertThat(loads).hasValue(2);
        time.advance(Duration.ofMillis(1));
        failing = null;
        assertThat(cache.get("a")).isEqualTo("a3");
    }

    @Test // S19: failure data beside the value in one entry
    void a_remembered_failure_does_not_replace_the_stale_value() {
        LoadingCache<String, String> cache = builder()
                .ttl(SECOND)
                .staleIfError(Duration.ofSeconds(10))
                .failuresFor(Duration.ofMinutes(1), Backoff.constant(Duration.ofSeconds(20)))
                .build();
        cache.get("a");
        failing = new IOException("down");
        time.advance(SECOND);
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(loads).hasValue(2);
        time.advance(Duration.ofSeconds(10));
        assertThatThrownBy(() -> cache.get("a")).isInstanceOf(CacheLoadException.class);
        assertThat(loads).hasValue(2);
        cache.invalidate("a");
        failing = null;
        assertThat(cache.get("a")).isEqualTo("a3");
    }

    @Test // S19: what is derived from an old entry does not bring it back
    void a_failure_of_a_load_that_was_invalidated_writes_nothing() {
        LoadingCache<String, String>[] made = newArray();
        LoadingCache<String, String> cache = LoadingCache.builder("users", (String key) -> {
                    if (loads.incrementAndGet() == 1) return "old";
                    made[0].invalidate(key);
                    throw new IOException("down");
                })
                .timeSource(time)
                .jitter(0)
                .ttl(SECOND)
                .staleIfError(SECOND)
                .failuresFor(Duration.ofMinutes(1), Backoff.constant(SECOND))
                .build();
        made[0] = cache;
        cache.get("a");
        time.advance(SECOND);
        assertThat(cache.get("a")).as("the stale value that it captured").isEqualTo("old");
        assertThat(cache.core.protocol.store.peek("a")).isNull();
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static LoadingCache<String, String>[] newArray() {
        return new LoadingCache[1];
    }

    @Test // cache.md 3.6
    void absence_is_not_kept_unless_asked_for() {
        LoadingCache<String, String> cache = builder().build();
        none = true;
        assertThat(cache.get("a")).isNull();
        assertThat(cache.get("a")).isNull();
        assertThat(loads).hasValue(2);
        assertThat(cache.getAll(List.of("a"))).isEmpty();
    }

    @Test // cache.md 3.6
    void absence_is_kept_for_its_own_time() {
        LoadingCache<String, String> cache =
                builder().ttl(Duration.ofHours(1)).absentFor(SECOND).build();
        none = true;
        assertThat(cache.get("a")).isNull();
        time.advance(SECOND.minusNanos(1));
        assertThat(cache.get("a")).isNull();
        assertThat(cache.peek("a")).isEmpty();
        assertThat(loads).hasValue(1);
        none = false;
        time.advance(Duration.ofNanos(1));
        assertThat(cache.get("a")).isEqualTo("a2");
    }

    @Test // S19: absent replaces the value
    void absence_replaces_a_stale_value() {
        LoadingCache<String, String> cache =
                builder().ttl(SECOND).staleIfError(Duration.ofHours(1)).build();
        cache.get("a");
        time.advance(SECOND);
        none = true;
        assertThat(cache.get("a")).isNull();
        none = false;
        failing = new IOException("down");
        assertThatThrownBy(() -> cache.get("a")).isInstanceOf(CacheLoadException.class);
    }

    @Test
    void a_rejection_by_the_policy_is_a_failed_load_and_the_stale_value_is_served() {
        Bulkhead bulkhead =
                Bulkhead.builder("db").maxConcurrent(1).timeSource(time).build();
        LoadingCache<String, String> cache = builder()
                .ttl(SECOND)
                .staleIfError(Duration.ofHours(1))
                .through(bulkhead)
                .build();
        assertThat(cache.get("a")).isEqualTo("a1");
        time.advance(SECOND);
        bulkhead.run(() -> assertThat(cache.get("a")).isEqualTo("a1"));
        assertThat(loads).hasValue(1);
        assertThat(cache.get("a")).isEqualTo("a2");
    }

    // --- tags ---

    @Test
    void a_tag_invalidates_all_that_have_it() {
        LoadingCache<String, String> cache = builder()
                .tags((key, value) -> List.of(key.substring(0, 1), "all"))
                .build();
        cache.getAll(List.of("a1", "a2", "b1"));
        cache.invalidateTag("a");
        assertThat(cache.peek("a1")).isEmpty();
        assertThat(cache.peek("a2")).isEmpty();
        assertThat(cache.peek("b1")).isPresent();
        cache.put("a1", "put");
        assertThat(cache.get("a1")).isEqualTo("put");
        cache.invalidateTag("all");
        assertThat(cache.peek("a1")).isEmpty();
        assertThat(cache.peek("b1")).isEmpty();
    }

    // --- asynchronous ---

    @Test
    void an_asynchronous_read_loads_on_the_executor() {
        LoadingCache<String, String> cache = builder().build();
        CompletableFuture<String> one = cache.getAsync("a");
        CompletableFuture<String> two = cache.getAsync("a");
        assertThat(queue).hasSize(1);
        drain();
        assertThat(one).isCompletedWithValue("a1");
        assertThat(two).isCompletedWithValue("a1");
        assertThat(cache.getAsync("a")).isCompletedWithValue("a1");
    }

    @Test
    void a_copier_gives_each_caller_its_own() {
        LoadingCache<String, StringBuilder> cache = LoadingCache.builder("m", (String key) -> new StringBuilder(key))
                .copier(StringBuilder::new)
                .build();
        cache.get("a").append("x");
        assertThat(cache.get("a").toString()).isEqualTo("a");
    }

    @Test
    void a_closed_cache_still_answers_but_refreshes_nothing() {
        LoadingCache<String, String> cache =
                builder().ttl(Duration.ofMinutes(1)).refreshAfter(SECOND).build();
        cache.get("a");
        cache.close();
        cache.close();
        time.advance(SECOND);
        assertThat(cache.get("a")).isEqualTo("a1");
        assertThat(cache.get("b")).isEqualTo("b2");
        assertThat(queue).isEmpty();
    }

    @Test
    void null_keys_and_values_are_refused() {
        LoadingCache<String, String> cache = builder().build();
        String nothing = nothing();
        assertThatThrownBy(() -> cache.get(nothing))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("key");
        assertThatThrownBy(() -> cache.getAsync(nothing)).hasMessage("key");
        assertThatThrownBy(() -> cache.peek(nothing)).hasMessage("key");
        assertThatThrownBy(() -> cache.put(nothing, "v")).hasMessage("key");
        assertThatThrownBy(() -> cache.put("k", nothing)).hasMessage("value");
        assertThatThrownBy(() -> cache.invalidate(nothing)).hasMessage("key");
        assertThatThrownBy(() -> cache.invalidateTag(nothing)).hasMessage("tag");
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"})
    private static <T> T nothing() {
        return null;
    }
}
