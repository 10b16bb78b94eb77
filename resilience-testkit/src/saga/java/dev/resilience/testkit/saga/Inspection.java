// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaRef;
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

/** Holds one run to the guarantees of a saga, from what was seen from outside. Each finding begins with its number. */
final class Inspection {
    private static final String DEADLINE = "DEADLINE";
    private static final String TIMED_OUT = "TIMED_OUT";

    private final Trial trial;
    private final SagaRef saga;
    private final Reference reference;
    private final List<String> findings = new ArrayList<>();
    private final Losses losses = new Losses();
    private final Set<String> made = new LinkedHashSet<>();
    private final Set<String> unmade = new LinkedHashSet<>();
    private final Map<String, String> keys = new HashMap<>();
    private Durable now = new Durable();

    private Inspection(Trial trial, SagaRef saga, Reference reference) {
        this.trial = trial;
        this.saga = saga;
        this.reference = reference;
    }

    /** What is wrong with that saga in it; empty if nothing is. */
    static List<String> of(Trial trial, SagaRef saga, Reference reference) {
        Inspection inspection = new Inspection(trial, saga, reference);
        boolean main = saga.equals(trial.ref());
        List<Event> events = trial.events();
        for (int i = 0; i < events.size(); i++) {
            Event event = events.get(i);
            if (!event.concerns(saga)) continue;
            inspection.see(event);
            if (trial.loses()) inspection.losses.keep(trial.commits(i), inspection.now);
        }
        if (main || trial.left(saga) != null) inspection.end();
        return inspection.findings;
    }

    private void see(Event event) {
        if (event instanceof Event.Started started) {
            if (now.head != null) find("G2", "it was started twice");
            now.head = started.head();
            now.owner = started.head().owner() == null ? null : started.by();
            started.lines().forEach(this::line);
        } else if (event instanceof Event.Claimed claimed) {
            now.head = claimed.head();
            now.owner = claimed.by();
        } else if (event instanceof Event.Written written) {
            written(written.by(), written.checkpoint());
        } else if (event instanceof Event.Call call) {
            called(call.key());
        } else if (event instanceof Event.Effect effect) {
            effect(effect);
        } else if (event instanceof Event.Cancelled cancelled) {
            cancelled(cancelled);
        } else if (event instanceof Event.Signalled signalled) {
            if (signalled.reply() == SagaReply.ACCEPTED) now.signals.add(signalled);
        } else if (event instanceof Event.Keyless keyless) {
            keyless(keyless);
        } else if (event instanceof Event.Lost lost) {
            lost(lost.commits());
        }
    }

    private void lost(int commits) {
        if (now.head == null) return;
        now = losses.back(commits, now, made);
    }

    private void written(Life by, Checkpoint checkpoint) {
        SagaInstance before = now.head;
        if (before == null) {
            find("G9", "a checkpoint of a saga that was never started was taken: " + checkpoint);
            return;
        }
        Life owner = now.owner;
        if (before.status().ended()) find("T23", "a checkpoint was taken after the saga had ended: " + checkpoint);
        if (checkpoint.seen().fence() != before.fence() || (owner != null && owner != by))
            find("G9", by + " recorded something though " + owner + " owned the saga: " + checkpoint);
        SagaStatus next = checkpoint.next().status();
        boolean turns = next == SagaStatus.COMPENSATING || next == SagaStatus.COMPENSATED;
        if ((before.pivotPassed() || losses.pivotOnly()) && turns)
            find("G7", "it turned after its pivot: " + checkpoint);
        if (turns && !now.turned()) losses.turned(made, now, reference);
        if (turns && !now.turned()) turned(checkpoint);
        checkpoint.entries().forEach(this::line);
        now.head = checkpoint.after(before);
        if (now.head.owner() == null) now.owner = null;
    }

    /** T7: not before its time. */
    private void turned(Checkpoint checkpoint) {
        SagaInstance next = checkpoint.next();
        if (DEADLINE.equals(next.reason()) && next.updatedMs() < next.deadlineMs())
            find("T7", "it turned for its deadline before that: " + checkpoint);
        if (!TIMED_OUT.equals(next.reason())) return;
        for (JournalEntry line : now.lines) {
            if (line.phase() != JournalEntry.Phase.DUE || !line.step().equals(next.reasonStep())) continue;
            for (Event.Signalled signal : now.signals)
                if (signal.name().equals(line.step()) && signal.atMs() < line.dueMs())
                    find("S9", "it timed out though the signal had been accepted: " + checkpoint);
        }
    }

    private void line(JournalEntry line) {
        if (!now.append(line)) find("G4", "a second outcome was recorded: " + line);
    }

    /** Steps are looked at in runs without a crash; there nothing of this may be undone. */
    private void keyless(Event.Keyless keyless) {
        if (!now.turned() || trial.isRead(keyless.call()) || trial.refs().size() > 1) return;
        find("G3", keyless.call() + " was called without a key while the saga was undone: " + Keys.ADVICE);
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
            if (!now.outcomes.containsKey(earlier) && !losses.told(earlier))
                find("G5", step + " was called before the outcome of " + earlier + " was durable");
    }

