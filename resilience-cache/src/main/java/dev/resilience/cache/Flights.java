// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The loads under way of one {@link SingleFlight} or cache, one flight for each key. A caller boards the flight of its
 * key, or opens one and leads it:
 *
 * <pre>{@code
 * for (; ; ) {
 *     Flight<K, V> flight = flights.board(key);              // a follower, with a seat
 *     if (flight == null) {
 *         flight = flights.open(key, attachment, mode);      // the leader, with a seat; null: somebody was first
 *         if (flight == null) continue;
 *         return flight.lead(load);                          // on this thread; or launch(..) and await
 *     }
 *     if (flight.await(nanos, context)) return flight.result();
 * }                                                          // its leader left: board or open again
 * }</pre>
 *
 * <p>Runs no user code but {@code hashCode} and {@code equals} of keys, which the map calls as any map does.
 */
final class Flights<K, V extends @Nullable Object> {
    private final ConcurrentHashMap<K, Flight<K, V>> table = new ConcurrentHashMap<>();
    private final AtomicInteger abandoned = new AtomicInteger();
    private final LongAdder joined = new LongAdder();
    private final LongAdder opened = new LongAdder();
    final FlightRules rules;
    final TimeSource time;
    final Landing<K, V> landing;

    Flights(FlightRules rules, TimeSource time, Landing<K, V> landing) {
        this.rules = rules;
        this.time = time;
        this.landing = landing;
    }

    /**
     * Takes a seat in the flight of a key, if one is loading and has not been left by all. Null: open one.
     *
     * @throws IllegalStateException when this thread is running that very load (recursion)
     */
    @Nullable
    Flight<K, V> board(K key) {
        Flight<K, V> flight = table.get(key);
        if (flight == null) return null;
        flight.refuseRecursion();
        if (flight.overdue()) flight.expire();
        if (!landing.joinable(flight) || !flight.reserve()) return null;
        joined.increment();
        return flight;
    }

    /**
     * Registers a new flight, with one seat taken: the opener's. Null when a flight that can be boarded is there. What
     * must have been read before the registration (epoch, tags) is the attachment, or has been read before.
     *
     * @throws LoadRejectedException when too many loads were abandoned that still run
     */
    @Nullable
    Flight<K, V> open(K key, @Nullable Object attachment, Flight.Mode mode) {
        refuseAboveCap();
        Flight<K, V> fresh = new Flight<>(this, key, attachment, mode);
        Flight<K, V> there = table.putIfAbsent(key, fresh);
        if (there == null) return registered(fresh);
        // one that is over, or was left by all, and is still in the table for a moment; or one that is too old to share
        boolean passed = !there.boardable() || !landing.joinable(there);
        return passed && table.replace(key, there, fresh) ? registered(fresh) : null;
    }

    private Flight<K, V> registered(Flight<K, V> fresh) {
        opened.increment();
        return fresh;
    }

    private void refuseAboveCap() {
        int running = abandoned.get();
        if (running >= rules.maxAbandoned) throw new LoadRejectedException(rules.owner, running, rules.maxAbandoned);
    }

    /**
     * From now on callers of the key start a new load. The flight under way publishes nothing any more, and hands its
     * result to those who sit in it. Also takes a flight off the table that has just published.
     */
    void detach(K key) {
        Flight<K, V> flight = table.get(Objects.requireNonNull(key, "key"));
        if (flight == null) return;
        flight.kill();
        unregister(flight);
    }

    /** The flight of a key, without a seat in it. */
    @Nullable
    Flight<K, V> find(K key) {
        return table.get(key);
    }

    void unregister(Flight<K, V> flight) {
        table.remove(flight.key, flight);
    }

    /** +1: a load that nobody waits for any more still runs; -1: it has ended at last. */
    void abandoned(int delta) {
        abandoned.addAndGet(delta);
    }

    /** How many loads were given up and have not ended. */
    int abandoned() {
        return Math.max(0, abandoned.get());
    }

    /** How many callers found a load under way, since the beginning. */
    long joined() {
        return joined.sum();
    }

    /** How many loads were begun, since the beginning. */
    long opened() {
        return opened.sum();
    }

    /** How many keys have a load under way that can be joined. */
    int size() {
        return (int) Math.min(Integer.MAX_VALUE, table.mappingCount());
    }

    /** For how long the oldest of them has been loading, in nanoseconds; 0 without any. */
    long oldestNanos() {
        long now = time.nanoTime();
        long oldest = 0;
        for (Flight<K, V> flight : table.values()) oldest = Math.max(oldest, now - flight.start);
        return oldest;
    }
}
