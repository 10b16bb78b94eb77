// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import dev.resilience.TimeSource;

/** A clock for models that make millions of steps: also one that jumps back. Nobody waits on it. */
final class HandClock implements TimeSource {
    volatile long now;

    HandClock(long now) {
        this.now = now;
    }

    @Override
    public long nanoTime() {
        return now;
    }

    @Override
    public void park(Object blocker, long nanos) {
        throw new UnsupportedOperationException("nobody waits here");
    }

    @Override
    public void unpark(Thread thread) {
        throw new UnsupportedOperationException("nobody waits here");
    }

    @Override
    public Timer schedule(Runnable task, long nanos) {
        throw new UnsupportedOperationException("nobody waits here");
    }
}
