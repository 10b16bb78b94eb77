// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** L15: counting costs a hit no allocation, watched or not, with or without write-behind. */
class CountingCostTest {
    private static final Integer THERE = 1_000;

    private static void read(LoadingCache<Integer, Integer> cache) {
        if (cache.get(THERE) == null) throw new AssertionError();
    }

    @Test
    void a_hit_allocates_nothing_watched_or_not() throws Throwable {
        LoadingCache<Integer, Integer> cache =
                LoadingCache.<Integer, Integer>builder("users", key -> key).build();
        read(cache);
        assertThat(StoreCostTest.bytesPerRun(() -> read(cache))).isZero();
        cache.snapshot();
        assertThat(StoreCostTest.bytesPerRun(() -> read(cache))).isZero();
        assertThat(cache.snapshot().hits()).isPositive();
    }

    @Test
    void nor_does_the_look_for_a_change_that_is_not_written() throws Throwable {
        LoadingCache<Integer, Integer> cache = LoadingCache.<Integer, Integer>builder("users", key -> key)
                .writer(change -> {})
                .writeBehind(WriteBehind.after(Duration.ZERO).executor(Runnable::run))
                .build();
        cache.put(THERE, 1);
        assertThat(StoreCostTest.bytesPerRun(() -> read(cache))).isZero();
    }
}
