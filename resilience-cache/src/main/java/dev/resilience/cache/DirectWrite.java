// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallInterruptedException;
import dev.resilience.TimeSource;
import dev.resilience.cache.Writer.Change;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Writes on the thread of who puts. */
record DirectWrite<K, V extends @Nullable Object>(String cache, Writer<K, V> writer, TimeSource time) {

    /**
     * Returns when the change is written, throws what the writer threw.
     *
     * @param settle runs once when the write has ended, before this returns, or later on the thread that ends the stage
     *     if the caller was interrupted; null for a success
     */
    void write(Change<K, V> change, Consumer<@Nullable Throwable> settle) {
        CompletionStage<?> stage;
        try {
            stage = Objects.requireNonNull(writer.writeAll(List.of(change)), "the writer's stage");
        } catch (Throwable thrown) {
            settle.accept(thrown);
            throw asThrown(thrown);
        }
        CompletableFuture<@Nullable Throwable> ended = new CompletableFuture<>();
        AtomicBoolean settled = new AtomicBoolean();
        BiConsumer<@Nullable Object, @Nullable Throwable> end = (nothing, thrown) -> {
            if (!settled.compareAndSet(false, true)) return;
            Throwable cause = thrown == null ? null : cause(thrown);
            try {
                settle.accept(cause);
            } finally {
                ended.complete(cause);
            }
        };
        try {
            CompletionStage<?> unused = stage.whenComplete(end);
        } catch (Throwable broken) {
            end.accept(null, broken); // a stage that cannot be watched: the key must not wait for it
        }
        await(ended, "it is not known whether the change was written: the thread was interrupted");
        Throwable failure = ended.getNow(null);
        if (failure != null) throw asThrown(failure);
    }

    /** Until it has ended; an interrupt before that ends the wait and stays set. */
    void await(CompletableFuture<?> ended, String interrupted) {
        if (ended.isDone()) return;
        Thread me = Thread.currentThread();
        CompletionStage<?> unused = ended.whenComplete((nothing, thrown) -> time.unpark(me));
        while (!ended.isDone()) {
            if (me.isInterrupted()) throw interrupted(interrupted);
            time.park(this, Long.MAX_VALUE);
        }
    }

    CallInterruptedException interrupted(String what) {
        return new CallInterruptedException(title() + ": " + what, null);
    }

    /** Unchecked as it is; an interrupt of the writer's own wait stays visible to the caller. */
    private RuntimeException asThrown(Throwable thrown) {
        if (thrown instanceof InterruptedException) Thread.currentThread().interrupt();
        if (thrown instanceof Error error) throw error;
        if (thrown instanceof RuntimeException unchecked) return unchecked;
        return new CacheWriteException(title() + ": the writer failed", thrown, false);
    }

    /** What the writer's stage failed with. */
    static Throwable cause(Throwable thrown) {
        return thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
    }

    String title() {
        return "cache '" + cache + "'";
    }
}
