// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/**
 * The calling thread was interrupted, or the call was cancelled, while the library (not the user's code) was waiting:
 * in a gate's queue, between two attempts, or for a detached attempt.
 *
 * <p>Unchecked, because the library waits inside calls that declare only what the user's code throws. After an
 * interrupt the thread's flag is set again, so that what runs next sees it. Its cause is the last real failure of the
 * call, if an attempt had failed before. Never retried and ignored by every gate (L7, L8). An
 * {@link InterruptedException} thrown by the user's own code comes out as that exception instead.
 */
public final class CallInterruptedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Whether the call was cancelled; otherwise the thread was interrupted. */
    private final boolean cancelled;

    /**
     * For those who wait in the name of a call outside of this package: a cache whose caller waits for somebody else's
     * load. An interrupt must stay set, or be set again, before this is thrown.
     *
     * @param message what was waited for
     * @param lastFailure the last real failure of the call, becomes the cause; null for none
     */
    public CallInterruptedException(String message, @Nullable Throwable lastFailure) {
        this(message, lastFailure, false);
    }

    CallInterruptedException(String message, @Nullable Throwable lastFailure, boolean cancelled) {
        super(message, lastFailure);
        this.cancelled = cancelled;
    }

    /** The call was cancelled, by a timeout for instance; nobody interrupted the thread. */
    boolean cancelled() {
        return cancelled;
    }
}
