// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.LongRange;

/** The built-in store beside {@link NaiveS3Fifo}, and what holds for any operations (cache.md 2). */
class BoundedStorePropertyTest {
    /** Below two buckets of ghosts the real table forgets as the exact one does, given that no prints are equal. */
    private static final int GHOSTS = 8;

    private static final int SEED = 42;

    enum Kind {
        GET,
        PEEK,
        PUT,
        REPLACE,
        REPLACE_NOTHING,
        REMOVE,
        REMOVE_SEEN,
        CLEAN_UP,
        CLEAR
    }

    record Step(Kind kind, int key, long weight) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Kind> kinds = Arbitraries.frequencyOf(
                Tuple.of(40, Arbitraries.of(Kind.GET)),
                Tuple.of(30, Arbitraries.of(Kind.PUT)),
                Tuple.of(10, Arbitraries.of(Kind.REPLACE, Kind.REPLACE_NOTHING)),
                Tuple.of(8, Arbitraries.of(Kind.REMOVE, Kind.REMOVE_SEEN, Kind.PEEK)),
                Tuple.of(1, Arbitraries.of(Kind.CLEAN_UP, Kind.CLEAR)));
        Arbitrary<Long> weights = Arbitraries.frequencyOf(
                Tuple.of(20, Arbitraries.longs().between(0, 8)),
                Tuple.of(1, Arbitraries.of(Long.MAX_VALUE, Long.MAX_VALUE - 1, 1L << 62)));
        return Combinators.combine(kinds, Arbitraries.integers().between(0, 24), weights)
                .as(Step::new)
                .list()
                .ofMaxSize(150);
    }

    @Property(tries = 200)
    void holds_and_evicts_what_the_slow_one_does(
            @ForAll("steps") List<Step> steps, @ForAll @LongRange(min = 1, max = 14) long max) {
        Pair pair = new Pair(max, false);
        for (Step step : steps) pair.run(step.kind, step.key, 1);
    }

    /** Entries of weight 0 would let it grow beyond the ghosts that the slow one has, so they get 1. */
    @Property(tries = 200)
    void weighs_as_the_slow_one_does(
            @ForAll("steps") List<Step> steps, @ForAll @LongRange(min = 1, max = 14) long max) {
        Pair pair = new Pair(max, true);
        for (Step step : steps) pair.run(step.kind, step.key, Math.max(1, step.weight));
    }

    @Property(tries = 200)
    void any_weights_stay_within_any_bound(
            @ForAll("steps") List<Step> steps, @ForAll @LongRange(min = 1, max = Long.MAX_VALUE) long max) {
        BoundedStore<Integer, Integer> store = BoundedStore.weights(max);
        Set<Integer> evicted = new HashSet<>();
        store.bind(ManualTime.create(), (key, entry, cause) -> evicted.add(key));
        Map<Integer, Entry<Integer>> last = new HashMap<>();
        for (Step step : steps) {
            Entry<Integer> entry = Entry.sample(step.key, step.weight, 0, Long.MAX_VALUE);
            evicted.remove(step.key);
            store.put(step.key, entry);
            last.put(step.key, entry);
            long left = max;
            for (Entry<Integer> held : content(store).values()) {
                left -= held.weight();
                assertThat(left)
                        .as("no sum beyond the bound, not even by overflow")
                        .isNotNegative();
            }
            assertThat(store.policy.weight()).isEqualTo(max - left);
        }
        last.forEach((key, entry) -> assertThat(store.peek(key)).isSameAs(evicted.contains(key) ? null : entry));
    }

    private static <K, V> Map<K, Entry<V>> content(Store<K, V> store) {
        Map<K, Entry<V>> content = new HashMap<>();
        store.forEach((key, entry) -> assertThat(content.put(key, entry)).isNull());
        return content;
    }

    /** Both, and all that is to be the same after each operation. */
    private static final class Pair {
        private final boolean weighed;
        private final BoundedStore<Integer, Integer> store;
        private final NaiveS3Fifo naive;
        private final List<Integer> evicted = new ArrayList<>();
        private final Map<Integer, Entry<Integer>> last = new HashMap<>();

        Pair(long max, boolean weighed) {
            this.weighed = weighed;
            store = new BoundedStore<>(new S3Fifo<>(max, weighed, SEED));
            store.bind(ManualTime.create(), (key, entry, cause) -> evicted.add(key));
            naive = new NaiveS3Fifo(max, GHOSTS);
        }

        void run(Kind kind, int key, long weight) {
            evicted.clear();
            Entry<Integer> next = Entry.sample(key, weight, 0, Long.MAX_VALUE);
            Entry<Integer> there = naive.there.containsKey(key) ? last.get(key) : null;
            switch (kind) {
                case GET -> {
                    assertThat(store.get(key)).isSameAs(there);
                    naive.get(key);
                }
                case PUT -> {
                    assertThat(store.put(key, next)).isSameAs(there);
                    naivePut(key, next);
                }
                case REPLACE -> {
                    assertThat(store.replace(key, there, next)).isTrue();
                    naivePut(key, next);
                }
                case REPLACE_NOTHING -> {
                    assertThat(store.replace(key, null, next)).isEqualTo(there == null);
                    if (there == null) naivePut(key, next);
                    else naive.evicted.clear();
                }
                case REMOVE -> {
                    assertThat(store.remove(key)).isSameAs(there);
                    naive.remove(key);
                }
                case REMOVE_SEEN -> {
                    assertThat(store.remove(key, next)).isFalse();
                    if (there != null) assertThat(store.remove(key, there)).isTrue();
                    naive.remove(key);
                }
                case CLEAR -> {
                    store.clear();
                    naive.clear();
                }
                default -> {
                    store.cleanUp();
                    naive.evicted.clear();
                }
            }
            assertThat(evicted).as("evicted by %s %s", kind, key).isEqualTo(naive.evicted);
            Map<Integer, Entry<Integer>> content = content(store);
            assertThat(content.keySet()).isEqualTo(naive.there.keySet());
            content.forEach((held, entry) -> assertThat(entry).isSameAs(last.get(held)));
            assertThat(store.policy.weight()).isEqualTo(weighed ? naive.weight() : naive.there.size());
            assertThat(store.policy.size()).isEqualTo(store.estimatedSize());
        }

        private void naivePut(int key, Entry<Integer> next) {
            last.put(key, next);
            naive.put(key, next.weight());
        }
    }
}
