// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.TimeSource;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;

/** Lets a burst through and then one now and again, and counts what it holds back. Never blocks. */
final class Throttle {
    /** Answer of {@link #pass()}: this one is held back. */
    static final long HELD_BACK = -1;

    private final TimeSource time;
    private final int burst;
    private final long everyNanos;
    private final AtomicReference<State> state;

    /** {@code left} may pass at once; {@code since} is when the last one was added to them. */
    private record State(int left, long since, long held) {}

    Throttle(TimeSource time, int burst, long everyNanos) {
        this.time = time;
        this.burst = burst;
        this.everyNanos = everyNanos;
        state = new AtomicReference<>(new State(burst, time.nanoTime(), 0));
    }

    /** How many were held back since the last one that passed, or {@link #HELD_BACK}. */
    long pass() {
        long now = time.nanoTime();
        for (; ; ) {
            State seen = Objects.requireNonNull(state.get());
            State next = next(seen, now);
            if (state.compareAndSet(seen, next)) return next.held == 0 ? seen.held : HELD_BACK;
        }
    }

    private State next(State seen, long now) {
        long more = Math.min(Math.max(0, now - seen.since) / everyNanos, burst - seen.left);
        int left = seen.left + (int) more;
        long since = left == burst ? now : seen.since + more * everyNanos;
        return left > 0 ? new State(left - 1, since, 0) : new State(0, since, seen.held + 1);
    }

    /** How many are being held back, to be told by somebody else; none then. */
    long drain() {
        for (; ; ) {
            State seen = Objects.requireNonNull(state.get());
            if (state.compareAndSet(seen, new State(seen.left, seen.since, 0))) return seen.held;
        }
    }
}
