// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.cache.FaultyBackplane;
import dev.resilience.testkit.cache.FaultySecondLevel;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Nodes that share a second level, a backplane and a source, on one thread: a step in the middle of an operation is run
 * by the loader ({@link Node#duringLoad}) or by the second level ({@code level.afterNext}).
 */
final class Cluster {
    static final Duration TTL = Duration.ofMinutes(10);

    final ManualTime time;
    final Map<String, String> source = new HashMap<>();
    final SecondLevel shared;
    final Backplane plane = Backplane.inProcess();

    Cluster(ManualTime time) {
        this.time = time;
        this.shared = SecondLevel.inProcess(1000, time);
    }

    Node node() {
        return node(b -> b);
    }

    Node node(UnaryOperator<TieredCache.Builder<String, String>> settings) {
        return new Node(settings);
    }

    final class Node implements AutoCloseable {
        final FaultySecondLevel level = FaultySecondLevel.over(shared);
        final FaultyBackplane end = FaultyBackplane.over(plane);
        final TieredCache<String, String> cache;
        private final AtomicReference<Runnable> during = new AtomicReference<>(() -> {});
        int loads;

        private Node(UnaryOperator<TieredCache.Builder<String, String>> settings) {
            this.cache = settings.apply(TieredCache.<String, String>builder("things", this::load)
                            .keys(k -> k, k -> k)
                            .codec(Codec.utf8())
                            .secondLevel(level)
                            .backplane(end)
                            .ttl(TTL)
                            .tags((key, value) -> tagsOf(value))
                            .executor(Runnable::run)
                            .timeSource(new DrainedTime(time)))
                    .build();
        }

        private @Nullable String load(String key) {
            loads++;
            String value = source.get(key);
            during.getAndSet(() -> {}).run();
            return value;
        }

        /** Runs once, when the next load has read the source. */
        void duringLoad(Runnable step) {
            during.set(step);
        }

        @Nullable
        String get(String key) {
            return cache.get(key);
        }

        /** As an application does: first the source, then the cache. */
        void change(String key, @Nullable String value) {
            source.put(key, value);
            cache.invalidate(key);
        }

        void put(String key, String value) {
            source.put(key, value);
            cache.put(key, value);
        }

        @Override
        public void close() {
            cache.close();
        }
    }

    /** A value {@code "v1@red,green"} carries two tags. */
    static List<String> tagsOf(String value) {
        int at = value.indexOf('@');
        return at < 0 ? List.of() : Arrays.asList(value.substring(at + 1).split(","));
    }
}
