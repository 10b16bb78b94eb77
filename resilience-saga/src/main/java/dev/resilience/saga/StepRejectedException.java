// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/**
 * Thrown by a step's code to say that its participant refused: there is no effect under this key and there will be none,
 * earlier attempts included. The saga turns; behind the pivot it is parked. For a participant's own exceptions see
 * {@link Step#rejectsOn}.
 */
public class StepRejectedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * A refusal.
     *
     * @param message why, for people; kept in the journal
     */
    public StepRejectedException(String message) {
        this(message, null);
    }

    /**
     * A refusal with what told of it.
     *
     * @param message why, for people; kept in the journal
     * @param cause what the participant answered
     */
    public StepRejectedException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
