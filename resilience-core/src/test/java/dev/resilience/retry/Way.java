// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Outcome;
import dev.resilience.Policy;
import dev.resilience.testkit.ManualTime;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The ways a retry is travelled: its one blocking body, and its staged body with stages that end at once or later. */
enum Way {
    BLOCKING,
    STAGED,
    LATER,
    SUBMIT;

    /** Calls to the end, moving the clock wherever the call waits in it. */
    Outcome<Object> go(Policy policy, CallContext context, ManualTime time, ContextOp<Object, Exception> op) {
        return this == BLOCKING ? policy.outcome(context, op) : end(start(policy, context, time, op), time);
    }

    Outcome<Object> go(Policy policy, ManualTime time, ContextOp<Object, Exception> op) {
        return go(policy, CallContext.root(), time, op);
    }

    /** Not for {@link #BLOCKING}. */
    CompletableFuture<Object> start(
            Policy policy, CallContext context, ManualTime time, ContextOp<Object, Exception> op) {
        Executor elsewhere = time.watched(Way::elsewhere);
        return switch (this) {
            case BLOCKING -> throw new IllegalStateException();
            case STAGED -> policy.callAsync(context, c -> ended(op, c, new CompletableFuture<>()));
            case LATER ->
                policy.callAsync(context, c -> {
                    CompletableFuture<Object> work = new CompletableFuture<>();
                    elsewhere.execute(() -> ended(op, c, work));
                    return work;
                });
            case SUBMIT -> policy.submit(elsewhere, () -> op.apply(CallContext.root()));
        };
    }

    private static CompletableFuture<Object> ended(
            ContextOp<Object, Exception> op, CallContext context, CompletableFuture<Object> work) {
        try {
            work.complete(op.apply(context));
        } catch (Throwable thrown) {
            work.completeExceptionally(thrown);
        }
        return work;
    }

    private static void elsewhere(Runnable task) {
        Thread thread = new Thread(task, "elsewhere");
        thread.setDaemon(true);
        thread.start();
    }

    static Outcome<Object> end(CompletableFuture<Object> future, ManualTime time) {
        CompletableFuture<Outcome<Object>> raw =
                future.handle((value, thrown) -> thrown == null ? Outcome.success(value) : Outcome.failure(thrown));
        for (int patience = 0; patience < 12_000 && !raw.isDone(); ) {
            if (time.advanceToNextEvent()) continue;
            try {
                return raw.get(5, TimeUnit.MILLISECONDS);
            } catch (TimeoutException goesOn) {
                patience++;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
        return raw.getNow(Outcome.failure(new AssertionError("the future did not complete: " + time)));
    }
}
