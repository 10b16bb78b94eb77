// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Entry.Failed;
import dev.resilience.cache.Entry.Tagged;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** One load as the cache sees it: what was captured before its flight was registered, and the entry it is to publish. */
final class Loading<V extends @Nullable Object> {
    /** Who wants it. */
    enum Kind {
        /** A caller waits. */
        NEEDED,
        /** So does this one's; it has taken the place of a load under way. */
        DISPLACING,
        /** Nobody waits: what goes wrong is told to listeners only. */
        BACKGROUND
    }

    final long epoch;
    final long startSeq;
    final Kind kind;
    /** What made a reader ask for a refresh; null for a load that somebody needs. */
    final @Nullable Entry<V> refreshed;

    final Entry<V> entry = new Entry<>();

    /** What lay in the store after the registration, visible or not: the one that may be replaced (S17, step 3). */
    volatile @Nullable Entry<V> seen;
    /** The same if it was visible then: those who wait may get its value even when it dies meanwhile (S19). */
    volatile @Nullable Entry<V> old;
    /** Step 3 was taken: not by a load that an executor has refused. */
    volatile boolean looked;
    /** Step 3 found what was to be loaded. */
    volatile boolean found;
    /** What step 3 found is a failure that is still to be waited for. */
    volatile @Nullable Failed known;
    /** What the loader threw. */
    volatile @Nullable Throwable failure;
    /** The tags of what those who wait have got. */
    volatile @Nullable Tagged answered;

    private final AtomicBoolean givenUp = new AtomicBoolean();

    Loading(long epoch, long startSeq, Kind kind, @Nullable Entry<V> refreshed) {
        this.epoch = epoch;
        this.startSeq = startSeq;
        this.kind = kind;
        this.refreshed = refreshed;
    }

    boolean background() {
        return kind == Kind.BACKGROUND;
    }

    /** The visible entry of step 3 if there is a value in it. */
    @Nullable
    Entry<V> stale() {
        Entry<V> visible = old;
        return visible != null && visible.hasValue() ? visible : null;
    }

    /** True for one of those who wait for a load that was given up: it writes that down. */
    boolean firstToGiveUp() {
        return failure == null && !found && givenUp.compareAndSet(false, true);
    }

    @SuppressWarnings("unchecked") // the only attachment of a cache's flights
    static <V extends @Nullable Object> Loading<V> of(Flight<?, V> flight) {
        Object attachment = flight.attachment;
        if (attachment == null) throw new AssertionError("a flight without its load");
        return (Loading<V>) attachment;
    }
}
