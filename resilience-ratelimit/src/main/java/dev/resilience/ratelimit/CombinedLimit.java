// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The settings of {@link Limit#allOf}. */
final class CombinedLimit extends Limit {
    private final List<Limit> limits;

    CombinedLimit(@Nullable String name, List<Limit> limits) {
        super(name);
        this.limits = limits;
    }

    @Override
    public Limit named(String name) {
        return new CombinedLimit(Objects.requireNonNull(name, "name"), limits);
    }

    @Override
    public String toString() {
        return limits.stream().map(Limit::toString).collect(Collectors.joining(" and "));
    }

    @Override
    void check(List<String> problems) {
        if (limits.isEmpty()) problems.add("allOf needs at least one limit, was given none");
        for (int i = 0; i < limits.size(); i++) {
            Limit limit = limits.get(i);
            String which = "limit " + (i + 1) + " of allOf (" + limit + "): ";
            if (limit instanceof Bucket || limit instanceof PacedLimit) {
                List<String> own = new ArrayList<>();
                limit.checkAll(own);
                own.forEach(problem -> problems.add(which + problem));
            } else {
                problems.add(which + "must be a token bucket, strict or a pacer; put limits of other kinds, each in a"
                        + " limiter of its own, one after the other in a Pipeline");
            }
        }
    }

    @Override
    Meter meter(TimeSource time) {
        List<Gcra> parts = new ArrayList<>();
        long[] initial = new long[limits.size()];
        for (int i = 0; i < initial.length; i++) {
            Limit limit = limits.get(i);
            Gcra part = limit instanceof Bucket bucket ? bucket.gcra(time) : ((PacedLimit) limit).gcra(time);
            initial[i] = limit instanceof Bucket bucket ? bucket.first() : part.burst;
            parts.add(part);
        }
        return new CombinedMeter(parts, initial, time);
    }

    @Override
    boolean beginsBelowBurst() {
        return limits.stream().anyMatch(Limit::beginsBelowBurst);
    }

    List<Limit> limits() {
        return limits;
    }

    /** That of the scarcest rate; headers show each limit on its own. */
    private Limit slowest() {
        Limit slowest = limits.get(0);
        for (Limit limit : limits) {
            double rate = (double) limit.quota() / limit.windowNanos();
            if (rate < (double) slowest.quota() / slowest.windowNanos()) slowest = limit;
        }
        return slowest;
    }

    @Override
    long quota() {
        return slowest().quota();
    }

    @Override
    long windowNanos() {
        return slowest().windowNanos();
    }
}
