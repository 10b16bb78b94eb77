// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.resilience.Subscription;
import dev.resilience.ratelimit.KeyedRateLimiter;
import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimiter;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Limiters in a registry: what is asked by hand counts like a call, keys are one row, stores tell who decided. */
class LimiterMetricsTest {
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final PolicyMetrics metrics = PolicyMetrics.on(registry);
    private final Rig rig = new Rig();

    private double value(String meter, String... tags) {
        Meter found = registry.get("resilience.limiter." + meter).tags(tags).meter();
        return found.measure().iterator().next().getValue();
    }

    @Test
    void a_limiter_counts_from_the_binding_on_by_hand_and_as_a_gate() {
        rig.limiter.tryAcquire();
        metrics.bind(rig.limiter);
        rig.limiter.tryAcquire(2);
        rig.limiter.tryAcquire();
        Rig.fail(rig.limiter);
        assertThat(value("permitted", "source", "local")).isEqualTo(1);
        assertThat(value("permits")).isEqualTo(2);
        assertThat(value("rejected", "source", "local")).isEqualTo(2);
        assertThat(value("available")).isZero();
        rig.limiter.charge(5);
        assertThat(value("charged")).isEqualTo(5);
    }

    @Test
    void waits_and_refunds() {
        RateLimiter slow = RateLimiter.builder("slow")
                .limit(Limit.of(1, Duration.ofSeconds(2)))
                .timeSource(rig.time)
                .build();
        metrics.bind(slow);
        slow.tryAcquire();
        slow.reserve(1, Duration.ofMinutes(1)).orElseThrow().cancel();
        assertThat(value("waits")).isEqualTo(1);
        assertThat(value("waited")).isEqualTo(2);
        assertThat(value("refunded")).isEqualTo(1);
    }

    @Test // L13: never a tag by key
    void all_keys_are_one_row_and_eviction_loses_nothing() {
        Subscription shown = LimiterMetrics.bind(metrics, rig.tenants);
        int series = registry.getMeters().size();
        for (int key = 0; key < 50; key++) {
            rig.tenants.tryAcquire("tenant-" + key);
            rig.tenants.tryAcquire("tenant-" + key, 3);
            rig.time.advance(Duration.ofMinutes(2));
        }
        assertThat(registry.getMeters())
                .hasSize(series)
                .allSatisfy(meter -> assertThat(meter.getId().getTag("name")).isEqualTo("tenants"));
        assertThat(value("permitted", "source", "local")).isEqualTo(50);
        assertThat(value("rejected", "source", "local")).isEqualTo(50);
        assertThat(value("keys")).isBetween(1.0, 2.0);
        shown.close();
        assertThat(registry.getMeters()).isEmpty();
    }

    @Test
    void a_shared_limiter_tells_who_decided() {
        LimiterMetrics.bind(metrics, rig.fleet);
        for (int i = 0; i < 3; i++) assertThat(rig.fleet.tryAcquire("a")).isTrue();
        assertThat(rig.fleet.tryAcquire("a")).isFalse();
        assertThat(rig.fleet.tryAcquire("a", 4)).as("never").isFalse();
        rig.down = true;
        rig.fleet.tryAcquire("b");
        assertThat(value("permitted", "source", "store")).isEqualTo(3);
        assertThat(value("rejected", "source", "store") + value("rejected", "source", "negative_cache"))
                .isEqualTo(1);
        assertThat(value("rejected", "source", "local")).isEqualTo(1);
        assertThat(value("permitted", "source", "fallback") + value("rejected", "source", "fallback"))
                .isEqualTo(1);
    }

    @Test
    void bound_twice_it_counts_once_and_two_of_a_kind_share_a_row() {
        LimiterMetrics.bind(metrics, rig.tenants);
        Subscription again = LimiterMetrics.bind(metrics, rig.tenants);
        KeyedRateLimiter<String> other = RateLimiter.builder("tenants")
                .limit(Limit.of(1, Duration.ofSeconds(1)))
                .timeSource(rig.time)
                .keyed(5);
        LimiterMetrics.bind(metrics, other);
        rig.tenants.tryAcquire("a");
        other.tryAcquire("a");
        assertThat(value("permitted", "source", "local")).isEqualTo(2);
        again.close();
        assertThat(value("permitted", "source", "local")).isEqualTo(2);
    }

    @Test
    void two_kinds_of_one_name_are_refused_with_what_to_do() {
        RateLimiter single = RateLimiter.builder("tenants")
                .limit(Limit.of(1, Duration.ofSeconds(1)))
                .build();
        LimiterMetrics.bind(metrics, rig.tenants);
        int before = registry.getMeters().size();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> metrics.bind(single))
                .withMessageContaining("give the policy another name");
        assertThat(registry.getMeters()).hasSize(before);
    }

    @Test
    void closed_metrics_bind_no_limiter() {
        LimiterMetrics.bind(metrics, rig.tenants);
        metrics.close();
        assertThat(registry.getMeters()).isEmpty();
        assertThatIllegalStateException().isThrownBy(() -> LimiterMetrics.bind(metrics, rig.tenants));
    }
}
