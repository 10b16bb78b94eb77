// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import dev.resilience.ContextOp;
import dev.resilience.Outcome;
import dev.resilience.Verdict;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** The staged face under way: a trampoline, so that stages which complete at once do not nest (S38). */
/* Implementation notes
 *
 * I1 wip counts attempts that are wanted and not begun. Who raises it from 0 begins attempts until it is 0 again;
 *    everybody else only raises it. It is 2 at most: an attempt is wanted only after the one before has ended.
 * I2 stages are handled, not "when complete": that would make a CompletionException with a stack trace per failure.
 * I3 the result refers to nothing here, so a future that is kept keeps no lambda (L13).
 */
final class StagedRetry<T extends @Nullable Object> implements BiFunction<T, @Nullable Throwable, @Nullable Void> {
    private final ContextOp<? extends CompletionStage<T>, ?> op;
    private final Trail trail;
    private final AtomicInteger wip = new AtomicInteger();
    private final CompletableFuture<T> result = new CompletableFuture<>();

    StagedRetry(ContextOp<? extends CompletionStage<T>, ?> op, Trail trail) {
        this.op = op;
        this.trail = trail;
    }

    /** Goes on from a first attempt that is under way. */
    CompletionStage<T> from(CompletionStage<T> first) {
        first.handle(this);
        return result;
    }

    /** Goes on from a first attempt that has ended. */
    CompletionStage<T> from(Outcome<T> first, Verdict verdict) {
        next(first, verdict);
        return result;
    }

    @Override
    public @Nullable Void apply(T value, @Nullable Throwable wrapped) {
        Throwable thrown = Trail.unwrapped(wrapped);
        Outcome<T> outcome = thrown == null ? Outcome.success(value) : Outcome.failure(thrown);
        next(outcome, trail.judge(outcome));
        return null;
    }

    private void next(Outcome<T> outcome, Verdict verdict) {
        try {
            if (!trail.goesOn(outcome, verdict)) end(outcome);
            else if (trail.delay() == 0) resume(outcome, false);
            else pause(outcome);
        } catch (Throwable broken) {
            result.completeExceptionally(broken); // ours to have broken, but a stage completes (L6)
        }
    }

    private void pause(Outcome<T> outcome) {
        trail.next
                .pauseAsync(trail.delay(), trail.context)
                .whenComplete((nothing, cancelled) -> resume(outcome, cancelled != null));
    }

    private void resume(Outcome<T> outcome, boolean cancelled) {
        try {
            if (cancelled ? trail.abandoned() : trail.resumes()) demand();
            else end(outcome);
        } catch (Throwable broken) {
            result.completeExceptionally(broken);
        }
    }

    private void demand() {
        if (wip.getAndIncrement() != 0) return;
        do {
            trail.next.callAsync(op, trail.context.attempt(trail.begin())).handle(this);
        } while (wip.decrementAndGet() != 0);
    }

    private void end(Outcome<T> last) {
        Outcome<T> surfaced = trail.surfaced(last);
        Throwable thrown = Trail.thrown(surfaced);
        if (thrown != null) result.completeExceptionally(thrown);
        else result.complete(surfaced.orElseThrow());
    }
}
