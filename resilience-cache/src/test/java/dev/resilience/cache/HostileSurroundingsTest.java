// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.TimeSource;
import dev.resilience.cache.Writer.Change;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Executors that lie, timers that cannot be armed, stores and stages that throw: nothing hangs, nothing is done twice. */
class HostileSurroundingsTest {
    private static final Duration DELAY = Duration.ofMillis(100);
    private static final Duration PAUSE = Duration.ofMillis(10);

    private final ManualTime time = ManualTime.create();
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private final List<String> written = new ArrayList<>();
    private final List<CompletableFuture<Void>> ends = new ArrayList<>();
    private boolean lying;
    private boolean timerless;
    private int parks;
    private Runnable whileParked = () -> {};

    /** Its timers may fail, and a park runs what the test wants meanwhile. */
    private final TimeSource hostile = new TimeSource() {
        private final TimeSource drained = new DrainedTime(time);

        @Override
        public long nanoTime() {
            return drained.nanoTime();
        }

        @Override
        public void park(Object blocker, long nanos) {
            if (++parks > 10_000) throw new AssertionError("waits for ever");
            whileParked.run();
        }

        @Override
        public void unpark(Thread thread) {}

        @Override
        public Timer schedule(Runnable task, long nanos) {
            if (timerless) throw new OutOfMemoryError("unable to create native thread");
            return drained.schedule(task, nanos);
        }

        @Override
        public Executor watched(Executor executor) {
            return drained.watched(executor);
        }
    };

    /** As a thread pool that has queued the task and then finds no thread for it. */
    private void takeAndThrow(Runnable task) {
        tasks.add(task);
        if (lying) throw new RejectedExecutionException("taken all the same");
    }

