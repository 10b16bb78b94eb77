// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import dev.resilience.ratelimit.RateLimiter.Carry;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Everything or nothing; what is left of it is the throttle. */
final class OpenMeter extends Meter {
    /** No throttle, or one that is over. */
    private static final Throttle NONE = new Throttle(0);

    private static final Throttle CLOSED = new Throttle(0);

    private final Limit limit;
    private final TimeSource time;
    private final boolean open;
    private final AtomicReference<Throttle> throttle = new AtomicReference<>(NONE);

    OpenMeter(Limit limit, TimeSource time, boolean open) {
        this.limit = limit;
        this.time = time;
        this.open = open;
    }

    /** Told apart by identity. */
    private static final class Throttle {
        final long until;

        Throttle(long until) {
            this.until = until;
        }
    }

    private boolean over(Throttle seen) {
        return seen == NONE || (seen != CLOSED && seen.until - time.nanoTime() <= 0);
    }

    private Throttle current() {
        return Objects.requireNonNull(throttle.get());
    }

    @Override
    long take(long n) {
        if (!open) return current() == CLOSED ? SEALED : NEVER;
        Throttle now = current();
        if (now == NONE) return GRANTED;
        if (now == CLOSED) return SEALED;
        return Math.max(0, now.until - time.nanoTime());
    }

    @Override
    long look(long n) {
        return take(n);
    }

    @Override
    long take(long n, long maxWaitNanos, Answer answer) {
        long wait = peek(n, answer);
        if (wait == SEALED || wait == NEVER) return wait;
        long longest = Math.min(Math.max(0, maxWaitNanos), longestWait());
        if (wait > longest) {
            answer.wait = wait - longest;
            return answer.wait;
        }
        answer.at = time.nanoTime() + wait;
        answer.meter = this;
        return GRANTED;
    }

    @Override
    long peek(long n, Answer answer) {
        long wait = take(n);
        answer.n = n;
        answer.limit = limit;
        answer.wait = wait;
        answer.remaining = open && wait == GRANTED ? Long.MAX_VALUE : 0;
        answer.resetAfter = wait;
        return wait;
    }

    @Override
    long takeUpTo(long n) {
        long wait = take(n);
        return wait == SEALED ? SEALED : wait == GRANTED ? n : 0;
    }

    @Override
    boolean charge(long n) {
        return current() != CLOSED;
    }

    @Override
    boolean throttle(long nanos) {
        Throttle longer = new Throttle(time.nanoTime() + Math.min(nanos, longestWait()));
        for (; ; ) {
            Throttle seen = current();
            if (seen == CLOSED) return false;
            if (seen != NONE && longer.until - seen.until <= 0) return true;
            if (throttle.compareAndSet(seen, longer)) return true;
        }
    }

    @Override
    boolean drain() {
        return current() != CLOSED;
    }

    @Override
    boolean reset() {
        for (; ; ) {
            Throttle seen = current();
            if (seen == CLOSED) return false;
            if (throttle.compareAndSet(seen, NONE)) return true;
        }
    }

    @Override
    long giveBack(Answer answer) {
        return 0;
    }

    @Override
    long longestWait() {
        return SliceMeter.MOST_NANOS_AHEAD;
    }

    @Override
    boolean full() {
        Throttle seen = current();
        return over(seen);
    }

    @Override
    boolean sealIfFull() {
        Throttle seen = current();
        return over(seen) && throttle.compareAndSet(seen, CLOSED);
    }

    @Override
    @Nullable
    Carried seal() {
        Throttle seen = Objects.requireNonNull(throttle.getAndSet(CLOSED));
        if (seen == CLOSED) return null;
        Carried carried = new Carried(this);
        carried.tokens = open ? Long.MAX_VALUE : 0;
        carried.capacity = carried.tokens;
        carried.throttleNanos = seen == NONE ? 0 : Math.max(0, seen.until - time.nanoTime());
        carried.busyNanos = carried.throttleNanos;
        return carried;
    }

    @Override
    void load(Carried carried, Carry carry) {
        if (carried.throttleNanos > 0) throttle(carried.throttleNanos);
    }
}
