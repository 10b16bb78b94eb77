// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** What could be done wrongly: seeded at the seams of the real runner, to show that {@link RunnerModel} would see it. */
enum Mistake {
    NONE,
    /** S1: a gate that refuses taken for a participant that does. */
    LOCAL_REJECTION_IS_REJECTED,
    /** S2: who turns forgets what is possibly started. */
    NO_DOUBT,
    /** S2: an owner takes what the one before wrote for its own, and so for untouched. */
    FENCE_NOT_RAISED,
    /** S2, S11: a death is not counted, so that a wait is taken for proof that nobody has called. */
    DEATH_NOT_COUNTED,
    /** S3, G7: the pivot's checkpoint does not say so. */
    PIVOT_NOT_MARKED,
    /** S3: the pivot's checkpoint leaves the request. */
    CANCEL_NOT_CLEARED,
    /** T3: checkpoints before the pivot do not look for a cancel. */
    CANCEL_NOT_GUARDED,
    /** S9: parking does not look for signals. */
    PARK_NOT_GUARDED,
    /** S10: a delay begins again with each owner. */
    DELAY_RESTARTED,
    /** G9: a write is accepted whoever owns the saga. */
    OWNER_NOT_GUARDED,
    /** S12: an outcome that meets a pause is dropped, and the step called again after its undoing. */
    OUTCOME_LOST_BY_PAUSE,
    /** G6: a turn ends the saga without undoing. */
    TURN_ENDS_IT,
    /** L3: who waits is not woken. */
    WAKE_UP_FORGOTTEN,
    /** G5: undone first what was done first. */
    UNDONE_IN_ORDER,
    /** G4: an outcome is written twice. */
    OUTCOME_TWICE,
    /** G5: the next step begins though its predecessor's outcome is not written. */
    OUTCOME_NOT_DURABLE,
    /** S8: the key changes with the owner. */
    KEY_OF_OWNER;

    /** The key that reaches the participant. */
    String key(String key, String name, String owner) {
        if (this == KEY_OF_OWNER) return key + owner;
        boolean undo = this == UNDONE_IN_ORDER && key.endsWith(StepContext.UNDO);
        return undo ? "saga/1~i/" + name + StepContext.UNDO : key;
    }

    /** What an owner gets to see when it takes the saga. */
    SagaStore.Loaded loaded(SagaStore.Loaded l) {
        return switch (this) {
            case FENCE_NOT_RAISED ->
                with(l, l.head(), of(l, l.entries(), e -> true, l.head().fence()));
            case DEATH_NOT_COUNTED -> with(l, l.head().but().claims(0).build(), l.entries());
            case DELAY_RESTARTED -> with(l, l.head(), of(l, l.entries(), e -> e.kind() != Chart.DELAY, -1));
            default -> l;
        };
    }

    private static SagaStore.Loaded with(SagaStore.Loaded l, SagaInstance head, List<JournalEntry> entries) {
        return new SagaStore.Loaded(head, l.input(), l.context(), entries, l.signals());
    }

    private static List<JournalEntry> of(
            SagaStore.Loaded l, List<JournalEntry> entries, Predicate<JournalEntry> kept, long fence) {
        List<JournalEntry> all = new ArrayList<>();
        for (JournalEntry e : entries)
            if (kept.test(e)) all.add(copy(e).at(e.seq(), e.ord(), fence == -1 ? e.fence() : fence, e.atMs()));
        return all;
    }

    static JournalEntry.Builder copy(JournalEntry e) {
        return JournalEntry.of(e.phase(), e.step())
                .index(e.index())
                .outcome(e.outcome())
                .kind(e.kind())
                .payload(e.payload())
                .text(e.text())
                .note(e.note())
                .attempts(e.attempts())
                .dueMs(e.dueMs());
    }

