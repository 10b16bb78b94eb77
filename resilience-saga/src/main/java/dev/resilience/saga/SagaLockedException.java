// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.time.Instant;

/**
 * Another live saga holds the lock key of the one that was to be started. Nothing was started: try again when the
 * holder has ended. One that is paused or parked keeps its key until an operator lets it go on or abandons it.
 */
public final class SagaLockedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What is held. */
    private final String lockKey;

    private final transient SagaRef holder;
    /** Since when. */
    private final Instant since;

    SagaLockedException(SagaRef saga, String lockKey, SagaRef holder, long sinceMs) {
        super("saga " + saga + " was not started: its lock key " + lockKey + " is held by " + holder + " since "
                + Instant.ofEpochMilli(sinceMs) + "; start it again when that one has ended");
        this.lockKey = lockKey;
        this.holder = holder;
        this.since = Instant.ofEpochMilli(sinceMs);
    }

    /**
     * What both want.
     *
     * @return the key that the definition made of the input
     */
    public String lockKey() {
        return lockKey;
    }

    /**
     * Who has it.
     *
     * @return the holder; after deserialisation not available (null)
     */
    public SagaRef holder() {
        return holder;
    }

    /**
     * Since when.
     *
     * @return the holder's start, by the store's clock
     */
    public Instant since() {
        return since;
    }
}
