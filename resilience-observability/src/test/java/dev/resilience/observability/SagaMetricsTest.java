// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.resilience.Subscription;
import dev.resilience.saga.JournalEntry.Phase;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaOutcome;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.StepOutcome;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Sagas in a registry: by definition what they do, by engine how it is. */
class SagaMetricsTest {
    private static final SagaRef ORDER = new SagaRef("place-order", "4711");
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final PolicyMetrics metrics = PolicyMetrics.on(registry);
    private final HeardEngine engine = new HeardEngine();

    @AfterEach
    void close() {
        engine.close();
    }

    private double value(String meter, String name, String... tags) {
        Meter found = registry.get("resilience.saga." + meter)
                .tags("name", name)
                .tags(tags)
                .meter();
        return found.measure().iterator().next().getValue();
    }

    private double order(String meter, String... tags) {
        return value(meter, "place-order", tags);
    }

    @Test
    void what_sagas_do_is_counted_under_their_definition() {
        SagaMetrics.bind(metrics, "orders", engine);
        engine.happens(heard -> {
            heard.started(ORDER);
            heard.started(new SagaRef("refund", "1"));
            heard.retried(ORDER, "pay", 1, new IOException(), SECOND);
            heard.rejectedLocally(ORDER, "pay", new IOException(), SECOND);
            heard.step(ORDER, "pay", Phase.ACTION, StepOutcome.IN_DOUBT, SECOND);
            heard.turned(ORDER, "EXHAUSTED", "pay", null);
            heard.step(ORDER, "pay", Phase.RESOLUTION, StepOutcome.COMPLETED, SECOND);
            heard.step(ORDER, "pay", Phase.UNDO, StepOutcome.COMPLETED, SECOND.multipliedBy(2));
            heard.parked(ORDER, "UNDO_FAILED", "reserve", null);
            heard.takenOver(ORDER, "a#1", 1);
            heard.fenced(ORDER);
            heard.ended(ORDER, SagaStatus.COMPENSATED, SECOND);
            heard.ended(ORDER, SagaStatus.ABANDONED, SECOND);
            heard.ended(ORDER, SagaStatus.COMPLETED, SECOND);
        });
        assertThat(order("started")).isEqualTo(1);
        assertThat(value("started", "refund")).isEqualTo(1);
        assertThat(order("retries")).isEqualTo(1);
        assertThat(order("local.rejections")).isEqualTo(1);
        assertThat(order("in.doubt")).isEqualTo(1);
        assertThat(order("parked")).isEqualTo(1);
        assertThat(order("takeovers")).isEqualTo(1);
        assertThat(order("fenced.writes")).isEqualTo(1);
        assertThat(order("ended", "outcome", "compensated")).isEqualTo(1);
        assertThat(order("ended", "outcome", "abandoned")).isEqualTo(1);
        assertThat(order("ended", "outcome", "completed")).isEqualTo(1);
        assertThat(order("step", "phase", "action", "outcome", "in_doubt")).isEqualTo(1);
        assertThat(order("step", "phase", "action", "outcome", "completed")).isZero();
        assertThat(registry.get("resilience.saga.step")
                        .tags("name", "place-order", "phase", "undo", "outcome", "completed")
                        .timer()
                        .totalTime(TimeUnit.SECONDS))
                .isEqualTo(2);
    }

    @Test
    void the_engine_is_shown_under_the_name_given() {
        SagaMetrics.bind(metrics, "orders", engine);
        engine.happens(heard -> {
            heard.flushed(10, SECOND);
            heard.flushed(2, SECOND);
        });
        assertThat(value("active", "orders")).isZero();
        assertThat(value("limit", "orders")).isEqualTo(7);
        assertThat(value("attention", "orders")).isZero();
        assertThat(value("unclaimable", "orders")).isZero();
        assertThat(value("lease.lag", "orders")).isNotNegative();
        assertThat(registry.get("resilience.saga.journal.flush").timer().totalTime(TimeUnit.SECONDS))
                .isEqualTo(2);
        assertThat(registry.get("resilience.saga.journal.batch").summary().totalAmount())
                .isEqualTo(12);
    }

