// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.TimeSource;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Loads that meet something at the worst moment, or are let down by what they depend on. */
class LoadingMishapsTest {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration HOUR = Duration.ofHours(1);
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private final ManualTime manual = ManualTime.create();
    private final DrainedTime time = new DrainedTime(manual);
    private final List<Runnable> queue = new ArrayList<>();
    private final AtomicInteger loads = new AtomicInteger();
    private final AtomicReference<@Nullable Runnable> meanwhile = new AtomicReference<>();
    private volatile String source = "old";
    private volatile boolean down;

    private LoadingCache.Builder<String, String> builder() {
        return LoadingCache.builder("users", this::load)
                .timeSource(time)
                .jitter(0)
                .ttl(SECOND)
                .staleIfError(HOUR)
                .executor(queue::add);
    }

    private String load(String key) throws IOException {
        loads.incrementAndGet();
        String read = source;
        boolean failing = down;
        act();
        if (failing) throw new IOException("down");
        return read;
    }

    private void act() {
        Runnable act = meanwhile.getAndSet(null);
        if (act != null) act.run();
    }

    private void drain() {
        while (!queue.isEmpty()) queue.remove(0).run();
    }

    /** A store that lets something happen around one of its calls: what it answers is older than that. */
    @SuppressWarnings("unchecked")
    private static Store<String, String> stepped(String call, Runnable after) {
        Store<String, String> inner = Store.bounded(100);
        return (Store<String, String>) Proxy.newProxyInstance(
                LoadingMishapsTest.class.getClassLoader(), new Class<?>[] {Store.class}, (proxy, method, args) -> {
                    try {
                        Object answer = method.invoke(inner, args);
                        if (method.getName().equals(call)) after.run();
                        return answer;
                    } catch (InvocationTargetException thrown) {
                        throw thrown.getCause();
                    }
                });
    }

    // --- S17, S19: a failure beside an old value is derived from it, and dies with it ---

    @Test
    void an_old_value_does_not_come_back_with_the_failure_of_a_load_that_meets_an_invalidation() {
        LoadingCache<String, String> cache =
                builder().store(stepped("peek", this::act)).build();
        assertThat(cache.get("k")).isEqualTo("old");
        manual.advance(SECOND);
        down = true;
        // between the look of the invalidation at the store and its removal
        meanwhile.set(() -> assertThat(cache.get("k")).isEqualTo("old"));
        cache.invalidate("k");
        assertThatThrownBy(() -> cache.get("k")).isInstanceOf(CacheLoadException.class);
    }

    @Test
    void nor_with_the_failure_of_a_refresh() {
        LoadingCache<String, String> cache = builder()
                .ttl(HOUR)
                .refreshAfter(SECOND)
                .store(stepped("peek", this::act))
                .executor(Runnable::run)
                .build();
        assertThat(cache.get("k")).isEqualTo("old");
        manual.advance(SECOND);
        down = true;
        meanwhile.set(() -> assertThat(cache.get("k"))
                .as("and asks for a refresh, which fails")
                .isEqualTo("old"));
        cache.invalidate("k");
        assertThatThrownBy(() -> cache.get("k")).isInstanceOf(CacheLoadException.class);
    }

    @Test
    void nor_when_the_old_value_was_evicted_meanwhile() {
        AtomicReference<@Nullable Flight<String, String>> began = new AtomicReference<>();
        LoadingCache<String, String> cache = builder().build();
        assertThat(cache.get("k")).isEqualTo("old");
        manual.advance(SECOND);
        Flight<String, String> flight = cache.core.begin("k", Loading.Kind.NEEDED);
        began.set(flight);
        if (flight == null) throw new AssertionError("not the leader");
        cache.core.protocol.store.remove("k"); // evicted; an invalidation now finds nothing to kill
        flight.land(null, new IOException("down"));
        assertThat(flight.result()).as("who waits gets what it captured").isEqualTo("old");
        assertThat(cache.core.protocol.store.peek("k")).isNull();
    }

