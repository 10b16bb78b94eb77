// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/**
 * What the journal says of one place (or one element of a for-each step) of one saga. Changed by {@link Course} alone;
 * what is known of one that is done never changes again.
 */
final class Leg {
    /** Written beside an outcome or a wait: no attempt of the action can have run before. */
    static final String UNTOUCHED = "UNTOUCHED";

    final Chart.Place place;
    final int index;

    /** When it was opened, or when an operator last let it begin anew. */
    long sinceMs;

    /** The fence of who opened it: before that it cannot have been called. */
    long openedBy;

    /** Opened by the saga's start: by nobody's outcome. */
    boolean first;

    /** An operator wants one more try, even of what is never called twice. */
    boolean retryAsked;

    @Nullable
    Boolean decision;

    /** The line of its outcome. */
    @Nullable
    JournalEntry done;

    /** The newest line of a wait that still counts. */
    @Nullable
    JournalEntry due;

    /** What its lines of waits say: whether an attempt of the action can have run. Outlives an operator's retry. */
    @Nullable
    Boolean called;

    @Nullable
    JournalEntry resolution;

    @Nullable
    JournalEntry undone;

    /** The elements of a for-each step, once they are known. */
    @Nullable
    Elements elements;

    /** The decoded value. Racy on purpose: written once or twice with an equal value, published by its final field. */
    @Nullable
    Held held;

    // what the runner knows of it; the course does not look at it

    /** Its attempt under way. */
    @Nullable
    Attempt running;

    /** Whether this incarnation has made an attempt of it. */
    boolean tried;

    /** Whether this incarnation has entered the code of its action. */
    boolean entered;

    /** What its attempts came to so far, if one did not succeed. */
    @Nullable
    Trial trial;

    /** Takes over what the runner knows of a leg of the same place, which was read anew. */
    void takeOver(Leg before) {
        running = before.running;
        tried = before.tried;
        entered = before.entered;
        trial = before.trial;
    }

    /** What was tried so far counts no more. */
    void forgetTrials() {
        running = null;
        tried = false;
        entered = false;
        trial = null;
    }

    /** A value, which may be null. */
    record Held(@Nullable Object value) {}

    /** The elements of a for-each step. Those without an outcome are open, as many as the width, in order. */
    static final class Elements {
        final byte @Nullable [] payload;
        final int width;
        final Leg[] legs;
        int next;
        int completed;

        /** The decoded list; racy as that of a leg. */
        @Nullable
        Held held;

        Elements(byte @Nullable [] payload, int count, int width) {
            this.payload = payload;
            this.width = width;
            this.legs = new Leg[count];
        }

        Leg add(Leg leg) {
            legs[next++] = leg;
            return leg;
        }
    }

    Leg(Chart.Place place, int index, @Nullable JournalEntry openedBy, long sinceMs) {
        this.place = place;
        this.index = index;
        this.first = openedBy == null;
        this.openedBy = openedBy == null ? 0 : openedBy.fence();
        this.sinceMs = sinceMs;
    }

    String name() {
        return place.name();
    }

    /** Attempts that were counted durably. */
    int attempts() {
        return due == null ? 0 : due.attempts();
    }

    /** Whether it has something to be written before it can begin: a decision, elements, when it is over. */
    boolean unprepared() {
        if (index >= 0) return false;
        if (place.action != null && place.action.code().when() != null && decision == null) return true;
        if (place.each != null) return elements == null;
        return due == null && waitMillis() >= 0;
    }

    /** How long a delay lasts, or an await waits at most; -1 of anything else. */
    long waitMillis() {
        if (place.node instanceof Node.Delay delay) return millis(delay.duration());
        if (place.node instanceof Node.Await await && await.timeout() != null) return millis(await.timeout());
        return -1;
    }

    /** Rounded up: nothing is over early. */
    static long millis(java.time.Duration duration) {
        long nanos = dev.resilience.TimeSource.nanos(duration);
        return nanos <= 0 ? 0 : (nanos - 1) / 1_000_000 + 1;
    }

    /** Whether its effect was made, as far as that is known now. */
    boolean completed() {
        return outcomeIs(done, StepOutcome.COMPLETED) || outcomeIs(resolution, StepOutcome.COMPLETED);
    }

    /** Whether somebody has to find out what became of it before it can be undone. */
    boolean inDoubt() {
        return outcomeIs(done, StepOutcome.IN_DOUBT) && resolution == null;
    }

    /** Whether nothing is left to be done about it when the saga is undone. */
    boolean settled() {
        if (undone != null) return true;
        Node.Code code = place.requireAction().code();
        if (inDoubt()) return code.inDoubt() == Node.InDoubt.HARMLESS;
        return !completed() || (code.undo() == null && code.blind() == null);
    }

    static boolean outcomeIs(@Nullable JournalEntry line, StepOutcome outcome) {
        return line != null && line.outcome() == outcome;
    }

    @Override
    public String toString() {
        return place + (index < 0 ? "" : "#" + index) + (done == null ? "" : " " + done.outcome());
    }
}
