// SPDX-License-Identifier: Apache-2.0
package dev.resilience.stress;

import dev.resilience.cache.Entry;
import dev.resilience.cache.Store;
import java.util.HashMap;
import java.util.Map;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** With room for all, the built-in store is a map that compares by identity: every history has an order (S17, S46). */
public class StoreLincheckTest {
    private static final Entry<String> ONE = entry("one");
    private static final Entry<String> TWO = entry("two");

    private final Store<Integer, String> store = Store.weighted(1_000);

    private static Entry<String> entry(String value) {
        return Entry.sample(value, value.length(), 0, Long.MAX_VALUE);
    }

    private static String name(@Nullable Entry<String> entry) {
        return entry == null ? "none" : entry == ONE ? "one" : "two";
    }

    @Operation
    public String get() {
        return name(store.get(1));
    }

    @Operation
    public String putOne() {
        return name(store.put(1, ONE));
    }

    @Operation
    public String putTwo() {
        return name(store.put(1, TWO));
    }

    @Operation
    public boolean publish() {
        return store.replace(1, null, ONE);
    }

    @Operation
    public boolean replace() {
        return store.replace(1, ONE, TWO);
    }

    @Operation
    public boolean removeTwo() {
        return store.remove(1, TWO);
    }

    @Operation
    public String remove() {
        return name(store.remove(1));
    }

    @Operation
    public boolean cleanUp() {
        store.cleanUp();
        return true;
    }

    /** What the histories are held against. */
    public static class Sequential {
        private final Map<Integer, Entry<String>> map = new HashMap<>();

        public String get() {
            return name(map.get(1));
        }

        public String putOne() {
            return name(map.put(1, ONE));
        }

        public String putTwo() {
            return name(map.put(1, TWO));
        }

        public boolean publish() {
            return map.putIfAbsent(1, ONE) == null;
        }

        public boolean replace() {
            return map.replace(1, ONE, TWO);
        }

        public boolean removeTwo() {
            return map.remove(1, TWO);
        }

        public String remove() {
            return name(map.remove(1));
        }

        public boolean cleanUp() {
            return true;
        }
    }

    @Test
    void stress() {
        new StressOptions()
                .iterations(10)
                .invocationsPerIteration(500)
                .threads(2)
                .actorsPerThread(3)
                .sequentialSpecification(Sequential.class)
                .check(getClass());
    }

    @Test
    void model_checking() {
        new ModelCheckingOptions()
                .iterations(10)
                .invocationsPerIteration(200)
                .threads(2)
                .actorsPerThread(3)
                .sequentialSpecification(Sequential.class)
                .check(getClass());
    }
}
