// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.Pipeline;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.ratelimit.RateLimitStore.Reply;
import dev.resilience.ratelimit.RateLimitStore.Request;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Asks a store, within a deadline and behind a breaker: a store that is down costs its callers nothing. While the
 * breaker is not closed no caller's request is sent; one look in the background finds out, and only when somebody would
 * have asked since the last one, so that nothing stays behind when the limiter is no longer used (L13).
 */
final class StoreCalls {
    private final RateLimitStore store;
    private final TimeSource time;
    private final CircuitBreaker breaker;
    private final Pipeline guarded;
    private final AtomicBoolean probing = new AtomicBoolean();
    private volatile boolean down;
    private volatile @Nullable Throwable lastFailure;

    StoreCalls(String name, Sharing sharing, TimeSource time) {
        this.store = sharing.store;
        this.time = time;
        this.breaker = CircuitBreaker.builder(name + " store")
                .consecutiveFailures(5)
                .openFor(Duration.ofSeconds(1))
                .probes(1)
                .requiredSuccesses(1)
                .timeSource(time)
                .build();
        this.guarded = Pipeline.of(breaker, Timeout.of(sharing.deadline));
    }

    /** Not to be asked now. The last failure; it is shared by many callers: a cause, never to be thrown itself. */
    boolean isDown() {
        return down;
    }

    @Nullable
    Throwable lastFailure() {
        return lastFailure;
    }

    /** How long until the store is looked at again. */
    long downNanos() {
        return Math.max(
                1, breaker.snapshot().nextTransitionIn().map(TimeSource::nanos).orElse(1L));
    }

    CompletableFuture<Reply> ask(Request request) {
        return guarded.callAsync(() -> store.decide(request)).whenComplete((reply, thrown) -> {
            if (thrown == null) return;
            lastFailure = thrown;
            down = breaker.snapshot().state() != CircuitBreaker.State.CLOSED;
        });
    }

    /** Somebody would have asked. */
    void probeLater(Request request) {
        if (!probing.compareAndSet(false, true)) return;
        long at = time.nanoTime() + downNanos();
        CompletableFuture<?> unused = new Later(breaker.name(), time, at)
                .admitAsync(CallContext.root())
                .thenCompose(permit -> {
                    permit.ignore();
                    return ask(request);
                })
                .whenComplete((reply, thrown) -> {
                    down = breaker.snapshot().state() != CircuitBreaker.State.CLOSED;
                    probing.set(false);
                });
    }

    /** Goes on at a time, on a thread of the library that is not the timer's (L6). */
    private static final class Later extends Gate {
        private final long at;

        Later(String name, TimeSource time, long at) {
            super(name, time);
            this.at = at;
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            return WAIT;
        }

        @Override
        protected void enqueue(Waiter waiter) {
            waiter.grantAt(0, at);
        }

        @Override
        protected void settle(
                long permit,
                long admittedAt,
                long now,
                Verdict verdict,
                @Nullable Object value,
                @Nullable Throwable thrown) {}
    }
}
