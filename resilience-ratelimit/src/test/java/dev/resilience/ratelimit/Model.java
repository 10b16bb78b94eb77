// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * What a limit means, as naively as can be: lists of grants, searched from the start, and numbers of any size. Times are
 * nanoseconds since the model was made.
 */
abstract class Model {
    static final long NEVER = Meter.NEVER;

    /** When n permits that are asked for now may be used; {@link #NEVER} if never. */
    abstract long earliest(long now, long n);

    /** They are granted: asked for now, used at {@code at}. */
    abstract void grant(long now, long at, long n);

    /** Of windows only: as if they had never been granted. */
    void cancel(long at, long n) {
        throw new UnsupportedOperationException("cancel");
    }

    long until(long now, long n) {
        long at = earliest(now, n);
        return at == NEVER ? NEVER : at - now;
    }

    /** The most that may be used now. */
    long remaining(long now, long most) {
        long n = most;
        while (n > 0 && until(now, n) != 0) n--;
        return n;
    }

    /** A token bucket: a level that rises and may be below zero. In units of 1/per permits, so that nothing is rounded. */
    static final class Bucket extends Model {
        private final BigInteger rate;
        private final BigInteger cost;
        private final BigInteger full;
        private final long burst;
        private BigInteger level;
        private long asOf;

        Bucket(long permits, long per, long burst) {
            this(permits, per, burst, burst);
        }

        Bucket(long permits, long per, long burst, long initial) {
            this.rate = BigInteger.valueOf(permits);
            this.cost = BigInteger.valueOf(per);
            this.burst = burst;
            this.full = cost.multiply(BigInteger.valueOf(burst));
            this.level = cost.multiply(BigInteger.valueOf(initial));
        }

        private BigInteger at(long now) {
            return level.add(rate.multiply(BigInteger.valueOf(now - asOf))).min(full);
        }

        @Override
        long earliest(long now, long n) {
            return n > burst
                    ? NEVER
                    : now + ceil(cost.multiply(BigInteger.valueOf(n)).subtract(at(now)));
        }

        private long ceil(BigInteger missing) {
            if (missing.signum() <= 0) return 0;
            return missing.add(rate).subtract(BigInteger.ONE).divide(rate).longValueExact();
        }

        @Override
        void grant(long now, long at, long n) {
            level = at(now).subtract(cost.multiply(BigInteger.valueOf(n)));
            asOf = now;
        }
    }

    /** One after the other: n permits keep the next ones off for n intervals. */
    static final class Pacer extends Model {
        private final BigInteger rate;
        private final BigInteger interval;
        /** When the next one may go, in units of 1/permits ns. */
        private BigInteger free = BigInteger.ZERO;

        Pacer(long permits, long per) {
            this.rate = BigInteger.valueOf(permits);
            this.interval = BigInteger.valueOf(per);
        }

        @Override
        long earliest(long now, long n) {
            BigInteger missing = free.subtract(BigInteger.valueOf(now).multiply(rate));
            if (missing.signum() <= 0) return now;
            return now + missing.add(rate).subtract(BigInteger.ONE).divide(rate).longValueExact();
        }

        @Override
        void grant(long now, long at, long n) {
            free = free.max(BigInteger.valueOf(now).multiply(rate)).add(interval.multiply(BigInteger.valueOf(n)));
        }
    }

    /** So many permits of one time. */
    record Grant(long at, long n) {}

    /** A window that slides over a list of grants. */
    abstract static class Window extends Model {
        final List<Grant> grants = new ArrayList<>();
        final long limit;

        Window(long limit) {
            this.limit = limit;
        }

        /** Permits that count against one that is used at {@code at}. */
        abstract long used(long at);

        /** The next time after {@code at} at which fewer may count. */
        abstract long next(long at);

        @Override
        long earliest(long now, long n) {
            if (n > limit) return NEVER;
            long at = grants.stream().mapToLong(Grant::at).reduce(now, Math::max);
            while (used(at) + n > limit) at = next(at);
            return at;
        }

        @Override
        void grant(long now, long at, long n) {
            grants.add(new Grant(at, n));
        }

        @Override
        void cancel(long at, long n) {
            grants.remove(new Grant(at, n));
        }
    }

    /** Each grant counts for exactly the window. */
    static final class Log extends Window {
        private final long window;

        Log(long limit, long window) {
            super(limit);
            this.window = window;
        }

        @Override
        long used(long at) {
            return grants.stream()
                    .filter(g -> g.at() > at - window)
                    .mapToLong(Grant::n)
                    .sum();
        }

        @Override
        long next(long at) {
            return grants.stream()
                    .mapToLong(g -> g.at() + window)
                    .filter(t -> t > at)
                    .min()
                    .orElseThrow();
        }
    }

    /** Each grant counts in its slice of time and some that follow; with none that follow it is a fixed window. */
    static final class Sliced extends Window {
        private final long slice;
        private final long history;

        Sliced(long limit, long slice, long history) {
            super(limit);
            this.slice = slice;
            this.history = history;
        }

        @Override
        long used(long at) {
            long last = Math.floorDiv(at, slice);
            return grants.stream()
                    .filter(g -> Math.floorDiv(g.at(), slice) >= last - history)
                    .mapToLong(Grant::n)
                    .sum();
        }

        @Override
        long next(long at) {
            return (Math.floorDiv(at, slice) + 1) * slice;
        }
    }

    /** All of them, at the time that the last of them allows; there they all count it (S23). */
    static final class AllOf extends Model {
        private final List<Model> parts;

        AllOf(List<Model> parts) {
            this.parts = parts;
        }

        @Override
        long earliest(long now, long n) {
            return parts.stream().mapToLong(m -> m.earliest(now, n)).max().orElseThrow();
        }

        @Override
        void grant(long now, long at, long n) {
            for (Model part : parts) part.grant(at, at, n);
        }
    }
}
