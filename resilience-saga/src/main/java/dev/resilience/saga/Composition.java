// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The checkpoint in the making: each line is also applied to the course, as if it were durable. One for each logbook,
 * begun anew for each checkpoint, because what every step makes should be little.
 */
final class Composition {
    /** Pauses of an engine after an {@code Error}: the first one, doubled by each claim. */
    static final long ERROR_PAUSE_MS = 1000;

    private final Logbook log;
    private long now;
    private SagaInstance.@Nullable Builder changed;
    private @Nullable JournalEntry first;
    private final List<JournalEntry> more = new ArrayList<>(0);
    boolean unlessCancelled;
    boolean unlessSignalled;
    boolean clearsCancel;
    boolean pivotPassed;

    Composition(Logbook log) {
        this.log = log;
    }

    void begin(long nowMs) {
        now = nowMs;
        changed = null;
        first = null;
        more.clear();
        unlessCancelled = false;
        unlessSignalled = false;
        clearsCancel = false;
        pivotPassed = false;
        if (log.head().version() != log.chart().plan().version())
            head().version(log.chart().plan().version());
        if (log.head().claims() != 0) head().claims(0);
    }

    /** The head that the saga is to have: changed here. Who changes nothing does not call it, and spares the copy. */
    private SagaInstance.Builder head() {
        SagaInstance.Builder head = changed;
        if (head == null) changed = head = log.head().but();
        return head;
    }

    SagaInstance seen() {
        return log.head();
    }

    /** Called once, last. */
    SagaInstance next() {
        SagaInstance.Builder head = changed;
        if (head == null) return seen().after(now);
        changed = null;
        return head.seq(seen().seq() + 1).updatedMs(now).sealed();
    }

    /** The line, if there is one and not more. */
    @Nullable
    JournalEntry onlyLine() {
        return more.isEmpty() ? first : null;
    }

    List<JournalEntry> lines() {
        if (first == null) return List.of();
        List<JournalEntry> all = new ArrayList<>(count());
        all.add(first);
        all.addAll(more);
        return List.copyOf(all);
    }

    private int count() {
        return first == null ? 0 : 1 + more.size();
    }

    void line(JournalEntry.Builder line) {
        line(line.at(log.head().seq() + 1, count(), log.head().fence(), now));
    }

    private void line(JournalEntry numbered) {
        if (first == null) first = numbered;
        else more.add(numbered);
        log.course().apply(numbered);
    }

    void outcome(Done done) {
        line(new JournalEntry(done, log.head(), count(), now));
        Leg leg = log.course().leg(done.place, done.index);
        if (leg != null) leg.held = done.held;
        if (done.isTimeout()) unlessSignalled = true;
        if (!Logbook.isFinal(done.place)
                || done.outcome != StepOutcome.COMPLETED
                || log.head().pivotPassed()) return;
        pivotPassed = true;
        head().pivotPassed(true).inPivot(false).cancelRequested(false);
        clearsCancel = true;
    }

    /** Decisions, elements and ends of waits of what is open now: evaluated once, then journaled (S2, S10). */
    void openers() {
        for (Leg leg = unprepared(); leg != null && log.order() == null; leg = unprepared()) {
            try {
                log.berth().deciding(leg.name());
                line(opener(leg));
            } catch (Course.UnreadableException unreadable) {
                log.order(Logbook.Order.What.PARK, Reasons.UNREADABLE, leg.name(), Logbook.text(unreadable));
            } catch (Throwable thrown) {
                if (Guest.isOfJvm(thrown))
                    log.order(Logbook.Order.What.RELEASE, Logbook.ERROR, leg.name(), Logbook.text(thrown));
                else if (pivotPassed)
                    log.order(Logbook.Order.What.PARK, Reasons.CODE_FAILED, leg.name(), Logbook.text(thrown));
                else log.fail(Reasons.CODE_FAILED, leg.name(), thrown);
            } finally {
                log.berth().decided();
            }
        }
        if (log.head().inPivot() || log.head().pivotPassed() || pivotPassed) return;
        List<Leg> open = log.course().open();
        for (int i = 0; i < open.size(); i++) if (Logbook.isFinal(open.get(i).place)) head().inPivot(true);
    }

