// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.Permit;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** Waiting for a time that has been granted: on the caller's thread, or as a future that holds none. */
final class Waiting {
    private Waiting() {}

    /** Parks until the time that was granted; never asks again, so nobody can come first. Who leaves gives back. */
    static void until(TimeSource time, Object blocker, Answer answer) throws InterruptedException {
        try {
            for (long left = answer.at - time.nanoTime(); left > 0; left = answer.at - time.nanoTime()) {
                time.park(blocker, left);
                if (Thread.interrupted()) throw new InterruptedException("while waiting at " + blocker);
            }
        } catch (Throwable left) {
            answer.giveBack();
            throw left;
        }
    }

    /**
     * Completes with {@code value} when the time has come, never on the timer thread (L6); a future that ends before
     * gives back.
     */
    @SuppressWarnings("FutureReturnValueIgnored") // they end with what they hang on
    static <T> CompletableFuture<T> later(RateLimiter limiter, Answer answer, T value) {
        CompletableFuture<T> result = new CompletableFuture<>();
        CompletableFuture<Permit> pause = new Pause(limiter, answer).admitAsync(CallContext.root());
        result.whenComplete((v, thrown) -> pause.cancel(false));
        pause.whenComplete((permit, thrown) -> {
            if (permit == null) failed(result, answer, thrown);
            else if (result.complete(value)) permit.success();
            else permit.ignore();
        });
        return result;
    }

    private static void failed(CompletableFuture<?> result, Answer answer, Throwable thrown) {
        answer.giveBack(); // also when it never came to wait
        result.completeExceptionally(unwrapped(thrown));
    }

    private static Throwable unwrapped(Throwable thrown) {
        Throwable cause = thrown.getCause();
        return thrown instanceof CompletionException && cause != null ? cause : thrown;
    }

    /** Lets one caller in, at the time that the limiter has granted; who leaves before gives back. */
    private static final class Pause extends Gate {
        private final Answer answer;

        Pause(RateLimiter limiter, Answer answer) {
            super(limiter.name(), limiter.clock());
            this.answer = answer;
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            return WAIT;
        }

        @Override
        protected void enqueue(Waiter waiter) {
            if (!waiter.grantAt(0, answer.at)) answer.giveBack();
        }

        @Override
        protected void settle(
                long permit,
                long admittedAt,
                long now,
                Verdict verdict,
                @Nullable Object value,
                @Nullable Throwable thrown) {
            if (verdict == Verdict.IGNORED) answer.giveBack();
        }
    }
}
