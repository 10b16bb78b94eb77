// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Threads that do everything at once; when they are done, the queues hold exactly what the map holds, with the weights of
 * now, within the bound (S46). True after every round under every schedule.
 */
class BoundedStoreStormTest {
    private static final int ROUNDS = 60;
    private static final int STEPS = 1_500;
    private static final int MAX = 64;

    @Test
    void queues_and_map_agree_when_all_is_quiet() throws InterruptedException {
        for (int round = 0; round < ROUNDS; round++) {
            boolean weighed = round % 2 == 0;
            BoundedStore<Integer, Integer> store = weighed ? BoundedStore.weights(MAX) : BoundedStore.entries(MAX);
            ManualTime time = ManualTime.create();
            store.bind(time, (key, entry, cause) -> {
                if (key % 5 == 0) store.remove(key); // may come back in
            });
            int seed = round;
            together(thread -> storm(store, time, new SplittableRandom(seed * 10L + thread)));
            check(store, weighed);
            time.advance(Duration.ofDays(1));
            store.cleanUp();
            check(store, weighed);
            store.forEach((key, entry) ->
                    assertThat(entry.remainingNanos(time.nanoTime())).isPositive());
            store.clear();
            check(store, weighed);
            assertThat(store.estimatedSize()).isZero();
        }
    }

    /** The backlog is bounded: who finds too much of it waits for the lock instead of adding to it. */
    @Test
    void who_finds_a_long_backlog_waits_for_the_lock() throws InterruptedException {
        BoundedStore<Integer, Integer> store = BoundedStore.entries(MAX);
        Thread writer = new Thread(() -> {
            for (int i = 0; i <= BoundedStore.MAX_PENDING; i++) store.put(i, Entry.sample(i, 1, 0, Long.MAX_VALUE));
        });
        writer.setDaemon(true);
        store.lock.lock();
        try {
            writer.start();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!store.lock.hasQueuedThread(writer)) {
                assertThat(writer.isAlive()).as("has waited").isTrue();
                assertThat(System.nanoTime() - deadline).isNegative();
                Thread.yield();
            }
            assertThat(store.estimatedSize()).isEqualTo(BoundedStore.MAX_PENDING + 1);
        } finally {
            store.lock.unlock();
        }
        writer.join(TimeUnit.SECONDS.toMillis(60));
        assertThat(writer.isAlive()).isFalse();
        assertThat(store.estimatedSize()).isEqualTo(MAX);
    }

    private static void storm(BoundedStore<Integer, Integer> store, ManualTime time, SplittableRandom random) {
        for (int i = 0; i < STEPS; i++) {
            int key = random.nextInt(3 * MAX / 2);
            long useful = random.nextInt(3) == 0 ? 1_000_000 : Long.MAX_VALUE;
            Entry<Integer> next = Entry.sample(i, random.nextInt(1, 5), time.nanoTime(), useful);
            switch (random.nextInt(8)) {
                case 0, 1 -> store.put(key, next);
                case 2 -> store.replace(key, store.peek(key), next);
                case 3 -> store.remove(key);
                case 4 -> {
                    if (i % 100 == 0) store.cleanUp();
                    else if (i % 501 == 0) store.clear();
                }
                default -> store.get(key);
            }
        }
    }

    private static void check(BoundedStore<Integer, Integer> store, boolean weighed) {
        Map<Integer, Entry<Integer>> content = new HashMap<>();
        store.forEach((key, entry) -> assertThat(content.put(key, entry)).isNull());
        long weight = content.values().stream()
                .mapToLong(entry -> weighed ? entry.weight() : 1)
                .sum();
        assertThat(store.policy.size()).isEqualTo(content.size()).isEqualTo(store.estimatedSize());
        assertThat(store.policy.weight()).isEqualTo(weight).isLessThanOrEqualTo(MAX);
    }

    private interface Part {
        void run(int thread);
    }

    private static void together(Part part) throws InterruptedException {
        CountDownLatch start = new CountDownLatch(1);
        AtomicReference<@Nullable Throwable> broken = new AtomicReference<>();
        List<Thread> all = new ArrayList<>();
        for (int t = 0; t < 3; t++) {
            int number = t;
            Thread thread = new Thread(() -> {
                try {
                    start.await();
                    part.run(number);
                } catch (Throwable thrown) {
                    broken.set(thrown);
                }
            });
            thread.setDaemon(true);
            thread.start();
            all.add(thread);
        }
        start.countDown();
        for (Thread thread : all) {
            thread.join(TimeUnit.SECONDS.toMillis(60));
            assertThat(thread.isAlive()).as("a thread is still at it").isFalse();
        }
        assertThat(broken.get()).isNull();
    }
}
