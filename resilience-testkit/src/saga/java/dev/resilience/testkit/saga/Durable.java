// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.StepOutcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the journal of one saga has, as far as it was seen being written. */
final class Durable {
    final List<JournalEntry> lines = new ArrayList<>();
    final Map<String, StepOutcome> outcomes = new HashMap<>();
    final Set<String> undone = new HashSet<>();
    /** Steps that have their decision or their elements. */
    final Set<String> prepared = new HashSet<>();

    final List<Event.Signalled> signals = new ArrayList<>();
    private final Map<String, Integer> times = new HashMap<>();

    @Nullable
    SagaInstance head;

    @Nullable
    Life owner;

    /** A cancellation was accepted while nothing that cannot be undone was possibly begun (S3). */
    boolean mustTurn;

    Durable copy() {
        Durable copy = new Durable();
        copy.lines.addAll(lines);
        copy.outcomes.putAll(outcomes);
        copy.undone.addAll(undone);
        copy.prepared.addAll(prepared);
        copy.signals.addAll(signals);
        copy.times.putAll(times);
        copy.head = head;
        copy.owner = owner;
        copy.mustTurn = mustTurn;
        return copy;
    }

    /** False: of this step and phase it has an outcome already. */
    boolean append(JournalEntry line) {
        lines.add(line);
        String step = Reference.step(line);
        switch (line.phase()) {
            case ACTION, UNDO, RESOLUTION -> {
                if (line.phase() == JournalEntry.Phase.UNDO) undone.add(step);
                else if (line.outcome() != null) outcomes.put(step, line.outcome());
                return times.merge(line.phase() + " " + step, 1, Integer::sum) == 1;
            }
            case DECISION, ITEMS -> {
                prepared.add(line.step());
                return true;
            }
            default -> {
                return true;
            }
        }
    }

    boolean turned() {
        SagaInstance now = head;
        if (now == null) return false;
        SagaStatus status = now.heldFrom() == null ? now.status() : now.heldFrom();
        return status == SagaStatus.COMPENSATING || status == SagaStatus.COMPENSATED;
    }

    boolean pivotPassed() {
        return head != null && head.pivotPassed();
    }

    /** Whether it says that the pivot is possibly begun. */
    boolean pivotOpen() {
        return head != null && (head.inPivot() || head.pivotPassed());
    }
}
