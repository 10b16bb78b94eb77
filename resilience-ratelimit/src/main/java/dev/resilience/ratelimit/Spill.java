// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Where keys without a place of their own are counted: a fixed array of buckets, each shared by all keys of one hash, so
 * that a collision only restricts too much. The hash has a seed of its own, unknown to who sends the keys.
 *
 * <p>A bucket here is a TAT in whole nanoseconds, costs rounded up, whatever the limit of the key: keys of different
 * limits may share one.
 */
final class Spill {
    /** The greatest debt. */
    private static final long MOST = TimeUnit.DAYS.toNanos(30);

    /** At first nothing has been taken for longer than any window is (100 years); a difference that does not overflow. */
    private static final long LONG_AGO = 1L << 62;

    private final AtomicLongArray slots;
    /** How many places of keys of this slot have been evicted. */
    private final AtomicIntegerArray evictions;

    private final TimeSource time;
    private final int seed;
    private final int shift;

    Spill(int maxKeys, TimeSource time, int seed) {
        int wanted = Math.max(256, Math.min(1 << 16, maxKeys / 8));
        int bits = 32 - Integer.numberOfLeadingZeros(wanted - 1);
        this.slots = new AtomicLongArray(1 << bits);
        this.evictions = new AtomicIntegerArray(1 << bits);
        this.time = time;
        this.seed = seed;
        this.shift = 32 - bits;
        long longAgo = time.nanoTime() - LONG_AGO;
        for (int i = 0; i < slots.length(); i++) slots.setPlain(i, longAgo);
    }

    int slotOf(Object key) {
        int mixed = (key.hashCode() ^ seed) * 0x9E3779B9;
        mixed = (mixed ^ (mixed >>> 16)) * 0x85EBCA6B;
        return ((mixed ^ (mixed >>> 13)) * 0x9E3779B9) >>> shift;
    }

    int evictions(int slot) {
        return evictions.get(slot);
    }

    void evicted(int slot) {
        evictions.incrementAndGet(slot);
    }

    /** When the bucket is full: a point of the clock. */
    long fullAt(int slot) {
        return slots.get(slot);
    }

    /** {@link Meter#GRANTED}, or how long to wait; fills in what is left of a {@code rule}. */
    long take(int slot, Rule rule, long n, Answer answer, boolean forReal) {
        answer.n = n;
        answer.limit = rule.limit();
        if (rule.gcra() == null) return unbounded(rule, answer);
        for (; ; ) {
            long seen = slots.get(slot);
            long now = time.nanoTime();
            long ahead = Math.max(0, seen - now);
            if (n > rule.heaviest()) return told(answer, rule, ahead, rule.tooHeavy(n, ahead));
            long cost = rule.cost(n);
            long over = rule.over(ahead, cost);
            if (over > 0) return told(answer, rule, ahead, over);
            if (!forReal) return told(answer, rule, ahead, Meter.GRANTED);
            if (slots.compareAndSet(slot, seen, now + ahead + cost)) {
                return told(answer, rule, ahead + cost, Meter.GRANTED);
            }
        }
    }

    private static long unbounded(Rule rule, Answer answer) {
        boolean open = rule.limit().quota() > 0;
        answer.remaining = open ? Long.MAX_VALUE : 0;
        answer.resetAfter = open ? 0 : Meter.NEVER;
        answer.wait = open ? Meter.GRANTED : Meter.NEVER;
        return answer.wait;
    }

    private static long told(Answer answer, Rule rule, long ahead, long wait) {
        answer.wait = wait;
        answer.remaining = rule.remaining(ahead);
        answer.resetAfter = ahead;
        return wait;
    }

    /** Adds a debt, at most 30 days of it. */
    void charge(int slot, Rule rule, long n) {
        if (rule.gcra() == null) return;
        long cost = Math.min(MOST, rule.cost(n));
        for (; ; ) {
            long seen = slots.get(slot);
            long now = time.nanoTime();
            long next = now + Math.min(MOST, Math.max(0, seen - now) + cost);
            if (next - seen <= 0 || slots.compareAndSet(slot, seen, next)) return;
        }
    }
}
