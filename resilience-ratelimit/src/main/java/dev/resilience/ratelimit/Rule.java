// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a limit is kept where a key has no place of its own (docs/internals/ratelimit-keyed.md): by a bucket that never
 * lets more pass.
 *
 * @param limit of the key
 * @param gcra the bucket; null when everything or nothing passes
 * @param own the arithmetic that all places of this limit share; null when each has its own
 * @param exact whether a place can take over what the bucket owes, to the tick
 * @param quietNanos how long after the bucket is full again a new place would answer as it does
 */
record Rule(Limit limit, @Nullable Gcra gcra, @Nullable Gcra own, boolean exact, long quietNanos) {
    static Rule of(Limit limit, TimeSource time) {
        if (limit instanceof OpenLimit) return new Rule(limit, null, null, true, 0);
        if (limit instanceof Limit.Bucket bucket) {
            Gcra gcra = bucket.gcra(time);
            return new Rule(limit, gcra, gcra, true, 0);
        }
        if (limit instanceof PacedLimit paced) {
            Gcra gcra = paced.gcra(time);
            return new Rule(limit, gcra.even(), gcra, true, 0);
        }
        if (limit instanceof CombinedLimit combined) return new Rule(limit, tightest(combined, time), null, false, 0);
        return new Rule(limit, half(limit).gcra(time), null, false, limit.windowNanos());
    }

    /**
     * Never more in any window of this length, and half of it at once: keeps any kind of window. One at a time, where
     * half of it would take longer to come back than ticks can count (L10).
     */
    private static Limit.Bucket half(Limit limit) {
        long quota = limit.quota();
        Duration window = Duration.ofNanos(limit.windowNanos());
        Limit.Bucket half = Limit.strict(quota, window, (quota + 1) / 2);
        List<String> problems = new ArrayList<>();
        half.check(problems);
        return problems.isEmpty() ? half : half.burst(1);
    }

    /** The least burst and the least rate: at any time it owes at least as many permits as each part would. */
    private static Gcra tightest(CombinedLimit combined, TimeSource time) {
        Gcra slowest = null;
        long burst = Long.MAX_VALUE;
        for (Limit limit : combined.limits()) {
            Gcra part = Objects.requireNonNull(of(limit, time).gcra);
            burst = Math.min(burst, part.burst);
            if (slowest == null || slower(part, slowest)) slowest = part;
        }
        return Gcra.bucket(combined, time, Objects.requireNonNull(slowest).rate(), burst);
    }

    private static boolean slower(Gcra one, Gcra other) {
        return BigInteger.valueOf(one.p)
                        .multiply(BigInteger.valueOf(other.c))
                        .compareTo(BigInteger.valueOf(other.p).multiply(BigInteger.valueOf(one.c)))
                < 0;
    }

    /** For a place: full. */
    Meter meter(TimeSource time) {
        return own == null ? limit.meter(time) : new GcraMeter(own, own.burst);
    }

    /** The most at once here. */
    long heaviest() {
        return gcra == null ? Long.MAX_VALUE : gcra.burst;
    }

    /** The wait of what only a place of its own could let pass: until it may have one. */
    long tooHeavy(long n, long ahead) {
        return n > most() ? Meter.NEVER : Math.max(1, ahead + quietNanos);
    }

    /** The most at once in a place. */
    private long most() {
        if (own != null) return own.heaviest();
        if (!(limit instanceof CombinedLimit combined)) return limit.quota();
        TimeSource time = Objects.requireNonNull(gcra).time;
        return combined.limits().stream()
                .mapToLong(part -> of(part, time).most())
                .min()
                .orElse(0);
    }

    /** Nanoseconds for n permits, rounded up. */
    long cost(long n) {
        if (gcra == null) return 0;
        return gcra.nanosUp(Gcra.times(n, gcra.c));
    }

    /** Nanoseconds until a cost may pass, zero or less for now. The burst is rounded up as costs are: else it never fits. */
    long over(long ahead, long cost) {
        return gcra == null ? 0 : ahead + cost - gcra.spanNanos();
    }

    long remaining(long ahead) {
        if (gcra == null) return 0;
        long left = gcra.spanNanos() - ahead;
        return left <= 0 ? 0 : left * gcra.p / gcra.c;
    }
}
