// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** S17, S18 under real threads: each assertion holds whatever the scheduler does. */
class LoadingStormTest {
    private static final int ROUNDS = 3_000;

    private final AtomicLong source = new AtomicLong();
    /** What an invalidation that has returned has told of: nobody who begins later may see less. */
    private final AtomicLong told = new AtomicLong();

    private final LoadingCache<String, Long> cache = LoadingCache.builder("storm", (String key) -> source.get())
            .ttl(Duration.ofHours(1))
            .refreshAfter(Duration.ofNanos(1)) // every hit asks for a refresh: those race as well
            .tags((key, value) -> List.of("tag"))
            .maxEntries(2)
            .build();

    /** How the reader is told that the source has changed. */
    enum How {
        INVALIDATE,
        CLEAR,
        TAG,
        MIXED
    }

    private void tell(How how, long round) {
        How now = how == How.MIXED ? How.values()[(int) (round % 3)] : how;
        switch (now) {
            case INVALIDATE -> cache.invalidate("k");
            case CLEAR -> cache.invalidateAll();
            default -> cache.invalidateTag("tag");
        }
    }

    @ParameterizedTest
    @EnumSource(How.class)
    void no_reader_sees_less_than_an_invalidation_told_that_returned_before(How how) throws Exception {
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int writer = 0; writer < 2; writer++) {
            all.add(thread(round -> {
                long changed = source.incrementAndGet();
                tell(how, round);
                told.accumulateAndGet(changed, Math::max);
            }));
        }
        for (int reader = 0; reader < 2; reader++) {
            all.add(thread(round -> {
                long least = told.get();
                assertThat(cache.get("k")).isGreaterThanOrEqualTo(least);
                if (round % 16 == 0) cache.get("other " + round); // evictions, too
            }));
        }
        all.add(thread(round -> {
            long least = told.get();
            assertThat(cache.getAsync("k").get(60, TimeUnit.SECONDS)).isGreaterThanOrEqualTo(least);
        }));
        for (CompletableFuture<Void> each : all) await(each);
        assertThat(cache.get("k")).isGreaterThanOrEqualTo(told.get());
    }

    private static void await(CompletableFuture<Void> each)
            throws InterruptedException, ExecutionException, TimeoutException {
        each.get(60, TimeUnit.SECONDS);
    }

    private interface Round {
        void run(long round) throws Exception;
    }

    private static CompletableFuture<Void> thread(Round each) {
        CompletableFuture<Void> end = new CompletableFuture<>();
        LongConsumer quietly = round -> {
            try {
                each.run(round);
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        };
        Thread thread = new Thread(() -> {
            try {
                for (long round = 0; round < ROUNDS; round++) quietly.accept(round);
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
