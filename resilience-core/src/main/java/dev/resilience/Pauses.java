// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Delays between attempts: on the caller's thread, or without one. */
final class Pauses {
    private Pauses() {}

    static void blocking(Driver.Next next, long nanos, CallContext context, @Nullable Throwable lastFailure) {
        if (nanos <= 0) return;
        TimeSource time = next.time();
        Cancellation scope = context.scope();
        Object tag = new Object();
        Thread me = Thread.currentThread();
        if (scope != null) scope.onCancel(tag, () -> time.unpark(me));
        try {
            long until = Deadline.point(time.nanoTime(), nanos);
            for (long left = nanos; left > 0; left = until - time.nanoTime()) {
                throwIfDisturbed(next, context, lastFailure);
                time.park(next.driver(), left);
            }
            throwIfDisturbed(next, context, lastFailure);
        } finally {
            if (scope != null) scope.removeActions(tag);
        }
    }

    private static void throwIfDisturbed(Driver.Next next, CallContext context, @Nullable Throwable lastFailure) {
        if (Thread.currentThread().isInterrupted()) {
            String where = "interrupted during a delay of " + next.driver().title();
            throw new CallInterruptedException(where, lastFailure);
        }
        if (context.cancelled()) {
            throw Admissions.cancelled("during a delay of " + next.driver().title(), lastFailure);
        }
    }

    static CompletionStage<@Nullable Void> staged(Driver.Next next, long nanos, CallContext context) {
        Pause pause = new Pause(next.time(), next.workers(), context);
        pause.begin(nanos);
        return pause;
    }

    private static final class Pause extends CompletableFuture<@Nullable Void> implements Runnable {
        private final TimeSource time;
        private final Executor workers;
        private final CallContext context;
        private volatile TimeSource.@Nullable Timer timer;

        Pause(TimeSource time, Executor workers, CallContext context) {
            this.time = time;
            this.workers = workers;
            this.context = context;
        }

        void begin(long nanos) {
            Cancellation scope = context.scope();
            if (scope != null) scope.onCancel(this, this::cancelled);
            if (isDone()) return;
            timer = time.schedule(this, nanos);
            if (isDone()) disarm();
        }

        /** Timer thread: hands over. The user's executor may block in execute(), so not even that is called here. */
        @Override
        public void run() {
            Workers.handOff(time, () -> Workers.orHere(workers, this::passed));
        }

        private void passed() {
            Cancellation scope = context.scope();
            if (scope != null) scope.removeActions(this);
            complete(null);
        }

        /** By a driver that needs the delay no longer. */
        @Override
        public boolean cancel(boolean mayInterruptIfRunning) {
            if (!super.cancel(mayInterruptIfRunning)) return false;
            disarm();
            Cancellation scope = context.scope();
            if (scope != null) scope.removeActions(this);
            return true;
        }

        private void cancelled() {
            if (completeExceptionally(new CancellationException())) disarm();
        }

        private void disarm() {
            TimeSource.Timer armed = timer;
            if (armed != null) armed.cancel();
        }
    }
}
