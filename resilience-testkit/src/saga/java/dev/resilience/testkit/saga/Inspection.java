// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaReply;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import dev.resilience.saga.StepOutcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Holds one run to the guarantees of a saga, from what was seen from outside. Each finding begins with its number. */
final class Inspection {
    private final Trial trial;
    private final Reference reference;
    private final List<String> findings = new ArrayList<>();
    private final Map<String, Integer> lines = new HashMap<>();
    private final List<JournalEntry> taken = new ArrayList<>();
    private final Map<String, StepOutcome> outcomes = new HashMap<>();
    private final Set<String> undone = new HashSet<>();
    private final Set<String> made = new LinkedHashSet<>();
    private final Set<String> unmade = new LinkedHashSet<>();
    private final Map<String, String> keys = new HashMap<>();
    private @Nullable SagaInstance head;
    private @Nullable Life owner;
    private boolean mustTurn;

    private Inspection(Trial trial, Reference reference) {
        this.trial = trial;
        this.reference = reference;
    }

    /** What is wrong with it; empty if nothing is. */
    static List<String> of(Trial trial, Reference reference) {
        Inspection inspection = new Inspection(trial, reference);
        for (Event event : trial.events()) inspection.see(event);
        inspection.end();
        return inspection.findings;
    }

    private void see(Event event) {
        if (event instanceof Event.Started started) {
            if (head != null) find("G2", "it was started twice");
            head = started.head();
            owner = started.head().owner() == null ? null : started.by();
            started.lines().forEach(this::line);
        } else if (event instanceof Event.Claimed claimed) {
            head = claimed.head();
            owner = claimed.by();
        } else if (event instanceof Event.Written written) {
            written(written.by(), written.checkpoint());
        } else if (event instanceof Event.Call call) {
            called(call.key());
        } else if (event instanceof Event.Effect effect) {
            effect(effect);
        } else if (event instanceof Event.Cancelled cancelled) {
            cancelled(cancelled);
        }
    }

    private void written(Life by, Checkpoint checkpoint) {
        SagaInstance before = head;
        if (before == null) {
            find("G9", "a checkpoint of a saga that was never started was taken: " + checkpoint);
            return;
        }
        if (before.status().ended()) find("T23", "a checkpoint was taken after the saga had ended: " + checkpoint);
        if (checkpoint.seen().fence() != before.fence() || (owner != null && owner != by))
            find("G9", by + " recorded something though " + owner + " owned the saga: " + checkpoint);
        SagaStatus next = checkpoint.next().status();
        if (before.pivotPassed() && (next == SagaStatus.COMPENSATING || next == SagaStatus.COMPENSATED))
            find("G7", "it turned after its pivot: " + checkpoint);
        checkpoint.entries().forEach(this::line);
        head = checkpoint.after(before);
        if (head.owner() == null) owner = null;
    }

    private void line(JournalEntry line) {
        taken.add(line);
        String step = Reference.step(line);
        switch (line.phase()) {
            case ACTION, UNDO, RESOLUTION -> {
                if (lines.merge(line.phase() + " " + step, 1, Integer::sum) > 1)
                    find("G4", "a second outcome was recorded: " + line);
                if (line.phase() == JournalEntry.Phase.UNDO) undone.add(step);
                else if (line.outcome() != null) outcomes.put(step, line.outcome());
            }
            default -> {}
        }
    }

    private void called(Key key) {
        String step = key.step();
        String other = keys.putIfAbsent(step, key.action());
        if (other != null && !other.equals(key.action()))
            find("G3", step + " was called under two keys: " + other + " and " + key.action());
        if (key.undo()) undoCalled(step);
        else actionCalled(step);
    }

    private void actionCalled(String step) {
        if (!reference.knows(step) && reference.status() == SagaStatus.COMPLETED)
            find("G3", "called a step that is not called without a crash: " + step);
        for (String earlier : reference.before(step))
            if (!outcomes.containsKey(earlier))
                find("G5", step + " was called before the outcome of " + earlier + " was durable");
    }

