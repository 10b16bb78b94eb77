// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.bulkhead.BulkheadFullException;
import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** S40, L13 with real policies: what a registry forgets, what it never does, and what keys without room get. */
class KeyedStateTest {
    private final ManualTime time = ManualTime.create();

    private CircuitBreaker breaker(String key) {
        return CircuitBreaker.builder("breaker-" + key)
                .consecutiveFailures(1)
                .openFor(ofMinutes(30))
                .timeSource(time)
                .build();
    }

    private Bulkhead bulkhead(String key) {
        return Bulkhead.builder("bulkhead-" + key)
                .maxConcurrent(1)
                .maxWaiting(1)
                .maxWait(ofDays(1))
                .timeSource(time)
                .build();
    }

    /** The gates two pipelines deep, among drivers. */
    private Pipeline deep(String key) {
        Pipeline inner = Pipeline.builder("inner-" + key)
                .policies(breaker(key), Timeout.of(ofSeconds(1)), bulkhead(key))
                .timeSource(time)
                .build();
        return Pipeline.builder("outer-" + key)
                .policies(Retry.of(1), inner)
                .timeSource(time)
                .build();
    }

    private <P extends Policy> Keyed<String, P> keyed(int maxKeys, java.util.function.Function<String, P> factory) {
        return Keyed.builder()
                .maxKeys(maxKeys)
                .idle(ofMinutes(1))
                .timeSource(time)
                .build(factory);
    }

    private static CircuitBreaker breakerOf(Pipeline deep) {
        return (CircuitBreaker) deep.inner().get(1).inner().get(0);
    }

    private static Bulkhead bulkheadOf(Pipeline deep) {
        return (Bulkhead) deep.inner().get(1).inner().get(2);
    }

    /** Asks for other keys until everything that may be forgotten has been. */
    private static void press(Keyed<String, ?> keyed) {
        for (int i = 0; i < 20; i++) keyed.get("pressing-" + i);
    }

    @Test
    void an_open_breaker_is_kept_however_long_nobody_asks() {
        Keyed<String, Pipeline> keyed = keyed(2, this::deep);
        Pipeline down = keyed.get("down");
        assertThat(down.outcome(() -> {
                    throw new IOException("down");
                }))
                .isInstanceOf(Outcome.Failure.class);
        assertThat(breakerOf(down).snapshot().state()).isEqualTo(CircuitBreaker.State.OPEN);
        for (int i = 0; i < 30; i++) {
            time.advance(ofMinutes(1));
            press(keyed);
        }
        assertThat(keyed.live()).containsEntry("down", down).hasSize(2);
        assertThat(keyed.get("down").outcome(() -> "a probe").orElse("refused")).isEqualTo("a probe");
        breakerOf(down).forceClosed("for this test");
        time.advance(ofHours(10));
        press(keyed);
        assertThat(keyed.live()).as("closed, and old: nothing would be lost").doesNotContainKey("down");
    }

    @Test
    void an_operators_word_is_kept() {
        Keyed<String, CircuitBreaker> keyed = keyed(2, this::breaker);
        keyed.get("off").disable("under repair");
        time.advance(ofDays(1));
        press(keyed);
        assertThat(keyed.get("off").snapshot().reason()).isEqualTo("under repair");
    }

    @Test
    void a_call_in_flight_and_one_that_waits_are_kept() {
        Keyed<String, Pipeline> keyed = keyed(2, this::deep);
        Bulkhead busy = bulkheadOf(keyed.get("busy"));
        Permit inFlight = busy.admit();
        CompletableFuture<Permit> waiter = busy.admitAsync(CallContext.root());
        time.advance(ofHours(1));
        press(keyed);
        assertThat(bulkheadOf(keyed.get("busy"))).isSameAs(busy);
        inFlight.success();
        time.advance(ofHours(1));
        press(keyed);
        assertThat(bulkheadOf(keyed.get("busy"))).as("the waiter is in now").isSameAs(busy);
        waiter.join().success();
        time.advance(ofHours(1));
        press(keyed);
        assertThat(keyed.live()).doesNotContainKey("busy");
    }

