// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/** Somebody who waits for a flight, in its stack of those. Runs when the flight is over, unless it has gone before. */
abstract class Seat {
    /** Ends the stack of a flight that is over. */
    static final Seat CLOSED = new Seat(false) {
        @Override
        void over() {
            throw new AssertionError("nobody sits here");
        }
    };

    /** Only ever skips seats that have gone, so racing writes agree. */
    volatile @Nullable Seat next;

    /** Nobody waits here any more. */
    volatile boolean gone;

    /** Whether a thread waits in it; else a future does, and whatever hangs on that. */
    final boolean onThread;

    Seat(boolean onThread) {
        this.onThread = onThread;
    }

    /** The flight has a result. */
    abstract void over();

    /** The first of the stack that somebody sits in. */
    static @Nullable Seat pruned(@Nullable Seat head) {
        Seat seat = head;
        while (seat != null && seat.gone) seat = seat.next;
        return seat;
    }
}
