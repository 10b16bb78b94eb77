// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/**
 * What is to be written of a leg: an outcome that is known and not yet durable. Confined to whoever drives the saga, and
 * told anew of another leg once it is durable.
 */
final class Done {
    Chart.Place place;
    int index;
    JournalEntry.Phase phase;
    StepOutcome outcome;
    byte @Nullable [] payload;

    /** The value, as a leg holds it. */
    @Nullable
    Object held;

    @Nullable
    String text;

    @Nullable
    String note;

    /** Whether an attempt brought it. */
    boolean attempted;

    /** When that began, on the time source's clock. */
    long startedNanos;

    Done(Leg leg, JournalEntry.Phase phase, StepOutcome outcome) {
        this.place = leg.place;
        this.index = leg.index;
        this.phase = phase;
        this.outcome = outcome;
    }

    /** As if it were made so. */
    void anew(Leg leg, JournalEntry.Phase newPhase, StepOutcome newOutcome) {
        place = leg.place;
        index = leg.index;
        phase = newPhase;
        outcome = newOutcome;
        payload = null;
        held = null;
        text = null;
        note = null;
        attempted = false;
        startedNanos = 0;
    }

    /** Whether a signal did not come in time: only true as long as none was accepted. */
    boolean isTimeout() {
        return outcome == StepOutcome.SKIPPED && place.node instanceof Node.Await;
    }

    /** Whether it is still open to be told: not if the journal went back to where its step was not reached yet (C16). */
    boolean fits(Course course) {
        Leg leg = course.leg(place, index);
        if (leg == null) return false;
        return switch (phase) {
            case UNDO -> course.turned() && !leg.undone;
            case RESOLUTION -> course.turned() && leg.resolution == null;
            default -> leg.done == null;
        };
    }
}
