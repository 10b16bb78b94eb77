// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** L15: a hit allocates nothing. */
class LoadingCostTest {

    /** By reflection, because the module does not read java.management. */
    private static double perRun(Runnable code) throws ReflectiveOperationException {
        Object threads = Class.forName("java.lang.management.ManagementFactory")
                .getMethod("getThreadMXBean")
                .invoke(null);
        Method bytes = Class.forName("com.sun.management.ThreadMXBean").getMethod("getCurrentThreadAllocatedBytes");
        for (int i = 0; i < 20_000; i++) code.run();
        double least = Double.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long before = (long) bytes.invoke(threads);
            for (int i = 0; i < 10_000; i++) code.run();
            // what invoke itself boxes is below a byte per run
            least = Math.min(least, ((long) bytes.invoke(threads) - before) / 10_000.0);
        }
        return least;
    }

    @Test
    void a_hit_allocates_nothing() throws Exception {
        LoadingCache<String, String> eternal =
                LoadingCache.builder("cost", (String key) -> key).build();
        eternal.get("a");
        assertThat(perRun(() -> eternal.get("a"))).isLessThan(1);
        LoadingCache<String, String> all = LoadingCache.builder("cost", (String key) -> key)
                .ttl(Duration.ofHours(1))
                .refreshAfter(Duration.ofMinutes(30))
                .refreshEarly(1)
                .staleIfError(Duration.ofHours(1))
                .tags((key, value) -> List.of("one", "two"))
                .build();
        all.get("a");
        all.invalidateTag("three");
        assertThat(perRun(() -> all.get("a"))).isLessThan(1);
    }
}
