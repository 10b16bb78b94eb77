// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.benmanes.caffeine.cache.Caffeine;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.cache.StoreContract;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import org.junit.jupiter.api.Test;

/** Caffeine behind our contract, and what is the adapter's own. */
class CaffeineStoreTest extends StoreContract {
    @Override
    protected Store<Integer, String> store(int maxEntries) {
        return CaffeineStore.bounded(maxEntries);
    }

    @Test
    void weights_bound_it_and_one_beyond_an_int_counts_as_the_largest() {
        List<Integer> evicted = new ArrayList<>();
        CaffeineStore<Integer, String> store = CaffeineStore.weighted(10);
        store.bind(ManualTime.create(), (key, entry, cause) -> evicted.add(key));
        store.put(1, Entry.sample("huge", Long.MAX_VALUE, 0, Long.MAX_VALUE));
        store.put(2, Entry.sample("fits", 10, 0, Long.MAX_VALUE));
        store.cleanUp();
        assertThat(evicted).containsExactly(1);
        assertThat(store.get(2)).isNotNull();
    }

    @Test
    void settings_of_your_own_are_kept_and_those_of_the_store_refused() {
        CaffeineStore<Object, String> unbounded = CaffeineStore.of(Caffeine.newBuilder());
        for (int i = 0; i < 10_000; i++) unbounded.put(i, Entry.sample("v", 1, 0, Long.MAX_VALUE));
        assertThat(unbounded.estimatedSize()).isEqualTo(10_000);
        assertThatThrownBy(() -> CaffeineStore.of(Caffeine.newBuilder().executor(ForkJoinPool.commonPool())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("store: the Caffeine settings must leave expiry, ticker, executor and removal"
                        + " listener to the store (")
                .hasMessageEndingWith("); the cache's ttl says how long a value lives");
    }

    /** Caffeine drops what is of no use any more when it is read: the listener hears of it from the same call. */
    @Test
    void a_read_tells_what_it_has_dropped() {
        ManualTime time = ManualTime.create();
        List<String> evicted = new ArrayList<>();
        CaffeineStore<Integer, String> store = CaffeineStore.bounded(10);
        store.bind(time, (key, entry, cause) -> evicted.add(key + " " + cause));
        store.put(1, Entry.sample("v", 1, time.nanoTime(), 1_000));
        store.cleanUp();
        time.advance(Duration.ofSeconds(10));
        assertThat(store.get(1)).isNull();
        assertThat(evicted).containsExactly("1 EXPIRED");
    }

    @Test
    void a_bound_below_one_is_refused() {
        assertThatThrownBy(() -> CaffeineStore.bounded(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("store: maxEntries must be at least 1, was 0");
        assertThatThrownBy(() -> CaffeineStore.weighted(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("store: maxWeight must be at least 1, was -1");
    }
}
