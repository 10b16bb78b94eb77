// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import dev.resilience.ratelimit.RateLimiter.Carry;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Several buckets that grant together or not at all: their states are one immutable array, changed by one CAS (S23). */
/* Implementation notes (docs/internals/ratelimit-windows.md)
 *
 * I1 A grant for a later time a counts in every bucket at a, not when each alone would have let it pass: the action is
 *    at a, and the bound is about actions.
 * I2 As in a single bucket: what lowers a state holds the lock and adds the amount to refunded; a grant with a wait
 *    publishes its time in latest before its CAS, and reads refunded before the state (S22).
 * I3 Taking back the newest grant restores the array before it, exactly. Otherwise each bucket gets back by its own rule.
 */
final class CombinedMeter extends Meter {
    private static final long[] SEALED_STATE = {};
    private static final VarHandle STATE;
    private static final VarHandle LATEST;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            STATE = lookup.findVarHandle(CombinedMeter.class, "state", long[].class);
            LATEST = lookup.findVarHandle(CombinedMeter.class, "latest", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final TimeSource time;
    private final Gcra[] parts;
    private final long longestWait;
    /** After so long without a grant all are surely full, and differences of ticks are still true (S25). */
    private final long idleNanos;

    private final boolean waits;
    private final ReentrantLock lock = new ReentrantLock();

    private volatile long[] state;
    /** When the last grant was, give or take a quarter of {@link #idleNanos}. */
    private volatile long granted;
    /** The latest action ever granted with a wait; the beginning when there was none. */
    private volatile long latest;
    /** By part, how much its state has been lowered in all. Replaced under the lock. */
    private volatile long[] refunded;
    /** No refund goes below a throttle. Under the lock. */
    private long closedUntil;

    /** Sealed: the states and the clock then. */
    private long[] left = SEALED_STATE;

    private long leftAt;

    CombinedMeter(List<Gcra> parts, long[] initial, TimeSource time) {
        this.time = time;
        this.parts = parts.toArray(Gcra[]::new);
        long now = time.nanoTime();
        long wait = Long.MAX_VALUE;
        long idle = Long.MAX_VALUE;
        boolean paced = false;
        long[] begin = new long[this.parts.length];
        for (int i = 0; i < begin.length; i++) {
            Gcra g = this.parts[i];
            begin[i] = g.ticks(now) + (g.burst - initial[i]) * g.c;
            wait = Math.min(wait, g.maxWait / g.p);
            idle = Math.min(idle, g.idleNanos);
            paced |= g.paced;
        }
        this.longestWait = wait;
        this.idleNanos = idle;
        this.waits = paced;
        this.granted = now;
        this.latest = now;
        this.closedUntil = now;
        this.refunded = new long[begin.length];
        this.state = begin;
    }

    /** The longest wait of all parts; the part it belongs to is found by {@link #binding}. Zero for now. */
    private long wait(long[] tats, long now, long n) {
        long wait = 0;
        for (int i = 0; i < parts.length; i++) {
            Gcra g = parts[i];
            if (n > g.heaviest()) return NEVER;
            wait = Math.max(wait, g.nanosUp(g.over(tats[i], g.ticks(now), n)));
        }
        return wait;
    }

    /** Before a grant: after a very long pause differences of ticks are no longer true (S25). */
    private boolean awake(long[] seen, long now) {
        long idle = now - granted;
        if (idle <= idleNanos >> 2) return true;
        boolean asleep = idle > idleNanos;
        if (asleep && !STATE.compareAndSet(this, seen, full(now))) return false;
        granted = now;
        return !asleep;
    }

    /** The states as far as they can still be told from the clock; for those who only look. */
    private long[] current(long[] seen, long now) {
        return now - granted > idleNanos ? full(now) : seen;
    }

    private long[] full(long now) {
        long[] full = new long[parts.length];
        for (int i = 0; i < full.length; i++) full[i] = parts[i].ticks(now);
        return full;
    }

    /** S23: all act at {@code now + wait}. */
    private long[] next(long[] tats, long now, long wait, long n) {
        long[] next = new long[parts.length];
        for (int i = 0; i < next.length; i++) next[i] = parts[i].next(tats[i], parts[i].ticks(now + wait), n);
        return next;
    }

    @Override
    long take(long n) {
        long now = time.nanoTime();
        for (; ; ) {
            long[] seen = state;
            if (seen == SEALED_STATE) return SEALED;
            if (!awake(seen, now)) continue;
            long wait = wait(seen, now, n);
            if (wait > 0 || STATE.compareAndSet(this, seen, next(seen, now, 0, n))) return wait;
        }
    }

    @Override
    long look(long n) {
        long[] seen = state;
        long now = time.nanoTime();
        return seen == SEALED_STATE ? SEALED : wait(current(seen, now), now, n);
    }

    @Override
    long take(long n, long maxWaitNanos, Answer answer) {
        long now = time.nanoTime();
        long longest = Math.min(longestWait, Math.max(0, maxWaitNanos));
        for (; ; ) {
            long[] before = refunded;
            long[] seen = state;
            if (seen == SEALED_STATE) return SEALED;
            if (!awake(seen, now)) continue;
            long wait = wait(seen, now, n);
            if (wait > longest) return refused(answer, seen, now, n, wait == NEVER ? NEVER : wait - longest);
            if (wait > 0) grantedFor(now + wait);
            long[] next = next(seen, now, wait, n);
            if (!STATE.compareAndSet(this, seen, next)) continue;
            answer.meter = this;
            answer.at = now + wait;
            answer.token = new Grant(seen, next, before);
            told(answer, next, now, n, wait);
            answer.limit = parts[scarcest(next, now)].limit;
            return GRANTED;
        }
    }

    /** What was there before a grant, and right after it. */
    private static final class Grant {
        final long[] before;
        final long[] after;
        final long[] refundedBefore;

        Grant(long[] before, long[] after, long[] refundedBefore) {
            this.before = before;
            this.after = after;
            this.refundedBefore = refundedBefore;
        }
    }

    private long refused(Answer answer, long[] tats, long now, long n, long wait) {
        told(answer, tats, now, n, wait);
        answer.limit = parts[binding(tats, now, n)].limit;
        return wait;
    }

    private void told(Answer answer, long[] tats, long now, long n, long wait) {
        answer.n = n;
        answer.wait = wait;
        answer.remaining = remaining(tats, now);
        answer.resetAfter = 0;
        for (int i = 0; i < parts.length; i++) {
            long reset = parts[i].nanosUp(tats[i] - parts[i].ticks(now));
            answer.resetAfter = Math.max(answer.resetAfter, reset);
        }
    }

    private long remaining(long[] tats, long now) {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < parts.length; i++) {
            least = Math.min(least, parts[i].remaining(tats[i], parts[i].ticks(now)));
        }
        return least;
    }

