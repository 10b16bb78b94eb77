// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What is known here about one key of a shared limit: permits that were leased, and the last refusal. Forgetting it
 * loses leased permits, which were charged, and nothing else.
 */
final class Near {
    /** Permits that the store has charged; spent by CAS, dropped by time (S45: never given back, so none is twice). */
    private static final class Lease {
        final AtomicLong left;
        final long size;
        final long from;
        final long until;

        Lease(long size, long left, long from, long until) {
            this.size = size;
            this.left = new AtomicLong(left);
            this.from = from;
            this.until = until;
        }
    }

    /** The store refused n permits: they and more are refused until then, if nobody resets the limit (S44). */
    private record Refusal(long n, long until, long wouldPass, Answer answer) {}

    private volatile @Nullable Lease lease;
    private volatile @Nullable Refusal refusal;
    /** One caller at a time leases; the others ask for what they need. */
    private final AtomicBoolean leasing = new AtomicBoolean();

    /** Takes n leased permits. */
    boolean spend(long n, long now) {
        Lease own = lease;
        if (own == null || now - own.until >= 0) return false;
        for (long left = own.left.get(); left >= n; left = own.left.get()) {
            if (own.left.compareAndSet(left, left - n)) return true;
        }
        return false;
    }

    long leased(long now) {
        Lease own = lease;
        return own == null || now - own.until >= 0 ? 0 : own.left.get();
    }

    /** How many permits to lease for n that are wanted now, by what the last lease was good for; 0 for none. */
    long batch(long n, long now, long lambda, long most) {
        if (most <= n || !leasing.compareAndSet(false, true)) return 0;
        Lease last = lease;
        if (last == null) return n;
        double used = (double) (last.size - last.left.get());
        double elapsed = (double) Math.max(Math.max(1, lambda / 64), now - last.from);
        double demand = now - last.until >= lambda ? 0 : Math.ceil(used * lambda / elapsed);
        return demand >= most ? most : Math.max(n, (long) demand);
    }

    /** After {@link #batch} was not 0. The time is from before the store was asked: it has charged later than that. */
    void leased(long batch, long spent, long asked, long lambda) {
        if (batch > 0) lease = new Lease(batch, batch - spent, asked, asked + lambda);
        leasing.set(false);
    }

    /** The time is from before the store was asked: it has refused later than that. */
    void refused(Answer answer, long asked, long longest) {
        long holds = Math.min(answer.wait, longest);
        if (holds > 0) refusal = new Refusal(answer.n, asked + holds, asked + answer.wait, answer);
    }

    /** Whether n are known to be refused; fills in the answer. */
    boolean refuses(long n, long now, Answer answer) {
        Refusal known = refusal;
        if (known == null || n < known.n || now - known.until >= 0) return false;
        answer.n = n;
        answer.limit = known.answer.limit;
        answer.wait = known.answer.wait == Meter.NEVER ? Meter.NEVER : Math.max(1, known.wouldPass - now);
        answer.remaining = known.answer.remaining;
        answer.resetAfter = known.answer.resetAfter;
        return true;
    }
}
