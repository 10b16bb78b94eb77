// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;

/**
 * What an entry costs beside its key and the {@link Entry} itself, by weighing the heap with and without a million of
 * them: in 32 stores, whose tables are as full as one of a million would be, and which have all evicted, so that the
 * ghosts are there.
 */
class StoreMemoryTest {
    private static final int STORES = 32;
    private static final int ENTRIES = 31_250;

    @Test
    void an_entry_takes_no_more_than_the_page_says() {
        assertThat(each(Store::bounded)).as("bounded by number").isBetween(64.0, 88.0);
        assertThat(each(Store::weighted)).as("bounded by weight").isBetween(72.0, 96.0);
    }

    /**
     * The table of docs/cache/store.md.
     *
     * @param args none
     */
    public static void main(String[] args) {
        print("built-in, bounded by number", Store::bounded);
        print("built-in, bounded by weight", Store::weighted);
        print("Caffeine, bounded by number", CaffeineStore::bounded);
        print("Caffeine, bounded by weight", CaffeineStore::weighted);
    }

    private static void print(String name, LongFunction<Store<Integer, Integer>> stores) {
        System.out.printf(Locale.ROOT, "| %s | %.0f |%n", name, each(stores));
    }

    private static double each(LongFunction<Store<Integer, Integer>> stores) {
        Integer[] keys = new Integer[ENTRIES + ENTRIES / 10];
        List<Entry<Integer>> entries = new ArrayList<>();
        for (int i = 0; i < keys.length; i++) {
            keys[i] = i;
            entries.add(Entry.sample(i, 1, 0, Long.MAX_VALUE));
        }
        ManualTime time = ManualTime.create();
        List<Store<Integer, Integer>> filled = new ArrayList<>();
        fill(stores.apply(ENTRIES), time, keys, entries); // classes and static tables are nobody's
        long before = used();
        for (int i = 0; i < STORES; i++) filled.add(fill(stores.apply(ENTRIES), time, keys, entries));
        long after = used();
        assertThat(filled).allMatch(store -> store.estimatedSize() == ENTRIES);
        return (after - before) / (double) (STORES * ENTRIES);
    }

    private static Store<Integer, Integer> fill(
            Store<Integer, Integer> store, ManualTime time, Integer[] keys, List<Entry<Integer>> entries) {
        store.bind(time, (key, entry, cause) -> {});
        for (int i = 0; i < keys.length; i++) store.put(keys[i], entries.get(i));
        store.cleanUp();
        return store;
    }

    /** The least of some looks after a collection: what others leave behind meanwhile is not ours. */
    private static long used() {
        Runtime runtime = Runtime.getRuntime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }
}