    @Test // L13: never a tag by id
    void the_series_depend_on_the_definitions_and_not_on_the_sagas() {
        Subscription shown = SagaMetrics.bind(metrics, "orders", engine);
        int series = registry.getMeters().size();
        engine.happens(heard -> {
            for (int i = 0; i < 500; i++) heard.started(new SagaRef("place-order", "id-" + i));
            heard.started(new SagaRef("of another engine", "1"));
            heard.step(ORDER, "never heard of", Phase.UNDO, StepOutcome.IN_DOUBT, SECOND);
        });
        assertThat(registry.getMeters())
                .hasSize(series)
                .allSatisfy(meter -> assertThat(meter.getId().getTag("name")).isIn("orders", "place-order", "refund"));
        shown.close();
        assertThat(registry.getMeters()).isEmpty();
        assertThat(engine.listeners).isEmpty();
    }

    @Test
    void bound_twice_it_counts_once_also_into_two_registries() {
        MeterRegistry other = new SimpleMeterRegistry();
        Subscription first = SagaMetrics.bind(metrics, "orders", engine);
        Subscription again = SagaMetrics.bind(metrics, "orders", engine);
        Subscription elsewhere = SagaMetrics.bind(PolicyMetrics.on(other), "orders", engine);
        engine.happens(heard -> heard.flushed(3, SECOND));
        engine.happens(heard -> heard.started(ORDER));
        assertThat(engine.listeners).hasSize(1);
        assertThat(order("started")).isEqualTo(1);
        assertThat(registry.get("resilience.saga.journal.flush").timer().count())
                .isEqualTo(1);
        assertThat(other.get("resilience.saga.journal.flush").timer().count()).isEqualTo(1);
        first.close();
        first.close();
        elsewhere.close();
        engine.happens(heard -> heard.started(ORDER));
        engine.happens(heard -> heard.flushed(3, SECOND));
        assertThat(order("started")).isEqualTo(2);
        assertThat(registry.get("resilience.saga.journal.flush").timer().count())
                .isEqualTo(2);
        assertThat(other.getMeters()).isEmpty();
        again.close();
        assertThat(engine.listeners).isEmpty();
        assertThat(registry.getMeters()).isEmpty();
    }

    @Test
    void closing_all_lets_the_engine_go() { // L13
        SagaMetrics.bind(metrics, "orders", engine);
        metrics.close();
        assertThat(engine.listeners).isEmpty();
        assertThat(registry.getMeters()).isEmpty();
        assertThatIllegalStateException().isThrownBy(() -> SagaMetrics.bind(metrics, "orders", engine));
        assertThat(engine.listeners).isEmpty();
    }

    @Test
    void a_meter_of_somebody_else_is_refused_and_nothing_is_bound() {
        registry.timer("resilience.saga.step", "name", "refund", "phase", "undo", "outcome", "completed");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SagaMetrics.bind(metrics, "orders", engine))
                .withMessageContaining("resilience.saga.step");
        assertThat(registry.getMeters()).hasSize(1);
        assertThat(engine.listeners).isEmpty();
    }

    @Test
    void two_engines_share_what_has_the_same_name() {
        HeardEngine second = new HeardEngine();
        try {
            SagaMetrics.bind(metrics, "orders", engine);
            Subscription shown = SagaMetrics.bind(metrics, "orders", second);
            engine.happens(heard -> heard.started(ORDER));
            second.happens(heard -> heard.started(ORDER));
            assertThat(order("started")).isEqualTo(2);
            assertThat(value("limit", "orders")).isEqualTo(14);
            shown.close();
            assertThat(order("started")).as("no counter goes backwards").isEqualTo(2);
            assertThat(value("limit", "orders")).isEqualTo(7);
        } finally {
            second.close();
        }
    }

    @Test
    void a_real_engine_is_seen_at_work() throws InterruptedException {
        try (SagaEngine real = SagaEngine.inMemory().register(HeardEngine.ORDER).open()) {
            SagaMetrics.bind(metrics, "orders", real);
            SagaOutcome<String> outcome =
                    real.start(HeardEngine.ORDER, "1", "a").await(Duration.ofMinutes(1));
            assertThat(outcome).isInstanceOf(SagaOutcome.Completed.class);
        } // closed, it has told all
        assertThat(order("started")).isEqualTo(1);
        assertThat(order("ended", "outcome", "completed")).isEqualTo(1);
        assertThat(order("step", "phase", "action", "outcome", "completed")).isEqualTo(1);
    }
}
