// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Pipeline} with a {@link Fallback} outermost. Its faces {@code call}, {@code outcome}, {@code callAsync} and
 * {@code submit} are those of {@link Policy}, typed by the fallback's answer; where the fallback answers, nothing is
 * thrown. It is no {@link Policy}: it has no name, stands in no pipeline, and makes no proxy.
 *
 * <p>Made with {@link Pipeline#orElse} or {@link Pipeline#fallback}. Immutable and thread-safe.
 *
 * @param <T> the type of the calls' values
 */
public final class TypedPipeline<T extends @Nullable Object> {
    private static final int MOST_SUPPRESSED = 5;

    private final Pipeline pipeline;
    private final Failures judge;
    private final Fallback<T> fallback;

    TypedPipeline(Pipeline pipeline, Failures judge, Fallback<T> fallback) {
        this.pipeline = pipeline;
        this.judge = judge;
        this.fallback = fallback;
    }

    /**
     * Calls {@code op} on this thread, protected, with the fallback's answer for a failure.
     *
     * @param <X> the checked exception of the work
     * @param op the work
     * @return its value or the fallback's answer
     * @throws X as the work does, when the fallback does not answer that
     * @throws CallInterruptedException when this thread was interrupted while the library waited
     */
    public <X extends Exception> T call(Op<? extends T, X> op) throws X {
        return blocking(pipeline.start(), Objects.requireNonNull(op, "op"));
    }

    /**
     * {@link #call(Op)} with a context from the caller, as in {@link Policy#call(CallContext, ContextOp)}.
     *
     * @param <X> the checked exception of the work
     * @param context the context
     * @param op the work; it gets the context of its attempt
     * @return its value or the fallback's answer
     * @throws X as the work does, when the fallback does not answer that
     * @throws CallInterruptedException when this thread was interrupted, or the call cancelled, while the library waited
     */
    public <X extends Exception> T call(CallContext context, ContextOp<? extends T, X> op) throws X {
        return blocking(pipeline.start(context), Objects.requireNonNull(op, "op"));
    }

    private <X extends Exception> T blocking(CallContext context, ContextOp<? extends T, X> op) throws X {
        Outcome<T> first = pipeline.outcomeOf(context, op);
        Object value = first instanceof Outcome.Success<T> success ? success.value() : null;
        Throwable thrown = first instanceof Outcome.Failure<T> failure ? failure.thrown() : null;
        if (!fallback.answers(judge, pipeline, value, thrown)) {
            if (first instanceof Outcome.Success<T> success) return success.value();
            throw Handles.<RuntimeException>sneak(Objects.requireNonNull(thrown));
        }
        T answer;
        try {
            answer = answer(context, first, thrown);
        } catch (Throwable broken) {
            Discarded.close(value);
            throw broken;
        }
        if (answer != value) Discarded.close(value);
        return answer;
    }

    private T answer(CallContext context, Outcome<T> failed, @Nullable Throwable thrown) {
        Runnable undo = Captures.restore(context);
        try {
            Function<? super Outcome<?>, ? extends T> blocking = fallback.blocking();
            return blocking != null ? blocking.apply(failed) : waitFor(fallback.start(failed), thrown);
        } catch (Throwable broken) {
            throw Handles.<RuntimeException>sneak(withOriginal(broken, thrown));
        } finally {
            Captures.undo(undo);
        }
    }

    private T waitFor(CompletionStage<? extends T> stage, @Nullable Throwable original) throws Throwable {
        CompletableFuture<? extends T> future = stage.toCompletableFuture();
        try {
            return future.get();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            Stages.cancel(stage);
            throw new CallInterruptedException("interrupted while waiting for a fallback of " + pipeline, original);
        } catch (Exception ended) {
            Throwable thrown = Stages.thrown(future);
            throw thrown == null ? Handles.unwrap(ended) : thrown;
        }
    }

    private static Throwable withOriginal(Throwable broken, @Nullable Throwable original) {
        if (original == null || original == broken || original == broken.getCause()) return broken;
        boolean room = broken.getSuppressed().length < MOST_SUPPRESSED; // it may be one instance for all calls (L13)
        if (room) broken.addSuppressed(original);
        return broken;
    }

    /**
     * {@link #call(Op)}, but whatever happens is returned and nothing thrown.
     *
     * @param op the work
     * @return the value, the fallback's answer, or the exception that it does not answer
     */
    public Outcome<T> outcome(Op<? extends T, ?> op) {
        return asOutcome(pipeline.start(), Objects.requireNonNull(op, "op"));
    }

    /**
     * {@link #outcome(Op)} with a context from the caller, as in {@link Policy#outcome(CallContext, ContextOp)}.
     *
     * @param context the context
     * @param op the work; it gets the context of its attempt
     * @return the value, the fallback's answer, or the exception that it does not answer
     */
    public Outcome<T> outcome(CallContext context, ContextOp<? extends T, ?> op) {
        return asOutcome(pipeline.start(context), Objects.requireNonNull(op, "op"));
    }

    private Outcome<T> asOutcome(CallContext context, ContextOp<? extends T, ?> op) {
        try {
            return Outcome.success(blocking(context, op));
        } catch (Throwable thrown) {
            return Outcome.failure(thrown);
        }
    }

    /**
     * Calls work that returns a stage, as {@link Policy#callAsync(Op)}, with the fallback's answer for a failure.
     *
     * @param start starts one attempt
     * @return this caller's own future; cancelling it cancels the call or the fallback's stage
     */
    public CompletableFuture<T> callAsync(Op<? extends CompletionStage<? extends T>, ?> start) {
        Objects.requireNonNull(start, "start");
        CallContext context = pipeline.start();
        return answering(context, pipeline.async(context, stageOf(start)));
    }

    /**
     * {@link #callAsync(Op)} with a context from the caller, as in {@link Policy#callAsync(CallContext, ContextOp)}.
     *
     * @param context the context; when its deadline passes, the fallback is asked
     * @param start starts one attempt; it gets the context of that attempt
     * @return this caller's own future; cancelling it cancels the call or the fallback's stage
     */
    public CompletableFuture<T> callAsync(
            CallContext context, ContextOp<? extends CompletionStage<? extends T>, ?> start) {
        Objects.requireNonNull(start, "start");
        CallContext entered = pipeline.start(context);
        return answering(entered, pipeline.async(entered, stageOf(start)));
    }

    /**
     * Runs blocking work on an executor, as {@link Policy#submit}, with the fallback's answer for a failure.
     *
     * @param executor runs the attempts
     * @param op the work
     * @return this caller's own future; cancelling it cancels the call or the fallback's stage
     */
    public CompletableFuture<T> submit(Executor executor, Op<? extends T, ?> op) {
        Objects.requireNonNull(executor, "executor");
        Objects.requireNonNull(op, "op");
        CallContext context = pipeline.start();
        return answering(context, pipeline.submitted(context, executor, op));
    }

    @SuppressWarnings("unchecked") // a stage only gives its value away
    private static <T extends @Nullable Object> ContextOp<CompletionStage<T>, Exception> stageOf(
            ContextOp<? extends CompletionStage<? extends T>, ?> start) {
        return (ContextOp<CompletionStage<T>, Exception>) start;
    }

    private CompletableFuture<T> answering(CallContext context, CompletableFuture<T> call) {
        Answer<T> answer = new Answer<>(this, context, call);
        Stages.onEnd(call, answer::called);
        return answer;
    }

    /** The future of a call with a fallback: who ends it cancels whichever of the two is under way. */
    private static final class Answer<T extends @Nullable Object> extends OwnedFuture<T> {
        private final boolean shared;
        private volatile @Nullable Question<T> question;
        private volatile @Nullable CompletionStage<? extends T> underWay;

        Answer(TypedPipeline<T> owner, CallContext context, CompletableFuture<T> call) {
            this.shared = context.sharedStage();
            this.question = new Question<>(owner, context);
            this.underWay = call;
        }

        /** What is needed until there is an answer, and not kept by it (L13). */
        private record Question<T extends @Nullable Object>(TypedPipeline<T> owner, CallContext context) {
            boolean answers(@Nullable Object value, @Nullable Throwable thrown) {
                return owner.fallback.answers(owner.judge, owner.pipeline, value, thrown);
            }
        }

        void called(T value, @Nullable Throwable wrapped) {
            Question<T> asked = question;
            question = null;
            underWay = null;
            Throwable thrown = Handles.unwrapOrNull(wrapped);
            if (asked != null && !isDone() && asked.answers(value, thrown)) ask(asked, value, thrown);
            else finish(value, thrown);
        }

        private void finish(T value, @Nullable Throwable thrown) {
            if (!end(value, thrown) && thrown == null && !shared) Discarded.close(value);
        }

        private void ask(Question<T> asked, T failedValue, @Nullable Throwable original) {
            Runnable undo = Captures.restore(asked.context);
            try {
                Outcome<T> failed = original == null ? Outcome.success(failedValue) : Outcome.failure(original);
                CompletionStage<? extends T> stage = asked.owner.fallback.start(failed);
                underWay = stage;
                Stages.onEnd(stage, (answer, broken) -> answered(failedValue, original, answer, broken));
                if (isDone()) endedByOwner();
            } catch (Throwable broken) {
                Discarded.close(failedValue);
                end(failedValue, withOriginal(broken, original));
            } finally {
                Captures.undo(undo);
            }
        }

        @SuppressWarnings("NullAway") // the answer is T whenever nothing broke
        private void answered(
                T failedValue, @Nullable Throwable original, @Nullable T answer, @Nullable Throwable broken) {
            underWay = null;
            if (broken != null || answer != failedValue) Discarded.close(failedValue);
            end(answer, broken == null ? null : withOriginal(Handles.unwrap(broken), original));
        }

        @Override
        void endedByOwner() {
            CompletionStage<? extends T> stage = underWay;
            question = null;
            underWay = null;
            if (stage != null) Stages.cancel(stage);
        }
    }
}
