// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.CallInterruptedException;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Many keys at once: one query, and each key by the protocol of S17. */
class BulkLoadsTest {
    private final ManualTime time = ManualTime.create();
    private final DrainedTime drained = new DrainedTime(time);
    private final Map<String, String> source = new ConcurrentHashMap<>(Map.of("a", "a0", "b", "b0", "c", "c0"));
    private final List<Set<String>> queries = new ArrayList<>();
    private final List<String> singles = new ArrayList<>();
    private Runnable meanwhile = () -> {};

    private LoadingCache.Builder<String, String> builder(Executor executor) {
        return LoadingCache.<String, String>builder("users", this::single)
                .bulkLoader(this::query, 10)
                .tags((key, value) -> List.of("tag-" + key))
                .executor(executor)
                .timeSource(drained);
    }

    private LoadingCache<String, String> cache() {
        return builder(Runnable::run).build();
    }

    private String single(String key) {
        singles.add(key);
        return source.get(key);
    }

    /** Reads first, so that what happens meanwhile makes its answer old. */
    private Map<String, String> query(Set<String> keys) {
        queries.add(Set.copyOf(keys));
        Map<String, String> read = new HashMap<>();
        for (String key : keys) read.put(key, source.get(key));
        meanwhile.run();
        return read;
    }

    @Test
    void what_is_missing_is_one_query_and_what_is_there_is_not_asked_for() {
        LoadingCache<String, String> cache = cache();
        cache.put("a", "mine");
        assertThat(cache.getAll(List.of("c", "a", "b", "c")))
                .containsExactly(Map.entry("c", "c0"), Map.entry("a", "mine"), Map.entry("b", "b0"));
        assertThat(queries).containsExactly(Set.of("b", "c"));
        assertThat(cache.getAll(List.of("a", "b", "c"))).hasSize(3);
        assertThat(queries).as("all are there now").hasSize(1);
    }

    @Test
    void a_key_without_a_value_is_left_out_and_a_key_that_was_not_asked_for_is_ignored() {
        LoadingCache<String, String> cache = LoadingCache.<String, String>builder("users", this::single)
                .bulkLoader(keys -> Map.of("a", "a0", "stranger", "s0"), 10)
                .executor(Runnable::run)
                .build();
        assertThat(cache.getAll(List.of("a", "nobody"))).containsExactly(Map.entry("a", "a0"));
        assertThat(cache.peek("stranger")).isEmpty();
    }

    @Test
    void more_keys_than_the_loader_takes_are_several_queries() {
        LoadingCache<String, String> cache =
                builder(Runnable::run).bulkLoader(this::query, 2).build();
        assertThat(cache.getAll(List.of("a", "b", "c"))).hasSize(3);
        assertThat(queries).containsExactly(Set.of("a", "b"), Set.of("c"));
    }

    @Test
    void without_a_bulk_loader_keys_are_loaded_one_by_one() {
        LoadingCache<String, String> cache =
                LoadingCache.<String, String>builder("users", this::single).build();
        assertThat(cache.getAll(List.of("a", "b"))).hasSize(2);
        assertThat(singles).containsExactly("a", "b");
    }

    @Test
    void no_keys_are_no_query() {
        assertThat(cache().getAll(List.of())).isEmpty();
        assertThat(queries).isEmpty();
    }

    @Test
    void a_null_key_is_refused() {
        assertThatThrownBy(() -> cache().getAll(Arrays.asList("a", null)))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("key");
        assertThat(queries).isEmpty();
    }

    /** What voids a load, and what a read finds afterwards. */
    private enum Voiding {
        INVALIDATE((cache, key) -> cache.invalidate(key)),
        PUT((cache, key) -> cache.put(key, "put")),
        REMOVE((cache, key) -> cache.remove(key)),
        CLEAR((cache, key) -> cache.invalidateAll()),
        TAG((cache, key) -> cache.invalidateTag("tag-" + key));

        final BiConsumer<LoadingCache<String, String>, String> verb;

