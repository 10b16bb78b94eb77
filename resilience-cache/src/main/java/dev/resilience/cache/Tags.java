// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Entry.Tagged;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Which tags were invalidated when: one counter for all of them. An entry is valid while none of its tags was
 * invalidated after the sequence that was read before its load was started. Invalidating a tag costs one step, however
 * many entries have it; nobody looks for them.
 *
 * <p>A tag's record is the greatest sequence of its invalidations, whatever order they are stored in (S18).
 *
 * <p>Records are dropped only by raising {@link #floor}: an entry that began below it is invalid, because what is
 * known of its tags is not complete any more. Records younger than an entry can get are kept while there is room.
 */
final class Tags {
    private static final int FIRST_LOOK = 4096;

    private final AtomicLong seq = new AtomicLong();
    private final AtomicLong floor = new AtomicLong();
    private final ConcurrentHashMap<String, Bump> bumps = new ConcurrentHashMap<>();
    private final AtomicBoolean pruning = new AtomicBoolean();
    private final int most;
    private volatile int lookAbove;

    private record Bump(long seq, long atNanos) {
        static Bump later(Bump one, Bump other) {
            return one.seq >= other.seq ? one : other;
        }
    }

    /** @param most the most records; beyond that the older half is given up */
    Tags(int most) {
        this.most = most;
        this.lookAbove = Math.min(most, FIRST_LOOK);
    }

    /** To be read before a load is registered and started. */
    long seq() {
        return seq.get();
    }

    /** From now on nothing is valid that has the tag and was begun before. */
    void invalidate(String tag, long now, long lifeNanos) {
        record(tag, seq.incrementAndGet(), now);
        if (bumps.size() > lookAbove) prune(now, lifeNanos);
    }

    /** The second half of an invalidation, which may overtake another one of the same tag. */
    void record(String tag, long bumped, long now) {
        bumps.merge(tag, new Bump(bumped, now), Bump::later);
    }

    boolean valid(@Nullable Tagged tagged) {
        return tagged == null || valid(tagged.tags, tagged.startSeq);
    }

    /** Whether none of these was invalidated after a reading of the sequence. */
    boolean valid(String[] tags, long startSeq) {
        if (startSeq < floor.get()) return false;
        for (String tag : tags) {
            Bump bump = bumps.get(tag);
            if (bump != null && bump.seq > startSeq) return false;
        }
        // again: a record that was dropped meanwhile had raised the floor before
        return startSeq >= floor.get();
    }

    /** How many tags have a record. */
    int size() {
        return bumps.size();
    }

    private void prune(long now, long lifeNanos) {
        if (!pruning.compareAndSet(false, true)) return;
        try {
            dropUpTo(oldest(now, lifeNanos));
            if (bumps.size() > most) dropUpTo(median());
            lookAbove = (int) Math.min(most, Math.max(FIRST_LOOK, 2L * bumps.size()));
        } finally {
            pruning.set(false);
        }
    }

    /** The newest record that no entry can be older than. */
    private long oldest(long now, long lifeNanos) {
        if (lifeNanos == Entry.ETERNAL) return 0;
        long upTo = 0;
        for (Bump bump : bumps.values()) {
            if (now - bump.atNanos > lifeNanos) upTo = Math.max(upTo, bump.seq);
        }
        return upTo;
    }

    private long median() {
        long[] all = bumps.values().stream().mapToLong(Bump::seq).sorted().toArray();
        return all.length == 0 ? 0 : all[Arrays.binarySearch(all, all[all.length / 2])];
    }

    /** The floor first: who still sees a record does not need it, who does not see it any more sees the floor. */
    private void dropUpTo(long upTo) {
        if (upTo == 0) return;
        floor.accumulateAndGet(upTo, Math::max);
        bumps.values().removeIf(bump -> bump.seq <= upTo);
    }
}