    private void drain() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) task.run();
    }

    private void advance(Duration by) {
        time.advance(by);
        drain();
    }

    private CompletionStage<?> write(List<Change<String, String>> changes) {
        for (Change<String, String> each : changes) written.add(each.key() + "=" + each.value());
        CompletableFuture<Void> end = new CompletableFuture<>();
        ends.add(end);
        return end;
    }

    private LoadingCache.Builder<String, String> cache() {
        return LoadingCache.<String, String>builder("users", key -> key + "!")
                .executor(this::takeAndThrow)
                .timeSource(hostile);
    }

    private LoadingCache.Builder<String, String> behind() {
        return cache().writer(Writer.async(this::write))
                .writeBehind(WriteBehind.after(DELAY)
                        .backoff(Backoff.constant(PAUSE))
                        .executor(this::takeAndThrow));
    }

    // --- write-behind ---

    /** S20: one write in flight for each key, also when the executor runs what it has refused. */
    @Test
    void an_executor_that_takes_a_write_and_throws_does_not_make_two_writes_of_one_key() {
        LoadingCache<String, String> cache = behind().build();
        cache.put("a", "1");
        lying = true;
        time.advance(DELAY);
        lying = false;
        time.advance(PAUSE); // the refusal was a failed write, and this is the next try
        drain();
        assertThat(written).containsExactly("a=1");
        ends.get(0).complete(null);
        assertThat(cache.close(Duration.ZERO)).isEmpty();
    }

    @Test
    void a_timer_that_could_not_be_armed_is_not_waited_for() {
        LoadingCache<String, String> cache = behind().build();
        cache.put("a", "1");
        time.advance(DELAY.dividedBy(2));
        cache.put("b", "1");
        advance(DELAY.dividedBy(2));
        timerless = true;
        ends.get(0).completeExceptionally(new IllegalStateException("down")); // wants a timer sooner than that of b
        timerless = false;
        time.advance(DELAY);
        cache.put("c", "1"); // what is overdue starts now, and what comes next has a timer
        drain();
        assertThat(written).containsExactly("a=1", "a=1", "b=1");
        advance(DELAY);
        assertThat(written).containsExactly("a=1", "a=1", "b=1", "c=1");
        cache.close(Duration.ZERO);
    }

    @Test
    void a_change_that_the_store_refuses_is_written_in_time_all_the_same() {
        LoadingCache<String, String> cache = behind().store(new BrokenStore()).build();
        assertThatThrownBy(() -> cache.put("a", "1")).hasMessage("broken store");
        advance(DELAY);
        assertThat(written).containsExactly("a=1");
        cache.close(Duration.ZERO);
    }

    /** Two threads close, or one flushes and another closes: who has stopped the writes must not let the other wait. */
    @Test
    void a_close_ends_the_waits_of_other_closes_and_flushes() {
        LoadingCache<String, String> cache = behind().build();
        cache.put("a", "1");
        List<Change<String, String>> left = new ArrayList<>();
        whileParked = () -> {
            whileParked = () -> {
                throw new AssertionError("waits for what is never written");
            };
            left.addAll(cache.close(Duration.ZERO));
        };
        assertThat(cache.close(Duration.ofDays(1))).hasSize(1);
        assertThat(left).hasSize(1);
        assertThat(cache.flush(Duration.ofDays(1))).isFalse();
    }

    /** The second one has a patience of its own, and does not stop what the first one is waiting for. */
    @Test
    void a_second_close_waits_as_the_first_one_does() {
        LoadingCache<String, String> cache = behind().build();
        cache.put("a", "1");
        List<Change<String, String>> left = new ArrayList<>();
        whileParked = () -> {
            whileParked = () -> {
                drain();
                ends.forEach(end -> end.complete(null));
            };
            left.addAll(cache.close(Duration.ofDays(1)));
        };
        assertThat(cache.close(Duration.ofDays(1))).isEmpty();
        assertThat(left).isEmpty();
        assertThat(written).containsExactly("a=1");
    }

    /** What could not be written is worth more than what went wrong. */
    @Test
    void a_close_without_timers_still_answers_what_is_not_written() {
        LoadingCache<String, String> cache = behind().build();
        cache.put("a", "1");
        cache.put("b", "1");
        timerless = true;
        assertThat(cache.close(Duration.ofSeconds(1))).hasSize(2);
        assertThatThrownBy(() -> cache.put("c", "1")).hasMessageContaining("is closed");
    }

    // --- write-through ---

    @Test
    void a_stage_that_cannot_be_watched_fails_its_write_and_frees_the_key() {
        boolean[] broken = {true};
        LoadingCache<String, String> cache = cache().writer(Writer.async(changes -> {
                    if (!broken[0]) return CompletableFuture.completedFuture(null);
                    return new CompletableFuture<Void>() {
                        @Override
                        public CompletableFuture<Void> whenComplete(
                                BiConsumer<? super Void, ? super Throwable> action) {
                            throw new UnsupportedOperationException("not here");
                        }
                    };
                }))
                .build();
        assertThatThrownBy(() -> cache.put("a", "1")).hasMessage("not here");
        broken[0] = false;
        cache.put("a", "2"); // would wait for ever
        assertThat(cache.peek("a")).contains("2");
    }

    // --- many keys ---

    @Test
    void an_executor_that_takes_a_bulk_load_and_throws_neither_loads_nor_counts_it_twice() {
        List<Set<String>> queries = new ArrayList<>();
        LoadingCache<String, String> cache = cache().bulkLoader(
                        keys -> {
                            queries.add(Set.copyOf(keys));
                            return Map.of("a", "1");
                        },
                        10)
                .refreshes(1, 1)
                .build();
        lying = true;
        assertThat(cache.warm(List.of("a")).join()).isZero();
        assertThatThrownBy(() -> cache.getAll(List.of("a"))).isInstanceOf(CacheLoadException.class);
        lying = false;
        drain();
        assertThat(queries).isEmpty();
        assertThat(cache.core.background.turns().running()).isZero();
        assertThat(cache.core.protocol.flights.abandoned()).isZero();
        CompletableFuture<Long> warmed = cache.warm(List.of("a"));
        drain();
        assertThat(warmed.join()).isEqualTo(1);
    }

    @Test
    void a_window_without_a_timer_collects_nobody() {
        Coalescer<String, String> coalescer =
                new Coalescer<>(keys -> Map.of(), Duration.ofMillis(1).toNanos(), 10, hostile, Runnable::run);
        timerless = true;
        assertThatThrownBy(() -> coalescer.load("a")).isInstanceOf(OutOfMemoryError.class);
        assertThat(coalescer.collecting()).isZero();
        timerless = false;
        whileParked = () -> time.advance(Duration.ofMillis(1));
        assertThat(loaded(coalescer, "a")).isNull();
    }

    private static @Nullable String loaded(Coalescer<String, String> coalescer, String key) {
        try {
            return coalescer.load(key);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void a_store_that_throws_leaves_no_key_that_can_never_be_loaded() {
        BrokenStore store = new BrokenStore();
        LoadingCache<String, String> cache = cache().store(store)
                .executor(Runnable::run)
                .bulkLoader(keys -> Map.of("a", "1"), 10)
                .build();
        assertThatThrownBy(() -> cache.getAll(List.of("a"))).hasMessage("broken store");
        assertThat(cache.core.protocol.flights.size()).isZero();
        assertThat(cache.core.protocol.flights.abandoned()).isZero();
    }

    @Test
    void a_warming_whose_turn_never_comes_ends_when_the_cache_is_closed() {
        LoadingCache<String, String> cache = cache().refreshes(1, 0).build();
        CompletableFuture<Long> first = cache.warm(List.of("a", "b"));
        CompletableFuture<Long> second = cache.warm(List.of("c"));
        cache.close();
        assertThat(second).isCompletedWithValue(0L);
        drain();
        assertThat(first).isCompletedWithValue(1L);
        assertThat(cache.core.background.turns().running()).isZero();
    }

    // --- two levels ---

    @Test
    void an_executor_that_fails_badly_stops_neither_heartbeats_nor_what_is_owed() {
        Error[] failing = {null};
        CompletableFuture<String> down = CompletableFuture.failedFuture(new IllegalStateException("down"));
        boolean[] up = {false};
        SecondLevel real = SecondLevel.inProcess(10, time);
        SecondLevel level = new SecondLevel() {
            @Override
            public CompletionStage<Read> read(String key) {
                return real.read(key);
            }

            @Override
            public CompletionStage<Boolean> put(String key, Content content, String token) {
                return real.put(key, content, token);
            }

            @Override
            public CompletionStage<String> remove(String key) {
                return up[0] ? real.remove(key) : down;
            }

            @Override
            public CompletionStage<Void> invalidateTag(String tag) {
                return real.invalidateTag(tag);
            }
        };
        try (TieredCache<String, String> cache = TieredCache.<String, String>builder("users", key -> key + "!")
                .keys(key -> key, key -> key)
                .codec(Codec.utf8())
                .secondLevel(level)
                .backplane(Backplane.inProcess())
                .ttl(Duration.ofMinutes(1))
                .timeSource(new DrainedTime(time))
                .executor(task -> {
                    if (failing[0] != null) throw failing[0];
                    task.run();
                })
                .build()) {
            cache.invalidate("a");
            assertThat(cache.snapshot().pending()).isEqualTo(1);
            failing[0] = new OutOfMemoryError("unable to create native thread");
            time.advance(Duration.ofSeconds(5));
            assertThat(cache.snapshot().backplaneAlive()).isFalse();
            failing[0] = null;
            up[0] = true;
            time.advance(Duration.ofSeconds(2));
            assertThat(cache.snapshot().backplaneAlive()).isTrue();
            assertThat(cache.snapshot().pending()).isZero();
        }
    }

    /** Bounded by nothing; throws in each change and each look that is not a read. */
    private static final class BrokenStore implements Store<String, String> {
        private static IllegalStateException broken() {
            return new IllegalStateException("broken store");
        }

        @Override
        public @Nullable Entry<String> get(String key) {
            return null;
        }

        @Override
        public @Nullable Entry<String> peek(String key) {
            throw broken();
        }

        @Override
        public @Nullable Entry<String> put(String key, Entry<String> entry) {
            throw broken();
        }

        @Override
        public boolean replace(String key, @Nullable Entry<String> seen, Entry<String> next) {
            throw broken();
        }

        @Override
        public boolean remove(String key, Entry<String> seen) {
            throw broken();
        }

        @Override
        public @Nullable Entry<String> remove(String key) {
            throw broken();
        }

        @Override
        public void clear() {}

        @Override
        public void forEach(BiConsumer<? super String, ? super Entry<String>> each) {}

        @Override
        public long estimatedSize() {
            return 0;
        }

        @Override
        public void cleanUp() {}

        @Override
        public void bind(TimeSource ticking, EvictionListener<? super String, ? super String> listener) {}
    }
}
