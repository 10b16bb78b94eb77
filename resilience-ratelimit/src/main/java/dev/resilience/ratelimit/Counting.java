// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.ratelimit.Decision.Source;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What a limiter counts once somebody has looked: until then each of these methods is one read and a null check, and a
 * refusal writes nothing (L15). One for all keys of a keyed limiter, so that it outlives their places.
 */
@SuppressWarnings("EnumOrdinal") // within one run
final class Counting {
    private static final VarHandle COUNTS;
    private static final int SOURCES = Source.values().length;

    static {
        try {
            COUNTS = MethodHandles.lookup().findVarHandle(Counting.class, "counts", Counts.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final boolean shadow;
    private volatile @Nullable Counts counts;

    /** A limiter that shadows has no other purpose than to count, and begins at once. */
    Counting(boolean shadow) {
        this.shadow = shadow;
        this.counts = shadow ? new Counts() : null;
    }

    /**
     * Striped, so that watching adds no contended line. Sums of permits are doubles: exact up to 2^53, and nobody can
     * make them negative by asking for more than a long holds.
     */
    private static final class Counts {
        final LongAdder[] permitted = adders();
        final LongAdder[] rejected = adders();
        final LongAdder shadowRejected = new LongAdder();
        /** Permits beyond the first of each grant: the common call adds nothing here. */
        final DoubleAdder more = new DoubleAdder();

        final DoubleAdder charged = new DoubleAdder();
        final DoubleAdder refunded = new DoubleAdder();
        final LongAdder waits = new LongAdder();
        final DoubleAdder waitedNanos = new DoubleAdder();

        private static LongAdder[] adders() {
            LongAdder[] adders = new LongAdder[SOURCES];
            for (int source = 0; source < SOURCES; source++) adders[source] = new LongAdder();
            return adders;
        }
    }

    /** An answer of a meter; true when granted. */
    boolean granted(long wait, long n) {
        Counts now = counts;
        if (now != null) count(now, Source.LOCAL, wait == Meter.GRANTED, n);
        return wait == Meter.GRANTED;
    }

    /** The same for an answer that may be for a later time; the grant knows from here on who counts its refund. */
    boolean granted(long wait, long n, Answer answer) {
        boolean granted = granted(wait, n);
        if (granted) answer.counting = this;
        Counts now = counts;
        if (now != null && granted && answer.wait > 0 && !shadow) {
            now.waits.increment();
            now.waitedNanos.add((double) answer.wait);
        }
        return granted;
    }

    /** So many of n were there; tells how many pass. */
    long partly(long taken, long n) {
        boolean enough = shadow ? taken == n : taken > 0;
        granted(enough ? Meter.GRANTED : Meter.NEVER, taken);
        return shadow ? n : taken;
    }

    /** A decision about which a store may have been asked. */
    void decided(Source source, boolean granted, long n) {
        Counts now = counts;
        if (now != null) count(now, source, granted, n);
    }

    private void count(Counts now, Source source, boolean granted, long n) {
        if (granted) {
            now.permitted[source.ordinal()].increment();
            if (n > 1) now.more.add((double) (n - 1));
        } else if (shadow) {
            now.shadowRejected.increment();
        } else {
            now.rejected[source.ordinal()].increment();
        }
    }

    void charged(long n) {
        Counts now = counts;
        if (now != null) now.charged.add((double) n);
    }

    void refunded(long n) {
        Counts now = counts;
        if (now != null) now.refunded.add((double) n);
    }

    /** The numbers so far; the first look begins to count. */
    LimiterSnapshot look() {
        Counts now = counts;
        if (now == null) {
            COUNTS.compareAndSet(this, null, new Counts());
            return look();
        }
        long[] permitted = sums(now.permitted);
        long[] rejected = sums(now.rejected);
        return new LimiterSnapshot(permitted, rejected, now.shadowRejected.sum(), new double[] {
            now.more.sum(), now.charged.sum(), now.refunded.sum(), now.waits.sum(), now.waitedNanos.sum()
        });
    }

    private static long[] sums(LongAdder[] adders) {
        long[] sums = new long[adders.length];
        for (int i = 0; i < sums.length; i++) sums[i] = adders[i].sum();
        return sums;
    }
}
