// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * S17 under real threads in the phases that are not {@link LoadingStormTest}'s: loads that go on after a soft deadline,
 * bulk loads, and puts. Each assertion holds whatever the scheduler does: a value is never older than what a call told
 * that had returned before the read began.
 */
class LoadingPhasesStormTest {
    private static final int ROUNDS = 1_500;

    private final AtomicLong source = new AtomicLong();
    private final AtomicLong told = new AtomicLong();

    private enum Phase {
        /** Everything is past its time at once, and nobody waits for a load. */
        AFTER_SOFT_DEADLINE,
        BULK,
        /** Loads fail half of the time, and stale values stand in. */
        FAILING
    }

    private LoadingCache<String, Long> cache(Phase phase) {
        LoadingCache.Builder<String, Long> builder = LoadingCache.builder("storm", this::load)
                .tags((key, value) -> List.of("tag"))
                .jitter(0)
                .maxEntries(2);
        return switch (phase) {
            case AFTER_SOFT_DEADLINE ->
                builder.ttl(Duration.ofNanos(1))
                        .staleIfError(Duration.ofHours(1))
                        .softDeadline(Duration.ofNanos(1))
                        .build();
            case BULK ->
                builder.ttl(Duration.ofHours(1)).bulkLoader(this::loadAll, 3).build();
            case FAILING ->
                builder.ttl(Duration.ofNanos(1))
                        .staleIfError(Duration.ofHours(1))
                        .build();
        };
    }

    private long load(String key) throws Exception {
        long read = source.get();
        if (key.equals("fails") && read % 2 == 0) throw new java.io.IOException("down");
        return read;
    }

    private Map<String, Long> loadAll(Set<String> keys) {
        Map<String, Long> all = new HashMap<>();
        for (String key : keys) all.put(key, source.get());
        return all;
    }

    @ParameterizedTest
    @EnumSource(Phase.class)
    void no_reader_sees_less_than_what_was_told_before(Phase phase) throws Exception {
        LoadingCache<String, Long> cache = cache(phase);
        String key = phase == Phase.FAILING ? "fails" : "k";
        List<CompletableFuture<Void>> all = new ArrayList<>();
        // one who changes: of two puts that meet the older may be the last
        all.add(thread(round -> {
            long changed = source.incrementAndGet();
            switch (round % 4) {
                case 0 -> cache.put(key, changed);
                case 1 -> cache.invalidate(key);
                case 2 -> cache.invalidateTag("tag");
                default -> cache.invalidateAll();
            }
            told.set(changed);
        }));
        for (int reader = 0; reader < 3; reader++) all.add(thread(round -> read(cache, phase, key, round)));
        for (CompletableFuture<Void> each : all) each.get(120, TimeUnit.SECONDS);
        read(cache, phase, key, 0);
    }

    private void read(LoadingCache<String, Long> cache, Phase phase, String key, int round) {
        long least = told.get();
        try {
            if (phase == Phase.BULK) {
                Map<String, Long> got = cache.getAll(List.of(key, "other " + round % 5));
                assertThat(got.get(key)).isGreaterThanOrEqualTo(least);
            } else {
                assertThat(cache.get(key)).isGreaterThanOrEqualTo(least);
            }
        } catch (CacheLoadException down) {
            assertThat(phase).isEqualTo(Phase.FAILING);
        }
    }

    private interface Round {
        void run(int round) throws Exception;
    }

    private static CompletableFuture<Void> thread(Round each) {
        CompletableFuture<Void> end = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                for (int round = 0; round < ROUNDS; round++) each.run(round);
                end.complete(null);
            } catch (Throwable failed) {
                end.completeExceptionally(failed);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return end;
    }
}
