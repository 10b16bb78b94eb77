// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Subscription;
import dev.resilience.cache.ManyKeysSnippets.Product;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the pages show does what they say. */
class ManyKeysSnippetsTest implements ManyKeysSnippets.Shop {
    private final List<Set<String>> queries = new ArrayList<>();

    @Test
    void get_all_is_one_query() {
        Map<String, Product> page = ManyKeysSnippets.bulk(this);
        assertThat(page).containsOnlyKeys("a", "b");
        assertThat(queries).containsExactly(Set.of("a", "b", "c"));
    }

    @Test
    void a_single_load_goes_through_the_bulk_loader() {
        assertThat(ManyKeysSnippets.coalesced(this).get("a")).isEqualTo(new Product("a"));
        assertThat(queries).containsExactly(Set.of("a"));
    }

    @Test
    void warming_up_loads_ahead() {
        LoadingCache<String, Product> products = ManyKeysSnippets.warmed(this);
        assertThat(products.peek("a")).isPresent();
    }

    @Test
    void a_listener_hears_of_failures_until_it_leaves() {
        LoadingCache<String, Product> products = LoadingCache.<String, Product>builder("products", key -> {
                    throw new IllegalStateException("down");
                })
                .build();
        List<Throwable> failures = new ArrayList<>();
        Subscription watching = ManyKeysSnippets.listening(products, failures);
        assertThatThrownBy(() -> products.get("a")).isInstanceOf(CacheLoadException.class);
        watching.close();
        assertThatThrownBy(() -> products.get("a")).isInstanceOf(CacheLoadException.class);
        assertThat(failures).hasSize(1);
    }

    @Test
    void the_first_look_begins_to_count() {
        LoadingCache<String, Product> products =
                LoadingCache.builder("products", this::find).build();
        products.get("a");
        assertThat(ManyKeysSnippets.counted(products)).isEqualTo(1.0);
        products.get("a");
        products.get("b");
        assertThat(ManyKeysSnippets.counted(products)).isEqualTo(0.5);
    }

    @Override
    public @Nullable Product find(String id) {
        return new Product(id);
    }

    @Override
    public Map<String, Product> findAll(Set<String> ids) {
        queries.add(Set.copyOf(ids));
        return Map.of("a", new Product("a"), "b", new Product("b"));
    }
}
