// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.util.function.BooleanSupplier;

/** Waits of the engine's that an interrupt does not end; it is kept for whoever looks next (L8). */
final class Pause {
    private Pause() {}

    /** Waits until {@code over}; whoever makes it so unparks this thread. Answers whether it is, at the latest then. */
    static boolean until(TimeSource time, Object blocker, long nanos, BooleanSupplier over) {
        long end = time.nanoTime() + nanos;
        boolean interrupted = false;
        try {
            while (!over.getAsBoolean()) {
                long left = nanos == Long.MAX_VALUE ? nanos : end - time.nanoTime();
                if (left <= 0) return false;
                time.park(blocker, left);
                interrupted |= Thread.interrupted();
            }
            return true;
        } finally {
            if (interrupted) Thread.currentThread().interrupt();
        }
    }
}