    @Test
    void a_slot_that_is_held_for_an_abandoned_attempt_keeps_its_key() { // S34
        Keyed<String, Bulkhead> keyed = keyed(
                2,
                key -> Bulkhead.builder(key)
                        .holdAbandoned(ofHours(5))
                        .timeSource(time)
                        .build());
        Bulkhead held = keyed.get("held");
        CompletableFuture<String> stage = new CompletableFuture<>() {
            @Override
            public boolean cancel(boolean mayInterruptIfRunning) {
                return false;
            }
        };
        held.callAsync(() -> stage).cancel(true);
        time.advance(ofHours(1));
        press(keyed);
        assertThat(keyed.get("held")).isSameAs(held);
        stage.complete("late");
        time.advance(ofHours(1));
        press(keyed);
        assertThat(keyed.live()).doesNotContainKey("held");
    }

    @Test
    void all_pinned_further_keys_share_one_overflow_that_restricts_and_bears_its_own_name() {
        Keyed<String, Bulkhead> keyed = Keyed.builder()
                .maxKeys(3)
                .idle(ofMinutes(1))
                .timeSource(time)
                .build(
                        this::bulkhead,
                        () -> Bulkhead.builder("tenants without a bulkhead of their own")
                                .maxConcurrent(2)
                                .timeSource(time)
                                .build());
        List<Permit> pinning = new ArrayList<>();
        for (String key : List.of("a", "b", "c")) pinning.add(keyed.get(key).admit());
        time.advance(ofHours(1));
        Bulkhead overflow = keyed.get("d");
        assertThat(keyed.get("e")).isSameAs(overflow);
        assertThat(keyed.live()).containsOnlyKeys("a", "b", "c");
        Permit d = keyed.get("d").admit();
        Permit e = keyed.get("e").admit();
        assertThatThrownBy(() -> keyed.get("f").admit())
                .isInstanceOf(BulkheadFullException.class)
                .hasMessage("bulkhead 'tenants without a bulkhead of their own' is full (in flight 2/2)");
        pinning.forEach(Permit::success);
        d.success();
        e.success();
        time.advance(ofHours(1));
        assertThat(keyed.get("f")).isNotSameAs(overflow);
    }

    @Test
    void an_overflow_whose_factory_throws_is_made_the_next_time() {
        AtomicInteger asked = new AtomicInteger();
        Keyed<String, Bulkhead> keyed = Keyed.builder()
                .maxKeys(1)
                .timeSource(time)
                .build(this::bulkhead, () -> {
                    if (asked.incrementAndGet() == 1) throw new IllegalStateException("not yet");
                    return bulkhead("shared");
                });
        keyed.get("a").admit();
        assertThatThrownBy(() -> keyed.get("b")).hasMessage("not yet");
        assertThat(keyed.get("b").name()).isEqualTo("bulkhead-shared");
        assertThat(keyed.get("c")).isSameAs(keyed.get("b"));
        assertThat(asked).hasValue(2);
        assertThatThrownBy(() -> Keyed.builder().build(this::bulkhead, null)).hasMessage("overflow");
        Keyed<String, Bulkhead> none =
                Keyed.builder().maxKeys(1).timeSource(time).build(this::bulkhead, () -> null);
        none.get("a").admit();
        assertThatThrownBy(() -> none.get("b")).hasMessage("the overflow's factory returned null");
    }

    @Test
    void without_one_the_overflow_is_made_with_the_key_that_needed_it_first() {
        Keyed<String, Bulkhead> keyed = keyed(1, this::bulkhead);
        keyed.get("a").admit();
        assertThat(keyed.get("b").name()).isEqualTo("bulkhead-b");
        assertThat(keyed.get("c").name()).isEqualTo("bulkhead-b");
    }