    /** The part that refuses longest. */
    private int binding(long[] tats, long now, long n) {
        int binding = 0;
        long longest = -1;
        for (int i = 0; i < parts.length; i++) {
            Gcra g = parts[i];
            long wait = n > g.heaviest() ? NEVER : g.nanosUp(g.over(tats[i], g.ticks(now), n));
            if (wait > longest) binding = i;
            longest = Math.max(longest, wait);
        }
        return binding;
    }

    /** The part that has least left. */
    private int scarcest(long[] tats, long now) {
        int scarcest = 0;
        long least = Long.MAX_VALUE;
        for (int i = 0; i < parts.length; i++) {
            long left = parts[i].remaining(tats[i], parts[i].ticks(now));
            if (left < least) scarcest = i;
            least = Math.min(least, left);
        }
        return scarcest;
    }

    private void grantedFor(long action) {
        long seen = latest;
        while (action - seen > 0 && !LATEST.weakCompareAndSet(this, seen, action)) seen = latest;
    }

    @Override
    long peek(long n, Answer answer) {
        long[] seen = state;
        if (seen == SEALED_STATE) return SEALED;
        long now = time.nanoTime();
        long[] tats = current(seen, now);
        return refused(answer, tats, now, n, wait(tats, now, n));
    }

    @Override
    long takeUpTo(long n) {
        long now = time.nanoTime();
        for (; ; ) {
            long[] seen = state;
            if (seen == SEALED_STATE) return SEALED;
            if (!awake(seen, now)) continue;
            long some = Math.min(n, remaining(seen, now));
            if (some == 0 || STATE.compareAndSet(this, seen, next(seen, now, 0, some))) return some;
        }
    }

    @Override
    boolean drain() {
        return takeUpTo(Long.MAX_VALUE) != SEALED;
    }

    @Override
    boolean charge(long n) {
        return raise(i -> Math.min(Gcra.times(n, parts[i].c), parts[i].maxDebt + parts[i].tau), false);
    }

    @Override
    boolean throttle(long nanos) {
        lock.lock();
        try {
            long some = Math.min(nanos, longestDebt());
            long until = time.nanoTime() + some;
            if (until - closedUntil > 0) closedUntil = until;
            return raise(i -> parts[i].tau + parts[i].debt(some), true);
        } finally {
            lock.unlock();
        }
    }

    private long longestDebt() {
        long longest = Long.MAX_VALUE;
        for (Gcra g : parts) longest = Math.min(longest, g.maxDebt / g.p);
        return longest;
    }

    private interface Ticks {
        long of(int part);
    }

    /** Moves each state ahead of the clock: by so many ticks, or to so many. Never back. */
    private boolean raise(Ticks ticks, boolean to) {
        long now = time.nanoTime();
        for (; ; ) {
            long[] seen = state;
            if (seen == SEALED_STATE) return false;
            if (!awake(seen, now)) continue;
            long[] next = new long[parts.length];
            for (int i = 0; i < next.length; i++) {
                Gcra g = parts[i];
                long ahead = Math.max(0, seen[i] - g.ticks(now));
                long wanted = to ? ticks.of(i) : Math.min(ahead + ticks.of(i), g.tau + g.maxDebt);
                next[i] = g.ticks(now) + Math.max(ahead, wanted);
            }
            if (STATE.compareAndSet(this, seen, next)) return true;
        }
    }

