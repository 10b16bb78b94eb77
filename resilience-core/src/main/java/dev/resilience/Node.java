// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** A policy in its place: linked to the next inner one when the pipeline is built, so that nothing is composed per call. */
abstract class Node {
    static final Node END = new End();

    abstract <T extends @Nullable Object> T call(ContextOp<T, ?> op, CallContext context) throws Exception;

    /** Never throws, never null. */
    abstract <T extends @Nullable Object> CompletionStage<T> callAsync(
            ContextOp<? extends CompletionStage<T>, ?> op, CallContext context);

    <T extends @Nullable Object> Outcome<T> outcome(ContextOp<? extends T, ?> op, CallContext context) {
        try {
            return Outcome.success(this.<T>call(covariant(op), context));
        } catch (Throwable thrown) {
            return Outcome.failure(thrown);
        }
    }

    /** An op that returns a subtype may stand where the supertype is returned; Java cannot say so of {@code ContextOp}. */
    @SuppressWarnings("unchecked")
    static <T extends @Nullable Object, X extends Exception> ContextOp<T, X> covariant(
            ContextOp<? extends T, ? extends X> op) {
        return (ContextOp<T, X>) op;
    }

    /** The user's code. */
    private static final class End extends Node {
        @Override
        <T extends @Nullable Object> T call(ContextOp<T, ?> op, CallContext context) throws Exception {
            Cancellation scope = context.scope();
            return scope == null ? op.apply(context) : scoped(op, context, scope);
        }

        private static <T extends @Nullable Object> T scoped(
                ContextOp<T, ?> op, CallContext context, Cancellation scope) throws Exception {
            if (scope.cancelled()) throw Admissions.cancelled("before the attempt began", scope.lastFailure());
            Runnable undo = Captures.restore(context);
            try {
                return op.apply(context);
            } finally {
                Captures.undo(undo);
                if (scope.hasActions()) scope.removeActions(context);
            }
        }

        @Override
        <T extends @Nullable Object> CompletionStage<T> callAsync(
                ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            Cancellation scope = context.scope();
            if (scope != null && scope.cancelled()) return CompletableFuture.failedFuture(new CancellationException());
            CompletionStage<T> stage = start(op, context);
            if (Stages.trusted(stage) && Stages.done(stage) != null) {
                if (scope != null && scope.hasActions()) scope.removeActions(context);
                return stage;
            }
            return new Attempt<>(stage, context);
        }

        private static <T extends @Nullable Object> CompletionStage<T> start(
                ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            Runnable undo = Captures.restore(context);
            try {
                CompletionStage<T> stage = op.apply(context);
                return stage != null ? stage : CompletableFuture.failedFuture(noStage());
            } catch (Throwable thrown) {
                return CompletableFuture.failedFuture(thrown);
            } finally {
                Captures.undo(undo);
            }
        }

        private static NullPointerException noStage() {
            return new NullPointerException("the asynchronous operation returned null instead of a CompletionStage");
        }
    }

    /**
     * The user's stage under way. Ends with it or, when the call is cancelled, at once: everything outside unwinds
     * without waiting for a stage that nobody can stop (L6), and what comes late is closed.
     */
    private static final class Attempt<T extends @Nullable Object> extends CompletableFuture<T>
            implements BiConsumer<T, @Nullable Throwable> {
        private static final VarHandle TOLD = Handles.field(MethodHandles.lookup(), Attempt.class, "told", int.class);

        private final CallContext context;

        @SuppressWarnings("unused") // through TOLD
        private volatile int told;

        Attempt(CompletionStage<T> stage, CallContext context) {
            this.context = context;
            Cancellation scope = context.scope();
            if (scope != null) scope.onCancel(this, () -> abandon(scope, stage));
            Stages.onEnd(stage, this);
        }

        @Override
        public void accept(T value, @Nullable Throwable wrapped) {
            Cancellation scope = context.scope();
            if (scope != null && !isDone()) { // else it was left behind, and those who want to know are being told
                scope.removeActions(this);
                scope.removeActions(context);
            }
            boolean first = wrapped == null ? complete(value) : completeExceptionally(Handles.unwrap(wrapped));
            if (first) return;
            if (wrapped == null && !context.sharedStage()) Discarded.close(value);
            if (scope != null && Stages.thrown(this) instanceof AbandonedException) gone(scope);
        }

        /** Ends itself before it touches the stage: what that sets off in user code must not hold up the call. */
        private void abandon(Cancellation scope, CompletionStage<T> stage) {
            scope.abandoned(+1); // before anybody outside sees the end, and settles by it
            if (!completeExceptionally(new AbandonedException())) {
                scope.abandoned(-1);
                if (isCancelled())
                    cancelInside(stage); // by a call around it, which reaches no further than this future
                return;
            }
            cancelInside(stage);
            gone(scope);
        }

        private void cancelInside(CompletionStage<T> stage) {
            boolean ours = stage instanceof Offload; // submitted work: made for this attempt, whatever the ops share
            if (ours || !context.sharedStage()) Stages.cancel(stage);
        }

        /** Its stage has ended, and it has told the stage: work that goes on has been counted by then. */
        private void gone(Cancellation scope) {
            if ((int) TOLD.getAndAdd(this, 1) == 1) scope.abandoned(-1);
        }
    }

    /** What an attempt ends with that is left behind: whoever sees it decides who counts the stage's end. */
    private static final class AbandonedException extends CancellationException {
        private static final long serialVersionUID = 1L;
    }

    /** A driver in its place. */
    static final class DriverNode extends Node {
        private final Driver driver;
        private final Driver.Next next;

        DriverNode(Driver driver, Node inner, Link link) {
            this.driver = driver;
            this.next = new Driver.Next(driver, inner, link);
        }

        @Override
        <T extends @Nullable Object> T call(ContextOp<T, ?> op, CallContext context) throws Exception {
            return driver.drive(next, op, context);
        }

        @Override
        <T extends @Nullable Object> CompletionStage<T> callAsync(
                ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            try {
                CompletionStage<T> stage = driver.driveAsync(next, op, context);
                return stage != null ? Stages.readable(stage) : CompletableFuture.failedFuture(noStage());
            } catch (Throwable broken) {
                return CompletableFuture.failedFuture(broken);
            }
        }

        private NullPointerException noStage() {
            return new NullPointerException(driver.title() + " returned null instead of a stage");
        }
    }
}
