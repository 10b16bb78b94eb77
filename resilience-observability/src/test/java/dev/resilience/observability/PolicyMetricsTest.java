// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.Subscription;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PolicyMetricsTest {
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final PolicyMetrics metrics = PolicyMetrics.on(registry);
    private final Rig rig = new Rig();

    private double value(String meter, String... tags) {
        Meter found = registry.get(meter).tags(tags).meter();
        return found.measure().iterator().next().getValue();
    }

    @Test
    void a_pipeline_shows_what_its_policies_count() {
        metrics.bind(rig.all());
        Rig.fail(rig.all()); // two attempts fail, the third is refused by the breaker
        assertThat(value("resilience.calls", "name", "payments", "outcome", "failure"))
                .isEqualTo(1);
        assertThat(value("resilience.retry.retries", "name", "payments")).isEqualTo(2);
        assertThat(value("resilience.retry.ends", "outcome", "attempts")).isEqualTo(1);
        assertThat(value("resilience.retry.budget.available")).isGreaterThan(0);
        assertThat(value("resilience.breaker.failures")).isEqualTo(2);
        assertThat(value("resilience.breaker.state", "state", "open")).isEqualTo(1);
        assertThat(value("resilience.breaker.state", "state", "closed")).isZero();
        assertThat(value("resilience.breaker.transitions", "state", "open")).isEqualTo(1);
        assertThat(value("resilience.breaker.failure.rate")).isEqualTo(1.0);
        assertThat(value("resilience.breaker.slow.rate")).isNaN();
        Rig.fail(rig.breaker);
        assertThat(value("resilience.breaker.rejected")).isGreaterThanOrEqualTo(1);
        rig.time.advance(Duration.ofSeconds(2));
        assertThat(value("resilience.breaker.state.age")).isGreaterThanOrEqualTo(2);
        rig.gate.shut = true;
        Rig.fail(rig.all());
        assertThat(value("resilience.gate.rejected")).isEqualTo(1);
        assertThat(value("resilience.calls", "outcome", "rejected")).isEqualTo(1);
    }

    @Test
    void a_bulkhead_shows_its_levels_and_a_timeout_how_often_it_fired() {
        metrics.bind(rig.bulkhead);
        metrics.bind(rig.timeout);
        Permit one = rig.bulkhead.admit();
        Permit two = rig.bulkhead.admit();
        Rig.fail(rig.bulkhead);
        assertThat(value("resilience.bulkhead.in.flight")).isEqualTo(2);
        assertThat(value("resilience.bulkhead.limit")).isEqualTo(2);
        assertThat(value("resilience.bulkhead.waiting")).isZero();
        assertThat(value("resilience.bulkhead.rejected")).isEqualTo(1);
        one.ignore();
        two.ignore();
        assertThat(value("resilience.bulkhead.in.flight")).isZero();
        Pipeline pipeline = rig.pipeline(rig.timeout);
        assertThat(catchThrowable(() -> pipeline.run(() -> rig.time.advance(Duration.ofSeconds(2)))))
                .isNotNull();
        assertThat(value("resilience.timeout.fired")).isEqualTo(1);
        assertThat(value("resilience.timeout.abandoned")).isZero();
    }

    @Test
    void a_limiter_shows_what_it_refused_and_what_is_left() {
        metrics.bind(rig.limiter);
        assertThat(value("resilience.limiter.available", "name", "payments")).isEqualTo(3);
        for (int i = 0; i < 3; i++) rig.limiter.run(() -> {});
        Rig.fail(rig.limiter);
        assertThat(value("resilience.limiter.available")).isZero();
        assertThat(value("resilience.limiter.rejected")).isEqualTo(1);
        assertThat(value("resilience.limiter.shadow.rejected")).isZero();
        rig.time.advance(Duration.ofSeconds(20));
        assertThat(value("resilience.limiter.available"))
                .as("looking takes nothing")
                .isEqualTo(1);
        assertThat(value("resilience.limiter.available")).isEqualTo(1);
    }

    @Test
    void a_hedge_shows_what_it_started_and_won() {
        Hedge hedge = Hedge.after(Duration.ZERO);
        metrics.bind(hedge);
        int[] attempts = new int[1];
        CompletableFuture<String> first = new CompletableFuture<>();
        String won = hedge.callAsync(() -> attempts[0]++ == 0 ? first : CompletableFuture.completedFuture("hedge"))
                .join();
        assertThat(won).isEqualTo("hedge");
        assertThat(value("resilience.hedge.started", "name", "hedge")).isEqualTo(1);
        assertThat(value("resilience.hedge.won", "name", "hedge")).isEqualTo(1);
    }

    @Test
    void what_leaves_a_row_and_comes_back_counts_once() {
        CircuitBreaker one = rig.breaker("twin");
        CircuitBreaker other = rig.breaker("twin");
        metrics.bind(other);
        Subscription bound = metrics.bind(one);
        Rig.fail(one);
        Rig.fail(one);
        Rig.fail(other);
        assertThat(value("resilience.breaker.failures")).isEqualTo(3);
        bound.close();
        assertThat(value("resilience.breaker.failures"))
                .as("it stays in the sum")
                .isEqualTo(3);
        Subscription again = metrics.bind(one);
        assertThat(value("resilience.breaker.failures")).as("bound again").isEqualTo(3);
        one.reset();
        Rig.fail(one);
        assertThat(value("resilience.breaker.failures")).isEqualTo(4);
        again.close();
        assertThat(value("resilience.breaker.failures")).isEqualTo(4);
        one.reset();
        Rig.fail(one); // nobody sees this one
        metrics.bind(one);
        assertThat(value("resilience.breaker.failures")).isEqualTo(5);
    }

    @Test
    void a_registry_listener_that_throws_keeps_nothing_in() { // L5, L13
        Subscription bound = metrics.bind(rig.all());
        registry.config().onMeterRemoved(meter -> {
            if (meter.getId().getName().equals("resilience.breaker.rejected"))
                throw new IllegalStateException("hostile");
        });
        bound.close();
        assertThat(registry.getMeters()).isEmpty();
        metrics.bind(rig.all());
        assertThat(registry.getMeters()).isNotEmpty();
    }

    @Test
    void a_registry_listener_that_throws_when_bound_leaves_nothing_behind() { // L5, L13
        boolean[] hostile = {true};
        registry.config().onMeterAdded(meter -> {
            if (hostile[0] && meter.getId().getName().equals("resilience.breaker.rejected"))
                throw new IllegalStateException("hostile");
        });
        assertThat(catchThrowable(() -> metrics.bind(rig.all()))).isNotNull();
        assertThat(registry.getMeters()).isEmpty();
        hostile[0] = false;
        metrics.bind(rig.all());
    }

    @Test
    void closing_takes_out_what_was_put_in_and_nothing_else() { // L13
        Gauge foreign = Gauge.builder("resilience.of.somebody", () -> 1).register(registry);
        Subscription one = metrics.bind(rig.all());
        assertThat(registry.getMeters().size()).isGreaterThan(30);
        one.close();
        one.close();
        assertThat(registry.getMeters()).containsExactly(foreign);
        metrics.bind(rig.all());
        metrics.bind(rig.breaker("other"));
        metrics.close();
        assertThat(registry.getMeters()).containsExactly(foreign);
        assertThatIllegalStateException()
                .isThrownBy(() -> metrics.bind(rig.breaker))
                .withMessage("policy metrics: closed, nothing can be bound any more");
    }

    @Test
    void a_policy_bound_twice_counts_once_and_stays_until_the_last_binding_is_closed() {
        Subscription alone = metrics.bind(rig.breaker);
        Subscription inPipeline = metrics.bind(rig.pipeline(rig.retry, rig.breaker));
        Rig.fail(rig.breaker);
        assertThat(value("resilience.breaker.failures")).isEqualTo(1);
        alone.close();
        assertThat(value("resilience.breaker.failures")).isEqualTo(1);
        assertThat(value("resilience.retry.retries")).isZero();
        inPipeline.close();
        assertThat(registry.getMeters()).isEmpty();
    }

    @Test
    void policies_of_one_kind_and_name_are_one_row() {
        Timeout total = Timeout.of(Duration.ofSeconds(3));
        Timeout attempt = Timeout.of(Duration.ofSeconds(1));
        CircuitBreaker eu = rig.breaker("payments");
        metrics.bind(rig.pipeline(total, attempt));
        Subscription second = metrics.bind(eu);
        metrics.bind(rig.breaker);
        assertThat(catchThrowable(
                        () -> rig.pipeline(total, attempt).run(() -> rig.time.advance(Duration.ofSeconds(2)))))
                .isNotNull();
        assertThat(value("resilience.timeout.fired", "name", "timeout")).isEqualTo(1);
        eu.forceOpen("maintenance");
        Rig.fail(eu);
        Rig.fail(rig.breaker);
        assertThat(value("resilience.breaker.state", "state", "forced_open")).isEqualTo(1);
        assertThat(value("resilience.breaker.state", "state", "closed")).isEqualTo(1);
        assertThat(value("resilience.breaker.rejected")).isEqualTo(1);
        second.close(); // what it has counted stays
        assertThat(value("resilience.breaker.rejected")).isEqualTo(1);
        assertThat(value("resilience.breaker.failures")).isEqualTo(1);
        assertThat(value("resilience.breaker.state", "state", "forced_open")).isZero();
    }

    @Test
    void a_meter_of_somebody_else_is_neither_shown_as_ours_nor_taken_out() {
        PolicyMetrics other = PolicyMetrics.on(registry);
        other.bind(rig.breaker);
        int before = registry.getMeters().size();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> metrics.bind(rig.pipeline(rig.retry, rig.breaker("payments"))))
                .withMessageStartingWith("policy metrics: resilience.breaker.state with [tag(name=payments),"
                        + "tag(state=closed)] must be free in the registry, was taken;")
                .withMessageContaining("one PolicyMetrics");
        assertThat(registry.getMeters()).as("all or nothing").hasSize(before);
    }

    @Test
    void a_dropped_policy_is_shown_as_long_as_it_is_bound() {
        metrics.bind(CircuitBreaker.of("dropped"));
        System.gc();
        assertThat(value("resilience.breaker.state", "name", "dropped", "state", "closed"))
                .isEqualTo(1);
    }

    @Test
    void looking_does_what_is_due() {
        metrics.bind(rig.breaker);
        Rig.fail(rig.breaker);
        Rig.fail(rig.breaker);
        rig.time.advance(Duration.ofSeconds(5));
        assertThat(value("resilience.breaker.state", "state", "half_open")).isEqualTo(1);
    }

    @Test
    void a_reconfigured_policy_is_read_as_it_is_then() { // L12
        metrics.bind(rig.bulkhead);
        rig.bulkhead.reconfigure(b -> b.maxConcurrent(7));
        assertThat(value("resilience.bulkhead.limit")).isEqualTo(7);
        Retry plain = Retry.builder("plain").build();
        metrics.bind(plain);
        assertThat(value("resilience.retry.budget.available", "name", "plain")).isNaN();
    }

    @Test
    void calls_are_timed_only_where_asked_for_and_while_bound() {
        CallMeter counting = CallMeter.of("counting", rig.time);
        Pipeline both = rig.pipeline(counting, rig.meter);
        metrics.bind(counting);
        Subscription timed = metrics.bind(rig.meter);
        Subscription again = metrics.bind(rig.meter);
        both.run(() -> rig.time.advance(Duration.ofMillis(250)));
        assertThat(registry.find("resilience.calls.duration")
                        .tags("name", "counting")
                        .timers())
                .isEmpty();
        var timer = registry.get("resilience.calls.duration")
                .tags("name", "payments", "outcome", "success")
                .timer();
        assertThat(timer.count()).isEqualTo(1);
        assertThat(timer.totalTime(TimeUnit.MILLISECONDS)).isEqualTo(250);
        timed.close();
        again.close();
        both.run(() -> {});
        assertThat(timer.count()).isEqualTo(1);
        assertThat(rig.meter.ended(CallMeter.End.SUCCESS)).isEqualTo(2);
        assertThat(registry.find("resilience.calls.duration").meters()).isEmpty();
    }

    @Test
    void a_meter_tells_apart_how_calls_end() {
        CallMeter calls = CallMeter.of("calls", rig.time);
        Rig.fail(rig.pipeline(calls));
        rig.gate.shut = true;
        Rig.fail(rig.pipeline(calls, rig.gate));
        assertThat(catchThrowable(
                        () -> rig.pipeline(calls, rig.timeout).run(() -> rig.time.advance(Duration.ofSeconds(2)))))
                .isNotNull();
        rig.pipeline(calls).callAsync(CompletableFuture::new).cancel(true);
        calls.run(() -> {});
        assertThat(List.of(CallMeter.End.values()))
                .allSatisfy(end -> assertThat(calls.ended(end)).as("%s", end).isEqualTo(1));
        assertThat(calls.describe()).hasToString("CallMeter 'calls' {timed=false}");
    }

    @Test
    void arguments_that_are_null_are_named() {
        assertThat(catchThrowable(() -> PolicyMetrics.on(null))).hasMessage("registry");
        assertThat(catchThrowable(() -> metrics.bind(null))).hasMessage("policy");
        assertThat(catchThrowable(() -> metrics.bind("x", null))).hasMessage("keyed");
    }
}
