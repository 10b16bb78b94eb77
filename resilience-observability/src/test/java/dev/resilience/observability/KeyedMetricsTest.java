// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.resilience.Keyed;
import dev.resilience.Pipeline;
import dev.resilience.Subscription;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.testkit.ManualTime;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class KeyedMetricsTest {
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final PolicyMetrics metrics = PolicyMetrics.on(registry);
    private final ManualTime time = ManualTime.create();

    private double value(String meter, String... tags) {
        Meter found = registry.get(meter).tags(tags).meter();
        return found.measure().iterator().next().getValue();
    }

    private Keyed<Integer, CircuitBreaker> breakers(int maxKeys) {
        return Keyed.builder()
                .maxKeys(maxKeys)
                .idle(Duration.ofMinutes(1))
                .timeSource(time)
                .build(key ->
                        CircuitBreaker.builder("host-" + key).timeSource(time).build());
    }

    @Test
    void ten_thousand_keys_make_one_row_of_series() {
        Keyed<Integer, CircuitBreaker> hosts = breakers(10_000);
        metrics.bind("hosts", hosts);
        hosts.get(0);
        int series = registry.getMeters().size();
        for (int key = 1; key < 10_000; key++) hosts.get(key);
        for (int key = 0; key < 5; key++) hosts.get(key).forceOpen("maintenance");
        for (int key = 0; key < 7; key++) Rig.fail(hosts.get(key));
        assertThat(registry.getMeters()).hasSize(series).hasSizeLessThan(25);
        assertThat(registry.getMeters())
                .allSatisfy(meter -> assertThat(meter.getId().getTag("name")).isEqualTo("hosts"))
                .allSatisfy(meter -> assertThat(meter.getId().toString()).doesNotContain("host-"));
        assertThat(value("resilience.keyed.policies")).isEqualTo(10_000);
        assertThat(value("resilience.keyed.overflow")).isZero();
        assertThat(value("resilience.breaker.state", "state", "closed")).isEqualTo(9_995);
        assertThat(value("resilience.breaker.state", "state", "forced_open")).isEqualTo(5);
        assertThat(value("resilience.breaker.rejected")).isEqualTo(5);
        assertThat(value("resilience.breaker.failures")).isEqualTo(2);
        assertThat(value("resilience.breaker.window.calls")).isEqualTo(2);
        Rig.fail(hosts.get(9));
        value("resilience.breaker.failures"); // may still come from a look that another series has asked for
        assertThat(value("resilience.breaker.failures"))
                .as("read again: looked again")
                .isEqualTo(3);
    }

    @Test
    void those_that_are_there_already_and_the_overflow_belong_to_it() {
        Keyed<Integer, CircuitBreaker> hosts = breakers(1);
        Rig.fail(hosts.get(1));
        Rig.fail(hosts.get(2));
        metrics.bind("hosts", hosts);
        assertThat(value("resilience.breaker.failures")).isEqualTo(2);
        assertThat(value("resilience.keyed.policies")).isEqualTo(2);
        assertThat(value("resilience.keyed.overflow")).isEqualTo(1);
    }

    @Test
    void what_was_counted_survives_eviction() {
        Keyed<Integer, CircuitBreaker> hosts = breakers(10);
        metrics.bind("hosts", hosts);
        for (int key = 0; key < 10; key++) {
            CircuitBreaker breaker = hosts.get(key);
            breaker.forceOpen("maintenance");
            Rig.fail(breaker);
            breaker.reset();
        }
        assertThat(value("resilience.breaker.rejected")).isEqualTo(10);
        time.advance(Duration.ofHours(1));
        hosts.get(100);
        hosts.get(101);
        assertThat(hosts.live()).hasSize(2);
        assertThat(value("resilience.keyed.policies")).isEqualTo(2);
        assertThat(value("resilience.breaker.rejected")).isEqualTo(10);
        assertThat(value("resilience.breaker.transitions", "state", "forced_open"))
                .isEqualTo(10);
        assertThat(value("resilience.breaker.state", "state", "closed")).isEqualTo(2);
    }

    @Test
    void a_policy_that_all_keys_share_counts_once() {
        Bulkhead shared = Bulkhead.builder("db").timeSource(time).build();
        Keyed<Integer, Pipeline> tenants = Keyed.builder()
                .timeSource(time)
                .build(key -> Pipeline.builder("tenant")
                        .policies(
                                CircuitBreaker.builder("b" + key)
                                        .timeSource(time)
                                        .build(),
                                shared)
                        .onWarning(warning -> {})
                        .build());
        metrics.bind("tenants", tenants);
        for (int key = 0; key < 3; key++) tenants.get(key);
        assertThat(value("resilience.bulkhead.limit")).isEqualTo(25);
        assertThat(value("resilience.breaker.state", "state", "closed")).isEqualTo(3);
    }

    @Test
    void closing_takes_all_out_and_new_keys_put_nothing_in() { // L13
        Keyed<Integer, CircuitBreaker> hosts = breakers(10);
        Subscription binding = metrics.bind("hosts", hosts);
        hosts.get(1);
        binding.close();
        hosts.get(2);
        assertThat(registry.getMeters()).isEmpty();
        metrics.bind("hosts", hosts);
        assertThat(value("resilience.keyed.policies")).isEqualTo(2);
        metrics.close();
        assertThat(registry.getMeters()).isEmpty();
    }

    @Test
    void two_registries_of_one_name_are_refused() {
        metrics.bind("hosts", breakers(10));
        int before = registry.getMeters().size();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> metrics.bind("hosts", breakers(10)))
                .withMessageContaining("resilience.keyed.policies with [tag(name=hosts)] must be free");
        assertThat(registry.getMeters()).hasSize(before);
    }

    /** Tells what it was told on another thread, and waits for that: for ever, when a lock is held meanwhile. */
    private static void onAnotherThread(Runnable task) {
        try {
            CompletableFuture.runAsync(task).get(60, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException stuck) {
            throw new IllegalStateException(stuck);
        }
    }

    @Test
    void who_listens_to_a_breaker_that_a_scrape_looks_at_may_scrape_too() { // L5
        Keyed<Integer, CircuitBreaker> hosts = Keyed.builder()
                .timeSource(time)
                .build(key -> CircuitBreaker.builder("h" + key)
                        .consecutiveFailures(1)
                        .openFor(Duration.ofSeconds(1))
                        .timeSource(time)
                        .build());
        metrics.bind("hosts", hosts);
        for (int key = 0; key < 100; key++) hosts.get(key);
        Rig.fail(hosts.get(0));
        List<Double> heard = new ArrayList<>();
        hosts.get(0).onTransition(change -> onAnotherThread(() -> heard.add(value("resilience.breaker.failures"))));
        time.advance(Duration.ofSeconds(2));
        assertThat(value("resilience.breaker.state", "state", "closed")).isEqualTo(99);
        assertThat(heard).containsExactly(1.0);
    }

    @Test
    void who_listens_to_a_breaker_that_is_let_go_may_bind_others() { // L5
        Keyed<Integer, CircuitBreaker> hosts = Keyed.builder()
                .timeSource(time)
                .build(key -> CircuitBreaker.builder("h" + key)
                        .consecutiveFailures(1)
                        .openFor(Duration.ofSeconds(1))
                        .timeSource(time)
                        .build());
        Subscription binding = metrics.bind("hosts", hosts);
        Rig.fail(hosts.get(0));
        List<String> heard = new ArrayList<>();
        hosts.get(0).onTransition(change -> {
            onAnotherThread(() -> metrics.bind(Bulkhead.of(1)));
            onAnotherThread(() -> hosts.get(1));
            heard.add(change.to().name());
        });
        time.advance(Duration.ofSeconds(2));
        binding.close();
        assertThat(heard).containsExactly("HALF_OPEN");
    }

    @Test
    void a_registry_that_cannot_be_bound_leaves_nothing_in_a_row_that_others_have() {
        Gauge.builder("resilience.bulkhead.limit", () -> 1).tag("name", "hosts").register(registry);
        CircuitBreaker alone = CircuitBreaker.builder("hosts").timeSource(time).build();
        metrics.bind(alone);
        Keyed<Integer, Pipeline> hosts = Keyed.builder()
                .timeSource(time)
                .build(key -> Pipeline.of(
                        CircuitBreaker.builder("h").timeSource(time).build(),
                        Bulkhead.builder("h").timeSource(time).build()));
        hosts.get(1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> metrics.bind("hosts", hosts))
                .withMessageContaining("resilience.bulkhead.limit");
        assertThat(value("resilience.breaker.state", "state", "closed")).isEqualTo(1);
    }

    @Test
    void counters_never_go_backwards_while_keys_come_and_go() throws Exception {
        Keyed<Integer, CircuitBreaker> hosts = Keyed.builder()
                .maxKeys(50)
                .idle(Duration.ofNanos(16))
                .timeSource(time)
                .build(key -> CircuitBreaker.builder("h" + key).timeSource(time).build());
        metrics.bind("hosts", hosts);
        CircuitBreaker first = hosts.get(-1);
        AtomicBoolean done = new AtomicBoolean();
        List<String> wrong = new ArrayList<>();
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            Future<?> scraper = pool.submit(() -> {
                double last = 0;
                while (!done.get()) {
                    double now = value("resilience.breaker.transitions", "state", "forced_open");
                    if (now < last) wrong.add(last + " -> " + now);
                    last = now;
                }
            });
            Future<?> traffic = pool.submit(() -> {
                for (int i = 0; i < 5_000; i++) {
                    CircuitBreaker breaker = hosts.get(i % 120);
                    breaker.forceOpen("test");
                    breaker.reset();
                    time.advance(Duration.ofNanos(20));
                }
            });
            traffic.get(60, TimeUnit.SECONDS);
            done.set(true);
            scraper.get(60, TimeUnit.SECONDS);
        } finally {
            done.set(true);
            pool.shutdownNow();
        }
        assertThat(wrong).isEmpty();
        assertThat(first.snapshot().rejected()).isZero();
        assertThat(value("resilience.breaker.transitions", "state", "forced_open"))
                .isEqualTo(5_000);
    }
}
