// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The answer when a pipeline fails. Part of a {@link TypedPipeline}, made with {@link Pipeline#fallback}, so that an
 * answer of the wrong type does not compile.
 *
 * {@snippet class="dev.resilience.Snippets" region="fallback"}
 *
 * <p>It answers failures, as {@link #when} or else the pipeline's classifier judges them, and every rejection and
 * timeout. It never answers an interruption, a cancellation or an {@link Error}. When the fallback itself throws, its
 * exception is what the call throws, and the original failure is attached to it as suppressed. A failing value that it
 * replaces is closed when it is {@link AutoCloseable}, unless the fallback returns it.
 *
 * <p>Immutable and thread-safe. On the blocking face it runs on the caller's thread; on the asynchronous ones on the
 * thread that ended the call inside, never the timer thread.
 *
 * @param <T> the type of the answer
 */
public final class Fallback<T extends @Nullable Object> {
    private final Function<? super Outcome<?>, ? extends CompletionStage<? extends T>> async;
    private final @Nullable Function<? super Outcome<?>, ? extends T> blocking;
    private final @Nullable Failures when;

    private Fallback(
            Function<? super Outcome<?>, ? extends CompletionStage<? extends T>> async,
            @Nullable Function<? super Outcome<?>, ? extends T> blocking,
            @Nullable Failures when) {
        this.async = async;
        this.blocking = blocking;
        this.when = when;
    }

    /**
     * Answers with a value.
     *
     * @param <T> the type of the answer
     * @param value the answer
     * @return the fallback
     */
    public static <T extends @Nullable Object> Fallback<T> of(T value) {
        return from(outcome -> value);
    }

    /**
     * Answers with what a function makes of the outcome.
     *
     * @param <T> the type of the answer
     * @param function gets the failed outcome
     * @return the fallback
     */
    public static <T extends @Nullable Object> Fallback<T> from(Function<? super Outcome<?>, ? extends T> function) {
        Objects.requireNonNull(function, "function");
        return new Fallback<>(o -> CompletableFuture.completedStage(function.apply(o)), function, null);
    }

    /**
     * Answers with a stage. The blocking faces wait for it on the caller's thread, as long as it takes: the deadline of
     * the call has done its work by then. Give the stage an end of its own, with a pipeline of its own.
     *
     * @param <T> the type of the answer
     * @param function gets the failed outcome; must not return null
     * @return the fallback
     */
    public static <T extends @Nullable Object> Fallback<T> fromAsync(
            Function<? super Outcome<?>, ? extends CompletionStage<T>> function) {
        return new Fallback<>(Objects.requireNonNull(function, "function"), null, null);
    }

    /**
     * Answers only the failures that this classifier names, instead of the pipeline's; rejections and timeouts as
     * before.
     *
     * @param failures the classifier
     * @return a new fallback
     */
    public Fallback<T> when(Failures failures) {
        return new Fallback<>(async, blocking, Objects.requireNonNull(failures, "failures"));
    }

    /** Whether this outcome is to be answered; never throws. */
    boolean answers(Failures defaults, Policy pipeline, @Nullable Object value, @Nullable Throwable wrapped) {
        Throwable thrown = Handles.unwrapOrNull(wrapped);
        if (thrown instanceof Error) return false;
        if (thrown instanceof RejectedException || thrown instanceof TimeoutExceededException) return true;
        Failures judge = when == null ? defaults : when;
        return judge.judge(value, thrown, pipeline) == Verdict.FAILURE;
    }

    /** For the blocking faces; null when only a stage can be had. */
    @Nullable
    Function<? super Outcome<?>, ? extends T> blocking() {
        return blocking;
    }

    CompletionStage<? extends T> start(Outcome<?> failed) {
        CompletionStage<? extends T> stage = async.apply(failed);
        if (stage == null) throw new NullPointerException("a fallback returned null instead of a CompletionStage");
        return stage;
    }
}
