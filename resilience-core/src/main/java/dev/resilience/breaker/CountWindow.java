// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.math.BigInteger;
import java.util.Arrays;

/**
 * The last n outcomes.
 *
 * <p>Implementation notes (S29; the argument is in docs/internals/breaker.md):
 *
 * <ul>
 *   <li>I1: an outcome owns the slot that its cursor value names; swapping it in yields the outcome it replaces.
 *   <li>I2: each change of the ring is added to exactly one stripe, so the stripes' sum equals the ring whenever nobody
 *       is between swap and add. In between it is a hint: a false alarm costs a scan, and the last one to add sees all.
 *   <li>I3: {@code marks} of a stripe is (version:48 | inside:16). Whoever changes the ring is inside from before its swap
 *       until after its add. A scan between two equal readings without anybody inside saw one moment.
 *   <li>I4: a success over a success changes nothing, so reading the slot is the whole swap.
 *   <li>I5: {@code others} is never below the number of slots that hold no success: it is raised before such an outcome is
 *       swapped in and lowered after one was swapped out. While it is 0 all slots are equal, so a success changes nothing
 *       wherever the cursor stands, and nothing is written: threads of a healthy circuit do not meet.
 * </ul>
 */
final class CountWindow extends Evidence {
    static final int MAX_SIZE = 1_000_000;

    private static final VarHandle RING = MethodHandles.arrayElementVarHandle(byte[].class);
    private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int FIELD = 21;
    private static final long FIELD_MASK = (1L << FIELD) - 1;
    private static final long ENTER = (1L << 16) + 1;
    private static final long INSIDE_MASK = 0xffff;
    private static final int TRIES = 3;
    /** Words that are written lie this many longs apart: two cache lines, because lines are fetched in pairs. */
    private static final int APART = 16;

    private static final int OTHERS = APART / 2;
    private static final int CURSOR = APART;
    private static final int FIRST_STRIPE = 2 * APART;

    private final byte[] ring;
    private final long[] words;
    private final int stripeMask;
    private final long magic;
    private final int shift;
    private int prefilled;

    CountWindow(int size, int stripes) {
        ring = new byte[size];
        words = new long[FIRST_STRIPE + (stripes + 1) * APART];
        words[OTHERS] = size;
        stripeMask = stripes - 1;
        boolean powerOfTwo = Integer.bitCount(size) == 1;
        int bits = 32 - Integer.numberOfLeadingZeros(size - 1);
        shift = bits - 2;
        magic = powerOfTwo ? 0 : magic(size, bits);
    }

    /** Granlund and Montgomery's invariant division: exact for every cursor below 2^62. */
    private static long magic(int size, int bits) {
        return BigInteger.ONE
                .shiftLeft(62 + bits)
                .divide(BigInteger.valueOf(size))
                .add(BigInteger.ONE)
                .longValueExact();
    }

    /** {@code cursor mod size} without a division. */
    int index(long cursor) {
        return magic == 0
                ? (int) cursor & (ring.length - 1)
                : (int) (cursor - (Math.multiplyHigh(cursor, magic) >> shift) * ring.length);
    }

    @Override
    boolean record(int outcome, int stripe, long elapsed) {
        if (outcome == Outcomes.SUCCESS && !counting()) {
            return false;
        }
        int slot = index((long) WORDS.getAndAdd(words, CURSOR, 1L));
        byte now = (byte) outcome;
        if ((byte) RING.getVolatile(ring, slot) == now) {
            return outcome != Outcomes.SUCCESS;
        }
        return replace(slot, now, FIRST_STRIPE + (stripe & stripeMask) * APART);
    }

    private boolean replace(int slot, byte outcome, int totals) {
        int marks = totals + 1;
        if (outcome != Outcomes.SUCCESS) {
            WORDS.getAndAdd(words, OTHERS, 1L);
        }
        WORDS.getAndAdd(words, marks, ENTER);
        byte old = (byte) RING.getAndSet(ring, slot, outcome);
        if (old != Outcomes.SUCCESS) {
            WORDS.getAndAdd(words, OTHERS, -1L);
        }
        WORDS.getAndAdd(words, totals, packed(outcome) - packed(old));
        WORDS.getAndAdd(words, marks, -1L);
        return outcome != Outcomes.SUCCESS || old == Outcomes.EMPTY;
    }

    private static long packed(int outcome) {
        return ((outcome & 1L) << (2 * FIELD)) | ((outcome >> 1 & 1L) << FIELD) | (outcome >> 2 & 1L);
    }

    @Override
    Finding judge(Rules rules, long running, long elapsed) {
        Finding hint = verdict(rules, sum(0), running);
        return hint == Finding.NONE ? hint : verdict(rules, count(), running);
    }

    private static Finding verdict(Rules rules, long totals, long running) {
        return rules.judge(totals >>> (2 * FIELD), (totals >>> FIELD) & FIELD_MASK, totals & FIELD_MASK, running);
    }

    /** The ring itself; of one moment if one can be had in a few tries, else off by at most the recorders inside. */
    private long count() {
        long counted = 0;
        for (int tries = 0; tries < TRIES; tries++) {
            long before = sum(1);
            counted = scan();
            if ((before & INSIDE_MASK) == 0 && sum(1) == before) {
                break;
            }
        }
        return counted;
    }

    private long scan() {
        long counted = 0;
        for (int slot = 0; slot < ring.length; slot++) {
            counted += packed((byte) RING.getVolatile(ring, slot));
        }
        return counted;
    }

    private long sum(int word) {
        long sum = 0;
        for (int at = FIRST_STRIPE + word; at < words.length - APART; at += APART) {
            sum += (long) WORDS.getVolatile(words, at);
        }
        return sum;
    }

    @Override
    Tally tally(long elapsed) {
        long counted = count();
        return new Tally(counted >>> (2 * FIELD), (counted >>> FIELD) & FIELD_MASK, counted & FIELD_MASK);
    }

    @Override
    boolean counting() {
        return (long) WORDS.getVolatile(words, OTHERS) != 0;
    }

    @Override
    long recorded() {
        return (long) WORDS.getVolatile(words, CURSOR) - prefilled;
    }

    @Override
    byte[] newest(int max, long elapsed) {
        long end = (long) WORDS.getVolatile(words, CURSOR);
        int count = (int) Math.min(end, Math.min(max, ring.length));
        byte[] outcomes = new byte[count];
        int kept = 0;
        for (long at = end - count; at < end; at++) {
            byte outcome = (byte) RING.getVolatile(ring, index(at));
            if (outcome != Outcomes.EMPTY) {
                outcomes[kept++] = outcome;
            }
        }
        return Arrays.copyOf(outcomes, kept);
    }

    @Override
    void prefill(Evidence older, long elapsed) {
        for (byte outcome : older.newest(ring.length, elapsed)) {
            record(outcome, 0, elapsed);
            prefilled++;
        }
    }
}
