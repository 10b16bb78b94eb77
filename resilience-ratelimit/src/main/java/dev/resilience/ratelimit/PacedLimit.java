// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Evenly spaced. */
final class PacedLimit extends Limit {
    private final long permits;
    private final long nanos;
    private final long queue;

    PacedLimit(@Nullable String name, long permits, long nanos, long queue) {
        super(name);
        this.permits = permits;
        this.nanos = nanos;
        this.queue = queue;
    }

    @Override
    public Limit named(String name) {
        return new PacedLimit(Objects.requireNonNull(name, "name"), permits, nanos, queue);
    }

    @Override
    public String toString() {
        return "paced " + rate(permits, nanos) + ", queue " + queue;
    }

    @Override
    void check(List<String> problems) {
        checkRate(problems, permits, nanos);
        if (queue < 0) problems.add("queue must be at least 0, was " + queue);
        if (problems.isEmpty()) Gcra.checkSpan(problems, Rate.of(permits, nanos), 1);
    }

    @Override
    Meter meter(TimeSource time) {
        return new GcraMeter(gcra(time), 1);
    }

    /** The arithmetic alone. */
    Gcra gcra(TimeSource time) {
        return Gcra.pacer(this, time, Rate.of(permits, nanos), queue);
    }

    @Override
    long quota() {
        return permits;
    }

    @Override
    long windowNanos() {
        return nanos;
    }
}
