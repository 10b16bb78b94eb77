// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.resilience.Subscription;
import dev.resilience.saga.JournalEntry.Phase;
import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaListener;
import dev.resilience.saga.SagaOutcome;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.StepOutcome;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.event.Level;
import org.slf4j.event.LoggingEvent;

/** What the log says of sagas, and how loud. */
class SagaLogTest {
    private static final SagaRef ORDER = new SagaRef("place-order", "4711");
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final ManualTime time = ManualTime.create();
    private final HeardEngine engine = new HeardEngine();
    private final RecordingLogger debug = new RecordingLogger(Level.DEBUG);
    private final RecordingLogger info = new RecordingLogger(Level.INFO);

    @AfterEach
    void close() {
        engine.close();
    }

    private PolicyLog to(RecordingLogger logger) {
        return PolicyLog.to(logger, 10, Duration.ofSeconds(10), time);
    }

    private static void everything(SagaListener heard) {
        heard.started(ORDER);
        heard.step(ORDER, "reserve", Phase.ACTION, StepOutcome.COMPLETED, Duration.ofMillis(12));
        heard.retried(ORDER, "pay", 2, new IOException("connection refused"), SECOND);
        heard.rejectedLocally(ORDER, "pay", new IOException("open"), SECOND);
        heard.step(ORDER, "pay", Phase.ACTION, StepOutcome.IN_DOUBT, Duration.ofSeconds(6));
        heard.turned(ORDER, "EXHAUSTED", "pay", "java.io.IOException: connection refused");
        heard.takenOver(ORDER, "a#1", 1);
        heard.fenced(ORDER);
        heard.parked(ORDER, "POISON", null, null);
        heard.operated(ORDER, "retry", "alice", "ticket 42");
        heard.ended(ORDER, SagaStatus.COMPENSATED, SECOND);
        heard.ended(ORDER, SagaStatus.COMPLETED, SECOND);
        heard.beat(SECOND, true);
        heard.beat(SECOND, false);
    }

    @Test
    void it_says_what_an_operator_has_to_know_in_words() {
        SagaLog.bind(to(debug), engine);
        engine.happens(SagaLogTest::everything);
        assertThat(debug.lines())
                .containsExactly(
                        "DEBUG saga place-order/4711 was started",
                        "DEBUG saga place-order/4711: action of step 'reserve' is COMPLETED after 12 ms",
                        "DEBUG saga place-order/4711: attempt 2 of step 'pay' failed, the next begins in 1 s:"
                                + " java.io.IOException: connection refused",
                        "DEBUG saga place-order/4711: step 'pay' was not called and is put off for 1 s:"
                                + " java.io.IOException: open",
                        "WARN saga place-order/4711: step 'pay' is in doubt after 6 s, its effect may be there",
                        "INFO saga place-order/4711 turns and is undone: EXHAUSTED at step 'pay':"
                                + " java.io.IOException: connection refused",
                        "INFO saga place-order/4711 was taken over from a#1, which is dead (claim 1 without progress)",
                        "WARN saga place-order/4711: a write was refused, another engine owns it now",
                        "WARN saga place-order/4711 needs attention: POISON",
                        "INFO saga place-order/4711: retry by alice: ticket 42",
                        "INFO saga place-order/4711 ended as COMPENSATED after 1 s",
                        "DEBUG saga place-order/4711 ended as COMPLETED after 1 s",
                        "WARN the saga engine's heartbeat failed, 1 s after it was due; others take over when its lease"
                                + " is over");
    }

    @Test
    void at_info_it_is_silent_about_what_goes_well() {
        SagaLog.bind(to(info), engine);
        engine.happens(heard -> {
            heard.started(ORDER);
            heard.step(ORDER, "reserve", Phase.ACTION, StepOutcome.COMPLETED, SECOND);
            heard.ended(ORDER, SagaStatus.COMPLETED, SECOND);
            heard.beat(Duration.ZERO, true);
        });
        assertThat(info.lines()).isEmpty();
    }

    @Test
    void the_facts_are_there_as_key_values() {
        SagaLog.bind(to(debug), engine);
        engine.happens(SagaLogTest::everything);
        assertThat(debug.facts(2))
                .containsExactly(
                        "saga=place-order", "event=retry", "sagaId=4711", "step=pay", "attempt=2", "delay=PT1S");
        assertThat(debug.facts(4))
                .containsExactly(
                        "saga=place-order",
                        "event=step",
                        "sagaId=4711",
                        "step=pay",
                        "phase=action",
                        "outcome=in_doubt",
                        "took=PT6S");
        assertThat(debug.facts(8)).contains("event=parked", "reason=POISON");
    }

