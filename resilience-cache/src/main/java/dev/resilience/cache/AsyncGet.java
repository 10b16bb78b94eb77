// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource.Timer;
import dev.resilience.cache.CacheCore.Boarded;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** One caller that waits for a load without a thread. */
final class AsyncGet<K, V extends @Nullable Object> {
    private final CacheCore<K, V> core;
    private final K key;
    private final Loader<? super K, ? extends V> loader;
    private final CompletableFuture<V> out = new CompletableFuture<>();
    /** It was answered with a stale value, and the load goes on for the next reader. */
    private volatile boolean answered;

    AsyncGet(CacheCore<K, V> core, K key, Loader<? super K, ? extends V> loader) {
        this.core = core;
        this.key = key;
        this.loader = loader;
    }

    /** The caller's own future; whatever its caller does to end it gives back the seat. */
    CompletableFuture<V> start() {
        try {
            arm(board());
        } catch (Throwable failed) {
            instead(failed);
        }
        return out;
    }

    /** The same with each value made into another one. */
    static <V extends @Nullable Object> CompletableFuture<V> mapped(CompletableFuture<V> answer, UnaryOperator<V> to) {
        CompletableFuture<V> mine = new CompletableFuture<>();
        CompletableFuture<?> unused = answer.whenComplete((value, thrown) -> {
            try {
                if (thrown == null) mine.complete(to.apply(value));
                else mine.completeExceptionally(thrown);
            } catch (Throwable broken) {
                mine.completeExceptionally(broken);
            }
        });
        unused = mine.whenComplete((value, thrown) -> answer.cancel(false));
        return mine;
    }

    private Boarded<K, V> board() {
        Boarded<K, V> boarded = core.boardFor(key, Flight.Mode.WORKER);
        CompletableFuture<V> copy = boarded.flight.copy(boarded.leads, () -> core.getAsync(key, loader));
        CompletableFuture<?> unused = copy.whenComplete((value, thrown) -> landed(boarded, value, thrown));
        unused = out.whenComplete((value, thrown) -> {
            if (!answered) copy.cancel(false);
        });
        if (boarded.leads) core.launch(boarded.flight, loader);
        return boarded;
    }

    private void landed(Boarded<K, V> boarded, @Nullable V value, @Nullable Throwable thrown) {
        if (out.isDone()) return;
        try {
            if (thrown == null && core.outdated(boarded)) {
                Boarded<K, V> unused = board();
            } else if (thrown == null) {
                complete(core.answer(boarded, value));
            } else if (thrown instanceof CacheLoadException failed) {
                complete(core.instead(boarded, failed));
            } else {
                out.completeExceptionally(thrown);
            }
        } catch (Throwable failed) {
            instead(failed);
        }
    }

    private void instead(Throwable failed) {
        try {
            if (!(failed instanceof LoadRejectedException full)) throw failed;
            complete(core.insteadOfLoading(key, full).value);
        } catch (Throwable mine) {
            out.completeExceptionally(mine);
        }
    }

    @SuppressWarnings("NullAway") // null is an answer
    private void complete(@Nullable V value) {
        out.complete(value);
    }

    /** The soft deadline: then a stale value is the answer, and the load goes on. */
    private void arm(Boarded<K, V> boarded) {
        if (core.softNanos() == Entry.ETERNAL || out.isDone()) return;
        Timer timer = core.time.schedule(() -> Hands.handOver(core.time, () -> late(boarded)), core.softNanos());
        CompletableFuture<?> unused = out.whenComplete((value, thrown) -> timer.cancel());
    }

    private void late(Boarded<K, V> boarded) {
        if (out.isDone()) return;
        Entry<V> stale = core.staleFor(boarded, null);
        if (stale == null) return;
        answered = true;
        complete(stale.value);
    }
}
