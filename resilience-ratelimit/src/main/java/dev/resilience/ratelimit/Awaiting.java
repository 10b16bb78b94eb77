// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Waits on the calling thread for a future that is sure to complete. */
final class Awaiting {
    private Awaiting() {}

    /** An interrupt does not end it, and is not lost (L8). */
    static <T> T result(CompletableFuture<T> future, TimeSource time, Object blocker) {
        if (!future.isDone()) park(future, time, blocker);
        try {
            return future.join();
        } catch (CompletionException failed) {
            throw unchecked(failed);
        }
    }

    private static void park(CompletableFuture<?> future, TimeSource time, Object blocker) {
        Thread caller = Thread.currentThread();
        CompletableFuture<?> unused = future.whenComplete((value, thrown) -> time.unpark(caller));
        boolean interrupted = false;
        while (!future.isDone()) {
            time.park(blocker, Long.MAX_VALUE);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) caller.interrupt();
    }

    /** As it was thrown, where that needs no declaration (L9). */
    private static RuntimeException unchecked(CompletionException failed) {
        Throwable cause = failed.getCause();
        if (cause instanceof Error error) throw error;
        return cause instanceof RuntimeException thrown ? thrown : failed;
    }
}