    /** cache.md 3.5, S19: a detached flight writes nothing, its failure at the deadline included. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void the_failure_of_a_load_that_was_given_up_is_remembered_unless_it_was_detached_before(boolean detached) {
        LoadingCache<String, String> cache =
                builder().failuresFor(MINUTE, Backoff.constant(MINUTE)).build();
        CompletableFuture<String> first = cache.getAsync("k");
        if (detached) cache.invalidate("k");
        manual.advance(MINUTE);
        assertThat(first).isCompletedExceptionally();
        if (detached) assertThat(cache.get("k")).isEqualTo("old");
        else
            assertThatThrownBy(() -> cache.get("k"))
                    .hasRootCauseInstanceOf(dev.resilience.TimeoutExceededException.class);
    }

    @Test
    void nor_is_it_written_beside_what_came_after_it_began() {
        LoadingCache<String, String> cache = builder()
                .refreshAfter(Duration.ofMillis(500))
                .failuresFor(HOUR, Backoff.constant(HOUR))
                .build();
        CompletableFuture<String> first = cache.getAsync("k");
        Flight<String, String> flight = cache.core.protocol.flights.find("k");
        if (flight == null) throw new AssertionError("no flight");
        manual.advance(MINUTE.minusNanos(1));
        Entry<String> put = cache.core.prepare("k", "put");
        if (put == null) throw new AssertionError("not kept");
        cache.core.protocol.store.put("k", put);
        manual.advance(Duration.ofNanos(1));
        assertThat(first).isCompletedWithValue("put");
        assertThat(cache.core.protocol.store.peek("k")).isSameAs(put);
    }

    @Test // the caller has left with a stale value: nobody waits for the failure, and it counts all the same
    void a_load_that_goes_on_after_the_soft_deadline_and_never_ends_is_a_failure_to_remember() {
        LoadingCache<String, String> cache = builder()
                .softDeadline(SECOND)
                .failuresFor(HOUR, Backoff.constant(HOUR))
                .executor(task -> {
                    if (!down) task.run(); // else it hangs for ever
                })
                .build();
        assertThat(cache.get("k")).isEqualTo("old");
        manual.advance(SECOND);
        down = true;
        CompletableFuture<String> answer = cache.getAsync("k");
        manual.advance(SECOND);
        assertThat(answer).isCompletedWithValue("old");
        manual.advance(MINUTE);
        assertThat(cache.core.protocol.flights.size()).isZero();
        assertThat(cache.get("k")).isEqualTo("old");
        assertThat(cache.core.protocol.flights.opened())
                .as("first, second, and the failure")
                .isEqualTo(3);
    }

    /** "Nothing lost": a load in whose place came another must not take the stale value away. */
    @Test
    void a_displaced_load_leaves_the_stale_value_where_it_is() {
        LoadingCache<String, String> cache = builder().build();
        assertThat(cache.get("k")).isEqualTo("old");
        manual.advance(SECOND);
        List<CompletableFuture<String>> second = new ArrayList<>();
        CompletableFuture<String> first = cache.getAsync("k");
        source = "new";
        meanwhile.set(() -> {
            cache.invalidateTag("any"); // the load has told no tags yet: it may be meant
            second.add(cache.getAsync("k"));
        });
        queue.remove(0).run();
        assertThat(first).isCompletedWithValue("new");
        down = true;
        drain();
        assertThat(second.get(0)).isCompletedWithValue("old");
        assertThat(cache.get("k")).isEqualTo("old");
    }

    // --- what is refused ---

    /** cache.md 3.5: a source that hangs must not be worse than one that fails. */
    @Test
    void above_the_cap_of_abandoned_loads_stale_values_are_served() {
        LoadingCache<String, String> cache = builder().maxAbandoned(1).build();
        assertThat(cache.get("k")).isEqualTo("old");
        Flight<String, String> hangs = cache.core.begin("hangs", Loading.Kind.NEEDED);
        if (hangs == null) throw new AssertionError("not the leader");
        hangs.watch();
        manual.advance(MINUTE);
        assertThat(cache.core.protocol.flights.abandoned()).isEqualTo(1);
        assertThat(cache.get("k")).isEqualTo("old");
        assertThat(cache.getAsync("k")).isCompletedWithValue("old");
        assertThatThrownBy(() -> cache.get("other")).isInstanceOf(LoadRejectedException.class);
        assertThat(cache.getAsync("other"))
                .failsWithin(Duration.ZERO)
                .withThrowableThat()
                .withCauseInstanceOf(LoadRejectedException.class);
        hangs.land("late", null);
        source = "new";
        assertThat(cache.get("k")).isEqualTo("new");
    }

    /** A clock whose timers cannot be armed, as when no thread can be started. */
    private record Broken(TimeSource time, AtomicBoolean broken) implements TimeSource {
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
            if (broken.get()) throw new OutOfMemoryError("unable to create native thread");
            return time.schedule(task, nanos);
        }

