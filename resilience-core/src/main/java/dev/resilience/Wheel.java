// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/**
 * A hierarchical timing wheel: scheme 7 of G. Varghese and T. Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP
 * 1987), with one bit per slot so that the next occupied one is found without walking over empty ones. Pure: it
 * counts ticks that are handed to it, knows no clock and no thread, and is guarded by its owner's lock.
 */
final class Wheel {

    /* Implementation notes.
     *
     * A tick is a number of LEVELS digits of BITS bits. A timer hangs at the level of the highest digit in which its
     * tick differs from `reached`, in the slot of its own digit there.
     *
     * I1. Every timer in the wheel has tick >= reached, so its digit at its level is not below that of `reached`:
     *     within a level the lowest occupied slot is the earliest, and all of a lower level is earlier than a higher.
     * I2. `reached` never passes the first tick of an occupied slot; when it arrives there, the slot is emptied: of
     *     level 0 into the caller's hands, of a higher level into lower ones. A timer so moves at most LEVELS - 1
     *     times, whatever its distance.
     * I3. A slot of a higher level may be emptied in several steps (MOVES each), so that the lock is never held for
     *     long. Until it is empty its first tick, being `reached`, stays the earliest (I1 is waived for it alone).
     */
    private static final int BITS = 6;
    private static final int SLOTS = 1 << BITS;
    private static final int LEVELS = 8;
    private static final int MOVES = 64;

    /** Larger than any tick that can be added. */
    static final long NEVER = 1L << (BITS * LEVELS);

    private final @Nullable WheelTimer[] heads = new @Nullable WheelTimer[LEVELS * SLOTS];
    private final long[] occupied = new long[LEVELS];
    private long reached;
    private int size;

    /** How many timers are in the wheel. */
    int size() {
        return size;
    }

    /**
     * Adds a timer. One whose tick has been reached already is due at once.
     *
     * @param tick when, below {@link #NEVER}
     */
    void add(WheelTimer timer, long tick) {
        assert timer.slot == WheelTimer.NOWHERE && tick < NEVER;
        timer.tick = Math.max(tick, reached);
        link(timer);
        size++;
    }

    /** Takes a timer out; false if it is not in. */
    boolean remove(WheelTimer timer) {
        if (timer.slot < 0) {
            return false;
        }
        unlink(timer);
        size--;
        return true;
    }

    /** A tick at or before which nothing is due: that of the earliest timer, or of its slot; NEVER when empty. */
    long next() {
        long earliest = NEVER;
        for (int level = 0; level < LEVELS; level++) {
            if (occupied[level] != 0) {
                earliest = Math.min(earliest, firstTick(level, Long.numberOfTrailingZeros(occupied[level])));
            }
        }
        return earliest;
    }

    /**
     * Takes out one timer that is due.
     *
     * @param now the current tick
     * @return null if none is due, or if there is more to move before that is known: then {@link #next()} is not
     *     after {@code now}
     */
    @Nullable
    WheelTimer poll(long now) {
        int moves = MOVES;
        for (long due = next(); due <= now; due = next()) {
            reached = Math.max(reached, due);
            WheelTimer first = firstOf(0, due);
            if (first != null && first.tick == due) {
                remove(first);
                return first;
            }
            if (moves-- == 0) {
                return null;
            }
            moveDown(due);
        }
        reached = Math.max(reached, now);
        return null;
    }

    private void moveDown(long due) {
        for (int level = 1; level < LEVELS; level++) {
            WheelTimer timer = firstOf(level, due);
            if (timer != null && firstTick(level, timer.slot & (SLOTS - 1)) == due) {
                unlink(timer);
                link(timer);
                return;
            }
        }
    }

    private @Nullable WheelTimer firstOf(int level, long tick) {
        return heads[level * SLOTS + digit(tick, level)];
    }

    private static int digit(long tick, int level) {
        return (int) (tick >>> (level * BITS)) & (SLOTS - 1);
    }

    private long firstTick(int level, int digit) {
        long block = (reached >>> ((level + 1) * BITS)) << ((level + 1) * BITS);
        return block | ((long) digit << (level * BITS));
    }

    /** At the tail of its slot: timers of one tick fire in the order in which they were armed. */
    private void link(WheelTimer timer) {
        int level = (Long.SIZE - 1 - Long.numberOfLeadingZeros((timer.tick ^ reached) | 1)) / BITS;
        int digit = digit(timer.tick, level);
        int slot = level * SLOTS + digit;
        WheelTimer head = heads[slot];
        if (head == null) {
            heads[slot] = timer;
            timer.prev = timer;
            occupied[level] |= 1L << digit;
        } else {
            WheelTimer tail = tail(head);
            tail.next = timer;
            timer.prev = tail;
            head.prev = timer;
        }
        timer.slot = (short) slot;
    }

    private void unlink(WheelTimer timer) {
        int slot = timer.slot;
        WheelTimer head = heads[slot];
        WheelTimer before = timer.prev;
        WheelTimer after = timer.next;
        if (timer != head && before != null) {
            before.next = after;
        } else {
            heads[slot] = after;
            head = after;
        }
        if (after != null) {
            after.prev = before;
        } else if (head != null) {
            head.prev = before;
        } else {
            occupied[slot >>> BITS] &= ~(1L << (slot & (SLOTS - 1)));
        }
        timer.next = null;
        timer.prev = null;
        timer.slot = WheelTimer.NOWHERE;
    }

    private static WheelTimer tail(WheelTimer head) {
        WheelTimer tail = head.prev; // the list is circular backwards
        return tail == null ? head : tail;
    }
}
