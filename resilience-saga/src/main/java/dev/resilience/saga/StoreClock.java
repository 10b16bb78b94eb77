// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;

/**
 * The store's clock as this engine knows it: its last answer and the monotonic distance from it. Wake-ups and deadlines
 * are told by it, who is dead never is (S13).
 */
final class StoreClock {
    private final TimeSource time;
    private volatile Reading last = new Reading(0, 0);

    StoreClock(TimeSource time) {
        this.time = time;
    }

    private record Reading(long ms, long nanos) {}

    /** The store answered {@code ms} to a question that was sent and answered at these readings of ours. */
    void set(long ms, long sent, long answered) {
        last = new Reading(ms, sent + (answered - sent) / 2);
    }

    long nowMs() {
        Reading known = last;
        return known.ms + (time.nanoTime() - known.nanos) / Nanos.MILLI;
    }

    /** {@link SagaInstance#NEVER} if that is beyond all times. */
    static long plus(long ms, long more) {
        long sum = ms + more;
        return more > 0 && sum < ms ? SagaInstance.NEVER : sum;
    }
}
