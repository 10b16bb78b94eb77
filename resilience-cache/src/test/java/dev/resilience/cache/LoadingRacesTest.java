// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.TimeSource;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * cache.md 3.1, 3.10, S17 to S19 on the real cache, one thread, every step by hand: a load that began before an
 * invalidation, a put, a clear or the invalidation of a tag never publishes, in every phase and at every point of the
 * load; those who wait for it get its value; who comes after starts a new load.
 */
class LoadingRacesTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    /** What happens beside the load. */
    enum Beside {
        INVALIDATE((cache, key) -> cache.invalidate(key)),
        PUT((cache, key) -> cache.put(key, "put")),
        CLEAR((cache, key) -> cache.invalidateAll()),
        TAG((cache, key) -> cache.invalidateTag("tag"));

        final BiConsumer<LoadingCache<String, String>, String> call;

        Beside(BiConsumer<LoadingCache<String, String>, String> call) {
            this.call = call;
        }
    }

    /** In which phase the load is. */
    enum Phase {
        FOREGROUND,
        ASYNC,
        /** A caller has left at the soft deadline with a stale value, and the load goes on. */
        AFTER_SOFT_DEADLINE,
        REFRESH,
        BULK
    }

    /** Where the load is held. */
    enum Point {
        /** It is registered and has not begun. */
        REGISTERED,
        /** The loader has read the source and has not answered. */
        LOADING,
        /** The loader has answered and the entry is being made. */
        LANDING,
        /** The entry lies in the store; its flight has not been published. */
        STORED,
        /** It is visible; its flight is still on the table. */
        PUBLISHED
    }

    private final ManualTime time = ManualTime.create();
    private final Executor executor = this::execute;
    /** The loads are held by the test, so the clock must not wait for them; what a timer lets go on runs at once. */
    private final TimeSource unwatched = new Unwatched(time, executor);

    private record Unwatched(ManualTime time, Executor loads) implements TimeSource {
        @Override
        public long nanoTime() {
            return time.nanoTime();
        }

        @Override
        public void park(Object blocker, long nanos) {
            time.park(blocker, nanos);
        }

        @Override
        public void unpark(Thread thread) {
            time.unpark(thread);
        }

        @Override
        public Timer schedule(Runnable task, long nanos) {
            return time.schedule(task, nanos);
        }

        @Override
        public Executor watched(Executor any) {
            return any == loads ? any : Runnable::run;
        }
    }

    private final List<Runnable> queue = new ArrayList<>();
    private final List<String> loaded = new ArrayList<>();
    private final AtomicReference<@Nullable Runnable> beside = new AtomicReference<>();
    private @Nullable Point at;
    private int source;
    private boolean direct;

    private void execute(Runnable task) {
        if (direct) task.run();
        else queue.add(task);
    }

    private void reach(Point point) {
        if (point != at) return;
        Runnable act = beside.getAndSet(null);
        if (act != null) act.run();
    }

    private LoadingCache<String, String> cache() {
        return cache(Phase.FOREGROUND);
    }

    private LoadingCache<String, String> cache(Phase phase) {
        LoadingCache.Builder<String, String> builder = LoadingCache.builder("races", (String key) -> {
                    String value = "v" + source;
                    loaded.add(value);
                    reach(Point.LOADING);
                    return value;
                })
                .timeSource(unwatched)
                .executor(executor)
                .jitter(0)
                .ttl(Duration.ofMinutes(1))
                .refreshAfter(SECOND)
                .staleWhileRevalidate(SECOND)
                .staleIfError(Duration.ofHours(1))
                .store(new SteppedStore<>(Store.bounded(100), () -> reach(Point.STORED)))
                .tags((key, value) -> {
                    reach(Point.LANDING);
                    return List.of("tag");
                });
        builder.hooks = new Hooks<>() {
            @Override
            void loaded(String key, long nanos, boolean background, boolean published) {
                reach(Point.PUBLISHED);
            }
        };
        if (phase == Phase.AFTER_SOFT_DEADLINE) builder.softDeadline(SECOND);
        return builder.build();
    }

    private void drain() {
        while (!queue.isEmpty()) queue.remove(0).run();
    }

    /** Starts a load of the phase and runs it to its end; {@code beside} runs where it is held. */
    private CompletableFuture<String> load(LoadingCache<String, String> cache, Phase phase, Runnable act) {
        beside.set(act);
        switch (phase) {
            case FOREGROUND -> {
                return CompletableFuture.completedFuture(cache.get("k"));
            }
            case ASYNC, AFTER_SOFT_DEADLINE -> {
                CompletableFuture<String> answer = cache.getAsync("k");
                if (phase == Phase.AFTER_SOFT_DEADLINE) time.advance(SECOND);
                reach(Point.REGISTERED);
                drain();
                return answer;
            }
            case REFRESH -> {
                cache.get("k");
                reach(Point.REGISTERED);
                drain();
                return CompletableFuture.completedFuture("nobody waits");
            }
            case BULK -> {
                Flight<String, String> flight = cache.core.begin("k", Loading.Kind.NEEDED);
                if (flight == null) throw new AssertionError("not the leader");
                CompletableFuture<String> answer = flight.copy(true, () -> cache.getAsync("k"));
                reach(Point.REGISTERED);
                String value = "v" + source;
                loaded.add(value);
                reach(Point.LOADING);
                flight.land(value, null);
                return answer;
            }
        }
        throw new AssertionError();
    }

    /** An old value where the phase needs one: fresh for a refresh, past its time for the others. */
    private void prepare(LoadingCache<String, String> cache, Phase phase, boolean old) {
        if (!old && phase != Phase.REFRESH) return;
        source = 0;
        direct = true;
        cache.get("k");
        direct = false;
        loaded.clear();
        time.advance(phase == Phase.REFRESH ? SECOND : Duration.ofMinutes(2));
        source = 1;
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void a_load_begun_before_never_publishes_and_its_waiters_get_its_value(boolean old) {
        for (Phase phase : Phase.values()) {
            for (Beside what : Beside.values()) {
                for (Point point : Point.values()) {
                    if (phase == Phase.FOREGROUND && point == Point.REGISTERED) continue; // runs at once
                    LoadingRacesTest each = new LoadingRacesTest();
                    each.at = point;
                    each.check(phase, what, point, old);
                }
            }
        }
    }

    private void check(Phase phase, Beside what, Point point, boolean old) {
        String name = phase + " " + what + " " + point + " old=" + old;
        LoadingCache<String, String> cache = cache(phase);
        prepare(cache, phase, old);
        List<String> before = new ArrayList<>();
        CompletableFuture<String> answer = load(cache, phase, () -> {
            source = 2;
            what.call.accept(cache, "k");
            before.addAll(loaded);
        });
        String read = before.isEmpty() ? "v2" : before.get(0);
        direct = true;
        if (phase == Phase.AFTER_SOFT_DEADLINE && old) {
            assertThat(answer.join()).as(name).isEqualTo("v0");
        } else if (phase != Phase.REFRESH) {
            // a bulk load has looked again when it was registered, the others look when they begin
            boolean found = what == Beside.PUT && before.isEmpty() && phase != Phase.BULK;
            assertThat(answer.join()).as(name).isEqualTo(found ? "put" : read);
        }
        if (what == Beside.PUT) {
            assertThat(cache.get("k")).as(name).isEqualTo("put");
            return;
        }
        // begun before, and read before: not kept; whatever is kept was read afterwards
        assertThat(cache.peek("k").orElse("v2")).as(name).isEqualTo("v2");
        assertThat(cache.get("k")).as(name).isEqualTo("v2");
        assertThat(cache.core.protocol.flights.size()).as(name).isZero();
    }

    @ParameterizedTest // cache.md 3.1: callers that come after start a new load, while the old one is held
    @EnumSource(Beside.class)
    void who_comes_after_starts_a_load_of_its_own(Beside what) {
        LoadingCache<String, String> cache = cache();
        source = 1;
        CompletableFuture<String> first = cache.getAsync("k");
        CompletableFuture<String> shares = cache.getAsync("k");
        assertThat(queue).hasSize(1);
        Runnable held = queue.remove(0);
        List<CompletableFuture<String>> later = new ArrayList<>();
        at = Point.LOADING;
        beside.set(() -> {
            source = 2;
            what.call.accept(cache, "k");
            later.add(cache.getAsync("k"));
            drain();
        });
        held.run();
        assertThat(first.join()).isEqualTo("v1");
        assertThat(shares.join()).isEqualTo("v1");
        assertThat(later.get(0).join()).isEqualTo(what == Beside.PUT ? "put" : "v2");
        assertThat(loaded).hasSize(what == Beside.PUT ? 1 : 2);
        assertThat(cache.get("k")).isEqualTo(what == Beside.PUT ? "put" : "v2");
    }

    @ParameterizedTest // S19: what is derived from an old entry is a replace
    @EnumSource(Beside.class)
    void a_load_that_fails_after_it_writes_nothing(Beside what) {
        List<String> asked = new ArrayList<>();
        AtomicReference<@Nullable LoadingCache<String, String>> made = new AtomicReference<>();
        LoadingCache<String, String> cache = LoadingCache.builder("races", (String key) -> {
                    asked.add(key);
                    if (asked.size() == 1) return "old";
                    LoadingCache<String, String> own = made.get();
                    if (asked.size() == 2 && own != null) {
                        what.call.accept(own, key);
                        throw new IllegalStateException("down");
                    }
                    return "newest";
                })
                .timeSource(time)
                .jitter(0)
                .ttl(SECOND)
                .staleIfError(SECOND)
                .failuresFor(Duration.ofMinutes(1), dev.resilience.Backoff.constant(SECOND))
                .tags((key, value) -> List.of("tag"))
                .build();
        made.set(cache);
        assertThat(cache.get("k")).isEqualTo("old");
        time.advance(SECOND);
        assertThat(cache.get("k")).as("the stale value that it captured").isEqualTo("old");
        assertThat(cache.get("k")).isEqualTo(what == Beside.PUT ? "put" : "newest");
    }

    @ParameterizedTest // cache.md 3.5: a load that was given up writes nothing when it ends at last
    @EnumSource(Beside.class)
    void a_load_that_was_given_up_writes_nothing(Beside what) {
        LoadingCache<String, String> cache = cache();
        source = 1;
        CompletableFuture<String> first = cache.getAsync("k");
        Runnable held = queue.remove(0);
        time.advance(Duration.ofMinutes(1));
        assertThat(first).isCompletedExceptionally();
        source = 2;
        what.call.accept(cache, "k");
        CompletableFuture<String> second = cache.getAsync("k");
        drain();
        source = 3;
        held.run();
        assertThat(second.join()).isEqualTo(what == Beside.PUT ? "put" : "v2");
        assertThat(cache.get("k")).isEqualTo(what == Beside.PUT ? "put" : "v2");
    }
}