        Voiding(BiConsumer<LoadingCache<String, String>, String> verb) {
            this.verb = verb;
        }
    }

    @ParameterizedTest
    @EnumSource(Voiding.class)
    void a_bulk_load_does_not_store_a_key_that_was_voided_while_it_read(Voiding voiding) {
        LoadingCache<String, String> cache = cache();
        meanwhile = () -> {
            source.put("b", "b1");
            voiding.verb.accept(cache, "b");
        };
        cache.getAll(List.of("a", "b", "c"));
        meanwhile = () -> {};
        String expected = voiding == Voiding.PUT ? "put" : "b1";
        assertThat(cache.get("b")).as("S17: never the old value").isEqualTo(expected);
        if (voiding != Voiding.CLEAR) {
            assertThat(cache.peek("a")).as("the others are stored").contains("a0");
            assertThat(cache.peek("c")).contains("c0");
        } else {
            assertThat(cache.peek("a")).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Voiding.class)
    void a_key_that_is_voided_before_the_query_begins_is_not_stored_either(Voiding voiding) {
        Queue<Runnable> tasks = new ArrayDeque<>();
        LoadingCache<String, String> cache = builder(tasks::add).build();
        Map<String, Flight<String, String>> flights = begun(cache);
        voiding.verb.accept(cache, "b");
        tasks.forEach(Runnable::run);
        assertThat(flights.get("b").result()).as("who waited gets a value").isEqualTo("b0");
        if (voiding == Voiding.PUT) assertThat(cache.peek("b")).contains("put");
        else assertThat(cache.peek("b")).isEmpty();
        assertThat(cache.peek("a").isPresent()).isEqualTo(voiding != Voiding.CLEAR);
    }

    @ParameterizedTest
    @EnumSource(Voiding.class)
    void a_key_that_is_voided_after_it_was_stored_is_gone(Voiding voiding) {
        LoadingCache<String, String> cache = cache();
        cache.getAll(List.of("a", "b"));
        voiding.verb.accept(cache, "b");
        assertThat(cache.peek("b").orElse("")).isEqualTo(voiding == Voiding.PUT ? "put" : "");
    }

    /** The bulk load is on its way to the executor. */
    private static Map<String, Flight<String, String>> begun(LoadingCache<String, String> cache) {
        BulkLoads<String, String> bulk = cache.bulk;
        List<String> others = new ArrayList<>();
        Map<String, Flight<String, String>> flights = bulk.begin(List.of("a", "b", "c"), Loading.Kind.NEEDED, others);
        bulk.launch(flights, () -> {});
        assertThat(others).isEmpty();
        return flights;
    }

    @Test
    void a_single_read_shares_the_bulk_load_of_its_key() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        LoadingCache<String, String> cache = builder(tasks::add).build();
        begun(cache);
        CompletableFuture<String> single = cache.getAsync("b");
        assertThat(single).isNotDone();
        while (!tasks.isEmpty()) tasks.remove().run();
        assertThat(single.getNow("late")).isEqualTo("b0");
        assertThat(singles).isEmpty();
    }

