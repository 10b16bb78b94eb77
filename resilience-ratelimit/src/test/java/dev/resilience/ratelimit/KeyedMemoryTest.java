// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What a key costs, by weighing the heap with and without a million of them: in 32 limiters, whose tables are filled as
 * the one of a million keys would be (48 %) but are not so large that the collector rounds them up to its regions.
 */
class KeyedMemoryTest { // P7
    private static final int LIMITERS = 32;
    private static final int KEYS = 31_250;

    @Test
    void a_live_key_takes_at_most_80_bytes_beside_the_key() {
        Integer[] keys = new Integer[KEYS];
        for (int i = 0; i < KEYS; i++) keys[i] = i;
        ManualTime time = ManualTime.create(); // nobody is full again: all stay
        List<KeyedRateLimiter<Integer>> limiters = new ArrayList<>();
        long before = used();
        for (int i = 0; i < LIMITERS; i++) {
            KeyedRateLimiter<Integer> users = RateLimiter.builder("user")
                    .limit(Limit.of(10, Duration.ofSeconds(1)))
                    .timeSource(time)
                    .keyed(KEYS);
            for (Integer key : keys) users.tryAcquire(key);
            limiters.add(users);
        }
        long after = used();
        double each = (after - before) / (double) (LIMITERS * KEYS);
        assertThat(each).as("bytes for each key: %s", each).isBetween(60.0, 80.0);
        assertThat(limiters).allMatch(users -> users.keys() == KEYS);
    }

    /** The least of some looks after a collection: what others leave behind meanwhile is not ours. */
    private static long used() {
        Runtime runtime = Runtime.getRuntime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }
}
