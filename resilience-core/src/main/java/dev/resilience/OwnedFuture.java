// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A future that a caller owns: whatever the caller does to end it ends the call inside (L7). */
abstract class OwnedFuture<T extends @Nullable Object> extends CompletableFuture<T> {
    /** The owner was first; runs once, on the owner's thread. */
    abstract void endedByOwner();

    /** The call's own end. False: the owner was first. */
    final boolean end(T value, @Nullable Throwable thrown) {
        return thrown == null ? super.complete(value) : super.completeExceptionally(thrown);
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        return ended(super.cancel(mayInterruptIfRunning));
    }

    @Override
    public boolean complete(T value) {
        return ended(super.complete(value));
    }

    @Override
    public boolean completeExceptionally(Throwable thrown) {
        return ended(super.completeExceptionally(thrown));
    }

    /** The JDK's own would pass {@link #complete} by. */
    @Override
    public CompletableFuture<T> completeAsync(Supplier<? extends T> supplier, Executor executor) {
        Objects.requireNonNull(supplier, "supplier");
        executor.execute(() -> completeFrom(supplier));
        return this;
    }

    @SuppressWarnings("FutureReturnValueIgnored")
    private void completeFrom(Supplier<? extends T> supplier) {
        if (isDone()) return;
        try {
            complete(supplier.get());
        } catch (Throwable thrown) {
            completeExceptionally(thrown);
        }
    }

    private boolean ended(boolean byOwner) {
        if (byOwner) endedByOwner();
        return byOwner;
    }
}
