// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import dev.resilience.CallContext;
import dev.resilience.Description;
import dev.resilience.Gate;
import dev.resilience.Policy;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** A third party's gate with leases: at most a few calls at once, one that does not report in time is written off. */
public final class SlowCallGate extends Gate {
    private static final int SLOTS = 2;

    private final LongAdder slow = new LongAdder();
    private final AtomicLongArray leases = new AtomicLongArray(SLOTS); // when it ends, 0 = free
    private final long slowerThan;
    private final long lease;

    public SlowCallGate(String name, Duration slowerThan, Duration lease, TimeSource time) {
        super(name, time);
        this.slowerThan = TimeSource.nanos(slowerThan);
        this.lease = TimeSource.nanos(lease);
    }

    @Override
    protected boolean timed() {
        return true;
    }

    @Override
    protected Map<String, String> settings() {
        return Map.of("slowerThan", Description.text(Duration.ofNanos(slowerThan)));
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        long soonest = Long.MAX_VALUE;
        for (int slot = 0; slot < SLOTS; slot++) {
            long until = leases.get(slot);
            if (until == 0 || now - until >= 0) {
                if (leases.compareAndSet(slot, until, leaseFrom(now))) return slot;
            } else {
                soonest = Math.min(soonest, until - now);
            }
        }
        return refused(soonest);
    }

    /** Never 0, which means free. */
    private long leaseFrom(long now) {
        return now + lease | 1;
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        if (!leases.compareAndSet((int) permit, leaseFrom(admittedAt), 0)) return; // written off: late is harmless
        if (verdict != Verdict.IGNORED && now - admittedAt > slowerThan) slow.increment();
    }

    public long slow() {
        return slow.sum();
    }

    @Override
    protected RejectedException rejection(CallContext context, long refusal) {
        return new BusyException(this, refusal);
    }

    public static final class BusyException extends RejectedException {
        private static final long serialVersionUID = 1L;

        BusyException(Policy policy, long refusal) {
            super(policy, refusal, null);
        }

        @Override
        public String getMessage() {
            return policy() + " is busy; a lease ends in " + retryAfter().orElseThrow();
        }
    }
}