    private void undoCalled(String step) {
        if (now.pivotPassed() || losses.pivotOnly()) find("G7", "undo of " + step + " after the pivot");
        StepOutcome known = now.outcomes.get(step);
        if (known == StepOutcome.REJECTED || known == StepOutcome.SKIPPED)
            find("G6", "undo of " + step + ", which is " + known);
        else if (known == null && !losses.told(step))
            find("G6", "undo of " + step + ", of which no outcome is durable");
        for (String later : made)
            if (reference.before(later).contains(step)
                    && !now.undone.contains(later)
                    && !losses.toldUndone(later)
                    && !losses.unknown(later)
                    && !trial.isHarmless(later))
                find("G5", "undo of " + step + " before the undo of " + later + " was durable");
    }

    private void effect(Event.Effect effect) {
        String step = effect.key().step();
        if (effect.times() > 1) find("G3", effect.key() + " had its effect " + effect.times() + " times");
        if (effect.key().undo()) unmade.add(step);
        else made.add(step);
        if (!effect.key().undo() && unmade.contains(step) && !losses.turn())
            find("G6", step + " was made after it was undone");
    }

    private void cancelled(Event.Cancelled cancelled) {
        SagaInstance then = cancelled.head();
        if (cancelled.reply() == SagaReply.ACCEPTED && then != null && !then.inPivot()) now.mustTurn = true;
    }

    private void end() {
        for (Throwable thrown : trial.thrown()) find("L5", "a thread of the engine died of " + thrown + at(thrown));
        SagaStore.Loaded left = trial.left(saga);
        if (left == null) {
            find("G1", "the saga is not in the store");
            return;
        }
        SagaStatus status = left.head().status();
        if (!status.ended() && status != SagaStatus.NEEDS_ATTENTION) {
            find("G1", "it has not ended: " + left.head());
            return;
        }
        if (!losses.turn() && !legal(left.head()).contains(status))
            find("G1", "it ended " + status + ", expected " + legal(left.head()));
        if (now.mustTurn && !losses.pivotForgotten() && status != SagaStatus.COMPENSATED)
            find("S3", "a cancellation was accepted before the pivot, but it ended " + status);
        journal(left);
        if (losses.turn()) return; // it went on over what was undone already, and nobody can know
        if (status == SagaStatus.COMPLETED) completed();
        if (status == SagaStatus.COMPENSATED) compensated();
    }

    /** As without a crash; or turned, where something happened that may turn it (C8: it may also not). */
    private Set<SagaStatus> legal(SagaInstance end) {
        EnumSet<SagaStatus> legal = EnumSet.of(reference.status());
        EnumSet<Fault> turning =
                EnumSet.of(Fault.FAIL, Fault.REJECT, Fault.HANG, Fault.STALL, Fault.CANCEL, Fault.SIGNAL);
        boolean withheld = trial.what().faults().containsValue(Fault.SIGNAL);
        turning.removeIf(fault -> !trial.met().contains(fault) && !(fault == Fault.SIGNAL && withheld));
        if (DEADLINE.equals(end.reason()) && now.turned()) legal.add(SagaStatus.COMPENSATED); // a takeover takes time
        if (losses.signal()) legal.add(SagaStatus.COMPENSATED);
        if (turning.isEmpty()) return legal;
        boolean passed = trial.pivotPassedAtFault(saga);
        if (!passed || losses.any()) legal.add(SagaStatus.COMPENSATED);
        if (turning.contains(Fault.REJECT) && passed) legal.add(SagaStatus.NEEDS_ATTENTION);
        return legal;
    }

    private void journal(SagaStore.Loaded left) {
        List<String> expected = now.lines.stream().map(JournalEntry::toString).toList();
        List<String> actual = left.entries().stream().map(JournalEntry::toString).toList();
        if (!expected.equals(actual)) find("G4", "the journal is not what the store has taken: " + expected);
        SagaInstance head = now.head;
        if (head != null && (head.seq() != left.head().seq() || head.status() != left.head().status()))
            find("G9", "the head is not what the store has taken: " + head);
    }

    private void completed() {
        Set<String> standing = Reference.standing(trial, saga);
        if (reference.status() != SagaStatus.COMPLETED) return;
        if (!standing.equals(reference.standing()))
            find("G6", "the effects left are " + standing + ", without a crash " + reference.standing());
    }

    private void compensated() {
        Set<String> left = new LinkedHashSet<>(made);
        left.removeAll(unmade);
        if (reference.status() == SagaStatus.COMPENSATED) left.removeAll(reference.standing());
        left.removeIf(trial::isHarmless);
        left.removeIf(losses::unknown);
        if (!left.isEmpty()) find("G6", "made and never undone: " + left);
    }

    private static String at(Throwable thrown) {
        StackTraceElement[] trace = thrown.getStackTrace();
        return trace.length == 0 ? "" : " at " + Arrays.stream(trace).limit(12).toList();
    }

    private void find(String guarantee, String text) {
        findings.add(guarantee + ": " + text + (saga.equals(trial.ref()) ? "" : " (" + saga.id() + ")"));
    }
}