    @Override
    boolean reset() {
        lock.lock();
        try {
            for (; ; ) {
                long[] seen = state;
                if (seen == SEALED_STATE) return false;
                long now = time.nanoTime();
                closedUntil = now;
                if (lower(seen, full(now))) return true;
            }
        } finally {
            lock.unlock();
        }
    }

    /** Under the lock. */
    private boolean lower(long[] seen, long[] to) {
        if (!STATE.compareAndSet(this, seen, to)) return false;
        long[] sum = refunded.clone();
        for (int i = 0; i < sum.length; i++) sum[i] += seen[i] - to[i];
        refunded = sum;
        return true;
    }

    @Override
    long giveBack(Answer answer) {
        if (!(answer.token instanceof Grant grant)) return 0;
        lock.lock();
        try {
            for (; ; ) {
                long[] seen = state;
                long now = time.nanoTime();
                if (seen == SEALED_STATE || now - answer.at > idleNanos) return 0;
                long[] to = seen == grant.after ? grant.before : lowered(seen, grant, answer.n, now);
                long earlier = earlier(seen, to);
                if (earlier <= 0) return 0;
                if (lower(seen, to)) return earlier;
            }
        } finally {
            lock.unlock();
        }
    }

    /** S22, for each part on its own: what nobody has built upon. */
    private long[] lowered(long[] seen, Grant grant, long n, long now) {
        long floor = latest - now > 0 ? latest : now;
        long[] to = seen.clone();
        for (int i = 0; i < to.length; i++) {
            Gcra g = parts[i];
            long since = refunded[i] - grant.refundedBefore[i];
            long refund = Math.min(n * g.c, grant.after[i] - since - g.ticks(floor));
            if (closedUntil - now > 0) refund = Math.min(refund, seen[i] - (g.ticks(closedUntil) + g.tau));
            to[i] = seen[i] - Math.max(0, refund);
        }
        return to;
    }

    private long earlier(long[] from, long[] to) {
        long earlier = 0;
        for (int i = 0; i < from.length; i++) earlier = Math.max(earlier, parts[i].nanosUp(from[i] - to[i]));
        return earlier;
    }

    @Override
    long longestWait() {
        return longestWait;
    }

    @Override
    boolean waits() {
        return waits;
    }

    @Override
    boolean full() {
        long[] seen = state;
        return seen != SEALED_STATE && full(seen, time.nanoTime());
    }

    private boolean full(long[] seen, long now) {
        long[] tats = current(seen, now);
        for (int i = 0; i < tats.length; i++) {
            if (tats[i] - parts[i].ticks(now) > 0) return false;
        }
        return true;
    }

    @Override
    boolean sealIfFull() {
        long[] seen = state;
        return seen != SEALED_STATE && full(seen, time.nanoTime()) && STATE.compareAndSet(this, seen, SEALED_STATE);
    }

    @Override
    @Nullable
    Carried seal() {
        lock.lock();
        try {
            for (; ; ) {
                long[] seen = state;
                if (seen == SEALED_STATE) return null;
                long now = time.nanoTime();
                long[] tats = current(seen, now);
                if (!STATE.compareAndSet(this, seen, SEALED_STATE)) continue;
                left = tats;
                leftAt = now;
                return carried();
            }
        } finally {
            lock.unlock();
        }
    }

    /** What all leave together: the fewest permits, and as long in debt and from being full as the last of them. */
    private Carried carried() {
        Carried all = carried(0);
        for (int i = 1; i < parts.length; i++) {
            Carried one = carried(i);
            Carried fewest = one.fewerThan(all) ? one : all;
            fewest.debtNanos = Math.max(one.debtNanos, all.debtNanos);
            fewest.busyNanos = Math.max(one.busyNanos, all.busyNanos);
            all = fewest;
        }
        return all;
    }

    /** What a part leaves. Sealed, by the thread that has sealed it. */
    private Carried carried(int i) {
        Gcra g = parts[i];
        long ahead = Math.max(0, left[i] - g.ticks(leftAt));
        Carried carried = new Carried(this);
        carried.tokens = g.tau - ahead;
        carried.per = g.c;
        carried.capacity = g.burst;
        carried.debtNanos = g.nanosUp(ahead - g.tau);
        carried.busyNanos = g.nanosUp(ahead);
        carried.throttleNanos = Math.max(0, closedUntil - leftAt);
        return carried;
    }

    /** Of its own kind, part by part in their order, and one that is new begins as it does; else each from the one. */
    @Override
    void load(Carried carried, Carry carry) {
        CombinedMeter from = carried.from instanceof CombinedMeter several ? several : null;
        long now = time.nanoTime();
        long[] loaded = state.clone();
        for (int i = 0; i < loaded.length; i++) {
            if (from != null && i >= from.parts.length) break;
            Carried part = from == null ? carried : from.carried(i);
            loaded[i] = parts[i].missing(parts[i].ticks(now), Carrying.missing(parts[i], part, carry));
        }
        state = loaded;
        if (carried.throttleNanos > 0) throttle(carried.throttleNanos);
    }
}
