// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/**
 * A timer that is its own entry in the wheel: a scope of a call extends it, and arming it allocates nothing. Armed
 * at most once, through {@link SystemTimeSource}; {@link #run()} is then called at most once, by the timer thread.
 */
abstract class WheelTimer implements Runnable {

    /** Not in a slot: not armed yet, armed for never, or cancelled. */
    static final short NOWHERE = -1;

    /** Not in a slot any more, because it was due. */
    static final short FIRED = -2;

    // Guarded by the lock of the stripe; the wheel alone writes them. As small as they can be: every timed call
    // allocates them (P9), and short, byte and the byte of Cancellation share the four bytes beside the header.
    @Nullable
    WheelTimer next;

    @Nullable
    WheelTimer prev;

    long tick;
    short slot = NOWHERE;

    /** Which stripe of its source holds it; set once, when the timer is armed. */
    byte stripe;
}
