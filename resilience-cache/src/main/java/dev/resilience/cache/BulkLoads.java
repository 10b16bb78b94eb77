// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Several keys at once. Each key has a flight of its own, opened before the bulk load begins and landed by it: so it
 * shares the load with single reads, and an invalidation, a put, a clear or a tag keeps that key, and no other, from being
 * stored (S17).
 */
final class BulkLoads<K, V extends @Nullable Object> {
    private final CacheCore<K, V> core;
    private final @Nullable BulkLoader<K, V> bulk;
    private final int most;
    private final Executor executor;

    BulkLoads(CacheCore<K, V> core, @Nullable BulkLoader<K, V> bulk, int most) {
        this.core = core;
        this.bulk = bulk;
        this.most = bulk == null ? 1 : most;
        this.executor = core.time.watched(core.executor);
    }

    /** How many keys at once; 1 without a bulk loader. */
    int most() {
        return most;
    }

    boolean isThere() {
        return bulk != null;
    }

    /** The values that there are, in the order of the keys. The first load that fails ends it. */
    Map<K, V> getAll(Collection<? extends K> keys, Loader<? super K, ? extends V> single, UnaryOperator<V> copied) {
        Map<K, @Nullable V> found = new LinkedHashMap<>();
        List<K> missing = new ArrayList<>();
        for (K key : keys) {
            Objects.requireNonNull(key, "key");
            if (found.containsKey(key)) continue;
            Entry<V> entry = core.serve(key, single);
            found.put(key, entry == null ? null : entry.value);
            if (entry == null) missing.add(key);
        }
        for (int from = 0; from < missing.size(); from += most)
            load(missing.subList(from, Math.min(missing.size(), from + most)), single, found);
        found.values().removeIf(Objects::isNull);
        Map<K, V> present = present(found);
        present.replaceAll((key, value) -> copied.apply(value));
        return present;
    }

    @SuppressWarnings("NullAway") // the nulls are gone
    private static <K, V extends @Nullable Object> Map<K, V> present(Map<K, @Nullable V> found) {
        return found;
    }

    private void load(List<K> keys, Loader<? super K, ? extends V> single, Map<K, @Nullable V> found) {
        List<K> others = new ArrayList<>();
        if (bulk == null) others.addAll(keys);
        else together(keys, single, found, others);
        for (K key : others) found.put(key, core.get(key, single));
    }

    private void together(
            List<K> keys, Loader<? super K, ? extends V> single, Map<K, @Nullable V> found, List<K> others) {
        long seq = core.protocol.tags.seq();
        Map<K, Flight<K, V>> flights = begin(keys, Loading.Kind.NEEDED, others);
        launch(flights, () -> {});
        RuntimeException failed = null;
        List<Flight<K, V>> left = new ArrayList<>(flights.values());
        try {
            for (Flight<K, V> flight : flights.values()) {
                left.remove(0);
                try {
                    found.put(flight.key, core.await(flight, seq, single));
                } catch (CacheLoadException thrown) {
                    if (failed == null) failed = thrown;
                }
            }
        } finally {
            left.forEach(Flight::leave); // interrupted: the others are loaded for those who wait for them
        }
        if (failed != null) throw failed;
    }

    /** The loads that nobody else runs; the other keys go to a list. What was begun is landed, come what may. */
    Map<K, Flight<K, V>> begin(Collection<K> keys, Loading.Kind kind, Collection<? super K> others) {
        Map<K, Flight<K, V>> flights = new LinkedHashMap<>();
        try {
            for (K key : keys) {
                Flight<K, V> flight = core.begin(key, kind);
                if (flight == null) others.add(key);
                else flights.put(key, flight);
            }
        } catch (Throwable thrown) {
            land(flights, thrown);
            flights.values().forEach(Flight::leave);
            throw thrown;
        }
        return flights;
    }

    /** Runs the bulk load on the executor; {@code ended} after the last flight has landed. */
    void launch(Map<K, Flight<K, V>> flights, Runnable ended) {
        if (flights.isEmpty()) {
            ended.run();
            return;
        }
        Consumer<Throwable> never = refused -> {
            land(flights, refused);
            ended.run();
        };
        Carried carried;
        try {
            flights.values().forEach(Flight::watch);
            carried = core.carried();
        } catch (Throwable noTimer) {
            never.accept(noTimer);
            return;
        }
        Hands.execute(executor, () -> run(flights, carried, ended), never);
    }

    private void run(Map<K, Flight<K, V>> flights, Carried carried, Runnable ended) {
        flights.values().forEach(Flight::enterRun); // one that asks for a key of its own is told so
        try {
            BulkLoader<K, V> loader = Objects.requireNonNull(bulk, "bulk");
            Map<? extends K, ? extends V> loaded = Coalescer.loaded(carried.around(
                            () -> core.protect(() -> loader.loadAll(Collections.unmodifiableSet(flights.keySet()))))
                    .call());
            flights.forEach((key, flight) -> land(flight, key, loaded));
        } catch (Throwable thrown) {
            land(flights, thrown);
        } finally {
            ended.run();
        }
    }

    /** The map is the user's: what it throws belongs to that key. */
    private static <K, V extends @Nullable Object> void land(
            Flight<K, V> flight, K key, Map<? extends K, ? extends V> loaded) {
        V value;
        try {
            value = loaded.get(key);
        } catch (Throwable thrown) {
            flight.land(null, thrown);
            return;
        }
        flight.land(value, null);
    }

    private static <K, V extends @Nullable Object> void land(Map<K, Flight<K, V>> flights, Throwable thrown) {
        for (Flight<K, V> flight : flights.values()) flight.land(null, thrown);
    }
}
