// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A handle: a name, and the tenure that this engine has of the saga, if it has one. */
final class Handle<O extends @Nullable Object> implements SagaHandle<O> {
    private final Engine engine;
    private final SagaRef ref;
    private final Chart chart;
    private final @Nullable Tenure tenure;

    Handle(Engine engine, SagaRef ref, Chart chart, @Nullable Tenure tenure) {
        this.engine = engine;
        this.ref = ref;
        this.chart = chart;
        this.tenure = tenure;
    }

    @Override
    public SagaRef ref() {
        return ref;
    }

    @Override
    public SagaOutcome<O> await(Duration max) throws InterruptedException {
        Objects.requireNonNull(max, "max");
        if (Thread.interrupted()) throw new InterruptedException("interrupted while waiting for saga " + ref);
        SagaOutcome<O> here = here();
        if (here != null) return here;
        long nanos = TimeSource.nanos(max);
        if (nanos > 0 && engine.berths.isOwnCode(ref)) return ended();
        SagaOutcome<?> outcome = engine.watchers.await(ref, chart, nanos);
        return outcome != null ? typed(outcome) : lastLook();
    }

    /** Of a saga whose own code asks: it would wait until its time is over, for itself. */
    private SagaOutcome<O> ended() {
        SagaOutcome<O> now = lastLook();
        if (now instanceof SagaOutcome.StillRunning)
            throw new IllegalStateException(
                    "saga " + ref + " waits for itself: await was called by code of this very saga,"
                            + " which goes on only when that code returns; await(Duration.ZERO) says how it stands");
        return now;
    }

    /** At the end of a wait: what the store says now. */
    private SagaOutcome<O> lastLook() {
        SagaInstance head;
        try {
            head = head();
        } catch (SagaStoreException away) {
            if (engine.berths.runs(ref)) return new SagaOutcome.StillRunning<>(SagaStatus.RUNNING);
            throw away;
        }
        SagaOutcome<?> outcome = engine.outcomes.of(head, chart);
        return outcome != null ? typed(outcome) : new SagaOutcome.StillRunning<>(head.status());
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // what hangs on each of the two throws nothing
    public CompletableFuture<SagaOutcome<O>> completion() {
        SagaOutcome<O> here = here();
        if (here != null) return CompletableFuture.completedFuture(here);
        CompletableFuture<SagaOutcome<O>> mine = new CompletableFuture<>();
        CompletableFuture<SagaOutcome<?>> watched = engine.watchers.future(ref, chart);
        watched.whenComplete((outcome, thrown) -> {
            if (thrown != null) mine.completeExceptionally(thrown);
            else mine.complete(typed(outcome));
        });
        mine.whenComplete((outcome, thrown) -> watched.cancel(false));
        return mine;
    }

    @Override
    public SagaStatus status() {
        return head().status();
    }

    private SagaInstance head() {
        List<SagaInstance> heads = engine.store.heads(List.of(ref));
        if (heads.isEmpty())
            throw new IllegalStateException(
                    "saga " + ref + " is not there: it was purged, or the transaction that starts it is not committed");
        return heads.get(0);
    }

    private @Nullable SagaOutcome<O> here() {
        SagaOutcome<?> came = tenure == null ? null : tenure.came();
        // what was parked may have gone on since
        return came == null || came instanceof SagaOutcome.NeedsAttention ? null : typed(came);
    }

    @SuppressWarnings("unchecked") // its definition is typed: see SagaEngine.start
    private static <O extends @Nullable Object> SagaOutcome<O> typed(SagaOutcome<?> outcome) {
        return (SagaOutcome<O>) outcome;
    }

    @Override
    public String toString() {
        return "saga " + ref;
    }
}
