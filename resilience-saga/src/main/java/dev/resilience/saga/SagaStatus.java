// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

/** Where a saga stands. One that waits (for a signal, a delay, its next attempt) is running or compensating. */
public enum SagaStatus {
    /** Its steps are being done. */
    RUNNING(0),
    /** What was done is being undone, last first. */
    COMPENSATING(1),
    /** An operator stopped it; {@link SagaAdmin#resume} lets it go on. */
    PAUSED(2),
    /** It cannot go on by itself: an operator's verb of {@link SagaAdmin} moves it, or a new definition. */
    NEEDS_ATTENTION(3),
    /** Every step is done. */
    COMPLETED(10),
    /** Everything that was done is undone. */
    COMPENSATED(11),
    /** An operator gave it up. */
    ABANDONED(12);

    private final int code;

    SagaStatus(int code) {
        this.code = code;
    }

    /** {@return the number in the database: live below 10, ended from 10 on} */
    public int code() {
        return code;
    }

    /** {@return whether nothing happens to it any more} */
    public boolean ended() {
        return code >= 10;
    }

    /**
     * The status of a {@link #code()}.
     *
     * @param code the number
     * @return the status
     */
    public static SagaStatus of(int code) {
        for (SagaStatus status : values()) if (status.code == code) return status;
        throw new IllegalArgumentException("no status of a saga has the code " + code);
    }
}
