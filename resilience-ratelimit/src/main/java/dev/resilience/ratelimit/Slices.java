// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Permits counted by slices of time: the newest slice and its count in one word, those before it in a ring. A grant is
 * one compare-and-set of that word, whatever the number of slices; see docs/internals/ratelimit-windows.md.
 *
 * <p>A word is {@code index | count}. The index is kept modulo a power of two, and read back as the one nearest to the
 * index of the moment. A slot of the ring counts only while its index is the one looked for.
 */
final class Slices {
    /** Instead of a word: this object is being replaced, look for its successor. */
    static final long SEALED = -1;

    private static final VarHandle HEAD = head();
    private static final VarHandle RING = MethodHandles.arrayElementVarHandle(long[].class);

    private final int bits;
    private final long[] ring;

    /** The newest slice when this was built. What came later came at its time, without a lock. */
    final long builtAt;

    private volatile long head;

    /** With room for {@code history} slices before the newest; counts take {@code bits}. */
    Slices(int history, int bits, long index, long count) {
        this.bits = bits;
        this.ring = new long[history + 1];
        this.builtAt = index;
        this.head = word(index, count);
    }

    private static VarHandle head() {
        try {
            return MethodHandles.lookup().findVarHandle(Slices.class, "head", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    long word() {
        return head;
    }

    long word(long index, long count) {
        return ((index << bits) & Long.MAX_VALUE) | count;
    }

    long count(long word) {
        return word & most();
    }

    /** The greatest count that a word holds. A count that has reached it is not exact and is never lowered. */
    long most() {
        return (1L << bits) - 1;
    }

    /** The index of a word: of all that it may stand for, the one nearest to {@code around}. */
    long index(long word, long around) {
        return around - (((around - (word >>> bits)) << (bits + 1)) >> (bits + 1));
    }

    /** What the ring knows of a slice before the newest one. */
    long past(long index) {
        long slot = (long) RING.getAcquire(ring, place(index));
        return slot >>> bits == word(index, 0) >>> bits ? count(slot) : 0;
    }

    /** Before anybody sees this object. */
    void put(long index, long count) {
        RING.set(ring, place(index), word(index, count));
    }

    /**
     * From exactly the word that was seen, with slice {@code from}, to slice {@code to} with a count.
     *
     * @return whether that word was still there
     */
    boolean move(long seen, long from, long to, long count) {
        if (to != from) keep(seen, from);
        return HEAD.compareAndSet(this, seen, word(to, count));
    }

    boolean seal(long seen) {
        return HEAD.compareAndSet(this, seen, SEALED);
    }

    /**
     * Hands the newest slice to the ring before it is no longer the newest. Whoever moves the head may do so, several at
     * once, with counts that grow. A slot is only written while the head is the one that was seen after the slot was
     * read: then nobody can have gone on and used the slot for a later slice, or put a greater count there.
     */
    private void keep(long seen, long index) {
        int place = place(index);
        while (true) {
            long slot = (long) RING.getAcquire(ring, place);
            if (slot == seen || head != seen || RING.compareAndSet(ring, place, slot, seen)) return;
        }
    }

    private int place(long index) {
        return (int) Math.floorMod(index, (long) ring.length);
    }
}