    private void undoCalled(String step) {
        if (head != null && head.pivotPassed()) find("G7", "undo of " + step + " after the pivot");
        StepOutcome known = outcomes.get(step);
        if (known == StepOutcome.REJECTED || known == StepOutcome.SKIPPED)
            find("G6", "undo of " + step + ", which is " + known);
        else if (known == null) find("G6", "undo of " + step + ", of which no outcome is durable");
        for (String later : made)
            if (reference.before(later).contains(step) && !undone.contains(later) && !trial.isHarmless(later))
                find("G5", "undo of " + step + " before the undo of " + later + " was durable");
    }

    private void effect(Event.Effect effect) {
        String step = effect.key().step();
        if (effect.times() > 1) find("G3", effect.key() + " had its effect " + effect.times() + " times");
        if (effect.key().undo()) unmade.add(step);
        else made.add(step);
        if (!effect.key().undo() && unmade.contains(step)) find("G6", step + " was made after it was undone");
    }

    private void cancelled(Event.Cancelled cancelled) {
        SagaInstance then = cancelled.head();
        if (cancelled.reply() == SagaReply.ACCEPTED && then != null && !then.inPivot()) mustTurn = true;
    }

    private void end() {
        for (Throwable thrown : trial.thrown()) find("L5", "a thread of the engine died of " + thrown + at(thrown));
        SagaStore.Loaded left = trial.left();
        if (left == null) {
            find("G1", "the saga is not in the store");
            return;
        }
        SagaStatus status = left.head().status();
        if (!status.ended() && status != SagaStatus.NEEDS_ATTENTION) {
            find("G1", "it has not ended: " + left.head());
            return;
        }
        if (!legal().contains(status)) find("G1", "it ended " + status + ", expected " + legal());
        if (mustTurn && status != SagaStatus.COMPENSATED)
            find("S3", "a cancellation was accepted before the pivot, but it ended " + status);
        journal(left);
        if (status == SagaStatus.COMPLETED) completed();
        if (status == SagaStatus.COMPENSATED) compensated();
    }

    /** As without a crash; or turned, where something happened that may turn it (C8: it may also not). */
    private Set<SagaStatus> legal() {
        EnumSet<SagaStatus> legal = EnumSet.of(reference.status());
        EnumSet<Fault> turning =
                EnumSet.of(Fault.FAIL, Fault.REJECT, Fault.HANG, Fault.STALL, Fault.CANCEL, Fault.SIGNAL);
        turning.retainAll(trial.met());
        if (turning.isEmpty()) return legal;
        if (!trial.pivotPassedAtFault()) legal.add(SagaStatus.COMPENSATED);
        if (turning.contains(Fault.REJECT) && trial.pivotPassedAtFault()) legal.add(SagaStatus.NEEDS_ATTENTION);
        return legal;
    }

    private void journal(SagaStore.Loaded left) {
        List<String> expected = taken.stream().map(JournalEntry::toString).toList();
        List<String> actual = left.entries().stream().map(JournalEntry::toString).toList();
        if (!expected.equals(actual)) find("G4", "the journal is not what the store has taken: " + expected);
        SagaInstance head = this.head;
        if (head != null && (head.seq() != left.head().seq() || head.status() != left.head().status()))
            find("G9", "the head is not what the store has taken: " + head);
    }

    private void completed() {
        Set<String> standing = Reference.standing(trial);
        if (reference.status() != SagaStatus.COMPLETED) return;
        if (!standing.equals(reference.standing()))
            find("G6", "the effects left are " + standing + ", without a crash " + reference.standing());
    }

    private void compensated() {
        Set<String> left = new LinkedHashSet<>(made);
        left.removeAll(unmade);
        if (reference.status() == SagaStatus.COMPENSATED) left.removeAll(reference.standing());
        left.removeIf(trial::isHarmless);
        if (!left.isEmpty()) find("G6", "made and never undone: " + left);
    }

    private static String at(Throwable thrown) {
        StackTraceElement[] trace = thrown.getStackTrace();
        return trace.length == 0 ? "" : " at " + Arrays.stream(trace).limit(12).toList();
    }

    private void find(String guarantee, String text) {
        findings.add(guarantee + ": " + text);
    }
}