        @Override
        public Executor watched(Executor executor) {
            return time.watched(executor);
        }
    }

    @Test // L3, L6
    void when_no_timer_can_be_armed_loads_fail_and_nothing_wedges() {
        AtomicBoolean broken = new AtomicBoolean(true);
        LoadingCache<String, String> cache = builder()
                .timeSource(new Broken(time, broken))
                .bulkLoader(keys -> Map.of(), 10)
                .ttl(HOUR)
                .refreshAfter(SECOND)
                .build();
        assertThatThrownBy(() -> cache.get("k")).isInstanceOf(OutOfMemoryError.class);
        assertThat(cache.getAsync("k")).isCompletedExceptionally();
        assertThatThrownBy(() -> cache.getAll(List.of("k", "l"))).hasRootCauseInstanceOf(OutOfMemoryError.class);
        assertThat(cache.core.protocol.flights.size()).isZero();
        broken.set(false);
        assertThat(cache.get("k")).isEqualTo("old");
        manual.advance(SECOND);
        broken.set(true);
        assertThat(cache.get("k")).as("its refresh fails").isEqualTo("old");
        drain();
        assertThat(cache.core.background.turns().running()).isZero();
        broken.set(false);
        manual.advance(SECOND);
        source = "new";
        assertThat(cache.get("k")).isEqualTo("old");
        drain();
        assertThat(cache.get("k")).isEqualTo("new");
    }

    @Test // L1
    void a_refresh_that_the_executor_refuses_gives_back_its_place() {
        AtomicBoolean refusing = new AtomicBoolean();
        LoadingCache<String, String> cache = builder()
                .ttl(HOUR)
                .refreshAfter(SECOND)
                .refreshes(1, 0)
                .executor(task -> {
                    if (refusing.get()) throw new java.util.concurrent.RejectedExecutionException("full");
                    task.run();
                })
                .build();
        assertThat(cache.get("k")).isEqualTo("old");
        manual.advance(SECOND);
        refusing.set(true);
        assertThat(cache.get("k")).isEqualTo("old");
        assertThat(cache.core.background.turns().running()).isZero();
        refusing.set(false);
        source = "new";
        manual.advance(MINUTE);
        assertThat(cache.get("k")).isEqualTo("old");
        assertThat(cache.get("k")).isEqualTo("new");
    }

    // --- cache.md 3.4: recursion is told, wherever in a load it is ---

    @Test
    void a_listener_that_asks_for_the_key_whose_load_has_failed_does_not_wait_for_itself() {
        LoadingCache<String, String> cache = builder().build();
        List<Throwable> told = new ArrayList<>();
        cache.onEvent(new CacheListener<>() {
            @Override
            public void loadFailed(String key, Throwable thrown, Duration took, boolean background) {
                try {
                    cache.get(key);
                } catch (IllegalStateException recursion) {
                    told.add(recursion);
                }
            }
        });
        down = true;
        Flyers.Flyer<String> caller = Flyers.fly(() -> cache.get("k"));
        assertThat(caller.thrown()).isInstanceOf(CacheLoadException.class);
        assertThat(told).hasSize(1);
    }

    @Test
    void nor_does_a_function_of_the_value() {
        AtomicReference<@Nullable LoadingCache<String, String>> made = new AtomicReference<>();
        List<Throwable> told = new ArrayList<>();
        LoadingCache<String, String> cache = builder()
                .tags((key, value) -> {
                    LoadingCache<String, String> own = made.get();
                    try {
                        if (own != null) own.get(key);
                    } catch (IllegalStateException recursion) {
                        told.add(recursion);
                    }
                    return List.of();
                })
                .build();
        made.set(cache);
        assertThat(Flyers.fly(() -> cache.get("k")).value()).isEqualTo("old");
        assertThat(told).hasSize(1);
        CompletableFuture<String> answer = cache.getAsync("l");
        assertThat(Flyers.fly(() -> {
                            drain();
                            return answer.join();
                        })
                        .value())
                .isEqualTo("old");
        assertThat(told).hasSize(2);
    }

    @Test
    void a_bulk_loader_that_asks_for_one_of_its_keys_is_told_at_once() {
        AtomicReference<@Nullable LoadingCache<String, String>> made = new AtomicReference<>();
        LoadingCache<String, String> cache = builder()
                .executor(Runnable::run)
                .bulkLoader(
                        keys -> {
                            LoadingCache<String, String> own = made.get();
                            if (own != null) own.get("b");
                            return Map.of("a", "a", "b", "b");
                        },
                        10)
                .build();
        made.set(cache);
        assertThat(Flyers.fly(() -> cache.getAll(List.of("a", "b"))).thrown())
                .hasRootCauseInstanceOf(IllegalStateException.class);
        made.set(null);
        assertThat(cache.getAll(List.of("a", "b"))).hasSize(2);
    }

    // --- seats ---

    @Test // as SingleFlight: however its caller ends the future, the last one out ends the load
    void a_future_that_times_out_gives_up_the_load_when_nobody_else_waits() {
        LoadingCache<String, String> cache = builder().build();
        CompletableFuture<String> first = cache.getAsync("k");
        CompletableFuture<String> second = cache.getAsync("k");
        first.completeExceptionally(new TimeoutException());
        assertThat(cache.core.protocol.flights.size()).isEqualTo(1);
        second.complete("mine");
        assertThat(cache.core.protocol.flights.size()).isZero();
        drain();
        assertThat(loads).as("it never began").hasValue(0);
    }

    @Test
    void a_cancelled_copy_gives_up_the_load_as_well() {
        LoadingCache<String, String> cache = builder()
                .copier(value -> value.toUpperCase(java.util.Locale.ROOT))
                .build();
        CompletableFuture<String> answer = cache.getAsync("k");
        answer.cancel(false);
        assertThat(cache.core.protocol.flights.size()).isZero();
        answer = cache.getAsync("k");
        drain();
        assertThat(answer).isCompletedWithValue("OLD");
    }
}