    /** The tests' SLF4J has no MDC. */
    private static final class FakeContext extends SagaLog.Context {
        final Map<String, String> now = new TreeMap<>();

        @Override
        String get(String key) {
            return now.get(key);
        }

        @Override
        void set(String key, String value) {
            if (value == null) now.remove(key);
            else now.put(key, value);
        }
    }

    @Test
    void they_are_in_the_mdc_while_a_line_is_written_and_what_was_there_before_afterwards() {
        FakeContext context = new FakeContext();
        List<Map<String, String>> seen = new ArrayList<>();
        List<LoggingEvent> events = new ArrayList<>() {
            private static final long serialVersionUID = 1L;

            @Override
            public boolean add(LoggingEvent event) {
                seen.add(Map.copyOf(context.now));
                return super.add(event);
            }
        };
        SagaLog.bind(to(new RecordingLogger(Level.DEBUG, events)), engine, context);
        context.now.put("saga", "mine");
        context.now.put("request", "r1");
        engine.happens(heard -> heard.retried(ORDER, "pay", 2, new IOException(), SECOND));
        engine.happens(heard -> heard.fenced(ORDER));
        assertThat(seen)
                .containsExactly(
                        Map.of("saga", "place-order", "sagaId", "4711", "step", "pay", "attempt", "2", "request", "r1"),
                        Map.of("saga", "place-order", "sagaId", "4711", "request", "r1"));
        assertThat(context.now).isEqualTo(Map.of("saga", "mine", "request", "r1"));
    }

    @Test
    void what_a_saga_carries_is_in_the_mdc_of_its_steps_and_gone_afterwards() {
        FakeContext context = new FakeContext();
        context.now.putAll(Map.of("saga", "outer", "request", "r1"));
        Runnable back = SagaLog.restore(Map.of("saga", "place-order", "sagaId", "4711", "trace", "t1"), context);
        assertThat(context.now)
                .isEqualTo(Map.of("saga", "place-order", "sagaId", "4711", "trace", "t1", "request", "r1"));
        back.run();
        assertThat(context.now).isEqualTo(Map.of("saga", "outer", "request", "r1"));
        assertThat(SagaLog.capture()).as("of an SLF4J without an MDC").isEmpty();
    }

    @Test
    void steps_of_a_real_engine_run_with_what_the_starter_had() throws InterruptedException {
        Map<String, String> seen = new ConcurrentHashMap<>();
        ThreadLocal<Map<String, String>> context = ThreadLocal.withInitial(Map::of);
        var definition = Saga.define("place-order", 1, String.class);
        var paid = definition
                .retriable("pay", String.class)
                .run((in, c) -> {
                    seen.putAll(context.get());
                    return in;
                })
                .add();
        var saga = definition.returns(paid, (in, text) -> text);
        try (SagaEngine real = SagaEngine.inMemory()
                .register(saga)
                .carrying(() -> Map.of("request", "r1"), carried -> {
                    context.set(carried);
                    return context::remove;
                })
                .open()) {
            assertThat(real.start(saga, "4711", "a").await(Duration.ofMinutes(1)))
                    .isInstanceOf(SagaOutcome.Completed.class);
        }
        assertThat(seen).isEqualTo(Map.of("request", "r1", "saga", "place-order", "sagaId", "4711"));
    }

    @Test
    void many_lines_of_a_sort_are_held_back_and_hide_no_other() {
        SagaLog.bind(to(info), engine);
        engine.happens(heard -> {
            for (int i = 0; i < 100; i++) heard.turned(new SagaRef("place-order", "" + i), "REJECTED", "pay", null);
            heard.parked(ORDER, "POISON", null, null);
        });
        assertThat(info.lines()).hasSize(11);
        time.advance(Duration.ofSeconds(10));
        engine.happens(heard -> heard.turned(ORDER, "REJECTED", "pay", null));
        assertThat(info.facts(11)).contains("suppressed=90");
    }

    @Test
    void an_engine_bound_twice_speaks_once_and_is_silent_after_the_last_close() { // L13
        PolicyLog log = to(info);
        Subscription one = SagaLog.bind(log, engine);
        Subscription two = SagaLog.bind(log, engine);
        engine.happens(heard -> heard.fenced(ORDER));
        assertThat(info.lines()).hasSize(1);
        one.close();
        one.close();
        engine.happens(heard -> heard.fenced(ORDER));
        assertThat(info.lines()).hasSize(2);
        two.close();
        assertThat(engine.listeners).isEmpty();
        SagaLog.bind(log, engine);
        log.close();
        assertThat(engine.listeners).isEmpty();
        assertThatIllegalStateException().isThrownBy(() -> SagaLog.bind(log, engine));
    }
}
