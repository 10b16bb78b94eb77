// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallContext;
import dev.resilience.Op;
import dev.resilience.TimeSource;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Lets concurrent calls for one key share one load. Keeps nothing.
 *
 * @param <K> the keys
 * @param <V> the values
 */
public final class SingleFlight<K, V extends @Nullable Object> {
    private final Flights<K, V> flights;

    private SingleFlight(String name) {
        TimeSource time = TimeSource.system();
        FlightRules.Owner owner = new FlightRules.Owner(name, "single flight '" + name + "'", time);
        this.flights = new Flights<>(new FlightRules(owner, Long.MAX_VALUE, 64, false), time, Landing.keepingNothing());
    }

    /**
     * Without a name.
     *
     * @param <K> the keys
     * @param <V> the values
     * @return a new one
     */
    public static <K, V extends @Nullable Object> SingleFlight<K, V> create() {
        return new SingleFlight<>("single flight");
    }

    /**
     * Shares the load of a key.
     *
     * @param key the key
     * @param load loads it
     * @return the value
     */
    public V call(K key, Op<? extends V, ?> load) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(load, "load");
        for (; ; ) {
            Flight<K, V> flight = flights.board(key);
            if (flight == null) {
                flight = flights.open(key, null, Flight.Mode.CALLER);
                if (flight == null) continue;
                return flight.lead(load);
            }
            if (flight.await(Long.MAX_VALUE, CallContext.root())) return flight.result();
        }
    }

    /**
     * Shares the load of a key.
     *
     * @param key the key
     * @param load loads it
     * @return the value
     */
    public CompletableFuture<V> callAsync(K key, Op<? extends CompletionStage<? extends V>, ?> load) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(load, "load");
        for (; ; ) {
            Flight<K, V> flight = flights.board(key);
            if (flight != null) return flight.copy(() -> callAsync(key, load));
            flight = flights.open(key, null, Flight.Mode.STAGE);
            if (flight == null) continue;
            CompletableFuture<V> mine = flight.copy(() -> callAsync(key, load));
            flight.launchStage(load);
            return mine;
        }
    }

    /**
     * Callers from now on start a new load.
     *
     * @param key the key
     */
    public void detach(K key) {
        flights.detach(key);
    }
}
