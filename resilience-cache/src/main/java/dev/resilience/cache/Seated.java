// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** Who shares a load: how many, whether one more may, and those who wait for its end. */
/* Implementation notes
 *
 *   state = phase and number of seats in one word, every change one CAS
 *           LOADING --publish--> LIVE    what it brought may be stored, and stays
 *           LOADING --kill--> DEAD       it never will: detached, failed, given up
 *           a seat is taken only while LOADING and above zero; the last one to leave kills in the same CAS
 *   seats = the stack of those who wait, CLOSED when it is over
 *
 * I1 Because both are one word, nobody takes a seat in a flight that all have left, or that is over.
 * I2 A seat enters the stack, then its owner looks at the result; the end sets the result, then takes the stack: one
 *    sees the other.
 * I3 Who goes marks the seat and unlinks what has gone but a head, which the next one to sit down prunes: the stack is
 *    as long as there are seats taken, and one. A next only ever skips gone ones, so racing writes to it agree.
 */
abstract class Seated extends Strikable {
    static final int LOADING = 0;
    static final int LIVE = 1;
    static final int DEAD = 2;
    private static final int PHASE = 3;
    private static final int SEAT = 4;
    private static final VarHandle STATE = handle("state", int.class);
    private static final VarHandle SEATS = handle("seats", Seat.class);

    private volatile int state = LOADING | SEAT;
    private volatile @Nullable Seat seats;

    Seated(Flight.Mode mode) {
        super(mode);
    }

    private static VarHandle handle(String name, Class<?> type) {
        try {
            return MethodHandles.lookup().findVarHandle(Seated.class, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** LOADING, LIVE or DEAD. */
    final int phase() {
        return state & PHASE;
    }

    /** How many seats are taken. */
    final int seated() {
        return state / SEAT;
    }

    /** Whether a seat could be taken at this moment. */
    final boolean boardable() {
        return boardable(state);
    }

    private static boolean boardable(int state) {
        return (state & PHASE) == LOADING && state >= SEAT;
    }

    /** Takes a seat: never in a flight that is over, killed, or left by all. */
    final boolean reserve() {
        for (; ; ) {
            int seen = state;
            if (!boardable(seen)) return false;
            if (STATE.compareAndSet(this, seen, seen + SEAT)) return true;
        }
    }

    /** Gives a seat back. True for the last one out: then it is DEAD, unless it was LIVE. */
    final boolean vacate() {
        for (; ; ) {
            int seen = state;
            boolean last = seen < 2 * SEAT;
            int next = seen - SEAT;
            if (last && (seen & PHASE) == LOADING) next |= DEAD;
            if (STATE.compareAndSet(this, seen, next)) return last;
        }
    }

    /** LOADING to LIVE. False: it was killed before. */
    final boolean publish() {
        return move(LIVE);
    }

    /** LOADING to DEAD: nothing of it is kept; those who sit in it get its result. False: it is LIVE or DEAD. */
    final boolean kill() {
        return move(DEAD);
    }

    private boolean move(int phase) {
        for (; ; ) {
            int seen = state;
            if ((seen & PHASE) != LOADING) return false;
            if (STATE.compareAndSet(this, seen, seen | phase)) return true;
        }
    }

    /** Who waits is told of the end. False: it is over. */
    final boolean sit(Seat seat) {
        for (; ; ) {
            Seat head = seats;
            if (head == Seat.CLOSED) return false;
            seat.next = Seat.pruned(head);
            if (SEATS.compareAndSet(this, head, seat)) return true;
        }
    }

    /** Who does not wait any more is forgotten. */
    final void standUp(Seat seat) {
        seat.gone = true;
        for (Seat each = seats; each != null; each = each.next) each.next = Seat.pruned(each.next);
    }

    /** How many seats the stack holds on to. */
    final int waiting() {
        int count = 0;
        for (Seat each = seats; each != null && each != Seat.CLOSED; each = each.next) count++;
        return count;
    }

    /**
     * It is over: tells those who wait, threads first. What hangs on a future runs here, and a thread must not wait for
     * that.
     */
    final void wake() {
        Seat first = (Seat) SEATS.getAndSet(this, Seat.CLOSED);
        for (Seat each = first; each != null; each = each.next) {
            if (each.onThread && !each.gone) each.over();
        }
        for (Seat each = first; each != null; each = each.next) {
            if (!each.onThread && !each.gone) each.over();
        }
    }
}
