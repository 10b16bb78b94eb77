// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Every way into a policy, so that one test can ask all of them. The answer is raw: the instance that came out. */
enum Face {
    CALL(policy -> op -> blocking(() -> policy.call(op))),
    CALL_CONTEXT(policy -> op -> blocking(() -> policy.call(CallContext.root(), c -> op.call()))),
    RUN(policy -> op -> blocking(() -> {
        Object[] value = new Object[1];
        policy.run(() -> value[0] = op.call());
        return value[0];
    })),
    OUTCOME(policy -> policy::outcome),
    OUTCOME_CONTEXT(policy -> op -> policy.outcome(CallContext.root(), c -> op.call())),
    WRAP(policy -> op -> blocking(policy.wrap(op))),
    ASYNC_COMPLETED(policy -> op -> raw(policy.callAsync(() -> ended(op)))),
    ASYNC_CONTEXT(policy -> op -> raw(policy.callAsync(CallContext.root(), c -> ended(op)))),
    ASYNC_THROWING(policy -> op -> raw(policy.callAsync(() -> CompletableFuture.completedFuture(op.call())))),
    ASYNC_MINIMAL(policy -> op -> raw(policy.callAsync(() -> ended(op).minimalCompletionStage()))),
    ASYNC_LATER(policy -> op -> later(policy, op, Function.identity())),
    ASYNC_WRAPPED(policy -> op -> later(policy, op, stage -> stage.thenApply(value -> value))),
    ASYNC_LATER_MINIMAL(policy -> op -> later(policy, op, CompletableFuture::minimalCompletionStage)),
    SUBMIT_INLINE(policy -> op -> raw(policy.submit(Runnable::run, op))),
    SUBMIT(policy -> op -> raw(policy.submit(elsewhere(), op)));

    private final Function<Policy, Function<Op<Object, Exception>, Outcome<Object>>> way;

    Face(Function<Policy, Function<Op<Object, Exception>, Outcome<Object>>> way) {
        this.way = way;
    }

    Outcome<Object> go(Policy policy, Op<Object, Exception> op) {
        return way.apply(policy).apply(op);
    }

    boolean async() {
        return name().startsWith("ASYNC") || name().startsWith("SUBMIT");
    }

    private static Outcome<Object> blocking(Op<Object, ?> op) {
        try {
            return Outcome.success(op.call());
        } catch (Throwable thrown) {
            return Outcome.failure(thrown);
        }
    }

    private static Outcome<Object> later(
            Policy policy,
            Op<Object, Exception> op,
            Function<CompletableFuture<Object>, ? extends CompletionStage<Object>> seenAs) {
        CompletableFuture<Object> work = new CompletableFuture<>();
        CompletableFuture<Object> future = policy.callAsync(() -> seenAs.apply(work));
        try {
            work.complete(op.call());
        } catch (Throwable thrown) {
            work.completeExceptionally(thrown);
        }
        return raw(future);
    }

    private static CompletableFuture<Object> ended(Op<Object, Exception> op) {
        try {
            return CompletableFuture.completedFuture(op.call());
        } catch (Throwable thrown) {
            return CompletableFuture.failedFuture(new CompletionException(thrown));
        }
    }

    static Executor elsewhere() {
        return task -> {
            Thread thread = new Thread(task, "elsewhere");
            thread.setDaemon(true);
            thread.start();
        };
    }

    /** What the future completed with: the instance itself, not what {@code get} makes of it. */
    static <T> Outcome<T> raw(CompletableFuture<T> future) {
        try {
            return future.handle(
                            (value, thrown) -> thrown == null ? Outcome.success(value) : Outcome.<T>failure(thrown))
                    .get(60, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("the future did not complete", e);
        }
    }
}
