// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An absolute point on a {@link TimeSource}'s monotonic clock, or {@linkplain #never() never}. A duration that starts
 * with the call is {@link CallContext#within(Duration)}.
 *
 * <p>Immutable and thread-safe. Durations beyond about 146 years saturate.
 */
public final class Deadline {
    private static final Deadline NEVER = new Deadline(null, 0);

    private final @Nullable TimeSource time;
    private final long at;

    private Deadline(@Nullable TimeSource time, long at) {
        this.time = time;
        this.at = at;
    }

    /**
     * The deadline that comes when {@code timeout} has passed from now.
     *
     * @param timeout from now; zero or negative gives a deadline that has passed
     * @param time the clock that it lives on; the policies of the call should use the same
     * @return the deadline
     */
    public static Deadline after(Duration timeout, TimeSource time) {
        Objects.requireNonNull(timeout, "timeout");
        Objects.requireNonNull(time, "time");
        return new Deadline(time, point(time.nanoTime(), TimeSource.nanos(timeout)));
    }

    /**
     * The deadline that never passes.
     *
     * @return the one instance
     */
    public static Deadline never() {
        return NEVER;
    }

    /** A deadline at a point of {@code time}'s clock. */
    static Deadline at(TimeSource time, long nanoTime) {
        return new Deadline(time, nanoTime);
    }

    /** {@code now + nanos} such that differences between any two points of one call cannot overflow (L10). */
    static long point(long now, long nanos) {
        long bound = Long.MAX_VALUE >> 1;
        return now + Math.max(-bound, Math.min(bound, nanos));
    }

    /**
     * How long until it passes. Reads the clock once.
     *
     * @return zero when it has passed, the longest {@link Duration} for {@link #never()}
     */
    public Duration remaining() {
        return time == null ? Duration.ofSeconds(Long.MAX_VALUE, 999_999_999) : Duration.ofNanos(Math.max(0, nanos()));
    }

    /**
     * Whether it has passed; at exactly the deadline it has. Reads the clock once.
     *
     * @return false for {@link #never()}
     */
    public boolean passed() {
        return time != null && nanos() <= 0;
    }

    /**
     * The one that passes first. Deadlines of two different clocks are compared by the time that remains now.
     *
     * @param other the other deadline
     * @return this one or the other
     */
    public Deadline orEarlier(Deadline other) {
        Objects.requireNonNull(other, "other");
        if (other.time == null) return this;
        if (time == null) return other;
        boolean mine = time == other.time ? at - other.at <= 0 : nanos() <= other.nanos();
        return mine ? this : other;
    }

    /** Remaining nanoseconds, {@code Long.MAX_VALUE} for never. */
    long nanos() {
        return time == null ? Long.MAX_VALUE : at - time.nanoTime();
    }

    /** The same moment as a point of another clock. Call only when {@link #isNever()} is false. */
    long pointOn(TimeSource clock) {
        return clock == time ? at : point(clock.nanoTime(), nanos());
    }

    TimeSource clock() {
        return Objects.requireNonNull(time);
    }

    boolean isNever() {
        return time == null;
    }

    /**
     * For logs.
     *
     * @return {@code never} or the time that remains
     */
    @Override
    public String toString() {
        return time == null ? "never" : "in " + remaining();
    }
}
