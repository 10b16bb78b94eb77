// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Refreshes: loads that no caller waits for. What goes wrong in one is told to listeners and to nobody else. */
final class Background<K, V extends @Nullable Object> {
    private final CacheCore<K, V> core;
    private final Refreshes<K> refreshes;
    private final Queue<Runnable> starting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger starters = new AtomicInteger();

    Background(CacheCore<K, V> core, int atOnce, int queued) {
        this.core = core;
        this.refreshes = new Refreshes<>(atOnce, queued);
    }

    /** Asks for a newer value than an entry's; does not wait. */
    void refresh(K key, Loader<? super K, ? extends V> loader, Entry<V> seen) {
        if (refreshes.isAsked(key)) return;
        Carried carried = core.carried();
        Runnable start = () -> start(key, loader, seen, carried);
        switch (refreshes.ask(key, start)) {
            case NOW -> soon(start);
            case REFUSED -> core.hooks.refreshSkipped(key);
            default -> {}
        }
    }

    /** One after the other without recursion: a refresh that ends at once starts the next one. */
    private void soon(Runnable start) {
        starting.add(start);
        if (starters.getAndIncrement() != 0) return;
        do {
            Runnable next = starting.poll();
            if (next != null) next.run();
        } while (starters.decrementAndGet() != 0);
    }

    private void start(K key, Loader<? super K, ? extends V> loader, Entry<V> seen, Carried carried) {
        Loading<V> loading = core.protocol.capture(Loading.Kind.BACKGROUND, seen);
        Flight<K, V> flight;
        try {
            flight = core.protocol.flights.open(key, loading, Flight.Mode.WORKER);
        } catch (Throwable refused) { // above all: too many loads were given up
            core.hooks.loadFailed(key, 0, true, refused);
            flight = null;
        }
        if (flight == null) { // or somebody loads it already
            ended(key);
            return;
        }
        // the seat of the opener is this future's, and nobody gives it back before the end
        CompletableFuture<?> unused = flight.copy(false, () -> CompletableFuture.completedFuture(null))
                .whenComplete((value, thrown) -> ended(key));
        flight.launch(core.executor, carried.around(() -> core.load(key, loader, loading)));
    }

    private void ended(K key) {
        Runnable next = refreshes.done(key);
        if (next != null) soon(next);
    }

    /**
     * Work that takes its turn among the refreshes and is not refused for want of room. False: it is closed.
     *
     * @param dropped instead of {@code start}, when it is closed before its turn comes
     */
    boolean inTurn(Runnable start, Runnable dropped) {
        Refreshes.Turn turn = refreshes.askPatiently(start, dropped);
        if (turn == Refreshes.Turn.NOW) soon(start);
        return turn != Refreshes.Turn.REFUSED;
    }

    /** Once for each {@link #inTurn} that was started. */
    void turnEnded() {
        Runnable next = refreshes.done();
        if (next != null) soon(next);
    }

    int atOnce() {
        return refreshes.atOnce();
    }

    void close() {
        refreshes.close();
    }

    Refreshes<K> turns() {
        return refreshes;
    }
}
