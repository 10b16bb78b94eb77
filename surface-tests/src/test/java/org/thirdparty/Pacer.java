// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.Waiter;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A third party's gate that spaces calls: each gets its time at once and proceeds then. */
public final class Pacer extends Gate {
    private final ReentrantLock lock = new ReentrantLock();
    private final long interval;
    private long next;

    public Pacer(String name, Duration interval, TimeSource time) {
        super(name, time);
        this.interval = TimeSource.nanos(interval);
        this.next = time.nanoTime();
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        return WAIT;
    }

    @Override
    protected void enqueue(Waiter waiter) {
        long at;
        lock.lock();
        try {
            long now = time().nanoTime();
            at = now - next > 0 ? now : next;
            if (at - waiter.deadline() < 0) next = at + interval;
        } finally {
            lock.unlock();
        }
        if (!waiter.grantAt(0, at)) waiter.refuse(refused(at - time().nanoTime()));
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        // a time that was given is spent
    }
}