    @Test
    void a_bulk_read_shares_the_single_load_of_a_key() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        LoadingCache<String, String> cache = builder(tasks::add).build();
        CompletableFuture<String> single = cache.getAsync("b");
        List<String> others = new ArrayList<>();
        Map<String, Flight<String, String>> flights = cache.bulk.begin(List.of("a", "b"), Loading.Kind.NEEDED, others);
        assertThat(flights).containsOnlyKeys("a");
        assertThat(others).containsExactly("b");
        cache.bulk.launch(flights, () -> {});
        while (!tasks.isEmpty()) tasks.remove().run();
        assertThat(single.getNow("late")).isEqualTo("b0");
        assertThat(queries).containsExactly(Set.of("a"));
    }

    @Test
    void a_failed_query_fails_each_key_and_leaves_nothing_behind() {
        meanwhile = () -> {
            throw new IllegalStateException("down");
        };
        LoadingCache<String, String> cache = cache();
        assertThatThrownBy(() -> cache.getAll(List.of("a", "b")))
                .isInstanceOf(CacheLoadException.class)
                .hasRootCauseMessage("down");
        meanwhile = () -> {};
        assertThat(cache.getAll(List.of("a", "b")))
                .as("an immediate retry loads again")
                .hasSize(2);
        assertThat(cache.snapshot().loading()).isZero();
    }

    @Test
    void a_failed_query_ends_the_others() {
        meanwhile = () -> {
            throw new IllegalStateException("down");
        };
        LoadingCache<String, String> cache =
                builder(Runnable::run).bulkLoader(this::query, 1).build();
        assertThatThrownBy(() -> cache.getAll(List.of("a", "b", "c"))).isInstanceOf(CacheLoadException.class);
        assertThat(queries).hasSize(1);
    }

    @Test
    void stale_values_stand_in_for_a_failed_query() {
        LoadingCache<String, String> cache = builder(Runnable::run)
                .ttl(Duration.ofSeconds(1))
                .staleIfError(Duration.ofMinutes(1))
                .build();
        cache.getAll(List.of("a", "b"));
        time.advance(Duration.ofSeconds(10));
        meanwhile = () -> {
            throw new IllegalStateException("down");
        };
        assertThat(cache.getAll(List.of("a", "b"))).isEqualTo(Map.of("a", "a0", "b", "b0"));
    }

    @Test
    void a_null_map_and_a_map_that_throws_are_failures_of_their_keys() {
        LoadingCache<String, String> nothing = LoadingCache.<String, String>builder("users", this::single)
                .bulkLoader(keys -> null, 10)
                .executor(Runnable::run)
                .build();
        assertThatThrownBy(() -> nothing.getAll(List.of("a")))
                .isInstanceOf(CacheLoadException.class)
                .hasRootCauseMessage("the bulk loader returned null instead of a map");
        Map<String, String> hostile = new HashMap<>(source) {
            private static final long serialVersionUID = 1L;

            @Override
            public String get(Object key) {
                if (key.equals("b")) throw new IllegalStateException("hostile");
                return super.get(key);
            }
        };
        LoadingCache<String, String> cache = LoadingCache.<String, String>builder("users", this::single)
                .bulkLoader(keys -> hostile, 10)
                .executor(Runnable::run)
                .build();
        assertThatThrownBy(() -> cache.getAll(List.of("a", "b", "c"))).hasRootCauseMessage("hostile");
        assertThat(cache.peek("a")).contains("a0");
        assertThat(cache.peek("c")).contains("c0");
    }

    @Test
    void what_the_executor_refuses_fails_and_the_keys_are_free_again() {
        boolean[] refuse = {true};
        LoadingCache<String, String> cache = builder(task -> {
                    if (refuse[0]) throw new IllegalStateException("full");
                    task.run();
                })
                .build();
        assertThatThrownBy(() -> cache.getAll(List.of("a"))).hasRootCauseMessage("full");
        refuse[0] = false;
        assertThat(cache.getAll(List.of("a"))).hasSize(1);
    }

    @Test
    void an_interrupted_caller_leaves_all_that_it_began_and_the_keys_are_free() throws InterruptedException {
        CountDownLatch go = new CountDownLatch(1);
        meanwhile = () -> await(go);
        List<Thread> loaders = Collections.synchronizedList(new ArrayList<>());
        LoadingCache<String, String> cache = builder(task -> {
                    Thread thread = new Thread(task);
                    loaders.add(thread);
                    thread.start();
                })
                .build();
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> cache.getAll(List.of("a", "b"))).isInstanceOf(CallInterruptedException.class);
        assertThat(Thread.interrupted()).as("L8").isTrue();
        assertThat(cache.snapshot().loading())
                .as("its seats are given back, in all flights")
                .isZero();
        assertThat(cache.snapshot().abandonedLoads()).isEqualTo(2);
        go.countDown();
        for (Thread loader : loaders) loader.join(60_000);
        assertThat(cache.getAll(List.of("a", "b"))).hasSize(2);
        assertThat(cache.snapshot().abandonedLoads()).isZero();
    }

    @Test
    void what_an_interrupted_caller_began_is_loaded_for_who_else_waits() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        AtomicReference<CompletableFuture<String>> other = new AtomicReference<>();
        Thread caller = Thread.currentThread();
        LoadingCache<String, String> watched = builder(task -> {
                    tasks.add(task);
                    if (other.get() != null) return;
                    other.set(self.get().getAsync("a")); // boards before the caller waits
                    caller.interrupt();
                })
                .build();
        self.set(watched);
        assertThatThrownBy(() -> watched.getAll(List.of("a", "b"))).isInstanceOf(CallInterruptedException.class);
        assertThat(Thread.interrupted()).as("L8").isTrue();
        while (!tasks.isEmpty()) tasks.remove().run();
        assertThat(other.get().getNow("late")).isEqualTo("a0");
        assertThat(watched.peek("a")).contains("a0");
        assertThat(watched.peek("b")).as("nobody waited for it any more").isEmpty();
    }

    private final AtomicReference<LoadingCache<String, String>> self = new AtomicReference<>();

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(60, TimeUnit.SECONDS)) throw new AssertionError("never let go");
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void a_query_that_never_returns_is_given_up_at_the_deadline_and_its_keys_are_free() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        LoadingCache<String, String> cache =
                builder(tasks::add).hardDeadline(Duration.ofSeconds(1)).build();
        Map<String, Flight<String, String>> flights = begun(cache);
        time.advance(Duration.ofSeconds(1));
        assertThatThrownBy(() -> flights.get("a").result()).isInstanceOf(CacheLoadException.class);
        assertThat(cache.snapshot().abandonedLoads()).isEqualTo(3);
        assertThat(cache.get("a", key -> "again")).isEqualTo("again");
        while (!tasks.isEmpty()) tasks.remove().run();
        assertThat(cache.snapshot().abandonedLoads())
                .as("its late end is counted off")
                .isZero();
        assertThat(cache.peek("a")).as("and changes nothing").contains("again");
        assertThat(cache.peek("b")).isEmpty();
    }

    @Test
    void dirty_values_come_before_the_query() {
        LoadingCache<String, String> cache = builder(Runnable::run)
                .writer(change -> {})
                .writeBehind(WriteBehind.after(Duration.ofDays(1)))
                .build();
        cache.put("a", "dirty");
        cache.remove("b");
        cache.invalidateAll();
        assertThat(cache.getAll(List.of("a", "b", "c"))).isEqualTo(Map.of("a", "dirty", "c", "c0"));
        assertThat(queries).containsExactly(Set.of("c"));
        cache.close(Duration.ZERO);
    }

    @Test
    void warming_loads_what_is_missing_and_tells_how_many() {
        LoadingCache<String, String> cache = cache();
        cache.put("a", "mine");
        assertThat(cache.warm(List.of("a", "b", "c", "nobody")).join()).isEqualTo(3);
        assertThat(queries).containsExactly(Set.of("b", "c", "nobody"));
        assertThat(cache.peek("a")).contains("mine");
        assertThat(cache.peek("b")).contains("b0");
    }

    @Test
    void warming_takes_no_more_keys_than_there_are_turns() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        LoadingCache<String, String> cache = LoadingCache.<String, String>builder("users", this::single)
                .executor(tasks::add)
                .timeSource(drained)
                .refreshes(2, 0)
                .build();
        List<String> taken = new ArrayList<>();
        List<String> keys = List.of("a", "b", "c", "d", "e");
        CompletableFuture<Long> warmed =
                cache.warm(() -> keys.stream().peek(taken::add).iterator());
        assertThat(taken).hasSizeLessThanOrEqualTo(3);
        assertThat(tasks).hasSize(2);
        while (!tasks.isEmpty()) {
            tasks.remove().run();
            assertThat(tasks).hasSizeLessThanOrEqualTo(2);
        }
        assertThat(warmed.getNow(-1L)).isEqualTo(5);
        assertThat(singles).containsExactlyElementsOf(keys);
        assertThat(cache.core.background.turns().running())
                .as("all turns are given back")
                .isZero();
    }

    @Test
    void a_failed_load_does_not_end_the_warming() {
        LoadingCache<String, String> cache = LoadingCache.<String, String>builder("users", key -> {
                    if (key.equals("b")) throw new IllegalStateException("down");
                    return key;
                })
                .executor(Runnable::run)
                .build();
        assertThat(cache.warm(List.of("a", "b", "c")).join()).isEqualTo(2);
        assertThat(cache.core.background.turns().running()).isZero();
    }

    @Test
    void a_failed_query_does_not_end_the_warming_either() {
        meanwhile = () -> {
            if (queries.size() == 1) throw new IllegalStateException("down");
        };
        LoadingCache<String, String> cache =
                builder(Runnable::run).bulkLoader(this::query, 2).build();
        assertThat(cache.warm(List.of("a", "b", "c")).join()).isEqualTo(1);
        assertThat(cache.core.background.turns().running()).isZero();
    }

    @Test
    void keys_that_throw_fail_the_warming_when_what_was_taken_is_loaded() {
        LoadingCache<String, String> cache = cache();
        CompletableFuture<Long> warmed = cache.warm(() -> List.of("a", "b").stream()
                .map(key -> {
                    if (key.equals("b")) throw new IllegalStateException("broken keys");
                    return key;
                })
                .iterator());
        assertThatThrownBy(warmed::join).hasRootCauseMessage("broken keys");
        assertThat(cache.peek("a")).contains("a0");
    }

    @Test
    void cancelling_a_warming_takes_no_more_keys() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        LoadingCache<String, String> cache = LoadingCache.<String, String>builder("users", this::single)
                .executor(tasks::add)
                .timeSource(drained)
                .refreshes(1, 0)
                .build();
        CompletableFuture<Long> warmed = cache.warm(List.of("a", "b", "c"));
        warmed.cancel(false);
        while (!tasks.isEmpty()) tasks.remove().run();
        assertThat(singles).containsExactly("a");
        assertThat(cache.core.background.turns().running()).isZero();
    }

    @Test
    void many_keys_are_warmed_without_deep_stacks() {
        LoadingCache<Integer, Integer> cache = LoadingCache.<Integer, Integer>builder("users", key -> key)
                .executor(Runnable::run)
                .maxEntries(10)
                .build();
        Iterable<Integer> many = () -> IntStream.range(0, 50_000).iterator();
        assertThat(cache.warm(many).join()).isEqualTo(50_000);
    }

    @Test
    void a_closed_cache_warms_nothing() {
        LoadingCache<String, String> cache = cache();
        cache.close(Duration.ZERO);
        assertThat(cache.warm(List.of("a", "b")).join()).isZero();
    }

    @Test
    void bad_settings_are_named() {
        assertThatThrownBy(() -> LoadingCache.<String, String>builder("users", this::single)
                        .bulkLoader(this::query, 0)
                        .coalesce(Duration.ofMillis(-1))
                        .build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("bulkLoader must take at least 1 key at once, was 0")
                .hasMessageContaining("coalesce must not be negative, was PT-0.001S");
        assertThatThrownBy(() -> LoadingCache.<String, String>builder("users", this::single)
                        .coalesce(Duration.ofMillis(1))
                        .writeBehind(WriteBehind.after(Duration.ZERO).maxDirty(0))
                        .build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("coalesce needs a bulkLoader to load with, and there is none")
                .hasMessageContaining("writeBehind needs a writer to write with, and there is none")
                .hasMessageContaining("maxDirty of write-behind must be at least 1, was 0");
    }
}
