// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The calls that are running, by when they started (S32): what makes a dependency that never answers visible.
 *
 * <p>Implementation notes:
 *
 * <ul>
 *   <li>I1: a bucket is (epoch:40 | count:24); its epoch is the start time shifted, a power of two of nanoseconds that is
 *       at most a quarter of the duration that makes a call slow, and more than an eighth.
 *   <li>I2: sixteen buckets reach back further than that duration, so a bucket that is needed again holds only calls that
 *       are slow already: they move to {@code older}.
 *   <li>I3: a call leaves where its epoch is now, its bucket or {@code older}. Between the recycling CAS and the add to
 *       {@code older} a count may be missing or negative for a moment; the sum of all is exact at quiescence.
 * </ul>
 */
final class Running {
    private static final int BUCKETS = 16;
    private static final int COUNT_BITS = 24;
    private static final long COUNT_MASK = (1L << COUNT_BITS) - 1;
    private static final long EPOCH_MASK = (1L << (64 - COUNT_BITS)) - 1;

    private final long slowNanos;
    private final int shift;
    private final AtomicLongArray buckets = new AtomicLongArray(BUCKETS);
    private final AtomicLong older = new AtomicLong();

    Running(long slowNanos) {
        this.slowNanos = slowNanos;
        shift = 63 - Long.numberOfLeadingZeros(Math.max(1, slowNanos / 4));
    }

    /** Whether nobody has started since the bucket of this moment began. */
    boolean turned(long elapsed) {
        long epoch = epoch(elapsed);
        return (buckets.get(place(epoch)) >>> COUNT_BITS) != epoch;
    }

    /** {@link #enter} if the bucket is there already and nobody else is at it: nearly always. */
    boolean tryEnter(long elapsed) {
        long epoch = epoch(elapsed);
        int place = place(epoch);
        long seen = buckets.get(place);
        return (seen >>> COUNT_BITS) == epoch && buckets.compareAndSet(place, seen, seen + 1);
    }

    void enter(long elapsed) {
        long epoch = epoch(elapsed);
        int place = place(epoch);
        for (; ; ) {
            long seen = buckets.get(place);
            long at = seen >>> COUNT_BITS;
            if (at == epoch) {
                if (buckets.compareAndSet(place, seen, seen + 1)) {
                    return;
                }
            } else if (later(at, epoch)) {
                older.incrementAndGet();
                return;
            } else if (buckets.compareAndSet(place, seen, (epoch << COUNT_BITS) | 1)) {
                older.addAndGet(seen & COUNT_MASK);
                return;
            }
        }
    }

    void leave(long startedAt) {
        long epoch = epoch(startedAt);
        int place = place(epoch);
        for (; ; ) {
            long seen = buckets.get(place);
            if ((seen >>> COUNT_BITS) != epoch) {
                older.decrementAndGet();
                return;
            }
            if (buckets.compareAndSet(place, seen, seen - 1)) {
                return;
            }
        }
    }

    /** How many calls have been running for longer than the duration: a quarter of it late at most, never early. */
    long slow(long elapsed) {
        long slow = older.get();
        if (elapsed < slowNanos) {
            return Math.max(0, slow);
        }
        long slowBefore = (elapsed - slowNanos) >>> shift;
        long now = elapsed >>> shift;
        for (int place = 0; place < BUCKETS; place++) {
            long seen = buckets.get(place);
            long age = (now - (seen >>> COUNT_BITS)) & EPOCH_MASK;
            if (age <= now && now - age < slowBefore) {
                slow += seen & COUNT_MASK;
            }
        }
        return Math.max(0, slow);
    }

    /** Every call that is running, for tests and gauges. */
    long count() {
        long count = older.get();
        for (int place = 0; place < BUCKETS; place++) {
            count += buckets.get(place) & COUNT_MASK;
        }
        return count;
    }

    private long epoch(long elapsed) {
        return (elapsed >>> shift) & EPOCH_MASK;
    }

    private static int place(long epoch) {
        return (int) epoch & (BUCKETS - 1);
    }

    private static boolean later(long epoch, long than) {
        return ((epoch - than) & EPOCH_MASK) <= (EPOCH_MASK >>> 1);
    }
}
