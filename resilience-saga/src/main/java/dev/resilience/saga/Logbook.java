// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One saga as its runner knows it, and how it is written: composes each checkpoint of what is to be told, and finds out
 * what is the case when one is refused (S5). Confined to whoever drives the saga.
 */
final class Logbook {
    /** What the saga is to become as soon as no attempt runs any more. The heavier one wins. */
    record Order(
            What what,
            String reason,
            @Nullable String step,
            @Nullable String text) {
        enum What {
            /** Let somebody take it later. */
            RELEASE,
            TURN,
            PARK
        }
    }

    private static final int LONGEST_TEXT = 2000;

    private final Chart chart;
    private final Berth berth;
    /** Nobody died with the saga since its last checkpoint: what that says of untouched actions holds. */
    private final boolean quiet;

    private final boolean fresh;
    private final List<Done> dones = new ArrayList<>(2);
    private final Composition composition = new Composition(this);
    private @Nullable Done spare;
    private SagaInstance head;
    private SagaStore.Loaded loaded;
    private Course course;
    private @Nullable Order order;
    private @Nullable Object output;
    private boolean executed;
    private boolean lost;
    /** Something that was to be told is left out, because it is refused. */
    private boolean unwritable;

    /** C16: what was open before the journal went back, and so possibly called whatever it says now; usually nothing. */
    private List<Leg> reached = List.of();

    private boolean pivotReached;
    private boolean behind;
    private boolean completedHere;
    private @Nullable Throwable undone;
    private @Nullable Checkpoint refused;
    private boolean unsettled;

    Logbook(Chart chart, SagaStore.Loaded loaded, Berth berth) {
        this.chart = chart;
        this.berth = berth;
        this.loaded = loaded;
        this.head = loaded.head();
        this.quiet = head.claims() == 0;
        this.fresh = quiet && head.seq() == 0;
        this.course = Course.of(chart, berth.codec(), loaded);
        judge();
    }

    /** S47: a journal that is not of this definition is nobody's to go on with. */
    private void judge() {
        if (course.mismatch() != null) order(Order.What.PARK, Reasons.DEFINITION_MISMATCH, null, course.mismatch());
    }

    // --- what is known ---

    SagaInstance head() {
        return head;
    }

    Course course() {
        return course;
    }

    Chart chart() {
        return chart;
    }

    Berth berth() {
        return berth;
    }

    @Nullable
    Order order() {
        return order;
    }

    /** What the saga returned, once it is completed. */
    @Nullable
    Object output() {
        return output;
    }

    /** Somebody else owns it now, or it is gone. */
    boolean lost() {
        return lost;
    }

    boolean hasNews() {
        return !dones.isEmpty();
    }

    void dropNews() {
        dones.clear();
    }

    /** Takes away what is to be told, so that something else is written alone. */
    List<Done> setAside() {
        List<Done> aside = List.copyOf(dones);
        dones.clear();
        return aside;
    }

    /**
     * What was set aside is told again, but for what the journal has meanwhile, or never will; if it was read anew, but
     * for timeouts, too: a signal may have come before them (S9).
     */
    void takeUp(List<Done> aside, boolean readAnew) {
        for (Done done : aside) if (done.fits(course) && !(readAnew && done.isTimeout())) dones.add(done);
    }

    /** Nothing is undone any more. */
    boolean pivotPassed() {
        return head.pivotPassed();
    }

    /** An operator asked for it, and nobody has called since. */
    boolean mayCallAgain(Leg leg) {
        return leg.retryAsked && quiet && !leg.entered;
    }

    SagaStore.@Nullable Signal signal(String name) {
        for (SagaStore.Signal signal : loaded.signals()) if (signal.name().equals(name)) return signal;
        return null;
    }

