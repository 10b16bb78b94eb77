// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.Op;
import dev.resilience.cache.SingleFlight;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * P12: a load that nobody shares, over a loader that only reads a field. Beside it what people write by hand: a map of
 * futures, and {@code computeIfAbsent}, which blocks other keys of the bin and knows no deadline, no interrupt and no end
 * of a wait.
 */
public class FlightBench extends Bench {
    /** One thread, one key. */
    @State(Scope.Thread)
    public static class Loads {
        final String key = "user-7";
        final Op<String, RuntimeException> load = new Work().op;
        final SingleFlight<String, String> flight = SingleFlight.create();
        final ConcurrentHashMap<String, CompletableFuture<String>> futures = new ConcurrentHashMap<>();
        final ConcurrentHashMap<String, String> values = new ConcurrentHashMap<>();
    }

    @Benchmark
    public String ours(Loads loads) {
        return loads.flight.call(loads.key, loads.load);
    }

    @Benchmark
    public String mapOfFutures(Loads loads) {
        CompletableFuture<String> mine = new CompletableFuture<>();
        CompletableFuture<String> there = loads.futures.putIfAbsent(loads.key, mine);
        if (there != null) return there.join();
        String value = loads.load.call();
        loads.futures.remove(loads.key, mine);
        mine.complete(value);
        return mine.join();
    }

    @Benchmark
    public String computeIfAbsent(Loads loads) {
        String value = loads.values.computeIfAbsent(loads.key, key -> loads.load.call());
        loads.values.remove(loads.key);
        return value;
    }

    @Benchmark
    public long nanoTime() {
        return System.nanoTime();
    }
}
