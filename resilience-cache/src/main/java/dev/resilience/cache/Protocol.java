// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * How loads, puts and invalidations of one key meet, without a lock around any two of their steps.
 *
 * @param <K> the keys
 * @param <V> the values
 */
/* Implementation notes (S17; enumerated in ProtocolModelTest; docs/internals/cache-protocol.md)
 *
 * I1 Visible is what is LIVE, of this epoch, and has no tag that was invalidated since its load was begun.
 * I2 The flight's word decides LOADING -> LIVE | DEAD. An entry that is LOADING has no word of its own yet: it is what
 *    its flight is. Once it has one, that counts: an entry dies for ever.
 * I3 Epoch and tag sequence are read before a flight is registered; the store is read again after that.
 * I4 Loads write by replace and remove of what they have seen, never by put.
 * I5 Invalidate: kill the flight, take it off the table even when it was LIVE, kill the entry, remove it. In any other
 *    order a load publishes between two steps. An entry that is not there any more when it is to be removed may have been
 *    replaced by one derived from it, by a load that began after the first step: that one is killed as well.
 * I6 Put: kill and take off the flight, then store. A load that begins in between finds the put in step 5 or 3.
 * I7 A flight is off the table only when it is over or dead. So whoever looks there finds every load that can publish.
 */
final class Protocol<K, V extends @Nullable Object> {
    final Store<K, V> store;
    final Flights<K, V> flights;
    final Tags tags;
    private final AtomicLong epoch = new AtomicLong();
    /** The longest that an entry with tags can be of use: so old a tag's record has to get. */
    private volatile long lifeNanos;

    Protocol(Store<K, V> store, Flights<K, V> flights, Tags tags) {
        this.store = store;
        this.flights = flights;
        this.tags = tags;
    }

    // --- reading ---

    /** The entry of a key if it may be judged by its time; notes the use. */
    @Nullable
    Entry<V> lookup(K key) {
        Entry<V> entry = store.get(key);
        return entry != null && visible(entry) ? entry : null;
    }

    /** Visible at first sight: live by its own word, and without tags. */
    boolean plainlyVisible(Entry<V> entry) {
        return entry.isLive() && entry.tagged == null && entry.epoch == epoch.get();
    }

    boolean visible(Entry<V> entry) {
        return (entry.isLive() || entry.liveByFlight()) && entry.epoch == epoch.get() && tags.valid(entry.tagged);
    }

    /** What a load captures before it is registered (I3). */
    Loading<V> capture(Loading.Kind kind, @Nullable Entry<V> refreshed) {
        return new Loading<>(epoch.get(), tags.seq(), kind, refreshed);
    }

    /** Step 3, after the registration: the visible entry, which may be fresh; what lies there may be replaced later. */
    @Nullable
    Entry<V> lookAgain(K key, Loading<V> loading) {
        Entry<V> there = store.peek(key);
        loading.seen = there;
        Entry<V> visible = there != null && visible(there) ? there : null;
        loading.old = visible;
        loading.looked = true;
        return visible;
    }

    /**
     * Takes a flight off the table that was begun before a clear, or before an invalidation of a tag that it may have:
     * who comes now must not get its value. Dead, it publishes nothing (I7). True if it has done so.
     */
    boolean displace(K key) {
        Flight<K, V> flight = flights.find(key);
        if (flight == null || joinable(Loading.of(flight))) return false;
        flight.kill();
        flights.unregister(flight);
        return true;
    }

    /**
     * Tags of a load under way are not known yet. Those of the value before it are a good guess; without one, any
     * invalidation may have been meant. Displacing for a guess is done once, so that a hot key in a storm of
     * invalidations has two loads, not one for each caller; who boards looks at the tags when they are known.
     */
    private boolean joinable(Loading<V> loading) {
        if (loading.epoch != epoch.get()) return false;
        if (loading.startSeq == tags.seq()) return true;
        Entry<V> stale = loading.stale();
        if (stale != null && stale.tagged != null) {
            return tags.valid(stale.tagged.tags, loading.startSeq);
        }
        return loading.kind == Loading.Kind.DISPLACING;
    }

    /**
     * Whether what a flight brought may be too old for who boarded it at a reading of the sequence. A tag's record is the
     * greatest of its invalidations: that it is younger than the boarding does not say that there was none before.
     */
    boolean outdated(Loading<V> loading, long boardedSeq) {
        Entry.Tagged got = loading.answered;
        return got != null && boardedSeq > got.startSeq && !tags.valid(got);
    }

    // --- loads publish (steps 5 and 6) ---

    /** Puts a filled entry of a load in place of what the load had seen. False: something newer has won. */
    boolean publish(Flight<K, V> flight, Loading<V> loading) {
        Entry<V> entry = loading.entry;
        if (flight.phase() != Flight.LOADING) return false; // what lies there is not its to take away
        noteLife(entry);
        entry.madeBy(flight);
        if (!replaceSeen(flight.key, loading, entry)) {
            flight.kill();
            return false;
        }
        if (!flight.publish()) {
            entry.kill();
            store.remove(flight.key, entry);
            return false;
        }
        return entry.settle();
    }

    private boolean replaceSeen(K key, Loading<V> loading, Entry<V> entry) {
        Entry<V> seen = loading.seen;
        if (store.replace(key, seen, entry)) return true;
        // The same value with a failure beside it stands or falls with what it was taken from (S19).
        if (entry.failed != null && entry.hasValue()) return false;
        // evicted meanwhile: nothing newer has come
        return seen != null && store.peek(key) == null && store.replace(key, null, entry);
    }

    /** What was loaded is not to be kept; what the load had seen is out of date all the same. */
    void retire(K key, Loading<V> loading) {
        Entry<V> seen = loading.seen;
        if (seen != null) store.remove(key, seen);
    }

    // --- explicit ---

    /** Null: nothing is kept, and what was there goes. */
    void put(K key, @Nullable Entry<V> entry) {
        if (entry == null) {
            invalidate(key);
            return;
        }
        flights.detach(key);
        noteLife(entry);
        if (entry.isDead()) return;
        store.put(key, entry);
        if (entry.isDead()) store.remove(key, entry);
    }

    void invalidate(K key) {
        flights.detach(key);
        Entry<V> last = null;
        for (Entry<V> entry = store.peek(key); entry != null && entry != last; entry = store.peek(key)) {
            entry.kill();
            // False: another one is there, which may be the same value with the failure of its refresh beside it.
            if (store.remove(key, entry)) return;
            last = entry;
        }
    }

    long epoch() {
        return epoch.get();
    }

    /** The bump is the clear; emptying the store only frees memory. */
    void clear() {
        epoch.incrementAndGet();
        store.clear();
    }

    void invalidateTag(String tag, TimeSource time) {
        tags.invalidate(tag, time.nanoTime(), Saturating.sum(lifeNanos, flights.rules.deadlineNanos));
    }

    /** A race may lose the longer one; then records of tags go sooner, which {@link Tags} makes up for. */
    private void noteLife(Entry<V> entry) {
        if (entry.tagged != null && entry.usefulNanos > lifeNanos) lifeNanos = entry.usefulNanos;
    }

    /** Removes an entry for its value, without touching loads. */
    boolean drop(K key, @Nullable Object value) {
        Entry<V> entry = store.peek(key);
        return entry != null && entry.value == value && store.remove(key, entry);
    }
}
