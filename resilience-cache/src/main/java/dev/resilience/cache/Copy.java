// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The seat of a caller that waits with a future: one of its own, so that nothing it does ends another's (L6). */
final class Copy<V extends @Nullable Object> extends Seat {
    private final CompletableFuture<V> out = new CompletableFuture<>();
    private final Flight<?, V> flight;
    private final boolean leads;
    private final Supplier<? extends CompletableFuture<V>> again;

    Copy(Flight<?, V> flight, boolean leads, Supplier<? extends CompletableFuture<V>> again) {
        super(false);
        this.flight = flight;
        this.leads = leads;
        this.again = again;
    }

    @SuppressWarnings("FutureReturnValueIgnored") // it ends with the copy
    CompletableFuture<V> begin() {
        if (flight.sit(this)) {
            out.whenComplete((value, thrown) -> ended());
            watch();
        } else {
            over();
        }
        return out;
    }

    private void watch() {
        try {
            flight.watch();
        } catch (Throwable noTimer) {
            out.completeExceptionally(noTimer); // rather than a future that may never end
        }
    }

    @Override
    void over() {
        gone = true;
        if (flight.leaderLeft()) {
            Hands.handOver(flight.table.time, this::boardAgain);
            return;
        }
        Throwable failure = flight.failure(leads);
        if (failure == null) out.complete(flight.result());
        else out.completeExceptionally(failure);
    }

    /** By the flight, or by its owner: then the seat is given back. */
    private void ended() {
        if (gone) return;
        flight.standUp(this);
        flight.leave();
    }

    @SuppressWarnings("FutureReturnValueIgnored") // they end with the copy
    private void boardAgain() {
        if (out.isDone()) return;
        CompletableFuture<V> next;
        try {
            next = again.get();
        } catch (Throwable refused) {
            out.completeExceptionally(refused);
            return;
        }
        next.whenComplete((value, thrown) -> {
            if (thrown == null) out.complete(value);
            else out.completeExceptionally(Stages.unwrap(thrown));
        });
        out.whenComplete((value, thrown) -> next.cancel(false));
    }
}
