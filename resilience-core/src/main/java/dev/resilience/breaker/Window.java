// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Description;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * How much evidence a {@link CircuitBreaker} keeps to judge a dependency by: the last calls, or the calls of the last
 * while. Calls are the better choice unless the traffic comes in bursts with long pauses, after which old outcomes should
 * no longer count.
 *
 * <p>Immutable, safe for any number of threads, shared freely between breakers: it is a setting and holds no outcomes.
 * Values are checked when the breaker is built, together with its other settings.
 */
public final class Window {
    private static final int DEFAULT_MINIMUM = 20;
    private static final int UNSET = 0;
    private static final long SHORTEST_NANOS = 1_000_000;

    private final int calls;
    private final long nanos;
    private final boolean counting;
    private final boolean minimumGiven;
    private final int minimum;

    private Window(int calls, long nanos, boolean counting, int minimum) {
        this.calls = calls;
        this.nanos = nanos;
        this.counting = counting;
        minimumGiven = false;
        this.minimum = minimum;
    }

    private Window(Window from, int minimum) {
        calls = from.calls;
        nanos = from.nanos;
        counting = from.counting;
        minimumGiven = true;
        this.minimum = minimum;
    }

    /**
     * The last {@code n} outcomes, however old they are. Takes n bytes and half a kilobyte or more for counters.
     *
     * @param n how many outcomes, 1 to 1,000,000; the breaker's default is 100
     * @return the window
     */
    public static Window calls(int n) {
        return new Window(n, UNSET, true, Math.min(DEFAULT_MINIMUM, n));
    }

    /**
     * The outcomes of the last {@code duration} of the monotonic clock, in ten slices: an outcome counts for at least
     * nine tenths of the duration and never longer than all of it. Costs one clock reading per outcome, and one small
     * allocation per slice; its size does not depend on the number of calls.
     *
     * @param duration how long an outcome counts, at least 1 ms
     * @return the window
     */
    public static Window time(Duration duration) {
        Objects.requireNonNull(duration, "duration");
        return new Window(UNSET, TimeSource.nanos(duration), false, DEFAULT_MINIMUM);
    }

    /**
     * The same window with another minimum: with fewer outcomes than this no rate is judged, nor shown.
     *
     * @param n at least 1, and no more than a counting window holds; default 20, or the whole counting window when that
     *     is smaller
     * @return a window
     */
    public Window minimumCalls(int n) {
        return new Window(this, n);
    }

    int minimumCalls() {
        return minimum;
    }

    Evidence evidence() {
        return counting ? new CountWindow(calls, Settings.STRIPES) : new TimeWindow(nanos, Settings.STRIPES);
    }

    void check(List<String> problems) {
        boolean valid = counting ? calls >= 1 && calls <= CountWindow.MAX_SIZE : nanos >= SHORTEST_NANOS;
        if (!valid) {
            problems.add(
                    counting
                            ? "window must hold 1 to " + CountWindow.MAX_SIZE + " calls, was " + calls
                            : "window must be at least PT0.001S long, was " + Duration.ofNanos(nanos));
        }
        if (minimumGiven) {
            checkMinimum(problems, valid);
        }
    }

    private void checkMinimum(List<String> problems, boolean valid) {
        if (minimum < 1) {
            problems.add("minimumCalls must be at least 1, was " + minimum);
        } else if (counting && valid && minimum > calls) {
            problems.add("minimumCalls must be at most the window's " + calls + " calls, was " + minimum);
        }
    }

    /**
     * Says what it keeps.
     *
     * @return for example {@code 100 calls, at least 20}
     */
    @Override
    public String toString() {
        return (counting ? calls + " calls" : Description.text(Duration.ofNanos(nanos))) + ", at least " + minimum;
    }
}
