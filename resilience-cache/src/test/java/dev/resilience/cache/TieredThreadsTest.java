// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Real threads on two nodes. The clock stands still, so nothing is given up; what is asserted holds in every order: a node
 * that has changed a key does not answer what was there before, and when all threads have ended (and with them every
 * message) both nodes answer what the source has.
 */
class TieredThreadsTest {
    private static final int ROUNDS = 20;
    private static final int STEPS = 60;
    private static final List<String> KEYS = List.of("x", "y", "z");

    private final Map<String, Integer> source = new ConcurrentHashMap<>();
    private final Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();

    private TieredCache<String, String> node(ManualTime time, SecondLevel level, Backplane line) {
        return TieredCache.<String, String>builder("things", key -> Integer.toString(source.getOrDefault(key, 0)))
                .keys(k -> k, k -> k)
                .codec(Codec.utf8())
                .secondLevel(level)
                .backplane(line)
                .ttl(Cluster.TTL)
                .tags((key, value) -> List.of("all"))
                .executor(Runnable::run)
                .timeSource(time)
                .build();
    }

    @Test
    void when_all_have_ended_both_nodes_answer_what_the_source_has() throws InterruptedException {
        for (int round = 0; round < ROUNDS; round++) {
            ManualTime time = ManualTime.create();
            SecondLevel level = SecondLevel.inProcess(100, time);
            Backplane line = Backplane.inProcess();
            try (TieredCache<String, String> a = node(time, level, line);
                    TieredCache<String, String> b = node(time, level, line)) {
                List<Thread> threads = new ArrayList<>();
                for (int t = 0; t < 4; t++) threads.add(worker(t % 2 == 0 ? a : b, t));
                threads.forEach(Thread::start);
                for (Thread each : threads) {
                    each.join(TimeUnit.MINUTES.toMillis(1));
                    assertThat(each.isAlive()).as("a thread hangs").isFalse();
                }
                assertThat(thrown).isEmpty();
                for (String key : KEYS) {
                    String now = Integer.toString(source.getOrDefault(key, 0));
                    assertThat(a.get(key)).isEqualTo(now);
                    assertThat(b.get(key)).isEqualTo(now);
                }
            }
        }
    }

    private Thread worker(TieredCache<String, String> cache, int number) {
        return new Thread(() -> {
            try {
                for (int i = 0; i < STEPS; i++) step(cache, KEYS.get((number + i) % KEYS.size()), i);
            } catch (Throwable t) {
                thrown.add(t);
            }
        });
    }

    private void step(TieredCache<String, String> cache, String key, int i) {
        if (i % 5 != 0) {
            cache.get(key);
            return;
        }
        int version = source.merge(key, 1, Integer::sum);
        if (i % 15 == 0) cache.invalidateTag("all");
        else if (i % 10 == 0) cache.clear();
        else cache.invalidate(key);
        String seen = cache.get(key);
        assertThat(seen).isNotNull();
        assertThat(Integer.parseInt(seen)).as("after its own change").isGreaterThanOrEqualTo(version);
    }
}
