// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What refunds of one bucket need to know; made by the first wait, refund or throttle (S22). Everything that lowers the
 * bucket's state holds {@link #lock} and adds the amount to {@link #refunded}; grants never take it.
 */
final class Ledger {
    private static final VarHandle LATEST;

    static {
        try {
            LATEST = MethodHandles.lookup().findVarHandle(Ledger.class, "latest", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final ReentrantLock lock = new ReentrantLock();

    /** A: the latest action ever granted with a wait; a point of the clock, which ticks might outrun. Too late is harmless. */
    private volatile long latest;

    /** F: how much the state has been lowered in all, in ticks. Written under the lock. */
    private volatile long refunded;

    /** The end of the throttle, a point of the clock; passed when there is none. Under the lock. */
    private long throttledUntil;

    /** {@code longAgo}: when a throttle would have ended that no refund has to mind any more. */
    Ledger(long now, long longAgo) {
        this.latest = now;
        this.throttledUntil = longAgo;
    }

    /** Under the lock. */
    void throttle(long until) {
        if (until - throttledUntil > 0) throttledUntil = until;
    }

    /** Under the lock. */
    void unthrottle(long longAgo) {
        throttledUntil = longAgo;
    }

    /** How long the throttle still lasts, zero or less when it is over. Under the lock. */
    long throttleLeft(long now) {
        return throttledUntil - now;
    }

    long refunded() {
        return refunded;
    }

    /** Under the lock. */
    @SuppressWarnings("NonAtomicVolatileUpdate")
    void lowered(long ticks) {
        refunded += ticks;
    }

    long latest() {
        return latest;
    }

    /** Before the grant is made: who refunds meanwhile sees it. */
    void grantedFor(long action) {
        long seen = latest;
        while (action - seen > 0 && !LATEST.weakCompareAndSet(this, seen, action)) seen = latest;
    }
}
