// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallInterruptedException;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** L5: users' functions that go wrong, and callers of one key that share what they should and nothing else. */
class LoadingGuestsTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final AtomicInteger loads = new AtomicInteger();

    private LoadingCache.Builder<String, String> builder() {
        return LoadingCache.builder("users", (String key) -> key + loads.incrementAndGet())
                .timeSource(time)
                .jitter(0)
                .ttl(SECOND);
    }

    /** The value is answered, it is not kept, and no older one is served in its place. */
    private void notKept(LoadingCache<String, String> cache) {
        assertThat(cache.get("k")).isEqualTo("k1");
        assertThat(cache.get("k")).isEqualTo("k2");
        cache.put("k", "put");
        assertThat(cache.get("k")).isEqualTo("k3");
        assertThat(cache.core.protocol.flights.size()).isZero();
    }

    @Test // Bad input: a weigher that throws
    void a_weigher_that_throws_or_is_negative_keeps_nothing_and_loses_nothing() {
        notKept(builder()
                .maxWeight(10, (key, value) -> {
                    throw new IllegalStateException("broken");
                })
                .build());
        loads.set(0);
        notKept(builder().maxWeight(10, (key, value) -> -1).build());
    }

    @Test
    void nor_does_a_ttl_that_is_negative_null_or_throws() {
        notKept(builder().ttl((key, value) -> SECOND.negated()).build());
        loads.set(0);
        notKept(builder().ttl((key, value) -> nothing()).build());
        loads.set(0);
        notKept(builder()
                .ttl((key, value) -> {
                    throw new StackOverflowError();
                })
                .build());
    }

    @Test // a value whose tags are not known could not be invalidated by them
    void nor_do_tags_that_are_too_many_null_or_throw() {
        notKept(builder().maxTags(1).tags((key, value) -> List.of("a", "b")).build());
        loads.set(0);
        notKept(builder().tags((key, value) -> Arrays.asList("a", nothing())).build());
        loads.set(0);
        notKept(builder()
                .tags((key, value) -> {
                    throw new IllegalStateException("broken");
                })
                .build());
    }

    @Test // S19: what is put and cannot be kept does not leave the old value there
    void a_put_that_the_weigher_refuses_removes_what_was_there() {
        boolean[] broken = {false};
        LoadingCache<String, String> cache = builder()
                .maxWeight(10, (key, value) -> {
                    if (broken[0]) throw new IllegalStateException("broken");
                    return 1;
                })
                .build();
        assertThat(cache.get("k")).isEqualTo("k1");
        broken[0] = true;
        cache.put("k", "put");
        assertThat(cache.peek("k")).isEmpty();
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"})
    private static <T> T nothing() {
        return null;
    }

    @Test // cache.md 3.9
    void keys_have_no_timers() {
        LoadingCache<String, String> cache = builder()
                .refreshAfter(Duration.ofMillis(500))
                .refreshEarly(1)
                .staleWhileRevalidate(SECOND)
                .staleIfError(SECOND)
                .absentFor(SECOND)
                .failuresFor(SECOND, dev.resilience.Backoff.constant(SECOND))
                .tags((key, value) -> List.of(key))
                .build();
        for (int i = 0; i < 1000; i++) cache.get("k" + i);
        cache.put("put", "v");
        cache.invalidateTag("k1");
        assertThat(time.pendingTimers()).isZero();
    }

    // --- keys of one hash ---

    private record Collides(String name) {
        @Override
        public int hashCode() {
            return 7;
        }
    }

    /** Caffeine's and ConcurrentHashMap's compute hold the bin: there these calls wait for the load. */
    @Test
    void a_load_blocks_no_other_key_of_its_hash_and_no_invalidation() throws Exception {
        Flyers.Held<String> held = new Flyers.Held<>(() -> "slow");
        LoadingCache<Collides, String> cache = LoadingCache.builder(
                        "colliding", (Collides key) -> key.name().equals("a") ? held.call() : key.name())
                .timeSource(time)
                .build();
        Flyers.Flyer<String> slow = Flyers.fly(() -> cache.get(new Collides("a")));
        held.awaitIn();
        Flyers.Flyer<String> others = Flyers.fly(() -> {
            String loaded = cache.get(new Collides("b"));
            cache.invalidate(new Collides("b"));
            cache.put(new Collides("c"), "c");
            cache.invalidateAll();
            cache.invalidate(new Collides("a"));
            return loaded + cache.get(new Collides("c"));
        });
        assertThat(others.value()).isEqualTo("bc");
        held.letOut();
        assertThat(slow.value()).isEqualTo("slow");
        assertThat(cache.peek(new Collides("a"))).isEmpty();
    }

    // --- callers of one key ---

    @Test // cache.md 3.2
    void each_caller_has_a_failure_of_its_own_around_the_one_cause() throws Exception {
        IOException down = new IOException("down");
        Flyers.Held<String> held = new Flyers.Held<>(() -> {
            throw down;
        });
        LoadingCache<String, String> cache = LoadingCache.builder("users", (String key) -> held.call())
                .timeSource(time)
                .build();
        List<Flyers.Flyer<String>> callers = new ArrayList<>();
        callers.add(Flyers.fly(() -> cache.get("k")));
        held.awaitIn();
        for (int i = 0; i < 5; i++) callers.add(Flyers.fly(() -> cache.get("k")));
        time.awaitParked(5);
        held.letOut();
        Set<Throwable> thrown = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Flyers.Flyer<String> each : callers) {
            Throwable mine = each.thrown();
            assertThat(mine).isInstanceOf(CacheLoadException.class);
            assertThat(mine.getCause()).isSameAs(down);
            thrown.add(mine);
        }
        assertThat(thrown).hasSize(6);
        assertThat(held.runs).hasValue(1);
    }

    @Test // cache.md 3.3, L8
    void when_the_caller_that_loads_is_interrupted_another_one_loads() throws Exception {
        Flyers.Held<String> first = new Flyers.Held<>(() -> "first");
        LoadingCache<String, String> cache = LoadingCache.builder(
                        "users", (String key) -> loads.incrementAndGet() == 1 ? first.call() : "second")
                .timeSource(time)
                .build();
        Flyers.Flyer<@Nullable String> leader = Flyers.fly(() -> cache.get("k"));
        first.awaitIn();
        Flyers.Flyer<String> follower = Flyers.fly(() -> cache.get("k"));
        time.awaitParked(1);
        leader.interrupt();
        assertThat(leader.thrown()).isInstanceOf(CallInterruptedException.class);
        assertThat(leader.flagged()).isTrue();
        assertThat(follower.value()).isEqualTo("second");
        assertThat(cache.get("k")).isEqualTo("second");
        assertThat(loads).hasValue(2);
    }

    @Test
    void a_caller_that_is_interrupted_while_it_waits_leaves_the_load_to_the_others() throws Exception {
        Flyers.Held<String> held = new Flyers.Held<>(() -> "v");
        LoadingCache<String, String> cache = LoadingCache.builder("users", (String key) -> held.call())
                .timeSource(time)
                .build();
        Flyers.Flyer<String> leader = Flyers.fly(() -> cache.get("k"));
        held.awaitIn();
        Flyers.Flyer<String> follower = Flyers.fly(() -> cache.get("k"));
        time.awaitParked(1);
        follower.interrupt();
        assertThat(follower.thrown()).isInstanceOf(CallInterruptedException.class);
        assertThat(follower.flagged()).isTrue();
        held.letOut();
        assertThat(leader.value()).isEqualTo("v");
        assertThat(cache.get("k")).isEqualTo("v");
        assertThat(held.interrupted).isFalse();
    }
}
