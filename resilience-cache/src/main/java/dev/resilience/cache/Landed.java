// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import dev.resilience.cache.Entry.Failed;
import org.jspecify.annotations.Nullable;

/**
 * What a load was good for, on the thread that ran it: publishes the value, writes a failure beside the old one, and
 * says what those who wait get. On an error that is the stale value if there is one, else the failure (S19).
 */
final class Landed<K, V extends @Nullable Object> implements Landing<K, V> {
    private final Entries<K, V> entries;
    private final Freshness freshness;
    private final Hooks<K, V> hooks;
    private final TimeSource time;
    /** Whether callers are held back by a failure; without it only refreshes are. */
    private final boolean remembers;
    /** Set once, right after both are made: each knows the other. */
    private @Nullable Protocol<K, V> protocol;

    Landed(CacheSettings<K, V> b, Entries<K, V> entries, Freshness freshness, Hooks<K, V> hooks) {
        this.entries = entries;
        this.freshness = freshness;
        this.hooks = hooks;
        this.time = b.time;
        this.remembers = b.failuresFor != null;
    }

    void into(Protocol<K, V> target) {
        this.protocol = target;
    }

    private Protocol<K, V> protocol() {
        Protocol<K, V> known = protocol;
        if (known == null) throw new AssertionError("not tied to its protocol");
        return known;
    }

    /** Always: one that must not be shared is taken off the table before anybody boards, {@link Protocol#displace}. */
    @Override
    public boolean joinable(Flight<K, V> flight) {
        return true;
    }

    @Override
    public @Nullable V landed(Flight<K, V> flight, @Nullable V value, @Nullable Throwable thrown) throws Throwable {
        Loading<V> loading = Loading.of(flight);
        if (loading.found) {
            Failed known = loading.known;
            if (known != null) throw known.cause();
            return value;
        }
        long now = time.nanoTime();
        long nanos = Math.max(0, now - flight.start);
        if (thrown != null) return failed(flight, loading, thrown, now);
        boolean published = keep(flight, loading, value, now);
        hooks.loaded(flight.key, nanos, loading.background(), published);
        return value;
    }

    private boolean keep(Flight<K, V> flight, Loading<V> loading, @Nullable V value, long now) {
        Entry<V> entry = loading.entry;
        entry.epoch = loading.epoch;
        boolean wanted = entries.fill(entry, flight.key, value, now, now - flight.start);
        wanted &= entries.tag(entry, flight.key, value, loading.startSeq);
        loading.answered = entry.tagged;
        if (!wanted) {
            flight.kill();
            protocol().retire(flight.key, loading);
            return false;
        }
        return protocol().publish(flight, loading);
    }

    /**
     * A load that was given up is dead and writes nothing. That it failed is written by a load of its own, which has
     * ended when it begins: so it meets puts and invalidations as any other does. By the first who comes to it, so that
     * none of those who wait has the failure before it is written down.
     */
    @Override
    public void expired(Flight<K, V> given, @Nullable Throwable cause) {
        Loading<V> loading = Loading.of(given);
        if (cause == null || !given.expired() || !loading.firstToGiveUp()) return;
        Loading<V> last = new Loading<>(loading.epoch, loading.startSeq, loading.kind, null);
        try {
            Flight<K, V> flight = protocol().flights.open(given.key, last, Flight.Mode.OUTSIDE);
            if (flight == null) return; // somebody loads it again
            Entry<V> there = protocol().lookAgain(given.key, last);
            boolean newer = there != null && there.bornNanos - given.start >= 0;
            if (newer) flight.kill(); // what came after this load began says nothing of its failure
            flight.land(null, cause);
        } catch (Throwable full) { // too many were given up; or the store or the key does not work
            hooks.loadFailed(given.key, 0, loading.background(), cause);
        }
    }

    /** An {@code Error} is no answer of the source: it surfaces, and nothing is written down. */
    private @Nullable V failed(Flight<K, V> flight, Loading<V> loading, Throwable thrown, long now) throws Throwable {
        loading.failure = thrown;
        hooks.loadFailed(flight.key, Math.max(0, now - flight.start), loading.background(), thrown);
        if (thrown instanceof Error) throw thrown;
        if (!loading.looked) {
            Entry<V> unused = protocol().lookAgain(flight.key, loading);
        }
        Entry<V> stale = loading.stale();
        if (remembers || stale != null) {
            entries.fail(loading.entry, loading.old, thrown, now, loading.epoch);
            protocol().publish(flight, loading);
        }
        if (stale == null || !usable(stale, now)) throw thrown;
        loading.answered = stale.tagged;
        return stale.value;
    }

    boolean usable(Entry<V> entry, long now) {
        return entry.hasValue() && freshness.judge(entry, now) != Freshness.Verdict.USELESS;
    }

    /** Why a reader must not ask the loader yet; null when it may. */
    @Nullable
    Failed holdsBack(Entry<V> entry, long now) {
        return remembers && Freshness.holdsBack(entry, now) ? entry.failed : null;
    }
}
