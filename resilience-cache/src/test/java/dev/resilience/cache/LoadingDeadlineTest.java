// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;

/** cache.md 3.5: slow loads and loads that never return; one thread, loads held in a queue by the test. */
class LoadingDeadlineTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final List<Runnable> queue = new ArrayList<>();
    private boolean direct = true;
    private int loads;
    private final Executor executor = task -> {
        if (direct) task.run();
        else queue.add(task);
    };
    private final TimeSource unwatched = new TimeSource() {
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
            return any == executor ? any : Runnable::run;
        }
    };

    private LoadingCache.Builder<String, String> builder() {
        return LoadingCache.builder("slow", (String key) -> key + ++loads)
                .timeSource(unwatched)
                .executor(executor)
                .jitter(0)
                .ttl(SECOND)
                .staleIfError(Duration.ofHours(1))
                .hardDeadline(Duration.ofSeconds(5));
    }

    /** A stale value, and from now on loads are held. */
    private LoadingCache<String, String> stale(LoadingCache.Builder<String, String> builder) {
        LoadingCache<String, String> cache = builder.build();
        cache.get("a");
        time.advance(SECOND);
        direct = false;
        return cache;
    }

    private void drain() {
        while (!queue.isEmpty()) queue.remove(0).run();
    }

    @Test
    void at_the_soft_deadline_a_caller_gets_the_stale_value_and_the_load_goes_on() {
        LoadingCache<String, String> cache = stale(builder().softDeadline(SECOND));
        CompletableFuture<String> answer = cache.getAsync("a");
        time.advance(SECOND.minusNanos(1));
        assertThat(answer).isNotDone();
        time.advance(Duration.ofNanos(1));
        assertThat(answer).isCompletedWithValue("a1");
        drain();
        assertThat(cache.peek("a")).contains("a2");
    }

    @Test
    void without_a_stale_value_a_caller_waits_on() {
        direct = false;
        LoadingCache<String, String> cache = builder().softDeadline(SECOND).build();
        CompletableFuture<String> answer = cache.getAsync("a");
        time.advance(SECOND);
        assertThat(answer).isNotDone();
        drain();
        assertThat(answer).isCompletedWithValue("a1");
    }

    @Test
    void at_the_hard_deadline_callers_fail_and_the_key_can_be_loaded_again() {
        direct = false;
        LoadingCache<String, String> cache = builder().build();
        CompletableFuture<String> answer = cache.getAsync("a");
        time.advance(Duration.ofSeconds(5));
        assertThatThrownBy(answer::join)
                .hasCauseInstanceOf(CacheLoadException.class)
                .hasRootCauseInstanceOf(TimeoutExceededException.class);
        CompletableFuture<String> second = cache.getAsync("a");
        Runnable late = queue.remove(0);
        drain();
        assertThat(second).isCompletedWithValue("a1");
        late.run();
        assertThat(cache.peek("a")).contains("a1");
    }

    @Test
    void at_the_hard_deadline_a_stale_value_is_served() {
        LoadingCache<String, String> cache = stale(builder());
        CompletableFuture<String> answer = cache.getAsync("a");
        time.advance(Duration.ofSeconds(5));
        assertThat(answer).isCompletedWithValue("a1");
    }

    @Test
    void a_load_that_was_given_up_is_remembered_as_a_failure() {
        LoadingCache<String, String> cache =
                stale(builder().failuresFor(Duration.ofMinutes(1), Backoff.constant(SECOND)));
        CompletableFuture<String> answer = cache.getAsync("a");
        time.advance(Duration.ofSeconds(5));
        assertThat(answer).isCompletedWithValue("a1");
        queue.clear();
        assertThat(cache.getAsync("a")).isCompletedWithValue("a1");
        assertThat(queue).as("held back").isEmpty();
        time.advance(SECOND);
        CompletableFuture<String> again = cache.getAsync("a");
        drain();
        assertThat(again).isCompletedWithValue("a2");
    }

    @Test
    void a_refresh_that_is_given_up_frees_its_turn() {
        direct = true;
        LoadingCache<String, String> cache = builder()
                .ttl(Duration.ofHours(1))
                .refreshAfter(SECOND)
                .refreshes(1, 10)
                .build();
        cache.getAll(List.of("a", "b"));
        direct = false;
        time.advance(SECOND);
        cache.getAll(List.of("a", "b"));
        assertThat(queue).hasSize(1);
        time.advance(Duration.ofSeconds(5));
        assertThat(queue).as("b has its turn though a never returned").hasSize(2);
    }

    @Test // L6: an executor that refuses is a failed load
    void an_executor_that_refuses_fails_the_load_or_serves_the_stale_value() {
        LoadingCache<String, String> cache = stale(builder().timeSource(time).executor(task -> {
            throw new RejectedExecutionException("full");
        }));
        assertThat(cache.getAsync("a")).isCompletedWithValue("a1");
        assertThatThrownBy(() -> cache.getAsync("b").join()).hasRootCauseInstanceOf(RejectedExecutionException.class);
        assertThat(cache.get("b")).as("on the caller's thread").isEqualTo("b2");
    }

    @Test // cache.md 3.13
    void thread_bound_state_of_the_caller_is_there_in_the_background() {
        ThreadLocal<String> tenant = new ThreadLocal<>();
        List<String> seen = new ArrayList<>();
        LoadingCache<String, String> cache = LoadingCache.builder("context", (String key) -> {
                    seen.add(String.valueOf(tenant.get()));
                    return key;
                })
                .executor(queue::add)
                .capture(() -> {
                    String mine = tenant.get();
                    return () -> {
                        String before = tenant.get();
                        tenant.set(mine);
                        return () -> tenant.set(before);
                    };
                })
                .build();
        tenant.set("acme");
        CompletableFuture<String> answer = cache.getAsync("a");
        tenant.set("other");
        drain();
        assertThat(answer).isCompletedWithValue("a");
        assertThat(seen).containsExactly("acme");
        assertThat(tenant.get()).isEqualTo("other");
    }
}
