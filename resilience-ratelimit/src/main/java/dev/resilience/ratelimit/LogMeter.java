// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import dev.resilience.ratelimit.RateLimiter.Carry;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The sliding window that remembers each permit's time: exact, at sixteen bytes a permit and a short lock for each
 * asking. {@code n} permits fit when the permit that is {@code limit - n + 1} back has left the window.
 */
/* Implementation notes (docs/internals/ratelimit-windows.md)
 *
 * I1 Times never go down, also when the clock does: nobody is let in before the newest one, so who has reserved is not
 *    passed.
 * I2 The lock is taken before the clock is read (S24).
 * Times are nanoseconds since the origin.
 */
final class LogMeter extends Meter {
    private final Limit settings;
    private final TimeSource time;
    private final long limit;
    private final long window;
    private final ReentrantLock lock = new ReentrantLock();

    private long origin;
    private Stamps stamps;
    private long closedUntil;
    private boolean sealed;
    /** Grants of an earlier era give nothing back (L2). */
    private long era;

    LogMeter(Limit settings, int limit, long window, TimeSource time) {
        this.settings = settings;
        this.time = time;
        this.limit = limit;
        this.window = window;
        this.origin = time.nanoTime();
        this.stamps = new Stamps(limit);
    }

    private long now() {
        return time.nanoTime() - origin;
    }

    /** Not before the clock, the throttle, and who was there earlier. */
    private long earliest(long now) {
        return Math.max(Math.max(now, closedUntil), stamps.newest());
    }

    /** When n permits may be used. */
    private long timeFor(long n, long now) {
        long leaving = stamps.back((int) (limit - n));
        long earliest = earliest(now);
        return leaving == Stamps.NONE ? earliest : Math.max(earliest, leaving + window);
    }

    /** Permits that may be used now. */
    private long left(long now) {
        return earliest(now) > now ? 0 : Math.max(0, limit - stamps.after(now - window));
    }

    private long emptyAt() {
        return stamps.newest() == Stamps.NONE ? Stamps.NONE : stamps.newest() + window;
    }

    @Override
    long take(long n) {
        return take(n, true);
    }

    @Override
    long look(long n) {
        return take(n, false);
    }

    private long take(long n, boolean granting) {
        lock.lock();
        try {
            if (sealed) return SEALED;
            if (n > limit) return NEVER;
            long now = now();
            long wait = timeFor(n, now) - now;
            if (wait == 0 && granting) stamps.add(now, (int) n);
            return wait;
        } finally {
            lock.unlock();
        }
    }

    @Override
    long take(long n, long maxWaitNanos, Answer answer) {
        return ask(n, Math.min(Math.max(0, maxWaitNanos), longestWait()), true, answer);
    }

    @Override
    long peek(long n, Answer answer) {
        return ask(n, 0, false, answer);
    }

    private long ask(long n, long maxWait, boolean granting, Answer answer) {
        lock.lock();
        try {
            if (sealed) return SEALED;
            long now = now();
            long wait = n > limit ? NEVER : timeFor(n, now) - now;
            boolean fits = granting && wait <= maxWait;
            if (fits) stamps.add(now + wait, (int) n);
            answer.n = n;
            answer.limit = settings;
            answer.wait = fits || wait == NEVER || !granting ? wait : wait - maxWait;
            answer.remaining = left(now);
            answer.resetAfter = Math.max(0, Math.max(closedUntil, emptyAt()) - now);
            if (!fits) return answer.wait;
            answer.meter = this;
            answer.at = origin + now + wait;
            answer.refundedBefore = era;
            return GRANTED;
        } finally {
            lock.unlock();
        }
    }

    @Override
    long takeUpTo(long n) {
        lock.lock();
        try {
            if (sealed) return SEALED;
            long now = now();
            long some = Math.min(n, left(now));
            stamps.add(now, (int) some);
            return some;
        } finally {
            lock.unlock();
        }
    }

    /** More than the limit at one time holds it up no longer than the limit does. */
    @Override
    boolean charge(long n) {
        lock.lock();
        try {
            if (!sealed) stamps.add(Math.max(now(), stamps.newest()), (int) Math.min(n, limit));
            return !sealed;
        } finally {
            lock.unlock();
        }
    }

    @Override
    boolean drain() {
        lock.lock();
        try {
            if (sealed) return false;
            long at = Math.max(now(), stamps.newest());
            stamps.add(at, (int) Math.max(0, limit - stamps.after(at - window)));
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    boolean throttle(long nanos) {
        lock.lock();
        try {
            closedUntil = Math.max(closedUntil, now() + Math.min(nanos, SliceMeter.MOST_NANOS_AHEAD));
            return !sealed;
        } finally {
            lock.unlock();
        }
    }

    @Override
    boolean reset() {
        lock.lock();
        try {
            if (sealed) return false;
            stamps = new Stamps((int) limit);
            closedUntil = 0;
            era++;
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    long giveBack(Answer answer) {
        lock.lock();
        try {
            if (sealed || answer.refundedBefore != era) return 0;
            long busy = emptyAt();
            if (!stamps.remove(answer.at - origin, (int) answer.n)) return 0;
            return busy - Math.max(Math.min(busy, now()), emptyAt());
        } finally {
            lock.unlock();
        }
    }

    @Override
    long longestWait() {
        return SliceMeter.MOST_NANOS_AHEAD;
    }

    @Override
    boolean full() {
        lock.lock();
        try {
            long now = now();
            return !sealed && earliest(now) <= now && emptyAt() <= now;
        } finally {
            lock.unlock();
        }
    }

    @Override
    boolean sealIfFull() {
        lock.lock();
        try {
            boolean full = full();
            sealed |= full;
            return full;
        } finally {
            lock.unlock();
        }
    }

    @Override
    @Nullable
    Carried seal() {
        lock.lock();
        try {
            if (sealed) return null;
            sealed = true;
            long now = now();
            long left = limit - stamps.after(Math.max(now, stamps.newest()) - window);
            boolean debt = left < 0 || stamps.newest() > now;
            Carried carried = new Carried(this);
            carried.tokens = debt ? Math.min(left, -1) : left;
            carried.capacity = limit;
            carried.debtNanos = debt ? timeFor(1, now) - now : 0;
            carried.busyNanos = Math.max(0, Math.max(closedUntil, emptyAt()) - now);
            carried.throttleNanos = Math.max(0, closedUntil - now);
            return carried;
        } finally {
            lock.unlock();
        }
    }

    @Override
    void load(Carried carried, Carry carry) {
        lock.lock();
        try {
            boolean sameKind = carried.from instanceof LogMeter;
            if (sameKind) adopt((LogMeter) carried.from);
            long now = now();
            long at = Math.max(now, stamps.newest());
            long missing = sameKind
                    ? WindowCarry.difference(limit, stamps.after(at - window), carried, carry)
                    : WindowCarry.used(limit, carried, carry);
            stamps.removeNewest((int) Math.max(0, -missing));
            stamps = stamps.copy((int) limit, Stamps.NONE);
            stamps.add(at, (int) Math.max(0, Math.min(missing, limit)));
            closedUntil = now + carried.debtNanos;
            if (carried.throttleNanos > 0) throttle(carried.throttleNanos);
        } finally {
            lock.unlock();
        }
    }

    private void adopt(LogMeter from) {
        from.lock.lock();
        try {
            origin = from.origin;
            stamps = from.stamps.copy((int) from.limit, from.now() - from.window);
        } finally {
            from.lock.unlock();
        }
    }
}