    private @Nullable Leg unprepared() {
        List<Leg> open = log.course().open();
        for (int i = 0; i < open.size(); i++) if (open.get(i).unprepared()) return open.get(i);
        return null;
    }

    private JournalEntry.Builder opener(Leg leg) {
        Node.Action action = leg.place.action;
        if (action == null) return due(leg, 0, now + Math.min(leg.waitMillis(), SagaInstance.NEVER - 1 - now), null);
        if (action.code().when() != null && !leg.decided) {
            boolean takesPlace = action.code().when().test(log.course().values());
            return of(JournalEntry.Phase.DECISION, leg).payload(new byte[] {(byte) (takesPlace ? 1 : 0)});
        }
        Node.Each each = Objects.requireNonNull(leg.place.each);
        List<?> elements = List.copyOf(each.elements().apply(log.course().values()));
        byte[] payload = log.encoded(Type.listOf(each.element()), elements);
        return of(JournalEntry.Phase.ITEMS, leg)
                .payload(payload)
                .note(Course.counts(elements.size(), each.concurrency()));
    }

    private JournalEntry.Builder of(JournalEntry.Phase phase, Leg leg) {
        return JournalEntry.of(phase, leg.name()).index(leg.index).kind(leg.place.letter);
    }

    private JournalEntry.Builder due(Leg leg, int attempts, long dueMs, @Nullable String note) {
        return of(JournalEntry.Phase.DUE, leg).attempts(attempts).dueMs(dueMs).note(note);
    }

    // --- where it goes ---

    void ordered(Logbook.Order order) {
        if (order.reason().equals(Reasons.TIMED_OUT)) unlessSignalled = true; // S9: what was accepted counts
        switch (order.what()) {
            case RELEASE -> released(order.reason());
            case TURN -> turned(order);
            case PARK -> parked(order);
        }
    }

    private void turned(Logbook.Order order) {
        for (Leg leg : List.copyOf(log.course().open())) if (leg.place.action != null) closed(leg);
        line(JournalEntry.of(JournalEntry.Phase.TURN, Objects.requireNonNullElse(order.step(), ""))
                .note(order.reason())
                .text(order.text()));
        head().status(SagaStatus.COMPENSATING).inPivot(false);
        why(order);
        undone();
    }

    /** S1, S2: in doubt, unless no attempt of it can have run. */
    private void closed(Leg leg) {
        boolean touched = log.touched(leg);
        Trial trial = leg.trial;
        line(of(JournalEntry.Phase.ACTION, leg)
                .outcome(touched ? StepOutcome.IN_DOUBT : StepOutcome.SKIPPED)
                .note(touched ? null : Leg.UNTOUCHED)
                .text(trial == null ? null : Logbook.text(trial.lastThrown)));
    }

    private void why(Logbook.Order order) {
        head().reason(order.reason()).reasonStep(order.step()).reasonText(order.text());
    }

    void undone() {
        if (log.course().undoing() != null) return;
        ended(SagaStatus.COMPENSATED);
        JournalEntry turn = Objects.requireNonNull(log.course().turn());
        String step = turn.step().isEmpty() ? null : turn.step();
        head().reason(turn.note()).reasonStep(step).reasonText(turn.text()); // not what parked it since
    }

    void completed() {
        try {
            log.berth().deciding(Tenure.RETURNS);
            log.returned(log.chart().plan().returns().apply(log.course().values()));
        } catch (Course.UnreadableException unreadable) {
            ordered(new Logbook.Order(Logbook.Order.What.PARK, Reasons.UNREADABLE, null, Logbook.text(unreadable)));
            return;
        } catch (Throwable thrown) {
            if (Guest.isOfJvm(thrown)) {
                Guest.warn(
                        "saga " + log.head().ref() + ": what it returns broke; it is left to whoever takes it over",
                        thrown);
                released(Logbook.ERROR);
            } else
                ordered(new Logbook.Order(Logbook.Order.What.PARK, Reasons.RETURNS_FAILED, null, Logbook.text(thrown)));
            return;
        } finally {
            log.berth().decided();
        }
        ended(SagaStatus.COMPLETED);
        if (log.head().reason() != null) head().reason(null).reasonStep(null).reasonText(null);
    }