    /** How a checkpoint reaches the store. */
    boolean write(SeamStore store, Checkpoint c) {
        boolean outcome = c.entries().stream().anyMatch(e -> e.phase() == JournalEntry.Phase.ACTION);
        boolean turn = c.entries().stream().anyMatch(e -> e.phase() == JournalEntry.Phase.TURN);
        return switch (this) {
            case NO_DOUBT -> store.write(changed(c, c.seen(), true, true, Mistake::skipped, b -> b));
            case PIVOT_NOT_MARKED -> store.write(changed(c, c.seen(), true, true, e -> e, b -> b.pivotPassed(false)));
            case CANCEL_NOT_CLEARED -> store.write(changed(c, c.seen(), true, false, e -> e, b -> b));
            case CANCEL_NOT_GUARDED -> store.write(changed(c, c.seen(), false, true, e -> e, b -> b));
            case PARK_NOT_GUARDED -> store.write(unsignalled(c));
            case OWNER_NOT_GUARDED -> {
                SagaInstance now = store.inner.load(c.ref()).orElseThrow().head();
                yield store.write(changed(c, now, true, true, e -> e, b -> b));
            }
            case OUTCOME_LOST_BY_PAUSE ->
                store.write(
                        c.next().status() == SagaStatus.PAUSED
                                ? changed(c, c.seen(), true, true, e -> null, b -> b)
                                : c);
            case TURN_ENDS_IT ->
                store.write(
                        turn
                                ? changed(
                                        c,
                                        c.seen(),
                                        true,
                                        true,
                                        e -> e,
                                        b -> b.status(SagaStatus.COMPENSATED)
                                                .owner(null)
                                                .wakeMs(SagaInstance.NEVER))
                                : c);
            case WAKE_UP_FORGOTTEN ->
                store.write(
                        c.next().owner() == null
                                ? changed(c, c.seen(), true, true, e -> e, b -> b.wakeMs(SagaInstance.NEVER))
                                : c);
            case OUTCOME_TWICE -> {
                boolean written = store.write(c);
                SagaInstance now = store.inner.load(c.ref()).orElseThrow().head();
                if (written && outcome && now.owner() != null) twice(store, c, now);
                yield written;
            }
            case OUTCOME_NOT_DURABLE -> outcome && !turn && !c.next().status().ended() || store.write(c);
            default -> store.write(c);
        };
    }

    private static void twice(SeamStore store, Checkpoint c, SagaInstance now) {
        Checkpoint.Builder again = Checkpoint.on(now, c.next().updatedMs());
        for (JournalEntry e : c.entries()) again.append(copy(e));
        again.head();
        store.write(again.build());
    }

    private static JournalEntry.Builder skipped(JournalEntry.Builder b) {
        JournalEntry e = b.at(0, 0, 0, 0);
        return e.outcome() == StepOutcome.IN_DOUBT
                ? b.outcome(StepOutcome.SKIPPED).note(Leg.UNTOUCHED)
                : b;
    }

    private static Checkpoint unsignalled(Checkpoint c) {
        if (!c.unlessSignalled()) return c;
        Checkpoint.Builder b = builder(c, c.seen(), e -> e, h -> h);
        if (c.unlessCancelled()) b.unlessCancelled();
        return b.build();
    }

    private static Checkpoint changed(
            Checkpoint c,
            SagaInstance seen,
            boolean cancelGuard,
            boolean clears,
            UnaryOperator<JournalEntry.Builder> line,
            UnaryOperator<SagaInstance.Builder> head) {
        Checkpoint.Builder b = builder(c, seen, line, head);
        if (c.unlessCancelled() && cancelGuard) b.unlessCancelled();
        if (c.unlessSignalled()) b.unlessSignalled();
        if (c.clearsCancel() && clears) b.clearsCancel();
        return b.build();
    }

    private static Checkpoint.Builder builder(
            Checkpoint c,
            SagaInstance seen,
            UnaryOperator<JournalEntry.Builder> line,
            UnaryOperator<SagaInstance.Builder> head) {
        Checkpoint.Builder b = Checkpoint.on(seen, c.next().updatedMs());
        for (JournalEntry e : c.entries()) {
            JournalEntry.Builder changed = line.apply(copy(e));
            if (changed != null) b.append(changed);
        }
        SagaInstance next = c.next();
        head.apply(b.head()
                .status(next.status())
                .heldFrom(next.heldFrom())
                .owner(next.owner())
                .claims(next.claims())
                .wakeMs(next.wakeMs())
                .inPivot(next.inPivot())
                .pivotPassed(next.pivotPassed())
                .lockKey(next.lockKey())
                .reason(next.reason())
                .reasonStep(next.reasonStep())
                .reasonText(next.reasonText())
                .endedMs(next.endedMs()));
        return b;
    }
}
