// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallInterruptedException;
import java.nio.channels.ClosedByInterruptException;

/** Interrupts of the thread that runs a load for itself and others: its own matter (L8). */
final class Interrupts {
    private Interrupts() {}

    /** Whether a load that ended with this on its caller's thread ended because that thread was interrupted. */
    static boolean meant(Throwable thrown) {
        return thrown instanceof InterruptedException
                || thrown instanceof CallInterruptedException
                || thrown instanceof ClosedByInterruptException
                || (thrown instanceof Exception && Thread.currentThread().isInterrupted());
    }

    /** The same interrupt, told to its caller: the flag is set again. A cancelled call's stays as it is. */
    static CallInterruptedException again(Throwable thrown, String what) {
        if (thrown instanceof CallInterruptedException same) return same;
        Thread.currentThread().interrupt();
        return new CallInterruptedException("interrupted while it " + what, thrown);
    }
}
