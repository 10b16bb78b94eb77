// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Verdict;
import dev.resilience.breaker.CircuitBreaker.State;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * HALF_OPEN: a fixed number of slots, one per probe (S30).
 *
 * <p>Implementation notes:
 *
 * <ul>
 *   <li>I1: a slot is (start:61 | kind:3). FREE → LEASED → OK | FAILED | EXPIRED, or back to FREE when ignored; every step
 *       is a CAS from exactly the word that was read. OK, FAILED and EXPIRED are final.
 *   <li>I2: nobody leases a slot that is not FREE, and a permit is settled once: a LEASED slot that a report finds is its
 *       own, and otherwise the report is late.
 *   <li>I3: when all slots are final one of the verdicts holds, and every LEASED slot has a deadline: nothing wedges.
 * </ul>
 */
final class HalfOpen extends Regime {
    static final int MAX_PROBES = 1000;

    private static final int KIND_BITS = 3;
    private static final long KIND_MASK = (1L << KIND_BITS) - 1;
    private static final long FREE = 0;
    private static final long LEASED = 1;
    private static final long OK = 2;
    private static final long FAILED = 3;
    private static final long EXPIRED = 4;
    private static final long MAX_START = Long.MAX_VALUE >>> KIND_BITS;

    private final AtomicLongArray slots;
    private final long leaseNanos;
    private final int required;

    HalfOpen(Entry entry, Past past) {
        super(State.HALF_OPEN, entry, past, Admits.SOME);
        slots = new AtomicLongArray(settings().probes);
        leaseNanos = settings().leaseNanos;
        required = settings().requiredSuccesses;
    }

    @Override
    long admit(long now) {
        long leased = (Math.min(elapsed(now), MAX_START) << KIND_BITS) | LEASED;
        for (int slot = 0; slot < slots.length(); slot++) {
            long word = slots.get(slot);
            if (kind(word) == FREE && slots.compareAndSet(slot, word, leased)) {
                return permit(slot);
            }
        }
        return NO_PERMIT;
    }

    /**
     * A probe's report; {@code due} says afterwards what it leads to.
     *
     * @return whether it counted: false for an ignored one and for one that came too late
     */
    boolean report(long permit, Verdict verdict, long now) {
        int slot = (int) (permit & OWN_MASK);
        expire(elapsed(now));
        long word = slots.get(slot);
        if (kind(word) != LEASED) {
            return false;
        }
        long end = end(verdict, elapsed(now) - (word >>> KIND_BITS));
        return slots.compareAndSet(slot, word, end) && end != FREE;
    }

    private long end(Verdict verdict, long took) {
        if (verdict == Verdict.IGNORED) {
            return FREE;
        }
        return verdict == Verdict.SUCCESS && took <= settings().slowNanos ? OK : FAILED;
    }

    /** Marks the leases that have run out and answers what the slots say then. */
    @Override
    Finding due(long now) {
        expire(elapsed(now));
        int probes = slots.length();
        int passed = count(OK);
        if (passed >= required) {
            return Finding.PROBES_PASSED;
        }
        return failed() > probes - required ? Finding.PROBES_FAILED : Finding.NONE;
    }

    private void expire(long elapsed) {
        for (int slot = 0; slot < slots.length(); slot++) {
            long word = slots.get(slot);
            if (kind(word) == LEASED && elapsed - (word >>> KIND_BITS) >= leaseNanos) {
                slots.compareAndSet(slot, word, EXPIRED);
            }
        }
    }

    @Override
    Tally tally(long now) {
        return new Tally(count(OK) + failed(), failed(), 0);
    }

    /** The end of the oldest lease. */
    @Override
    long nextChange(long now) {
        long next = Long.MAX_VALUE;
        for (int slot = 0; slot < slots.length(); slot++) {
            long word = slots.get(slot);
            if (kind(word) == LEASED) {
                next = Math.min(next, Math.max(0, leaseNanos - (elapsed(now) - (word >>> KIND_BITS))));
            }
        }
        return next;
    }

    /** Why the probes led to OPEN. */
    String verdict() {
        int expired = count(EXPIRED);
        String why = failed() + " of " + slots.length() + " probes failed";
        return expired == 0
                ? why
                : why + ", " + expired + " of them did not report within " + Text.duration(leaseNanos);
    }

    @Override
    String why() {
        return "all " + slots.length() + " probes are taken";
    }

    private int failed() {
        return count(FAILED) + count(EXPIRED);
    }

    private int count(long kind) {
        int count = 0;
        for (int slot = 0; slot < slots.length(); slot++) {
            if (kind(slots.get(slot)) == kind) {
                count++;
            }
        }
        return count;
    }

    private static long kind(long word) {
        return word & KIND_MASK;
    }
}
