// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Reading and completing stages without their wrappers. */
final class Stages {
    private Stages() {}

    /** What the JDK's read-only stages are; they extend CompletableFuture and refuse to be read. */
    private static final Class<?> MINIMAL =
            CompletableFuture.completedStage(null).getClass();

    /** The stage as a future that has completed, null when it has not or does not say so. */
    static <T extends @Nullable Object> @Nullable CompletableFuture<T> done(CompletionStage<T> stage) {
        if (stage.getClass() == MINIMAL || !(stage instanceof CompletableFuture<T> future)) return null;
        try {
            return future.isDone() ? future : null;
        } catch (Throwable unreadable) {
            return null;
        }
    }

    /** Whether it may be read instead of listened to: what a user's own kind of future overrides may throw (L5). */
    static boolean trusted(CompletionStage<?> stage) {
        return stage.getClass() == CompletableFuture.class || stage instanceof OwnedFuture || stage instanceof Offload;
    }

    /** The stage, or a copy of one that refuses to be read. */
    static <T extends @Nullable Object> CompletionStage<T> readable(CompletionStage<T> stage) {
        return stage.getClass() == MINIMAL ? stage.toCompletableFuture() : stage;
    }

    /** What a completed future failed with, the instance itself: {@code join} makes new ones of some, by JDK. */
    static @Nullable Throwable thrown(CompletableFuture<?> done) {
        if (!done.isCompletedExceptionally()) return null;
        Throwable thrown = done.<@Nullable Throwable>handle((value, t) -> t).getNow(null);
        return thrown == null ? joined(done) : Handles.unwrap(thrown);
    }

    /** For futures that make dependents of their own kind. */
    private static @Nullable Throwable joined(CompletableFuture<?> done) {
        try {
            done.join();
            return null;
        } catch (CompletionException e) {
            return Handles.unwrap(e);
        } catch (Throwable cancelled) {
            return cancelled;
        }
    }

    /**
     * {@code whenComplete} for a consumer that throws nothing. By {@code handle}, whose dependent stage ends well: the
     * other's would wrap each failure anew, with a stack trace that nobody reads. A stage that takes no dependents counts
     * as failed with what it throws.
     */
    @SuppressWarnings({"FutureReturnValueIgnored", "NullAway"}) // T comes without an exception only
    static <T extends @Nullable Object> void onEnd(
            CompletionStage<T> stage, BiConsumer<? super T, ? super @Nullable Throwable> consumer) {
        try {
            stage.<@Nullable Void>handle((value, thrown) -> {
                consumer.accept(value, thrown);
                return null;
            });
        } catch (Throwable broken) {
            consumer.accept(null, broken);
        }
    }

    static <T extends @Nullable Object> void complete(
            CompletableFuture<T> future, T value, @Nullable Throwable thrown) {
        if (thrown == null) future.complete(value);
        else future.completeExceptionally(thrown);
    }

    /** Cancels somebody's stage if it can be; never waits for it. */
    static void cancel(CompletionStage<?> stage) {
        try {
            stage.toCompletableFuture().cancel(true);
        } catch (UnsupportedOperationException uncancellable) {
            // It is left behind; its outcome is discarded when it comes.
        } catch (Throwable broken) {
            Reports.guest("call", "cancelling a stage", broken);
        }
    }
}
