// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.List;
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

    /** The line that opened it; null: the saga's start, nobody's outcome. Before that it cannot have been called. */
    private @Nullable JournalEntry opener;

    /** The line since which it is tried: what opened it, or by which an operator last let it begin anew. */
    private @Nullable JournalEntry since;

    /** An operator wants one more try, even of what is never called twice. */
    boolean retryAsked;

    /** Whether its condition has been asked. */
    boolean decided;

    /** What its condition said. */
    boolean takesPlace;

    /** The line of its outcome. */
    @Nullable
    JournalEntry done;

    /** The newest line of a wait that still counts. */
    @Nullable
    JournalEntry due;

    /** Whether lines of waits say whether an attempt of the action can have run. Outlives an operator's retry. */
    boolean told;

    /** What they say. */
    boolean toldCalled;

    @Nullable
    JournalEntry resolution;

    boolean undone;

    /** The elements of a for-each step, once they are known. */
    @Nullable
    Elements elements;

    /** The decoded value. Racy on purpose: written once or twice with an equal value. */
    @Nullable
    volatile Object held;

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

    /** What is held of a value that is null. */
    private static final Object NULL = new Object();

    /** A value as it is held: never null. */
    static Object held(@Nullable Object value) {
        return value == null ? NULL : value;
    }

    /** The value of what is held. */
    @SuppressWarnings("ReferenceEquality") // a marker
    static @Nullable Object value(Object held) {
        return held == NULL ? null : held;
    }

    /** The elements of a for-each step. Those without an outcome are open, as many as the width, in order. */
    static final class Elements {
        final byte @Nullable [] payload;
        final int width;
        final Leg[] legs;
        int next;
        int completed;

        /** The decoded list; racy as that of a leg. */
        @Nullable
        volatile List<?> held;

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

    Leg(Chart.Place place, int index, @Nullable JournalEntry opener) {
        this.place = place;
        this.index = index;
        this.opener = opener;
        this.since = opener;
    }

    /** Its condition is asked, by a line that opens it. */
    void decided(JournalEntry line, boolean yes) {
        decided = true;
        takesPlace = yes;
        opener = line;
    }

    /** Opened by the saga's start. */
    boolean first() {
        return opener == null;
    }

    /** Whether the owner of this fence opened it. */
    boolean openedBy(long fence) {
        return opener != null && opener.fence() == fence;
    }

    /** An operator lets it begin anew. */
    void anew(JournalEntry line) {
        due = null;
        since = line;
    }

    /** Since when it is tried, in a saga that was started then. */
    long sinceMs(long startedMs) {
        return since == null ? startedMs : since.atMs();
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
        if (place.action != null && place.action.code().when() != null && !decided) return true;
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
        if (undone) return true;
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
