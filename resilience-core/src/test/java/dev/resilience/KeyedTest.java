// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KeyedTest {
    private final ManualTime time = ManualTime.create();

    private Bulkhead bulkhead(Object key) {
        return Bulkhead.builder("b-" + key).maxConcurrent(1).timeSource(time).build();
    }

    private Keyed<String, Pipeline> keyed(int maxKeys) {
        return Keyed.builder()
                .maxKeys(maxKeys)
                .idle(Duration.ofMinutes(1))
                .timeSource(time)
                .build(key -> Pipeline.of(bulkhead(key)));
    }

    private static Gate gateOf(Pipeline pipeline) {
        return (Gate) pipeline.inner().get(0);
    }

    @Test
    void a_key_has_one_policy_and_others_have_theirs() {
        Keyed<String, Pipeline> hosts = keyed(10);
        Pipeline a = hosts.get("a");
        assertThat(hosts.get("a")).isSameAs(a);
        assertThat(hosts.get("b")).isNotSameAs(a);
        assertThat(hosts.live()).containsOnlyKeys("a", "b").containsEntry("a", a);
        assertThat(hosts).hasToString("Keyed[keys=2/10, idle=1 min]");
    }

    @Test
    void many_threads_get_one_instance_of_each_of_100_000_keys() throws Exception {
        Keyed<Integer, Bulkhead> keyed =
                Keyed.builder().maxKeys(100_000).timeSource(time).build(this::bulkhead);
        ConcurrentHashMap<Integer, Set<Bulkhead>> seen = new ConcurrentHashMap<>();
        ExecutorService pool = Executors.newFixedThreadPool(4);
        CyclicBarrier start = new CyclicBarrier(4);
        List<Callable<Void>> tasks = Collections.nCopies(4, () -> {
            start.await(60, TimeUnit.SECONDS);
            for (int key = 0; key < 100_000; key++) {
                seen.computeIfAbsent(
                                key,
                                k -> Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>())))
                        .add(keyed.get(key));
            }
            return null;
        });
        for (var done : pool.invokeAll(tasks, 60, TimeUnit.SECONDS)) done.get();
        pool.shutdown();
        assertThat(seen)
                .hasSize(100_000)
                .allSatisfy((key, instances) -> assertThat(instances).hasSize(1));
        assertThat(keyed.live()).hasSize(100_000);
    }

    @Test
    void a_factory_may_call_back() {
        Keyed<?, ?>[] self = new Keyed<?, ?>[1];
        Keyed<String, Bulkhead> keyed = Keyed.of(key -> {
            if (key.length() < 3) callBack(self[0], key + "x");
            return Bulkhead.builder(key).build();
        });
        self[0] = keyed;
        keyed.get("a");
        assertThat(keyed.live()).containsOnlyKeys("a", "ax", "axx");
    }

    @SuppressWarnings("unchecked")
    private static void callBack(Keyed<?, ?> keyed, String key) {
        ((Keyed<String, Bulkhead>) keyed).get(key);
    }

    @Test
    void a_factory_that_throws_leaves_room_and_is_asked_again() {
        int[] asked = {0};
        Keyed<String, Bulkhead> keyed = Keyed.builder().maxKeys(1).build(key -> {
            if (asked[0]++ < 5) throw new IllegalStateException("not yet");
            return Bulkhead.builder(key).build();
        });
        for (int i = 0; i < 5; i++) assertThatThrownBy(() -> keyed.get("a")).hasMessage("not yet");
        assertThat(keyed.get("a").name()).isEqualTo("a");
        assertThat(keyed.get("a")).isSameAs(keyed.live().get("a"));
    }

    @Test
    void what_is_idle_and_holds_nothing_is_forgotten_when_room_is_needed() {
        Keyed<String, Pipeline> keyed = keyed(2);
        Pipeline a = keyed.get("a");
        keyed.get("b");
        time.advance(Duration.ofSeconds(59));
        keyed.get("b");
        time.advance(Duration.ofSeconds(2));
        keyed.get("c");
        assertThat(keyed.live()).containsOnlyKeys("b", "c");
        time.advance(Duration.ofMinutes(2));
        assertThat(keyed.get("a")).isNotSameAs(a);
    }

    @Test
    void a_permit_in_flight_keeps_its_policy_and_further_keys_share_the_overflow() { // S40
        Keyed<String, Pipeline> keyed = keyed(1);
        Permit permit = gateOf(keyed.get("a")).admit();
        time.advance(Duration.ofHours(1));
        Pipeline overflow = keyed.get("b");
        assertThat(keyed.live()).containsOnlyKeys("a");
        assertThat(keyed.get("c")).isSameAs(overflow).isNotSameAs(keyed.get("a"));
        assertThat(keyed.toString()).endsWith("overflow in use]");
        permit.success();
        time.advance(Duration.ofHours(1));
        assertThat(keyed.get("c")).isNotSameAs(overflow);
        assertThat(keyed.live()).containsOnlyKeys("c");
    }

    @Test
    void the_bound_holds_whatever_comes() {
        Keyed<Integer, Bulkhead> keyed =
                Keyed.builder().maxKeys(100).timeSource(time).build(this::bulkhead);
        IntStream.range(0, 10_000).forEach(keyed::get);
        assertThat(keyed.live()).hasSize(100);
        time.advance(Duration.ofMinutes(11));
        IntStream.range(20_000, 20_100).forEach(keyed::get);
        assertThat(keyed.live()).hasSize(100).containsKey(20_000).containsKey(20_099);
    }

    @Test // a key without room asks at each call: it must not cost a look at all the others
    void keys_that_find_no_room_do_not_look_at_everybody_each_time() {
        AtomicInteger looks = new AtomicInteger();
        Keyed<Integer, RecordingGate> keyed = Keyed.builder()
                .maxKeys(1_000)
                .timeSource(time)
                .build(key -> new RecordingGate("pinned", time) {
                    @Override
                    protected boolean forgettable(long now) {
                        looks.incrementAndGet();
                        return false;
                    }
                });
        IntStream.range(0, 1_000).forEach(keyed::get);
        time.advance(Duration.ofHours(1));
        IntStream.range(1_000, 1_100).forEach(keyed::get);
        assertThat(looks).hasValueGreaterThanOrEqualTo(1_000).hasValueLessThanOrEqualTo(1_000 + 100 * 16);
        assertThat(keyed.live()).hasSize(1_000);
    }

    @Test
    void a_gate_that_cannot_tell_is_kept() { // L5
        Keyed<String, Gate> keyed = Keyed.builder().maxKeys(1).timeSource(time).build(key -> new Gate(key, time) {
            @Override
            protected long tryAdmit(CallContext context, long now) {
                return 0;
            }

            @Override
            protected void settle(long permit, long at, long now, Verdict verdict, Object value, Throwable thrown) {}

            @Override
            protected boolean forgettable(long now) {
                throw new IllegalStateException("who knows");
            }
        });
        Gate kept = keyed.get("a");
        time.advance(Duration.ofHours(1));
        assertThat(keyed.get("b")).isNotSameAs(kept);
        assertThat(keyed.live()).containsOnlyKeys("a");
    }

    @Test
    void refuses_nonsense_in_one_message() { // L11
        assertThatThrownBy(() -> Keyed.builder().maxKeys(0).idle(Duration.ZERO).build(this::bulkhead))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("keyed: maxKeys must be at least 1, was 0; idle must be positive, was PT0S");
        assertThatThrownBy(() -> keyed(1).get(null)).hasMessage("key");
        assertThatThrownBy(() -> Keyed.of(null)).hasMessage("factory");
    }
}
