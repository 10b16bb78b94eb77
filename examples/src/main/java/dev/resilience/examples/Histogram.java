// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Durations in buckets of which each is a 32nd of its power of two wide: a percentile is at most 1/32 above the true
 * one, never below it. Fixed size, so an hour of traffic costs as much memory as a second.
 */
final class Histogram {
    private static final int STEPS_LOG2 = 5;

    private final AtomicLongArray buckets = new AtomicLongArray(index(Long.MAX_VALUE) + 1);
    private final AtomicLong longest = new AtomicLong();

    void add(long nanos) {
        long value = Math.max(nanos, 0);
        buckets.incrementAndGet(index(value));
        longest.accumulateAndGet(value, Math::max);
    }

    void addAll(Histogram other) {
        for (int i = 0; i < buckets.length(); i++) buckets.addAndGet(i, other.buckets.get(i));
        longest.accumulateAndGet(other.max(), Math::max);
    }

    long count() {
        long count = 0;
        for (int i = 0; i < buckets.length(); i++) count += buckets.get(i);
        return count;
    }

    long max() {
        return longest.get();
    }

    /** The smallest duration that at least this share of all reach or stay below (nearest rank); 0 without any. */
    long percentile(double share) {
        long rank = Math.max(1, (long) Math.ceil(share * count()));
        long below = 0;
        for (int i = 0; i < buckets.length(); i++) {
            below += buckets.get(i);
            if (below >= rank) return Math.min(last(i), max());
        }
        return 0;
    }

    private static int index(long value) {
        int shift = Math.max(0, 63 - Long.numberOfLeadingZeros(value | 1) - STEPS_LOG2);
        return (shift << STEPS_LOG2) + (int) (value >>> shift);
    }

    /** The largest value of a bucket. */
    private static long last(int index) {
        int shift = Math.max(0, (index >> STEPS_LOG2) - 1);
        long step = index - ((long) shift << STEPS_LOG2);
        return (step << shift) + ((1L << shift) - 1);
    }
}
