// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.TimeSource;
import dev.resilience.cache.Store.Cause;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What is the built-in store's own: who stays, weights, expiry, what runs without the lock (cache.md 2, S46). */
class BoundedStoreTest {
    private final ManualTime time = ManualTime.create();
    private final List<Integer> evicted = new ArrayList<>();

    @Test
    void a_bound_below_one_is_refused() {
        assertThatThrownBy(() -> Store.bounded(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("store: maxEntries must be at least 1, was 0");
        assertThatThrownBy(() -> Store.weighted(Long.MIN_VALUE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("store: maxWeight must be at least 1, was -9223372036854775808");
    }

    @Test
    void a_hot_key_survives_a_scan_of_ten_times_the_capacity() {
        Store<Integer, Integer> store = Store.bounded(1_000);
        for (int i = 0; i < 1_000; i++) store.put(i, eternal(i));
        for (int use = 0; use < 3; use++) store.get(500);
        for (int i = 1_000; i < 11_000; i++) store.put(i, eternal(i));
        assertThat(store.peek(500)).isNotNull();
        assertThat(store.estimatedSize()).isEqualTo(1_000);
    }

    @Test
    void what_comes_back_soon_after_it_left_stays() {
        Store<Integer, Integer> store = Store.bounded(100);
        for (int i = 0; i < 150; i++) store.put(i, eternal(i));
        assertThat(store.peek(49)).as("left at the last but one").isNull();
        store.put(49, eternal(49));
        for (int i = 1_000; i < 2_000; i++) store.put(i, eternal(i));
        assertThat(store.peek(49))
                .as("in the main queue, which a scan does not touch")
                .isNotNull();
    }

    @Test
    void a_look_is_no_use() {
        Store<Integer, Integer> store = Store.bounded(10);
        store.put(1, eternal(1));
        for (int i = 0; i < 9; i++) store.peek(1);
        for (int i = 2; i < 50; i++) store.put(i, eternal(i));
        assertThat(store.peek(1)).isNull();
    }

    /** S46: a new entry in the same place is no newcomer. */
    @Test
    void a_replaced_entry_keeps_the_uses_of_its_key() {
        Store<Integer, Integer> store = Store.bounded(10);
        store.put(1, eternal(1));
        store.get(1);
        store.get(1);
        store.put(1, eternal(2));
        for (int i = 2; i < 50; i++) store.put(i, eternal(i));
        assertThat(store.peek(1)).isNotNull();
    }

    /** Each eviction takes a bounded number of steps, even when every entry is in steady use. */
    @Test
    void entries_that_are_all_in_use_make_room_after_bounded_steps() {
        BoundedStore<Integer, Integer> store = BoundedStore.entries(1_000);
        for (int i = 0; i < 1_000; i++) {
            store.put(i, eternal(i));
            for (int use = 0; use < 3; use++) store.get(i);
        }
        store.put(1_000, eternal(1_000));
        assertThat(store.estimatedSize()).isEqualTo(1_000);
        assertThat(store.peek(S3Fifo.MAX_STEPS))
                .as("taken by force after so many")
                .isNull();
        for (int i = 0; i < S3Fifo.MAX_STEPS; i++) assertThat(store.peek(i)).isNotNull();
    }

    @Test
    void an_entry_that_is_heavier_than_everything_goes_at_once_and_alone() {
        Store<Integer, Integer> store = tied(Store.weighted(100));
        for (int i = 0; i < 10; i++) store.put(i, weighing(10));
        store.put(50, weighing(101));
        store.put(51, weighing(Long.MAX_VALUE));
        assertThat(evicted).containsExactly(50, 51);
        assertThat(store.peek(50)).isNull();
        assertThat(store.estimatedSize()).isEqualTo(10);
        store.put(52, weighing(100));
        assertThat(store.estimatedSize()).as("it takes all the room").isOne();
    }

    @Test
    void an_entry_that_gets_heavier_makes_others_go_and_may_go_itself() {
        Store<Integer, Integer> store = tied(Store.weighted(100));
        for (int i = 0; i < 10; i++) store.put(i, weighing(10));
        store.put(9, weighing(30));
        assertThat(evicted).containsExactly(0, 1);
        assertThat(store.peek(9)).isNotNull();
        store.put(9, weighing(1));
        store.put(20, weighing(29));
        assertThat(evicted).as("29 are free again").hasSize(2);
        store.put(9, weighing(101));
        assertThat(store.peek(9)).as("too heavy for the whole store").isNull();
        assertThat(evicted).containsExactly(0, 1, 9);
    }

    @Test
    void weights_and_bounds_up_to_the_largest_number_do_not_overflow() {
        BoundedStore<Integer, Integer> store = BoundedStore.weights(Long.MAX_VALUE);
        store.put(1, weighing(Long.MAX_VALUE - 1));
        store.put(2, weighing(1));
        assertThat(store.estimatedSize()).isEqualTo(2);
        assertThat(store.policy.weight()).isEqualTo(Long.MAX_VALUE);
        store.put(3, weighing(Long.MAX_VALUE));
        assertThat(store.estimatedSize()).isOne();
        assertThat(store.peek(3)).isNotNull();
        Store<Integer, Integer> many = Store.bounded(Long.MAX_VALUE);
        for (int i = 0; i < 1_000; i++) many.put(i, eternal(i));
        assertThat(many.estimatedSize()).isEqualTo(1_000);
    }

    @Test
    void entries_without_weight_do_not_count() {
        Store<Integer, Integer> store = tied(Store.weighted(10));
        for (int i = 0; i < 100; i++) store.put(i, weighing(0));
        assertThat(store.estimatedSize()).isEqualTo(100);
        store.put(100, weighing(10));
        assertThat(evicted).isEmpty();
        store.put(101, weighing(1));
        assertThat(store.peek(101)).isNotNull();
        assertThat(store.peek(100)).isNull();
    }

    /** Nobody has to clean up: each write looks at some places, so all are walked through in a quarter of the writes. */
    @Test
    void writes_alone_remove_what_is_of_no_use_any_more() {
        BoundedStore<Integer, Integer> store = BoundedStore.entries(10_000);
        List<Cause> causes = new ArrayList<>();
        store.bind(time, (key, entry, cause) -> causes.add(cause));
        for (int i = 0; i < 1_000; i++) store.put(i, lasting(Duration.ofSeconds(1)));
        time.advance(Duration.ofSeconds(2));
        int writes = 0;
        while (store.estimatedSize() > 1 && writes < 600) {
            store.put(-1, eternal(writes));
            writes++;
        }
        assertThat(store.estimatedSize()).as("after %s writes", writes).isOne();
        assertThat(writes).isBetween(200, 600);
        assertThat(causes).hasSize(1_000).containsOnly(Cause.EXPIRED);
        assertThat(store.policy.size()).isOne();
    }

    @Test
    void an_entry_that_was_prolonged_is_not_dropped_with_the_old_one() {
        Store<Integer, Integer> store = tied(Store.bounded(10));
        store.put(1, lasting(Duration.ofSeconds(1)));
        store.put(1, lasting(Duration.ofSeconds(10)));
        time.advance(Duration.ofSeconds(5));
        for (int i = 0; i < 50; i++) store.put(2, eternal(i));
        store.cleanUp();
        assertThat(store.peek(1)).isNotNull();
        assertThat(evicted).isEmpty();
    }

    /** A clock that nobody needs is not read: eternal entries cost no look at it. */
    @Test
    void without_entries_that_end_the_clock_is_not_read() {
        BoundedStore<Integer, Integer> store = BoundedStore.entries(10);
        AtomicInteger readings = new AtomicInteger();
        store.bind(counting(readings), (key, entry, cause) -> {});
        for (int i = 0; i < 100; i++) store.put(i, eternal(i));
        store.get(99);
        store.cleanUp();
        assertThat(readings).hasValue(0);
        store.put(100, lasting(Duration.ofSeconds(1)));
        store.get(100);
        int before = readings.get();
        assertThat(before).isPositive();
        store.get(100);
        store.peek(100);
        assertThat(readings).as("never by a hit").hasValue(before);
    }

    /** L5: whatever of the user's runs, it runs without the lock. */
    @Test
    void keys_the_clock_and_the_listener_run_without_the_lock() {
        BoundedStore<Key, Integer> store = BoundedStore.entries(10);
        Set<String> calls = new HashSet<>();
        Key.told = what -> {
            assertThat(store.lock.isHeldByCurrentThread()).as(what).isFalse();
            calls.add(what);
        };
        store.bind(new Readings(() -> Key.told.accept("clock")), (key, entry, cause) -> Key.told.accept("listener"));
        for (int i = 0; i < 100; i++) {
            store.put(new Key(i), i % 2 == 0 ? eternal(i) : lasting(Duration.ofSeconds(1)));
            store.get(new Key(i / 2));
            if (i % 3 == 0) store.remove(new Key(i));
        }
        store.cleanUp();
        store.clear();
        assertThat(calls).containsExactlyInAnyOrder("hashCode", "equals", "clock", "listener");
    }

    private record Key(int number) {
        static java.util.function.Consumer<String> told = what -> {};

        @Override
        public int hashCode() {
            told.accept("hashCode");
            return number;
        }

        @Override
        public boolean equals(Object other) {
            told.accept("equals");
            return other instanceof Key key && key.number == number;
        }
    }

    private static TimeSource counting(AtomicInteger readings) {
        return new Readings(readings::incrementAndGet);
    }

    /** A clock that stands still and tells who reads it. */
    private record Readings(Runnable reading) implements TimeSource {
        @Override
        public long nanoTime() {
            reading.run();
            return 0;
        }

        @Override
        public void park(Object blocker, long nanos) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void unpark(Thread thread) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Timer schedule(Runnable task, long delayNanos) {
            throw new UnsupportedOperationException();
        }
    }

    private Store<Integer, Integer> tied(Store<Integer, Integer> store) {
        store.bind(time, (key, entry, cause) -> evicted.add(key));
        return store;
    }

    private static Entry<Integer> eternal(int value) {
        return Entry.sample(value, 1, 0, Long.MAX_VALUE);
    }

    private static Entry<Integer> weighing(long weight) {
        return Entry.sample(0, weight, 0, Long.MAX_VALUE);
    }

    private Entry<Integer> lasting(Duration duration) {
        return Entry.sample(0, 1, time.nanoTime(), duration.toNanos());
    }
}
