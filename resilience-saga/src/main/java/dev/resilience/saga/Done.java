// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/** What is to be written of a leg: an outcome that is known and not yet durable. */
final class Done {
    final Chart.Place place;
    final int index;
    final JournalEntry.Phase phase;
    final StepOutcome outcome;
    byte @Nullable [] payload;

    /** The value, as a leg holds it. */
    @Nullable
    Object held;

    @Nullable
    String text;

    @Nullable
    String note;

    /** The attempt that brought it. */
    @Nullable
    Attempt attempt;

    Done(Leg leg, JournalEntry.Phase phase, StepOutcome outcome) {
        this.place = leg.place;
        this.index = leg.index;
        this.phase = phase;
        this.outcome = outcome;
    }

    /** Whether a signal did not come in time: only true as long as none was accepted. */
    boolean isTimeout() {
        return outcome == StepOutcome.SKIPPED && place.node instanceof Node.Await;
    }

    /** Whether the journal has it already: written by us, though we were not told. */
    boolean in(Course course) {
        Leg leg = course.leg(place, index);
        if (leg == null) return false;
        return switch (phase) {
            case UNDO -> leg.undone;
            case RESOLUTION -> leg.resolution != null;
            default -> leg.done != null;
        };
    }
}
