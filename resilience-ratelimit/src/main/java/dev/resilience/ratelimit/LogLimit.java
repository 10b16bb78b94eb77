// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The settings of {@link Limit#slidingLog}. */
final class LogLimit extends Limit {
    /** What a key may cost: a megabyte. */
    static final int MOST = 1 << 16;

    private final long permits;
    private final long nanos;

    LogLimit(@Nullable String name, long permits, long nanos) {
        super(name);
        this.permits = permits;
        this.nanos = nanos;
    }

    @Override
    public Limit named(String name) {
        return new LogLimit(Objects.requireNonNull(name, "name"), permits, nanos);
    }

    @Override
    public String toString() {
        return "sliding log " + rate(permits, nanos);
    }

    @Override
    void check(List<String> problems) {
        checkWindow(problems, permits, nanos);
        if (permits > MOST) {
            problems.add("permits of a sliding log must be at most " + MOST + " because each one is remembered, was "
                    + permits + " (Limit.sliding(..) keeps counts instead)");
        }
    }

    @Override
    Meter meter(TimeSource time) {
        return new LogMeter(this, (int) permits, nanos, time);
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
