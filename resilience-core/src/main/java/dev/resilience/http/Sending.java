// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** One attempt of an asynchronous call. The pipeline cancels it when it gives the attempt up. */
final class Sending<T> extends CompletableFuture<Reply<T>>
        implements BiFunction<@Nullable HttpResponse<T>, @Nullable Throwable, @Nullable Void> {
    private final CompletableFuture<HttpResponse<T>> exchange;
    private final Transfer<T> transfer;

    Sending(CompletableFuture<HttpResponse<T>> exchange, Transfer<T> transfer) {
        this.exchange = exchange;
        this.transfer = transfer;
    }

    /** Handled, not "when complete": that would wrap each failure anew. */
    @SuppressWarnings("FutureReturnValueIgnored")
    Sending<T> begun() {
        exchange.handle(this);
        return this;
    }

    @Override
    public @Nullable Void apply(@Nullable HttpResponse<T> response, @Nullable Throwable thrown) {
        if (thrown != null || response == null) {
            completeExceptionally(thrown != null ? thrown : new NullPointerException("the client gave no response"));
        } else if (!complete(new Reply<>(response, transfer))) {
            transfer.discard();
        }
        return null;
    }

    /** The exchange first: only one that has ended leaves a body behind. */
    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        if (!super.cancel(mayInterruptIfRunning)) return false;
        exchange.cancel(true);
        transfer.discard();
        return true;
    }
}
