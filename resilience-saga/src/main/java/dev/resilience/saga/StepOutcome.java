// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

/** What is known of a step after its attempts. */
public enum StepOutcome {
    /** Its effect is made (or, of an undo, unmade). */
    COMPLETED,
    /** The participant said that there is no effect under this key, earlier attempts included. */
    REJECTED,
    /** Its effect may have been made: nobody knows yet. */
    IN_DOUBT,
    /** It was not called: no attempt of it can have run. */
    SKIPPED
}
