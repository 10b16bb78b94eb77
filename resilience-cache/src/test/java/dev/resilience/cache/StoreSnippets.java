// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import com.github.benmanes.caffeine.cache.Caffeine;
import java.util.List;

/** Shown in the Javadoc and in docs/cache/store.md. */
final class StoreSnippets {
    private StoreSnippets() {}

    static List<Store<String, String>> builtIn() {
        // @start region="built-in"
        Store<String, String> entries = Store.bounded(10_000); // the most entries
        Store<String, String> weights = Store.weighted(64 << 20); // the most that their weights add up to
        // @end
        return List.of(entries, weights);
    }

    static LoadingCache<String, String> weighed(Loader<String, String> pages) {
        return LoadingCache.builder("pages", pages)
                .store(CaffeineStore.weighted(64 << 20), (url, page) -> 2L * page.length())
                .build();
    }

    static List<Store<String, String>> caffeine() {
        // @start region="caffeine"
        Store<String, String> entries = CaffeineStore.bounded(1_000_000);
        Store<String, String> own =
                CaffeineStore.of(Caffeine.newBuilder().maximumSize(1_000_000).initialCapacity(1_000_000));
        // @end
        return List.of(entries, own);
    }
}
