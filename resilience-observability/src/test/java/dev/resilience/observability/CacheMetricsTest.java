// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Subscription;
import dev.resilience.cache.LoadingCache;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Caches in a registry: what reads found, what loads did, what is owed to the source and to other nodes. */
class CacheMetricsTest {
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final PolicyMetrics metrics = PolicyMetrics.on(registry);
    private final CacheRig rig = new CacheRig();

    private double value(String meter, String... tags) {
        Meter found = registry.get("resilience.cache." + meter).tags(tags).meter();
        return found.measure().iterator().next().getValue();
    }

    @Test
    void a_cache_counts_from_the_binding_on() {
        rig.users.get("a");
        CacheMetrics.bind(metrics, rig.users);
        rig.users.get("a");
        rig.loading = () -> rig.time.advance(Duration.ofSeconds(2));
        rig.users.get("b");
        assertThat(value("hits")).isEqualTo(1);
        assertThat(value("misses")).isEqualTo(1);
        assertThat(value("stale")).isZero();
        assertThat(value("loads", "outcome", "success")).isEqualTo(1);
        assertThat(value("loads", "outcome", "failure")).isZero();
        assertThat(value("load.time")).isEqualTo(2);
        assertThat(value("entries")).isEqualTo(2);
    }

    @Test
    void an_outage_shows_as_failed_loads_and_stale_answers() {
        CacheMetrics.bind(metrics, rig.users);
        rig.users.get("a");
        rig.down = true;
        assertThat(catchThrowable(() -> rig.users.get("b"))).isNotNull();
        rig.time.advance(CacheRig.TTL.plusSeconds(1));
        assertThat(rig.users.get("a")).as("while it is loaded again").isEqualTo("value of a");
        rig.work();
        rig.time.advance(CacheRig.TTL);
        assertThat(rig.users.get("a")).as("after a load that failed").isEqualTo("value of a");
        assertThat(value("stale")).isEqualTo(2);
        assertThat(value("loads", "outcome", "failure")).isEqualTo(2);
        assertThat(value("refreshes", "outcome", "failure")).isEqualTo(1);
        rig.down = false;
        rig.users.invalidate("a");
        rig.users.get("a");
        rig.time.advance(CacheRig.TTL.plusSeconds(1));
        rig.users.get("a");
        rig.work();
        assertThat(value("refreshes", "outcome", "success")).isEqualTo(1);
        assertThat(value("refreshes", "outcome", "skipped")).isZero();
        assertThat(value("invalidations")).isEqualTo(1);
    }

    @Test // cache.md 3.5: the age of the oldest load is seen while it runs
    void a_load_that_does_not_return_is_seen_with_its_age() {
        CacheMetrics.bind(metrics, rig.users);
        List<Double> seen = new ArrayList<>();
        rig.loading = () -> {
            rig.time.advance(Duration.ofSeconds(30));
            seen.add(value("loading"));
            seen.add(value("oldest.load"));
        };
        rig.users.get("a");
        assertThat(seen).containsExactly(1.0, 30.0);
        assertThat(value("loading")).isZero();
        assertThat(value("oldest.load")).isZero();
        assertThat(value("abandoned")).isZero();
    }

    @Test // S17: seen, though harmless
    void a_load_that_lost_against_an_invalidation_is_counted_as_not_stored() {
        CacheMetrics.bind(metrics, rig.users);
        rig.loading = () -> rig.users.invalidate("a");
        rig.users.get("a");
        assertThat(value("unpublished")).isEqualTo(1);
        assertThat(value("entries")).isZero();
    }

    @Test
    void what_is_dropped_for_want_of_room_is_counted() {
        LoadingCache<Integer, Integer> few = LoadingCache.builder("few", (Integer key) -> key)
                .maxEntries(10)
                .timeSource(rig.time)
                .build();
        CacheMetrics.bind(metrics, few);
        for (int key = 0; key < 1_000; key++) few.get(key);
        assertThat(value("evictions") + value("entries")).isEqualTo(1_000);
        assertThat(value("evictions")).isPositive();
    }

    @Test
    void a_change_that_is_not_written_is_seen_until_it_is() {
        CacheMetrics.bind(metrics, rig.users);
        rig.users.put("a", "new");
        rig.users.put("b", "new");
        assertThat(value("dirty")).isEqualTo(2);
        rig.down = true;
        rig.time.advance(Duration.ofSeconds(1));
        rig.work();
        assertThat(value("writes", "outcome", "failure")).isEqualTo(2);
        assertThat(value("dirty")).isEqualTo(2);
        rig.down = false;
        for (int second = 0; second < 120; second++) {
            rig.time.advance(Duration.ofSeconds(1));
            rig.work();
        }
        assertThat(value("writes", "outcome", "success")).isEqualTo(2);
        assertThat(value("writes", "outcome", "late")).isZero();
        assertThat(value("dirty")).isZero();
        assertThat(value("overdue.writes")).isZero();
    }

    @Test // L13: never a tag by key
    void the_series_depend_neither_on_keys_nor_on_tags() {
        Subscription shown = CacheMetrics.bind(metrics, rig.users);
        int series = registry.getMeters().size();
        for (int key = 0; key < 500; key++) rig.users.get("key-" + key);
        rig.users.invalidateTag("all");
        assertThat(registry.getMeters())
                .hasSize(series)
                .hasSizeLessThan(25)
                .allSatisfy(meter -> assertThat(meter.getId().getTag("name")).isEqualTo("users"))
                .allSatisfy(meter -> assertThat(meter.getId().toString()).doesNotContain("key-", "all"));
        shown.close();
        assertThat(registry.getMeters()).isEmpty();
    }

    @Test
    void bound_twice_it_counts_once_and_two_of_a_name_share_a_row() {
        CacheMetrics.bind(metrics, rig.users);
        Subscription again = CacheMetrics.bind(metrics, rig.users);
        CacheRig other = new CacheRig();
        CacheMetrics.bind(metrics, other.users);
        rig.users.get("a");
        other.users.get("a");
        assertThat(value("misses")).isEqualTo(2);
        again.close();
        other.users.get("b");
        assertThat(value("misses")).isEqualTo(3);
        metrics.close();
        assertThat(registry.getMeters()).isEmpty();
        assertThatIllegalStateException().isThrownBy(() -> CacheMetrics.bind(metrics, rig.users));
    }

    @Test
    void two_kinds_of_caches_need_different_names() {
        CacheMetrics.bind(metrics, rig.orders);
        LoadingCache<String, String> same =
                LoadingCache.builder("orders", (String key) -> key).build();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CacheMetrics.bind(metrics, same))
                .withMessageContaining("resilience.cache.hits")
                .withMessageContaining("another name");
    }

    @Test
    void a_tiered_cache_shows_both_of_its_levels() {
        CacheMetrics.bind(metrics, rig.orders);
        rig.orders.get("a");
        rig.orders.get("a");
        assertThat(value("hits")).isEqualTo(1);
        assertThat(value("misses")).isEqualTo(1);
        assertThat(value("second.level.reads", "outcome", "miss")).isEqualTo(1);
        assertThat(value("second.level.reads", "outcome", "hit")).isZero();
        assertThat(value("second.level.failures")).isZero();
        assertThat(value("second.level.refused")).isZero();
        assertThat(value("pending")).isZero();
        assertThat(value("backplane.gaps")).isZero();
        assertThat(value("backplane.lost")).isZero();
    }
}
