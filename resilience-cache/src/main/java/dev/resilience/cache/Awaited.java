// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Waits on the calling thread for a change, which is sure to be settled. */
final class Awaited {
    private Awaited() {}

    /** An interrupt does not end it, and is not lost (L8): half of a change would be none. */
    static void settled(CompletableFuture<?> change, TimeSource time, Object blocker) {
        if (!change.isDone()) park(change, time, blocker);
        try {
            change.join();
        } catch (CompletionException failed) {
            Throwable cause = failed.getCause();
            if (cause instanceof RuntimeException thrown) throw thrown;
            if (cause instanceof Error error) throw error;
            throw failed;
        }
    }

    private static void park(CompletableFuture<?> change, TimeSource time, Object blocker) {
        Thread caller = Thread.currentThread();
        CompletableFuture<?> unused = change.whenComplete((value, thrown) -> time.unpark(caller));
        boolean interrupted = false;
        while (!change.isDone()) {
            time.park(blocker, Long.MAX_VALUE);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) caller.interrupt();
    }
}
