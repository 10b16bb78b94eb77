// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.cache.Backplane;
import dev.resilience.cache.Codec;
import dev.resilience.cache.LoadingCache;
import dev.resilience.cache.SecondLevel;
import dev.resilience.cache.TieredCache;
import dev.resilience.cache.WriteBehind;
import dev.resilience.cache.Writer.Change;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.function.UnaryOperator;

/** Caches on a manual clock, in front of a source that fails when it is told to. One thread. */
final class CacheRig {
    static final Duration TTL = Duration.ofSeconds(10);

    final ManualTime time = ManualTime.create();
    /** What the caches want done in the background. */
    final Queue<Runnable> background = new ArrayDeque<>();

    final LoadingCache<String, String> users = LoadingCache.builder("users", this::load)
            .ttl(TTL)
            .jitter(0)
            .staleWhileRevalidate(TTL)
            .staleIfError(Duration.ofHours(1))
            .tags((key, value) -> List.of("all"))
            .writer(this::write)
            .writeBehind(WriteBehind.after(Duration.ofSeconds(1)).executor(background::add))
            .executor(background::add)
            .timeSource(time)
            .build();
    final TieredCache<String, String> orders = TieredCache.builder("orders", this::load)
            .keys(UnaryOperator.identity(), UnaryOperator.identity())
            .codec(Codec.utf8())
            .secondLevel(SecondLevel.inProcess(100, time))
            .backplane(Backplane.inProcess())
            .ttl(TTL)
            .executor(Runnable::run)
            .timeSource(time)
            .build();
    /** What a load does before it answers. */
    Runnable loading = () -> {};

    boolean down;

    private String load(String key) throws IOException {
        loading.run();
        if (down) throw new IOException("connection refused");
        return "value of " + key;
    }

    private void write(Change<String, String> change) throws IOException {
        if (down) throw new IOException("connection refused");
    }

    void work() {
        for (Runnable task = background.poll(); task != null; task = background.poll()) task.run();
    }
}
