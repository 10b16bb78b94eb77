// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.ratelimit.RateLimiter.Carry;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** A token bucket or a pacer: one number, changed by CAS. */
/* Implementation notes (docs/internals/ratelimit.md)
 *
 * I1 tat is the state; SEALED_TAT ends it. A grant whose next state equals that value takes the one beside it.
 * I2 The clock is read once before the loop: an older reading only under-admits.
 * I3 A grant with a wait tells the ledger its action *before* its CAS, and reads what was refunded *before* the state
 *    (S22). What lowers tat holds the ledger's lock.
 * I4 Beyond idleNanos without a grant the difference tat - now is no longer true. The one who finds that moves tat to
 *    now, then writes granted, then grants; readers read tat before granted (S25). granted may be older than the last
 *    grant by a quarter of idleNanos, so that it is seldom written. 32 bytes in all.
 */
final class GcraMeter extends Meter {
    private static final long SEALED_TAT = Long.MIN_VALUE;

    private static final VarHandle TAT;
    private static final VarHandle GRANTED_AT;
    private static final VarHandle GCRA;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            TAT = lookup.findVarHandle(GcraMeter.class, "tat", long.class);
            GRANTED_AT = lookup.findVarHandle(GcraMeter.class, "granted", long.class);
            GCRA = lookup.findVarHandle(GcraMeter.class, "gcra", Gcra.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile long tat;
    private volatile Gcra gcra;
    /** A point of the clock, through GRANTED_AT; only where ticks are shorter than a nanosecond. */
    @SuppressWarnings("unused") // through GRANTED_AT
    private long granted;

    GcraMeter(Gcra gcra, long initial) {
        long now = gcra.time.nanoTime();
        this.granted = now;
        this.tat = open(gcra.ticks(now) + (gcra.burst - initial) * gcra.c);
        this.gcra = gcra;
    }

    /** Never the value that seals. */
    private static long open(long next) {
        return next == SEALED_TAT ? next + 1 : next;
    }

    @Override
    long take(long n) {
        Gcra g = gcra;
        if (n > g.heaviest()) return sealedOr(NEVER);
        long now = g.time.nanoTime();
        long nowT = g.ticks(now);
        for (; ; ) {
            long seen = tat;
            if (seen == SEALED_TAT) return SEALED;
            if (g.p != 1 && !awake(g, seen, now)) continue;
            long over = g.over(seen, nowT, n);
            if (over > 0) return refused(g, seen, over);
            if (TAT.compareAndSet(this, seen, open(g.next(seen, nowT, n)))) return GRANTED;
        }
    }

    private long sealedOr(long answer) {
        return tat == SEALED_TAT ? SEALED : answer;
    }

    /** Before a grant or a charge. False: the state was moved, look again (S25). */
    private boolean awake(Gcra g, long seen, long now) {
        long idle = now - (long) GRANTED_AT.getAcquire(this);
        if (idle <= g.idleNanos >> 2) return true;
        boolean asleep = idle > g.idleNanos;
        if (asleep && !TAT.compareAndSet(this, seen, open(g.ticks(now)))) return false;
        GRANTED_AT.setRelease(this, now);
        return !asleep;
    }

    /** The state as far as it can still be told from the clock; for those who only look. */
    private long current(Gcra g, long seen, long now) {
        boolean asleep = g.p != 1 && now - (long) GRANTED_AT.getAcquire(this) > g.idleNanos;
        return asleep ? g.ticks(now) : seen;
    }

    /** Nanoseconds to wait. No clock that only goes forward lets the state be farther ahead than the greatest debt. */
    private long refused(Gcra g, long seen, long over) {
        if (over > g.maxDebt + g.tau && rewound(g, seen)) return refused(g, tat, g.maxDebt);
        return g.nanosUp(over);
    }

    /** The clock has gone back: a lock-out ends with the greatest debt (S43). */
    private boolean rewound(Gcra g, long seen) {
        Ledger ledger = ledger();
        ledger.lock.lock();
        try {
            long most = g.ticks(g.time.nanoTime()) + g.tau + g.maxDebt;
            return seen - most > 0 && lower(ledger, seen, most);
        } finally {
            ledger.lock.unlock();
        }
    }

    /** Under the lock. */
    private boolean lower(Ledger ledger, long seen, long to) {
        long lowered = open(to);
        if (!TAT.compareAndSet(this, seen, lowered)) return false;
        ledger.lowered(seen - lowered);
        return true;
    }

    private Ledger ledger() {
        for (; ; ) {
            Gcra g = gcra;
            if (g.ledger != null) return g.ledger;
            long now = g.time.nanoTime();
            GCRA.compareAndSet(this, g, g.with(new Ledger(now, now - g.spanNanos())));
        }
    }

    @Override
    long look(long n) {
        Gcra g = gcra;
        if (n > g.heaviest()) return sealedOr(NEVER);
        long seen = tat;
        if (seen == SEALED_TAT) return SEALED;
        long now = g.time.nanoTime();
        return g.nanosUp(g.over(current(g, seen, now), g.ticks(now), n));
    }

    @Override
    long take(long n, long maxWaitNanos, Answer answer) {
        Gcra g = gcra;
        answer.n = n;
        answer.limit = g.limit;
        long now = g.time.nanoTime();
        long nowT = g.ticks(now);
        long longest = Math.min(g.maxWait, Gcra.times(Math.max(0, maxWaitNanos), g.p));
        for (; ; ) {
            Ledger ledger = gcra.ledger;
            long refunded = ledger == null ? 0 : ledger.refunded();
            long seen = tat;
            if (seen == SEALED_TAT) return SEALED;
            if (g.p != 1 && !awake(g, seen, now)) continue;
            if (n > g.heaviest()) return told(answer, g, seen - nowT, NEVER);
            long over = g.over(seen, nowT, n);
            if (over > longest) return told(answer, g, seen - nowT, refused(g, seen, over - longest));
            long wait = g.nanosUp(over);
            if (wait > 0) {
                if (ledger == null) {
                    ledger();
                    continue;
                }
                ledger.grantedFor(now + wait);
            }
            long next = open(g.next(seen, nowT, n));
            if (!TAT.compareAndSet(this, seen, next)) continue;
            answer.meter = this;
            answer.at = now + wait;
            answer.before = next - n * g.c;
            answer.after = next;
            answer.refundedBefore = refunded;
            told(answer, g, next - nowT, wait);
            return GRANTED;
        }
    }

    private static long told(Answer answer, Gcra g, long ahead, long wait) {
        answer.wait = wait;
        answer.remaining = g.remaining(ahead, 0);
        answer.resetAfter = g.nanosUp(ahead);
        return wait;
    }

    @Override
    long peek(long n, Answer answer) {
        Gcra g = gcra;
        answer.n = n;
        answer.limit = g.limit;
        long seen = tat;
        if (seen == SEALED_TAT) return SEALED;
        long now = g.time.nanoTime();
        long ahead = current(g, seen, now) - g.ticks(now);
        return told(answer, g, ahead, n > g.heaviest() ? NEVER : g.nanosUp(g.over(ahead, 0, n)));
    }

    @Override
    long takeUpTo(long n) {
        Gcra g = gcra;
        long now = g.time.nanoTime();
        long nowT = g.ticks(now);
        for (; ; ) {
            long seen = tat;
            if (seen == SEALED_TAT) return SEALED;
            if (g.p != 1 && !awake(g, seen, now)) continue;
            long some = Math.min(n, g.remaining(seen, nowT));
            if (some == 0 || TAT.compareAndSet(this, seen, open(g.next(seen, nowT, some)))) return some;
        }
    }

    @Override
    boolean charge(long n) {
        Gcra g = gcra;
        long cost = Math.min(Gcra.times(n, g.c), g.maxDebt + g.tau);
        return raise(g, cost, g.tau + g.maxDebt);
    }

    /** Adds ticks to what is missing, up to a most; more than that is left as it is. False when sealed. */
    private boolean raise(Gcra g, long ticks, long most) {
        long now = g.time.nanoTime();
        long nowT = g.ticks(now);
        for (; ; ) {
            long seen = tat;
            if (seen == SEALED_TAT) return false;
            if (g.p != 1 && !awake(g, seen, now)) continue;
            long ahead = Math.max(0, seen - nowT);
            if (ahead >= most) return true;
            if (TAT.compareAndSet(this, seen, open(nowT + Math.min(ahead + ticks, most)))) return true;
        }
    }

    @Override
    boolean drain() {
        Gcra g = gcra;
        return raise(g, g.tau, g.tau);
    }

    @Override
    boolean throttle(long nanos) {
        Gcra g = gcra;
        Ledger ledger = ledger();
        ledger.lock.lock();
        try {
            long d = Math.min(nanos, g.maxDebt / g.p);
            ledger.throttle(g.time.nanoTime() + d);
            return raise(g, g.tau + d * g.p, g.tau + d * g.p);
        } finally {
            ledger.lock.unlock();
        }
    }

    @Override
    boolean reset() {
        Gcra g = gcra;
        Ledger ledger = ledger();
        ledger.lock.lock();
        try {
            for (; ; ) {
                long seen = tat;
                if (seen == SEALED_TAT) return false;
                long now = g.time.nanoTime();
                long nowT = g.ticks(now);
                ledger.unthrottle(now - g.spanNanos());
                if (current(g, seen, now) - nowT <= 0 || lower(ledger, seen, nowT)) return true;
            }
        } finally {
            ledger.lock.unlock();
        }
    }

    @Override
    long giveBack(Answer answer) {
        Gcra g = gcra;
        Ledger ledger = ledger();
        ledger.lock.lock();
        try {
            for (; ; ) {
                long seen = tat;
                long now = g.time.nanoTime();
                if (seen == SEALED_TAT || now - answer.at > g.idleNanos) return 0;
                long refund = refund(g, ledger, answer, seen - g.ticks(now), now);
                if (refund <= 0) return 0;
                if (lower(ledger, seen, seen - refund)) return g.nanosUp(refund);
            }
        } finally {
            ledger.lock.unlock();
        }
    }

    /** S22: what nobody has built upon. Under the lock. */
    private static long refund(Gcra g, Ledger ledger, Answer answer, long ahead, long now) {
        long since = ledger.refunded() - answer.refundedBefore;
        long latest = Math.max(0, ledger.latest() - now) * g.p;
        long nowT = g.ticks(now);
        long taken = answer.after - answer.before;
        boolean newest = since == 0 && nowT + ahead == answer.after; // as if it had never been, to the tick
        long refund = newest ? taken : Math.min(taken, answer.after - nowT - since - latest);
        long throttled = ledger.throttleLeft(now);
        boolean floor = throttled > -g.spanNanos(); // empty at its end, and refilling
        return floor ? Math.min(refund, ahead - (g.tau + throttled * g.p)) : refund;
    }

    @Override
    long longestWait() {
        Gcra g = gcra;
        return g.maxWait / g.p;
    }

    @Override
    boolean waits() {
        return gcra.paced;
    }

    @Override
    boolean full() {
        Gcra g = gcra;
        long seen = tat;
        long now = g.time.nanoTime();
        return seen != SEALED_TAT && current(g, seen, now) - g.ticks(now) <= 0;
    }

    @Override
    boolean sealIfFull() {
        Gcra g = gcra;
        long seen = tat;
        long now = g.time.nanoTime();
        boolean full = seen != SEALED_TAT && current(g, seen, now) - g.ticks(now) <= 0;
        return full && TAT.compareAndSet(this, seen, SEALED_TAT);
    }

    @Override
    @Nullable
    Carried seal() {
        Gcra g = gcra;
        for (; ; ) {
            long seen = tat;
            if (seen == SEALED_TAT) return null;
            long now = g.time.nanoTime();
            long nowT = g.ticks(now);
            long ahead = Math.max(0, current(g, seen, now) - nowT);
            if (TAT.compareAndSet(this, seen, SEALED_TAT)) return carried(gcra, ahead, now);
        }
    }

    private Carried carried(Gcra g, long ahead, long now) {
        Carried carried = new Carried(this);
        carried.tokens = g.tau - ahead;
        carried.per = g.c;
        carried.capacity = g.burst;
        carried.debtNanos = g.nanosUp(ahead - g.tau);
        carried.busyNanos = g.nanosUp(ahead);
        carried.throttleNanos = throttleNanos(g.ledger, now);
        return carried;
    }

    private static long throttleNanos(@Nullable Ledger ledger, long now) {
        if (ledger == null) return 0;
        ledger.lock.lock();
        try {
            return Math.max(0, ledger.throttleLeft(now));
        } finally {
            ledger.lock.unlock();
        }
    }

    @Override
    void load(Carried carried, Carry carry) {
        Gcra g = gcra;
        long nowT = g.ticks(g.time.nanoTime());
        tat = open(g.missing(nowT, Carrying.missing(g, carried, carry)));
        if (carried.throttleNanos > 0) throttle(carried.throttleNanos);
    }

    /** For tests: how far the state is ahead of the clock, in ticks. */
    long aheadTicks() {
        Gcra g = gcra;
        return tat - g.ticks(g.time.nanoTime());
    }
}