    /** Whether an attempt of the action can have run (S2): not only here, in any incarnation. */
    boolean touched(Leg leg) {
        if (leg.running != null) return true;
        if (leg.place.action == null || leg.place.action.rules().transactional()) return false; // S15: rolled back
        if (leg.unprepared()) return false;
        if (leg.entered || wasReached(leg)) return true;
        if (leg.first() ? fresh : leg.openedBy(head.fence())) return false;
        if (!quiet) return true;
        if (leg.told) return leg.toldCalled;
        return leg.first() || !leg.openedBy(head.fence() - 1); // the one before gave it back, and would have said so
    }

    /**
     * Whether it was open before the journal forgot what it had acknowledged to this owner (C16): then what it says of
     * who opened it is no proof that nobody has called.
     */
    boolean wasReached(Leg leg) {
        for (int i = 0; i < reached.size(); i++)
            if (reached.get(i).place == leg.place && reached.get(i).index == leg.index) return true;
        return false;
    }

    /** The journal went back: what it had acknowledged is not forgotten here. */
    private void wentBack() {
        List<Leg> all = new ArrayList<>(reached);
        course.everyLeg(leg -> {
            boolean called = leg.done == null ? touched(leg) : leg.done.outcome() != StepOutcome.SKIPPED;
            if (called && leg.place.action != null) all.add(leg);
        });
        reached = all;
        behind = true;
        pivotReached |= head.inPivot() || head.pivotPassed();
        Guest.warn(
                "saga " + head.ref() + ": its journal forgot what it had acknowledged, as after a failover to a"
                        + " replica that lags; it goes on from what is left, under the same keys",
                null);
    }

    /**
     * Whether it went back (C16), so that attempts may be under way of steps that it will come to again: who begins one of
     * them meanwhile has it run beside itself, and end twice.
     */
    boolean isBehind() {
        return behind;
    }

    /** No attempt of before is under way any more. */
    void caughtUp() {
        behind = false;
    }

    /** Whether it has not come to the point of no return: its pivot, if it is possibly started, is never guessed. */
    boolean mayTurn() {
        if (course.turned() || head.pivotPassed() || pivotReached) return false;
        List<Leg> open = course.open(); // asked several times for each step: no iterator
        for (int i = 0; i < open.size(); i++) if (isFinal(open.get(i).place) && touched(open.get(i))) return false;
        for (int i = 0; i < dones.size(); i++)
            if (isFinal(dones.get(i).place) && dones.get(i).outcome == StepOutcome.COMPLETED) return false;
        return true;
    }

    static boolean isFinal(Chart.Place place) {
        return place.action != null && place.action.kind() != Node.Kind.COMPENSATABLE;
    }

    /** Whether its last step was done here, so that its output is known. Not of one that others completed meanwhile. */
    boolean completedHere() {
        return completedHere;
    }

    // --- what is to be told ---

    void tell(Done done) {
        dones.add(done);
    }

    /** What an attempt brought, to be told: the one that was written last is used again. */
    Done done(Leg leg, JournalEntry.Phase phase, StepOutcome outcome) {
        Done done = spare;
        if (done == null) return new Done(leg, phase, outcome);
        spare = null;
        done.anew(leg, phase, outcome);
        return done;
    }

    void order(Order.What what, String reason, @Nullable String step, @Nullable String text) {
        if (order == null || order.what().compareTo(what) < 0) order = new Order(what, reason, step, text);
    }

    void noOrder() {
        order = null;
    }

    /** What {@code returns} made: told when the checkpoint that completes it is durable. */
    void returned(@Nullable Object made) {
        output = made;
    }

    /** Turns, or, when that is not possible any more, parks. */
    void fail(String reason, @Nullable String step, @Nullable Throwable thrown) {
        order(mayTurn() ? Order.What.TURN : Order.What.PARK, reason, step, text(thrown));
    }

