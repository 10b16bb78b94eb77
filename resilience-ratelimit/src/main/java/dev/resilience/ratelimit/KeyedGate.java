// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.CallContext;
import dev.resilience.Description;
import dev.resilience.Gate;
import dev.resilience.RejectedException;
import dev.resilience.Review;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A {@link KeyedRateLimiter} in a pipeline. */
final class KeyedGate<K> extends Gate {
    private final KeyedRateLimiter<K> limiter;
    private final Settings settings;
    private final Function<? super CallContext, ? extends K> key;
    private final Pending pending = new Pending();

    KeyedGate(KeyedRateLimiter<K> limiter, Settings settings, Function<? super CallContext, ? extends K> key) {
        super(limiter.name(), limiter.clock());
        this.limiter = limiter;
        this.settings = settings;
        this.key = key;
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        K key = key(context);
        long n = cost(context);
        long wait = limiter.take(key, n);
        if (wait != Meter.GRANTED && !settings.shadow()) return notNow(context, key, wait);
        limiter.counting().granted(wait, n);
        return 0;
    }

    private long notNow(CallContext context, K key, long wait) {
        long own = wait == Meter.NEVER ? 0 : limiter.ownWait(key);
        if (wait <= own && wait < context.remainingNanos()) return WAIT;
        limiter.counting().granted(wait, 1);
        return refused(wait == Meter.NEVER ? 0 : wait > own ? wait - own : wait);
    }

    @Override
    protected long maxWaitNanos(CallContext context) {
        return limiter.ownWait(key(context)) + 1; // a wait of just that length is granted
    }

    /** Answers at once: with a time, or a refusal. */
    @Override
    protected void enqueue(Waiter waiter) {
        Answer answer = new Answer();
        long longest = waiter.deadline() - time().nanoTime() - 1;
        long n = cost(waiter.context());
        long wait = limiter.take(key(waiter.context()), n, longest, answer);
        if (!limiter.counting().granted(wait, n, answer)) {
            waiter.refuse(refused(wait == Meter.NEVER ? 0 : wait));
        } else if (answer.meter == null) {
            waiter.grant(0); // in the overflow: at once, and nothing to give back
        } else {
            pending.grant(waiter, answer);
        }
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        if (permit != Pending.NOT_PENDING) pending.settle(permit, verdict, time().nanoTime());
    }

    @Override
    protected RejectedException rejection(CallContext context, long refusal) {
        String limit = limiter.limit(key(context)).text();
        return new RateLimitedException(this, refusal, limit, cost(context));
    }

    @Override
    protected void review(Review review) {
        Duration maxWait = settings.maxWait();
        if (maxWait != null) Settings.review(review, this, maxWait);
    }

    @Override
    protected Map<String, String> settings() {
        Map<String, String> shown = new LinkedHashMap<>();
        shown.put("limit", limiter.shownLimit());
        shown.put("keys", String.valueOf(limiter.keys()));
        Duration maxWait = settings.maxWait();
        if (maxWait != null) shown.put("maxWait", Description.text(maxWait));
        settings.describe(shown);
        return shown;
    }

    private K key(CallContext context) {
        K found = key.apply(context);
        if (found == null) throw new NullPointerException(this + ": the key of a call must not be null");
        return found;
    }

    private long cost(CallContext context) {
        return settings.cost(context, this::report);
    }
}
