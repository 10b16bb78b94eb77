// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Loads keys ahead of their readers, in turn with the refreshes: never more at once than those may be. Keys are taken
 * from the iterator one by one as there is a turn for them, never two at the same time, outside of locks.
 */
final class Warming<K, V extends @Nullable Object> {
    private final CacheCore<K, V> core;
    private final BulkLoads<K, V> bulk;
    private final Loader<? super K, ? extends V> loader;
    private final Iterator<? extends K> keys;
    private final CompletableFuture<Long> result = new CompletableFuture<>();
    private final AtomicLong loaded = new AtomicLong();
    /** Wishes to go on; who makes the first one goes on until there is none. */
    private final AtomicInteger wishes = new AtomicInteger();

    private final AtomicInteger underWay = new AtomicInteger();
    /** Used by who goes on. */
    private boolean exhausted;

    private @Nullable Throwable broken;

    Warming(
            CacheCore<K, V> core,
            BulkLoads<K, V> bulk,
            Loader<? super K, ? extends V> loader,
            Iterator<? extends K> keys) {
        this.core = core;
        this.bulk = bulk;
        this.loader = loader;
        this.keys = keys;
    }

    CompletableFuture<Long> start() {
        goOn();
        return result;
    }

    private void goOn() {
        if (wishes.getAndIncrement() != 0) return;
        do {
            while (!exhausted && underWay.get() < core.background.atOnce()) next();
            if (exhausted && underWay.get() == 0) finish();
        } while (wishes.decrementAndGet() != 0);
    }

    private void finish() {
        if (broken == null) result.complete(loaded.get());
        else result.completeExceptionally(broken);
    }

    /** The caller who cancels, or completes the future otherwise, ends the taking of keys. */
    private void next() {
        List<K> some = new ArrayList<>();
        try {
            while (some.size() < bulk.most() && !exhausted) {
                exhausted = result.isDone() || !keys.hasNext();
                if (exhausted) break;
                K key = keys.next();
                if (core.visible(key) == null) some.add(key);
            }
        } catch (Throwable thrown) {
            exhausted = true;
            broken = thrown;
        }
        if (some.isEmpty()) return;
        underWay.incrementAndGet();
        if (core.background.inTurn(() -> load(some), this::dropped)) return;
        exhausted = true; // the cache was closed
        underWay.decrementAndGet();
    }

    private void load(List<K> some) {
        try {
            if (bulk.isThere()) together(some);
            else for (K key : some) alone(key);
        } catch (Throwable thrown) { // too many loads were given up
            for (K key : some) core.hooks.loadFailed(key, 0, true, thrown);
            ended();
        }
    }

    private void together(List<K> some) {
        List<K> others = new ArrayList<>(); // somebody loads them already
        Map<K, Flight<K, V>> flights = bulk.begin(some, Loading.Kind.BACKGROUND, others);
        for (Flight<K, V> flight : flights.values()) {
            CompletableFuture<?> unused = count(flight);
        }
        bulk.launch(flights, this::ended);
    }

    private void alone(K key) {
        Loading<V> loading = core.protocol.capture(Loading.Kind.BACKGROUND, null);
        Flight<K, V> flight = core.protocol.flights.open(key, loading, Flight.Mode.WORKER);
        if (flight == null) {
            ended();
            return;
        }
        CompletableFuture<?> unused = count(flight).whenComplete((value, thrown) -> ended());
        flight.launch(core.executor, core.carried().around(() -> core.load(key, loader, loading)));
    }

    private CompletableFuture<V> count(Flight<K, V> flight) {
        return flight.copy(false, () -> CompletableFuture.failedFuture(new IllegalStateException("left")))
                .whenComplete((value, thrown) -> {
                    if (thrown == null) loaded.incrementAndGet();
                });
    }

    /** The cache was closed before its turn came. */
    private void dropped() {
        underWay.decrementAndGet();
        goOn();
    }

    private void ended() {
        core.background.turnEnded();
        underWay.decrementAndGet();
        goOn();
    }
}