    static @Nullable String text(@Nullable Throwable thrown) {
        if (thrown == null) return null;
        String text = Guest.text(thrown);
        return text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT);
    }

    // --- writing ---

    /**
     * Writes all that is to be told. True: it is durable; false: look again, at {@link #lost()} first. {@code idle}: no
     * attempt runs; only then it turns, is parked or released.
     */
    boolean write(boolean idle) {
        Checkpoint checkpoint = compose(idle);
        boolean written;
        try {
            written = berth.write(checkpoint);
        } catch (JournalWriter.RefusedException guilty) {
            unwritable(guilty);
            return false;
        }
        if (written) accepted(checkpoint);
        else refused(checkpoint, false);
        return written;
    }

    /** What is to be told will never be durable: all that can be said is that. If not even that can, the run breaks off. */
    private void unwritable(JournalWriter.RefusedException guilty) {
        if (dones.isEmpty() && unwritable) throw guilty;
        unwritable = true;
        String step = dones.isEmpty() ? null : dones.get(0).place.node.name();
        dones.clear();
        refresh(false);
        order = null; // this one weighs more, whatever it was
        order(Order.What.PARK, Reasons.UNWRITABLE, step, text(guilty.getCause()));
        Guest.warn(
                "saga " + head.ref() + ": the journal refuses what is to be recorded"
                        + (step == null ? "" : " of step '" + step + "'")
                        + "; it is parked: mend what refuses it and retry it, or resolve its step",
                guilty);
    }

    /**
     * The same within the transaction of a step, which ends with it. False also if it was rolled back: then
     * {@link #refused()} finds out what is the case, as soon as the store can be asked.
     */
    boolean write(Connection transaction, boolean idle) {
        Checkpoint checkpoint = compose(idle);
        boolean written = false;
        boolean unknown = false;
        undone = null;
        try {
            written = berth.store().write(transaction, checkpoint);
            if (written) {
                unknown = true;
                transaction.commit();
                unknown = false;
            }
        } catch (SQLException | RuntimeException failed) { // a driver's own mistakes, too: others hold connections
            if (!unknown) Guest.warn("saga " + head.ref() + ": the checkpoint of a transactional step failed", failed);
            written = false;
            undone = failed;
        } finally {
            if (written) Transactions.close(transaction);
            else Transactions.giveUp(transaction);
        }
        if (written) {
            accepted(checkpoint);
            return true;
        }
        refused = checkpoint;
        unsettled = unknown;
        return false;
    }

    /** After a transaction that was not, or perhaps not, committed: reads again. */
    void refused() {
        Checkpoint checkpoint = Objects.requireNonNull(refused);
        refused = null;
        refused(checkpoint, unsettled);
    }

    /** What undid the last transaction, though its saga goes on here; null: nothing, or its guard did not hold. */
    @Nullable
    Throwable undone() {
        return lost || dones.isEmpty() ? null : undone;
    }

    private void accepted(Checkpoint checkpoint) {
        SagaInstance before = head;
        if (checkpoint.next().status() != head.status()) course.everyLeg(Leg::forgetTrials);
        head = checkpoint.after(head);
        completedHere = head.status() == SagaStatus.COMPLETED;
        Story.tell(berth, before, checkpoint, dones);
        for (int i = 0; i < dones.size(); i++) forget(dones.get(i));
        if (dones.size() == 1) spare = dones.get(0); // nobody else has it any more
        dones.clear();
        unwritable = false;
        if (!executed) return;
        if (order != null && order.reason().equals(ERROR))
            Guest.warn(
                    "saga " + head.ref() + ": step '" + order.step() + "' broke with " + order.text()
                            + "; it is left to whoever takes it over",
                    null);
        order = null;
    }

    /** What was tried to find out or to undo it counts no more: the next thing begins anew. */
    private void forget(Done done) {
        Leg leg = done.phase == JournalEntry.Phase.ACTION ? null : course.leg(done.place, done.index);
        if (leg != null) leg.forgetTrials();
    }

    /** Reads it again: of what was told remains what the journal does not have. */
    private void refused(Checkpoint checkpoint, boolean settled) {
        refresh(settled);
        if (!lost) return;
        boolean ours = head.fence() == checkpoint.next().fence() && JournalWriter.has(loaded, checkpoint);
        if (ours && checkpoint.next().owner() == null) accepted(checkpoint); // it was written, and nobody told us
        else berth.listener().fenced(head.ref());
    }

    /** Reads it all again: who owns it, whether somebody cancelled, paused, signalled. */
    void refresh(boolean settled) {
        SagaInstance before = head;
        SagaStore.Loaded now = berth.reload(head.ref(), settled);
        lost = now == null
                || now.head().fence() != before.fence()
                || !Objects.equals(now.head().owner(), before.owner())
                || !now.head().incarnation().equals(before.incarnation());
        if (now == null) return;
        if (!lost && now.head().seq() < before.seq()) wentBack();
        head = now.head();
        loaded = now;
        Course old = course;
        course = Course.of(chart, berth.codec(), now);
        old.everyLeg(this::carry);
        dones.removeIf(done -> !done.fits(course) || done.isTimeout());
        judge();
        if (order == null) return;
        boolean done = order.what() == Order.What.TURN && course.turned();
        boolean anew = order.reason().equals(WAITING) || order.reason().equals(Reasons.TIMED_OUT);
        if (done || anew) order = null;
    }

    /** What is known of attempts outlives the reading. */
    private void carry(Leg before) {
        Leg now = course.leg(before.place, before.index);
        if (now != null) now.takeOver(before);
    }

    // --- composing ---

    private Checkpoint compose(boolean idle) {
        long now = berth.nowMs();
        Composition next = composition;
        next.begin(now);
        boolean couldTurn = mayTurn();
        for (int i = 0; i < dones.size(); i++) next.outcome(dones.get(i)); // one, mostly: no iterator for each step
        boolean paused = head.status() == SagaStatus.PAUSED;
        if (!paused && order == null) next.openers();
        if (!paused && mayTurn()) findCause(now);
        executed = idle && (paused || order != null);
        if (executed && paused) next.paused();
        else if (executed) next.ordered(Objects.requireNonNull(order));
        else if (course.turned()) next.undone();
        else if (course.finished()) next.completed();
        boolean mayBeTooLate = couldTurn && !next.pivotPassed && !course.turned() && !paused;
        if (mayBeTooLate && !head.cancelRequested()) next.unlessCancelled = true;
        Thread.interrupted(); // whatever conditions and elements left behind: it is not the store's (L8)
        return new Checkpoint(next);
    }

    /** Gives the order to turn if there is a cause. Only while it {@link #mayTurn()}. */
    void findCause(long now) {
        Leg rejected = course.rejected();
        if (rejected != null)
            order(
                    Order.What.TURN,
                    Reasons.REJECTED,
                    rejected.name(),
                    Objects.requireNonNull(rejected.done).text());
        if (course.undoWanted()) order(Order.What.TURN, Reasons.OPERATOR, null, null);
        if (head.cancelRequested()) order(Order.What.TURN, Reasons.CANCELLED, null, null);
        if (now >= head.deadlineMs() && !course.finished()) order(Order.What.TURN, Reasons.DEADLINE, null, null);
    }

    /** Order RELEASE: nothing to do before the next due. */
    static final String WAITING = "WAITING";
    /** Order RELEASE: an {@code Error}; somebody may have more luck, or dies as well. */
    static final String ERROR = "ERROR";
    /** Order RELEASE: the engine closes. */
    static final String CLOSING = "CLOSING";

    /** @throws SagaCodec.CodecException also of more bytes than are allowed */
    byte @Nullable [] encoded(Type<?> type, @Nullable Object value) {
        @SuppressWarnings({"unchecked", "NullAway"}) // the definition pairs them
        byte[] payload = berth.codec().encode((Type<@Nullable Object>) type, value);
        if (payload != null && payload.length > berth.payloadCap())
            throw new SagaCodec.CodecException(
                    payload.length + " bytes are more than the " + berth.payloadCap() + " that a payload may have",
                    null);
        return payload;
    }
}
