// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** The q-quantile of recent durations: a histogram of eight buckets per octave whose counts are halved now and then. */
/* Implementation notes
 * A bucket's width is 1/8 of its octave, so the answer is at most 12.5 % above the true one. Counts are halved when they
 * reach LIMIT in all: the last few thousand durations weigh most. Racing updates may lose or double a count; the answer
 * is an estimate of a moving target.
 */
final class Quantile {
    private static final int PER_OCTAVE = 8;
    private static final int BUCKETS = 64 * PER_OCTAVE;
    private static final int LIMIT = 4_096;
    private static final int STALE_AFTER = 32;

    private final double q;
    private final int warmUp;
    private final AtomicIntegerArray counts;
    private final AtomicInteger total;
    private final AtomicInteger records;
    private volatile long known = Long.MAX_VALUE;

    Quantile(double q, int warmUp) {
        this.q = q;
        this.warmUp = warmUp;
        this.counts = new AtomicIntegerArray(BUCKETS);
        this.total = new AtomicInteger();
        this.records = new AtomicInteger();
    }

    private Quantile(Quantile seen, double q, int warmUp) {
        this.q = q;
        this.warmUp = warmUp;
        this.counts = seen.counts;
        this.total = seen.total;
        this.records = seen.records;
    }

    /** Another quantile of the same durations, those that come to either included. */
    Quantile with(double otherQ, int otherWarmUp) {
        return new Quantile(this, otherQ, otherWarmUp);
    }

    String described() {
        return "quantile " + q + " of the successes, after " + warmUp;
    }

    void record(long nanos) {
        counts.incrementAndGet(bucket(Math.max(1, nanos)));
        int all = total.incrementAndGet();
        int seen = records.incrementAndGet();
        if (seen < 0) records.set(warmUp); // wrapped
        if (all >= LIMIT) halve();
        if (seen == warmUp || seen % STALE_AFTER == 0) known = estimate();
    }

    /** Long.MAX_VALUE before warm-up. */
    long nanos() {
        if (records.get() < warmUp) return Long.MAX_VALUE;
        if (known == Long.MAX_VALUE) known = estimate(); // the one that made it warm recorded through another view
        return known;
    }

    private void halve() {
        int sum = 0;
        for (int i = 0; i < BUCKETS; i++) sum += counts.updateAndGet(i, c -> c >>> 1);
        total.set(sum);
    }

    private long estimate() {
        long rank = (long) Math.ceil(q * total.get());
        long below = 0;
        for (int i = 0; i < BUCKETS; i++) {
            below += counts.get(i);
            if (below >= rank && below > 0) return upper(i);
        }
        return known;
    }

    static int bucket(long nanos) {
        int octave = 63 - Long.numberOfLeadingZeros(nanos);
        int within = octave < 3 ? (int) ((nanos << 3 >>> octave) & 7) : (int) (nanos >>> (octave - 3)) & 7;
        return octave * PER_OCTAVE + within;
    }

    /** The largest duration of a bucket, saturated. */
    static long upper(int bucket) {
        int octave = bucket / PER_OCTAVE;
        long from = 9L + bucket % PER_OCTAVE;
        if (octave >= 3) {
            long upper = from << (octave - 3);
            return upper <= 0 ? Long.MAX_VALUE : upper - 1;
        }
        return Math.max(1, from >> (3 - octave));
    }
}
