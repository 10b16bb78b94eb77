// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.Subscription;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Compiled and run by {@link ManyKeysSnippetsTest}; shown in the Javadoc and in docs/cache/many-keys.md. */
final class ManyKeysSnippets {
    private ManyKeysSnippets() {}

    record Product(String name) {}

    interface Shop {
        @Nullable
        Product find(String id);

        Map<String, Product> findAll(Set<String> ids);
    }

    static Map<String, Product> bulk(Shop shop) {
        // @start region="bulk"
        LoadingCache<String, Product> products = LoadingCache.builder("products", shop::find)
                .ttl(Duration.ofMinutes(5))
                .bulkLoader(keys -> shop.findAll(keys), 500) // at most 500 keys in a query
                .build();
        Map<String, Product> page = products.getAll(List.of("a", "b", "c"));
        // @end
        return page;
    }

    static LoadingCache<String, Product> coalesced(Shop shop) {
        // @start region="coalesce"
        LoadingCache<String, Product> products = LoadingCache.builder("products", shop::find)
                .bulkLoader(keys -> shop.findAll(keys), 100)
                .coalesce(Duration.ofMillis(2))
                .build();
        // @end
        return products;
    }

    static LoadingCache<String, Product> warmed(Shop shop) {
        LoadingCache<String, Product> products = LoadingCache.builder("products", shop::find)
                .bulkLoader(keys -> shop.findAll(keys), 500)
                .build();
        List<String> keysOfYesterday = List.of("a", "b");
        // @start region="warm"
        long loaded = products.warm(keysOfYesterday).join();
        // @end
        if (loaded != 2) throw new AssertionError(loaded);
        return products;
    }

    static Subscription listening(LoadingCache<String, Product> products, List<Throwable> failures) {
        // @start region="listener"
        Subscription watching = products.onEvent(new CacheListener<>() {
            @Override
            public void loadFailed(String key, Throwable thrown, Duration took, boolean background) {
                failures.add(thrown);
            }
        });
        // @end
        return watching;
    }

    static double counted(LoadingCache<String, Product> products) {
        // @start region="snapshot"
        CacheSnapshot numbers = products.snapshot(); // the first look begins to count
        double rate = numbers.hitRate();
        // @end
        return rate;
    }
}
