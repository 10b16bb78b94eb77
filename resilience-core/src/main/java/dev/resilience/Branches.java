// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Attempts of one call that run at the same time, and a thread that waits for one of them. */
final class Branches {
    private Branches() {}

    static <T extends @Nullable Object> Driver.Branch<T> staged(
            Driver.Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
        CompletableFuture<T> out = new CompletableFuture<>();
        CallScope<T> scope = scope(next, out, context);
        scope.follow(next.callAsync(op, context.scoped(scope)));
        return new Driver.Branch<>(out, scope);
    }

    static <T extends @Nullable Object> Driver.Branch<T> blocking(
            Driver.Next next, ContextOp<T, ?> op, CallContext context) {
        CompletableFuture<T> out = new CompletableFuture<>();
        CallScope<T> scope = scope(next, out, context);
        Offload<T> work =
                Offload.start(next.driver(), next.workers(), inside -> next.call(op, inside), context.scoped(scope));
        scope.onCancel(work, () -> work.cancel(true));
        scope.follow(work);
        return new Driver.Branch<>(out, scope);
    }

    private static <T extends @Nullable Object> CallScope<T> scope(
            Driver.Next next, CompletableFuture<T> out, CallContext context) {
        return new CallScope<>(context.scope(), out, next.origin(), next.time(), null, context.sharedStage());
    }

    /** The value or the exception of a stage; parks this thread until then. */
    static <T extends @Nullable Object> T await(Driver.Next next, CompletableFuture<T> stage, CallContext context)
            throws Exception {
        TimeSource time = next.time();
        Cancellation scope = context.scope();
        Thread me = Thread.currentThread();
        if (scope != null) scope.onCancel(stage, () -> time.unpark(me));
        Stages.onEnd(stage, (value, thrown) -> time.unpark(me));
        try {
            while (!stage.isDone()) {
                if (me.isInterrupted()) throw disturbed(false, next, scope);
                if (context.cancelled()) throw disturbed(true, next, scope);
                time.park(next.driver(), Long.MAX_VALUE);
            }
        } finally {
            if (scope != null) scope.removeActions(stage);
        }
        Throwable thrown = Stages.thrown(stage);
        if (thrown != null) throw Handles.<Exception>sneak(thrown);
        return stage.getNow(null);
    }

    private static CallInterruptedException disturbed(
            boolean cancelled, Driver.Next next, @Nullable Cancellation scope) {
        Throwable last = scope == null ? null : scope.lastFailure();
        String how = cancelled ? "the call was cancelled" : "interrupted";
        return new CallInterruptedException(
                how + " while waiting for " + next.driver().title(), last, cancelled);
    }
}
