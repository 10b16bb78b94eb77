// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Whoever looks after all policies of a registry hears of each one's beginning and end once, in that order. */
class KeyedChangeTest {
    private final ManualTime time = ManualTime.create();
    private final List<String> heard = new ArrayList<>();
    private final Keyed<String, Bulkhead> keyed = Keyed.builder()
            .maxKeys(2)
            .idle(Duration.ofMinutes(1))
            .timeSource(time)
            .build(key -> Bulkhead.builder(key).timeSource(time).build());

    private final Keyed.Listener<Policy> listener = new Keyed.Listener<>() {
        @Override
        public void made(Policy policy) {
            heard.add("+" + policy.name());
        }

        @Override
        public void forgotten(Policy policy) {
            heard.add("-" + policy.name());
        }
    };

    @Test
    void what_is_thrown_away_unused_is_not_told() { // L13: nobody would ever tell of its end
        List<String> failedInside = new ArrayList<>();
        Keyed<?, ?>[] self = new Keyed<?, ?>[1];
        AtomicInteger depth = new AtomicInteger();
        Keyed<String, Bulkhead> hostile = Keyed.builder().timeSource(time).build(key -> {
            int call = depth.incrementAndGet();
            if (call == 2) throw new IllegalStateException("inner");
            if (call == 1) {
                try {
                    key(self[0], key);
                } catch (IllegalStateException inner) { // gives up the place that is being filled here
                    failedInside.add(key);
                }
            }
            return Bulkhead.builder(key + call).timeSource(time).build();
        });
        self[0] = hostile;
        hostile.onChange(listener);
        Bulkhead kept = hostile.get("a");
        assertThat(failedInside).containsExactly("a");
        assertThat(hostile.get("a")).isSameAs(kept);
        assertThat(hostile.live()).containsOnlyKeys("a").containsEntry("a", kept);
        assertThat(heard).containsExactly("+" + kept.name());
    }

    @SuppressWarnings("unchecked")
    private static void key(Keyed<?, ?> keyed, String key) {
        ((Keyed<String, ?>) keyed).get(key);
    }

    @Test
    void made_forgotten_and_the_overflow_are_told_once() {
        Subscription subscription = keyed.onChange(listener);
        keyed.get("a");
        keyed.get("a");
        keyed.get("b");
        assertThat(keyed.overflow()).isEmpty();
        Bulkhead shared = keyed.get("c");
        assertThat(keyed.get("d")).isSameAs(shared);
        assertThat(keyed.overflow()).containsSame(shared);
        time.advance(Duration.ofMinutes(2));
        keyed.get("e");
        assertThat(heard).containsExactlyInAnyOrder("+a", "+b", "+c", "-a", "-b", "+e");
        assertThat(heard).endsWith("+e");
        subscription.close();
        keyed.get("f");
        assertThat(heard).doesNotContain("+f");
    }

    @Test
    void a_listener_that_throws_changes_nothing() { // L5
        keyed.onChange(new Keyed.Listener<Policy>() {
            @Override
            public void made(Policy policy) {
                throw new IllegalStateException("of the listener");
            }
        });
        keyed.onChange(listener);
        try (Reported reported = new Reported()) {
            assertThat(keyed.get("a").name()).isEqualTo("a");
            assertThat(reported.messages())
                    .containsExactly("keyed: a listener of what was made threw java.lang.IllegalStateException:"
                            + " of the listener");
        }
        assertThat(heard).containsExactly("+a");
    }

    @Test
    void among_many_threads_each_policy_begins_once_and_ends_once_at_most() throws Exception {
        AtomicInteger wrong = new AtomicInteger();
        Set<Policy> alive = ConcurrentHashMap.newKeySet();
        Keyed<Integer, Bulkhead> busy = Keyed.builder()
                .maxKeys(8)
                .idle(Duration.ofNanos(16))
                .timeSource(time)
                .build(key -> Bulkhead.builder("k" + key).timeSource(time).build());
        busy.onChange(new Keyed.Listener<>() {
            @Override
            public void made(Bulkhead policy) {
                if (!alive.add(policy)) wrong.incrementAndGet();
            }

            @Override
            public void forgotten(Bulkhead policy) {
                if (!alive.remove(policy)) wrong.incrementAndGet();
            }
        });
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> done = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                int from = thread;
                done.add(pool.submit(() -> {
                    for (int i = 0; i < 3_000; i++) {
                        busy.get((from + i) % 12);
                        if (i % 5 == 0) time.advance(Duration.ofNanos(20));
                    }
                }));
            }
            for (Future<?> each : done) each.get(60, TimeUnit.SECONDS);
        } finally {
            pool.shutdownNow();
        }
        assertThat(wrong).hasValue(0);
        Set<Policy> expected = ConcurrentHashMap.newKeySet();
        expected.addAll(busy.live().values());
        busy.overflow().ifPresent(expected::add);
        assertThat(alive).isEqualTo(expected);
    }
}
