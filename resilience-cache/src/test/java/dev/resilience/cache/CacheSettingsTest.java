// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** L11: wrong settings are refused when the cache is built, all in one message. */
class CacheSettingsTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private static LoadingCache.Builder<String, String> builder() {
        return LoadingCache.builder("users", (String key) -> key);
    }

    private static void refused(LoadingCache.Builder<?, ?> builder, String... problems) {
        assertThatThrownBy(builder::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("loading cache 'users': " + String.join("; ", problems));
    }

    @Test
    void a_hard_deadline_below_the_soft_one_is_refused() {
        refused(
                builder().ttl(SECOND).staleIfError(SECOND).softDeadline(SECOND).hardDeadline(SECOND),
                "softDeadline must be below hardDeadline (PT1S), was PT1S; a load that was given up does not go on in the"
                        + " background");
    }

    @Test
    void a_soft_deadline_without_a_stale_window_is_refused() {
        refused(
                builder().ttl(SECOND).softDeadline(SECOND),
                "softDeadline needs a stale value to answer with; set staleIfError or staleWhileRevalidate");
    }

    @Test
    void a_jitter_above_the_ttl_is_refused() {
        refused(
                builder().ttl(SECOND).jitter(1),
                "jitter must be at least 0 and below 1, a part of the ttl that it never exceeds, was 1.0");
        refused(
                builder().ttl(SECOND).jitter(Double.NaN),
                "jitter must be at least 0 and below 1, a part of the ttl that it never exceeds, was NaN");
    }

    @Test
    void a_stale_window_needs_a_loader_and_a_ttl() {
        refused(
                LoadingCache.<String, String>builder("users").ttl(SECOND).staleIfError(SECOND),
                "staleIfError needs a loader; use LoadingCache.builder(name, loader)");
        refused(
                builder().staleWhileRevalidate(SECOND),
                "staleWhileRevalidate needs a ttl; without one nothing is ever stale");
    }

    @Test
    void a_refresh_after_the_end_is_refused() {
        refused(
                builder().ttl(SECOND).jitter(0.5).refreshAfter(Duration.ofMillis(600)),
                "refreshAfter must be below the ttl with its jitter (PT0.5S), was PT0.6S; what has expired is loaded, not"
                        + " refreshed");
        refused(builder().refreshEarly(1), "refreshEarly needs a ttl; nothing is early without one");
    }

    @Test
    void two_bounds_are_refused() {
        refused(
                builder().maxEntries(5).maxWeight(5, (key, value) -> 1),
                "maxEntries and maxWeight must not both be set; choose one bound");
        refused(
                builder().maxEntries(5).store(Store.bounded(5)),
                "maxEntries and maxWeight must not be set with a store of its own; the store has the bound, and a"
                        + " weigher is given with it: store(store, weigher)");
    }

    @Test
    void a_store_may_be_bounded_by_the_weight_of_the_values() {
        for (Store<String, String> store :
                List.of(Store.<String, String>weighted(10), CaffeineStore.<String, String>weighted(10))) {
            LoadingCache<String, String> cache =
                    builder().store(store, (key, value) -> value.length()).build();
            cache.get("fits");
            cache.get("is heavier than the whole store");
            store.cleanUp();
            assertThat(cache.peek("fits")).contains("fits");
            assertThat(cache.peek("is heavier than the whole store")).isEmpty();
        }
    }

    @Test
    void a_refresher_that_would_never_be_asked_is_refused() {
        refused(
                builder().refreshWith((key, old) -> old),
                "refreshWith needs a ttl or refreshAfter; without one no value is loaded again");
        builder().refreshAfter(SECOND).refreshWith((key, old) -> old).build();
        builder().ttl(SECOND).refreshWith((key, old) -> old).build();
    }

    @Test
    void a_bulk_loader_needs_a_loader_for_single_keys() {
        refused(
                LoadingCache.<String, String>builder("users").bulkLoader(keys -> Map.of(), 0),
                "bulkLoader must take at least 1 key at once, was 0",
                "bulkLoader needs a loader for single keys; use LoadingCache.builder(name, loader)");
    }

    @Test
    void the_text_of_a_cache_shows_its_name_and_how_full_it_is() {
        LoadingCache<String, String> cache = builder().build();
        cache.get("a secret");
        assertThat(cache).hasToString("loading cache 'users' (entries 1)");
    }

    @Test
    void all_problems_are_told_at_once() {
        refused(
                builder()
                        .maxEntries(0)
                        .ttl(Duration.ofSeconds(-1))
                        .absentFor(Duration.ZERO)
                        .hardDeadline(Duration.ZERO)
                        .refreshes(0, -1)
                        .maxTags(0)
                        .maxAbandoned(0),
                "maxEntries must be at least 1, was 0",
                "ttl must not be negative, was PT-1S",
                "absentFor must be more than zero, was PT0S",
                "hardDeadline must be more than zero, was PT0S",
                "refreshes at once must be at least 1, was 0",
                "refreshes queued must not be negative, was -1",
                "maxTags must be at least 1, was 0",
                "maxAbandoned must be at least 1, was 0");
    }

    @Test
    void a_store_serves_one_cache() {
        Store<String, String> store = Store.bounded(5);
        LoadingCache<String, String> first = builder().store(store).build();
        first.put("a", "b");
        assertThatThrownBy(() -> builder().store(store).build()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void four_bulk_loads_may_hang_before_loads_are_refused() {
        assertThat(builder().maxAbandoned()).isEqualTo(64);
        assertThat(builder().bulkLoader(keys -> Map.of(), 500).maxAbandoned()).isEqualTo(2_060);
        assertThat(builder().bulkLoader(keys -> Map.of(), Integer.MAX_VALUE).maxAbandoned())
                .isEqualTo(Integer.MAX_VALUE);
        assertThat(builder().bulkLoader(keys -> Map.of(), 500).maxAbandoned(10).maxAbandoned())
                .isEqualTo(10);
    }
}
