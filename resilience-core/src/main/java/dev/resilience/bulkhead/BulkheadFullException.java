// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bulkhead;

import dev.resilience.RejectedException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Bulkhead} had no room: as many calls were in flight as it allows, and as many waiting, or the wait took too
 * long. Its message tells the numbers.
 */
public final class BulkheadFullException extends RejectedException {
    private static final long serialVersionUID = 1L;

    /** Weight of the calls in flight. */
    private final int inFlight;

    /** The most at once. */
    private final int maxConcurrent;

    /** How many were waiting. */
    private final int waiting;

    /** The most that may wait. */
    private final int maxWaiting;

    /** What the refused call weighs. */
    private final int weight;

    /** How long the oldest had been waiting. */
    private final long oldestNanos;

    /** What a wait ended with; null when it did not wait. */
    private final @Nullable String waited;

    BulkheadFullException(Bulkhead bulkhead, long refusal, Bulkhead.Load load, int weight, @Nullable String waited) {
        super(bulkhead, refusal, null);
        this.waited = waited;
        this.inFlight = load.inFlight();
        this.maxConcurrent = load.maxConcurrent();
        this.waiting = load.waiting();
        this.maxWaiting = load.maxWaiting();
        this.oldestNanos = load.oldestNanos();
        this.weight = weight;
    }

    /**
     * Who is full, and how full.
     *
     * @return as in {@code bulkhead 'search' is full (in flight 25/25, waiting 100/100, oldest 840 ms)}; after a wait it
     *     says so: {@code is full: waited 200 ms in vain (...)}; a call that takes more than one slot is told its
     *     weight: {@code is full for a call of weight 2 (in flight 3/4, ...)}
     */
    @Override
    public String getMessage() {
        StringBuilder text = new StringBuilder();
        if (weight > maxConcurrent) {
            text.append(policy()).append(" never admits a call of weight ").append(weight);
        } else {
            text.append(policy()).append(" is full");
            if (weight > 1) text.append(" for a call of weight ").append(weight);
            if (waited != null) text.append(": ").append(waited);
        }
        text.append(" (in flight ").append(inFlight).append('/').append(maxConcurrent);
        if (maxWaiting > 0)
            text.append(", waiting ").append(waiting).append('/').append(maxWaiting);
        if (oldestNanos > 0) text.append(", oldest ").append(Bulkhead.duration(Duration.ofNanos(oldestNanos)));
        return text.append(')').toString();
    }
}
