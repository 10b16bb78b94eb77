// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What a cache counts once somebody has looked: until then each count is one read and a null check. Striped, so that a
 * hit adds no contended line; no clock is read for it and nothing is allocated.
 */
final class CacheCounts {
    private static final VarHandle ADDERS;

    static {
        try {
            ADDERS = MethodHandles.lookup().findVarHandle(CacheCounts.class, "adders", LongAdder[].class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    static final int HITS = 0;
    static final int MISSES = 1;
    static final int STALE = 2;
    static final int LOADS = 3;
    static final int LOAD_FAILURES = 4;
    static final int LOAD_NANOS = 5;
    static final int REFRESHES = 6;
    static final int REFRESH_FAILURES = 7;
    static final int REFRESHES_SKIPPED = 8;
    static final int UNPUBLISHED = 9;
    static final int EVICTIONS = 10;
    static final int INVALIDATIONS = 11;
    static final int WRITES = 12;
    static final int WRITE_FAILURES = 13;
    static final int LATE_WRITES = 14;
    private static final int KINDS = 15;

    private volatile LongAdder @Nullable [] adders;

    void count(int kind) {
        LongAdder[] now = adders;
        if (now != null) now[kind].increment();
    }

    void count(int kind, long n) {
        LongAdder[] now = adders;
        if (now != null) now[kind].add(n);
    }

    /** The sums so far; the first look begins to count. */
    long[] look() {
        LongAdder[] now = adders;
        if (now == null) {
            LongAdder[] fresh = new LongAdder[KINDS];
            for (int kind = 0; kind < KINDS; kind++) fresh[kind] = new LongAdder();
            ADDERS.compareAndSet(this, null, fresh);
            return look();
        }
        long[] sums = new long[KINDS];
        for (int kind = 0; kind < KINDS; kind++) sums[kind] = now[kind].sum();
        return sums;
    }
}
