// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import dev.resilience.CallContext;
import dev.resilience.Op;
import dev.resilience.Outcome;
import dev.resilience.Policy;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The ways into a policy, as its users have them. */
enum ThirdPartyFace {
    CALL,
    OUTCOME,
    CALL_ASYNC,
    CALL_ASYNC_LATER,
    SUBMIT;

    CompletableFuture<Outcome<Object>> start(Policy policy, CallContext context, Op<Object, Exception> op) {
        switch (this) {
            case CALL:
                return CompletableFuture.completedFuture(blocking(policy, context, op));
            case OUTCOME:
                return CompletableFuture.completedFuture(policy.outcome(context, c -> op.call()));
            case CALL_ASYNC:
                return raw(policy.callAsync(context, c -> ended(op)));
            case CALL_ASYNC_LATER:
                CompletableFuture<Object> work = new CompletableFuture<>();
                CompletableFuture<Outcome<Object>> call = raw(policy.callAsync(context, c -> work));
                ended(op).whenComplete((value, thrown) -> {
                    if (thrown == null) work.complete(value);
                    else work.completeExceptionally(thrown);
                });
                return call;
            default:
                return raw(policy.submit(Runnable::run, op));
        }
    }

    Outcome<Object> go(Policy policy, Op<Object, Exception> op) {
        try {
            return start(policy, CallContext.root(), op).get(60, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static Outcome<Object> blocking(Policy policy, CallContext context, Op<Object, Exception> op) {
        try {
            return Outcome.success(policy.call(context, c -> op.call()));
        } catch (Throwable thrown) {
            return Outcome.failure(thrown);
        }
    }

    private static CompletableFuture<Object> ended(Op<Object, Exception> op) {
        try {
            return CompletableFuture.completedFuture(op.call());
        } catch (Throwable thrown) {
            return CompletableFuture.failedFuture(thrown);
        }
    }

    private static CompletableFuture<Outcome<Object>> raw(CompletableFuture<Object> call) {
        return call.handle((value, thrown) -> thrown == null ? Outcome.success(value) : Outcome.failure(thrown));
    }
}
