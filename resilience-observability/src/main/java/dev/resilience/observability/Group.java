// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.TimeSource;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.DoubleAccumulator;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Policies of one kind that are seen under one name, and what they make together.
 *
 * <p>Implementation notes:
 *
 * <ul>
 *   <li>I1: who leaves is taken out first and added to {@code past} then; a reader takes {@code past} first and looks at
 *       the members then. So it may miss somebody who is just leaving, never count one twice, and {@code seen} keeps a
 *       counter from going backwards for that. Who comes back knows what {@code past} has of it, and counts from there.
 *   <li>I2: a look at many members serves all series once, if it is fresh: a scrape of n series of k keys looks k times,
 *       not n·k times.
 * </ul>
 */
final class Group<P, S> {
    private static final int FEW = 64;
    private static final long FRESH_NANOS = 100_000_000;

    private final Kind<P, S> kind;
    private final TimeSource time;
    /** Read by scrapes; written under the lock of {@link PolicyMetrics} only. */
    private final ConcurrentHashMap<P, Member> members = new ConcurrentHashMap<>();
    /** What those that have gone had counted, should they come back; under the lock of {@link PolicyMetrics}. */
    private final Map<P, double[]> left = new WeakHashMap<>();

    private final double[] nothing;

    private final DoubleAdder[] past;
    private final DoubleAccumulator[] seen;

    private final ReentrantLock lock = new ReentrantLock();
    /* Guarded by the lock from here on. */
    private double[] look = new double[0];
    private final BitSet served = new BitSet();
    private long lookedAt;

    /** How many bindings name it, and what of its counters is in {@code past} already: it has been here before. */
    private static final class Member {
        final int bindings;
        final double[] known;

        Member(int bindings, double[] known) {
            this.bindings = bindings;
            this.known = known;
        }
    }

    Group(Kind<P, S> kind, TimeSource time) {
        this.kind = kind;
        this.time = time;
        int rows = kind.series().size();
        nothing = new double[rows];
        past = new DoubleAdder[rows];
        seen = new DoubleAccumulator[rows];
        for (int row = 0; row < rows; row++) {
            past[row] = new DoubleAdder();
            seen[row] = new DoubleAccumulator(Math::max, 0);
        }
    }

    Kind<P, S> kind() {
        return kind;
    }

    /** True when it was not here before. */
    boolean add(Object policy) {
        P member = kind.type().cast(policy);
        Member here = members.get(member);
        Member more = here == null
                ? new Member(1, left.getOrDefault(member, nothing))
                : new Member(here.bindings + 1, here.known);
        members.put(member, more);
        return here == null;
    }

    /** What it has counted stays. True when it was here and is not any more. */
    boolean remove(Object policy) {
        P member = kind.type().cast(policy);
        Member here = members.get(member);
        if (here == null) return false;
        if (here.bindings > 1) {
            members.put(member, new Member(here.bindings - 1, here.known));
            return false;
        }
        members.remove(member);
        S numbers = kind.numbers().apply(member);
        double[] counted = new double[nothing.length];
        for (int row = 0; row < counted.length; row++) {
            Series<S> series = kind.series().get(row);
            if (!series.counts()) continue;
            counted[row] = series.value().applyAsDouble(numbers);
            past[row].add(counted[row] - here.known[row]);
        }
        left.put(member, counted);
        return true;
    }

    double read(int row) {
        double now = members.size() <= FEW ? only(row) : shared(row);
        if (!kind.series().get(row).counts()) return now;
        seen[row].accumulate(now);
        return seen[row].get();
    }

    /** What those that have gone have left; taken before the members are looked at. */
    private double begin(int row) {
        Series<S> series = kind.series().get(row);
        return series.counts() ? past[row].sum() : series.folding().empty();
    }

    private double only(int row) {
        Series<S> series = kind.series().get(row);
        double all = begin(row);
        for (Map.Entry<P, Member> each : members.entrySet()) {
            S numbers = kind.numbers().apply(each.getKey());
            all = series.folding().and(all, series.value().applyAsDouble(numbers) - each.getValue().known[row]);
        }
        return all;
    }

    private double shared(int row) {
        lock.lock();
        try {
            boolean fresh = look.length > 0 && !served.get(row) && time.nanoTime() - lookedAt < FRESH_NANOS;
            if (fresh) return serveLocked(row);
        } finally {
            lock.unlock();
        }
        double[] all = all(); // outside the lock: a breaker that is looked at may tell its listeners (L5)
        lock.lock();
        try {
            look = all;
            lookedAt = time.nanoTime();
            served.clear();
            return serveLocked(row);
        } finally {
            lock.unlock();
        }
    }

    private double serveLocked(int row) {
        assert lock.isHeldByCurrentThread();
        served.set(row);
        return look[row];
    }

    /** Has what is due in a policy by the clock happen, and be told, before a lock is taken (L5). */
    S glance(Object policy) {
        return kind.numbers().apply(kind.type().cast(policy));
    }

    private double[] all() {
        List<Series<S>> rows = kind.series();
        double[] all = new double[rows.size()];
        for (int row = 0; row < all.length; row++) all[row] = begin(row);
        for (Map.Entry<P, Member> each : members.entrySet()) {
            S numbers = kind.numbers().apply(each.getKey());
            double[] known = each.getValue().known;
            for (int row = 0; row < all.length; row++) {
                Series<S> series = rows.get(row);
                all[row] = series.folding().and(all[row], series.value().applyAsDouble(numbers) - known[row]);
            }
        }
        return all;
    }
}
