// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A {@link SharedRateLimiter} in a pipeline: a call waits in the queue while the store is asked. */
final class SharedGate<K> extends Gate {
    private final SharedRateLimiter<K> limiter;
    private final Function<? super CallContext, ? extends K> key;

    SharedGate(SharedRateLimiter<K> limiter, Function<? super CallContext, ? extends K> key) {
        super(limiter.name(), limiter.clock());
        this.limiter = limiter;
        this.key = key;
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        if (limiter.isDown()) return WAIT; // answered at once there
        Decision known = limiter.known(key(context), cost(context));
        return known == null ? WAIT : answer(known);
    }

    @Override
    protected void enqueue(Waiter waiter) {
        CallContext context = waiter.context();
        CompletableFuture<?> unused = limiter.decideAsync(key(context), cost(context))
                .whenComplete((decision, thrown) -> {
                    long answer = decision == null ? failed() : answer(decision);
                    if (answer == 0) waiter.grant(0);
                    else waiter.refuse(answer);
                });
    }

    /** {@link Sharing.OnFailure#THROW}. */
    private long failed() {
        return limiter.settings().shadow() ? 0 : refused(limiter.failedNanos());
    }

    private long answer(Decision decision) {
        if (decision.permitted() || limiter.settings().shadow()) return 0;
        return refused(decision.retryAfter().map(TimeSource::nanos).orElse(0L));
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {}

    @Override
    protected RejectedException rejection(CallContext context, long refusal) {
        return new RateLimitedException(this, refusal, limiter.limit().text(), cost(context));
    }

    @Override
    protected Map<String, String> settings() {
        Map<String, String> shown = new LinkedHashMap<>();
        shown.put("limit", limiter.limit().toString());
        shown.putAll(limiter.sharing().describe());
        limiter.settings().describe(shown);
        return shown;
    }

    private K key(CallContext context) {
        K found = key.apply(context);
        if (found == null) throw new NullPointerException(this + ": the key of a call must not be null");
        return found;
    }

    private long cost(CallContext context) {
        return limiter.settings().cost(context, this::report);
    }
}