    private void ended(SagaStatus status) {
        head().status(status)
                .heldFrom(null)
                .owner(null)
                .wakeMs(SagaInstance.NEVER)
                .lockKey(null)
                .endedMs(now)
                .inPivot(false);
    }

    private void parked(Logbook.Order order) {
        boolean misfit = order.reason().equals(Reasons.DEFINITION_MISMATCH);
        // this version has recorded nothing: the one before it may still go on
        if (misfit || (order.reason().equals(Reasons.UNREADABLE) && first == null))
            head().version(log.head().version());
        line(JournalEntry.of(JournalEntry.Phase.PARKED, Objects.requireNonNullElse(order.step(), ""))
                .note(order.reason())
                .text(order.text()));
        if (!misfit) waits();
        head().status(SagaStatus.NEEDS_ATTENTION)
                .heldFrom(log.course().turned() ? SagaStatus.COMPENSATING : SagaStatus.RUNNING)
                .owner(null)
                .wakeMs(SagaInstance.NEVER);
        why(order);
    }

    /** S12: what is known is recorded; the rest waits for somebody to resume it. */
    void paused() {
        waits();
        head().heldFrom(log.course().turned() ? SagaStatus.COMPENSATING : SagaStatus.RUNNING)
                .owner(null)
                .wakeMs(SagaInstance.NEVER);
        log.noOrder();
    }

    private void released(String reason) {
        waits();
        long wakeMs = now;
        if (reason.equals(Logbook.WAITING)) wakeMs = earliest();
        if (reason.equals(Logbook.ERROR)) {
            wakeMs = now + (ERROR_PAUSE_MS << Math.min(6, log.head().claims()));
            head().claims(log.head().claims() + 1);
        }
        head().owner(null).wakeMs(wakeMs);
        unlessSignalled = true;
    }

    /** Lines of what waits, or was tried: later owners go on from there (S10, C7). */
    private void waits() {
        if (log.course().turned()) {
            Leg undoing = log.course().undoing();
            if (undoing != null) wait(undoing);
        } else for (Leg leg : List.copyOf(log.course().open())) if (leg.place.action != null) wait(leg);
    }

    private void wait(Leg leg) {
        Trial trial = leg.trial;
        JournalEntry due = leg.due;
        if (!leg.tried && due == null && isEvident(leg)) return;
        String note = log.course().turned() || log.touched(leg) ? null : Leg.UNTOUCHED;
        int attempts = trial == null ? leg.attempts() : trial.attempts;
        long dueMs = trial != null && trial.waits ? dueMs(trial) : due == null ? now : due.dueMs();
        boolean told =
                due != null && due.attempts() == attempts && due.dueMs() == dueMs && Objects.equals(due.note(), note);
        if (!told) line(due(leg, attempts, dueMs, note));
    }

    /** Whether the next owner sees by itself whether it is touched. */
    private boolean isEvident(Leg leg) {
        if (log.course().turned() || leg.unprepared()) return true;
        if (log.wasReached(leg)) return false;
        if (log.touched(leg)) return true;
        return !leg.first() && leg.openedBy(log.head().fence());
    }

    private long dueMs(Trial trial) {
        long nanos = trial.dueNanos - log.berth().time().nanoTime();
        long millis = nanos <= 0 ? 0 : (nanos - 1) / 1_000_000 + 1;
        return millis >= SagaInstance.NEVER - 1 - now ? SagaInstance.NEVER - 1 : now + millis;
    }

    /** When somebody has to look again. */
    private long earliest() {
        if (log.course().turned()) {
            Leg undoing = log.course().undoing();
            return undoing == null || undoing.due == null ? now : undoing.due.dueMs();
        }
        long earliest = log.mayTurn() ? log.head().deadlineMs() : SagaInstance.NEVER;
        for (Leg leg : log.course().open()) {
            if (leg.due != null) earliest = Math.min(earliest, leg.due.dueMs());
            else if (leg.place.action != null) return now;
        }
        return earliest;
    }
}
