// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Real threads on few keys with room for fewer: what the model walks in steps, at full speed (KeyedProtocolTest). */
class KeyedStormTest { // S27
    private static final int KEYS = 6;
    private static final int THREADS = 3;
    private static final int CALLS = 10_000;
    private static final long BURST = 3;

    private final ManualTime time = ManualTime.create();
    private final AtomicLongArray granted = new AtomicLongArray(KEYS);

    @Test
    void with_time_standing_still_no_key_gets_more_than_its_burst() throws InterruptedException {
        storm(Duration.ZERO);
        for (int key = 0; key < KEYS; key++) assertThat(granted.get(key)).isLessThanOrEqualTo(BURST);
    }

    @Test
    void with_time_passing_no_key_gets_more_than_its_bound() throws InterruptedException {
        long from = time.nanoTime();
        storm(Duration.ofNanos(200_000));
        long passed = time.nanoTime() - from;
        for (int key = 0; key < KEYS; key++) {
            assertThat(granted.get(key)).isLessThanOrEqualTo(BURST + passed / 1_000_000);
        }
    }

    /** One permit in a millisecond. */
    private void storm(Duration step) throws InterruptedException {
        KeyedRateLimiter<Integer> keyed = RateLimiter.builder("storm")
                .limit(Limit.of(1000, Duration.ofSeconds(1)).burst(BURST))
                .timeSource(time)
                .keyed(2);
        AtomicReference<Throwable> broken = new AtomicReference<>();
        CountDownLatch start = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
            int seed = t;
            Thread thread = new Thread(() -> {
                try {
                    start.await();
                    calls(keyed, new Random(seed), step);
                } catch (Throwable thrown) {
                    broken.set(thrown);
                }
            });
            thread.start();
            threads.add(thread);
        }
        start.countDown();
        for (Thread thread : threads) {
            thread.join(60_000);
            assertThat(thread.isAlive()).isFalse();
        }
        assertThat(broken.get()).isNull();
        assertThat(keyed.keys()).isLessThanOrEqualTo(2);
    }

    private void calls(KeyedRateLimiter<Integer> keyed, Random random, Duration step) {
        for (int i = 0; i < CALLS; i++) {
            int key = random.nextInt(KEYS);
            int n = 1 + random.nextInt(2);
            if (keyed.tryAcquire(key, n)) granted.addAndGet(key, n);
            if (!step.isZero() && i % 20 == 0) time.advance(step);
        }
    }
}