    @Test
    void threads_that_come_together_get_one_even_if_the_factory_calls_back_for_the_same_key() throws Exception {
        Map<String, Keyed<String, Bulkhead>> self = new ConcurrentHashMap<>();
        ThreadLocal<Integer> depth = ThreadLocal.withInitial(() -> 0);
        Keyed<String, Bulkhead> keyed = keyed(1_000, key -> {
            if (depth.get() == 0) {
                depth.set(1);
                Bulkhead inner = self.get("it").get(key); // made here, so the outer one is thrown away
                depth.set(0);
                assertThat(inner.name()).isEqualTo("bulkhead-" + key);
            }
            return bulkhead(key);
        });
        self.put("it", keyed);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            List<Future<List<Bulkhead>>> all = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                all.add(pool.submit(() -> {
                    List<Bulkhead> mine = new ArrayList<>();
                    for (int key = 0; key < 500; key++) mine.add(keyed.get("k" + key));
                    return mine;
                }));
            }
            List<Bulkhead> first = all.get(0).get(60, TimeUnit.SECONDS);
            for (Future<List<Bulkhead>> each : all) {
                List<Bulkhead> mine = each.get(60, TimeUnit.SECONDS);
                for (int key = 0; key < 500; key++) assertThat(mine.get(key)).isSameAs(first.get(key));
            }
        } finally {
            pool.shutdown();
        }
    }

    /** Time stands still within a phase, so that nobody is late for his own key however long he is kept waiting. */
    @Test
    void under_concurrency_a_key_has_one_policy_as_long_as_it_is_used_or_holds_a_permit() throws Exception {
        Bulkhead overflow = bulkhead("overflow");
        Keyed<Integer, Bulkhead> keyed = Keyed.builder()
                .maxKeys(200)
                .idle(ofMinutes(1))
                .timeSource(time)
                .build(key -> bulkhead("k" + key), () -> overflow);
        List<Map<Integer, Permit>> held = new ArrayList<>();
        Map<Integer, Bulkhead> pinned = new ConcurrentHashMap<>();
        for (int i = 0; i < 4; i++) held.add(new ConcurrentHashMap<>());
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            for (int phase = 0; phase < 25; phase++) {
                Map<Integer, Bulkhead> seen = new ConcurrentHashMap<>(pinned);
                List<Future<?>> all = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    int thread = i;
                    int from = phase * 1_000;
                    all.add(pool.submit(() -> use(keyed, overflow, seen, from + thread)));
                }
                for (Future<?> each : all) each.get(60, TimeUnit.SECONDS);
                for (int i = 0; i < 4; i++) change(held.get(i), pinned, keyed, overflow, 4 * phase + i);
                time.advance(ofMinutes(2));
            }
        } finally {
            pool.shutdown();
        }
        assertThat(keyed.live()).hasSizeLessThanOrEqualTo(200);
        pinned.forEach((key, bulkhead) -> assertThat(keyed.get(key)).isSameAs(bulkhead));
    }

    private static void use(Keyed<Integer, Bulkhead> keyed, Bulkhead overflow, Map<Integer, Bulkhead> seen, int from) {
        for (int n = 0; n < 2_000; n++) {
            int key = n % 2 == 0 ? (n + from) % 50 : 100 + from + n; // some that all use, some that press
            Bulkhead mine = keyed.get(key);
            Bulkhead before = mine == overflow ? null : seen.putIfAbsent(key, mine);
            if (before != null && before != mine) throw new AssertionError("two policies of key " + key);
        }
    }

    /** Takes a permit of one key and, later, gives it back: it keeps the key over the phases between. */
    private static void change(
            Map<Integer, Permit> mine,
            Map<Integer, Bulkhead> pinned,
            Keyed<Integer, Bulkhead> keyed,
            Bulkhead overflow,
            int n) {
        if (mine.size() >= 3) {
            int oldest = mine.keySet().iterator().next();
            pinned.remove(oldest);
            mine.remove(oldest).success();
        }
        int key = n % 50;
        Bulkhead bulkhead = keyed.get(key);
        if (bulkhead == overflow || pinned.putIfAbsent(key, bulkhead) != null) return;
        mine.put(key, bulkhead.admit());
    }
}
