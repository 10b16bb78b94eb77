// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.StepOutcome;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a saga's journal has lost in one run (C16), and what for that reason is promised no more. Keys and effects are
 * the participants' and are never lost.
 */
final class Losses {
    private final TreeMap<Integer, Durable> kept = new TreeMap<>();
    private final Map<String, StepOutcome> outcomes = new HashMap<>();
    private final Set<String> undone = new HashSet<>();
    private final Set<String> prepared = new HashSet<>();
    private final Set<String> unknown = new HashSet<>();
    private boolean any;
    private boolean signal;
    private boolean turn;
    private boolean pivot;
    private boolean pivotForgotten;

    /** Remembers what was durable after so many commits. */
    void keep(int commits, Durable now) {
        kept.put(commits, now.copy());
    }

    /** Goes back, and says to what. {@code made}: the steps that had their effect by then. */
    Durable back(int commits, Durable before, Set<String> made) {
        Durable left = Objects.requireNonNull(kept.floorEntry(commits), "a start is never lost").getValue().copy();
        kept.tailMap(commits, false).clear();
        signal |= left.signals.size() < before.signals.size();
        if (left.lines.size() == before.lines.size() && Objects.equals(left.head, before.head)) return left;
        any = true;
        outcomes.putAll(before.outcomes);
        undone.addAll(before.undone);
        prepared.addAll(before.prepared);
        turn |= before.turned() && !left.turned();
        pivot = (pivot || before.pivotPassed()) && left.pivotOpen() && !left.pivotPassed();
        pivotForgotten |= before.pivotOpen() && !left.pivotOpen();
        boolean claim = before.head != null && left.head != null && before.head.fence() != left.head.fence();
        if (claim) for (String step : made) if (!left.outcomes.containsKey(step)) unknown.add(step);
        return left;
    }

    boolean any() {
        return any;
    }

    /** What it waits for has come, and does not come again. */
    boolean signal() {
        return signal;
    }

    /** The saga was told to be undone, and the journal does not know: it may go on over what was undone already. */
    boolean turn() {
        return turn;
    }

    /** The pivot's outcome is lost, but that it was begun is not: the saga must not turn (G7). */
    boolean pivotOnly() {
        return pivot;
    }

    /** That the pivot was begun is lost: a cancellation may be answered as if it were in time, and not be honoured. */
    boolean pivotForgotten() {
        return pivotForgotten;
    }

    /** Whether an outcome was durable, be it lost since: who was told so may act on it. */
    boolean told(String step) {
        return outcomes.containsKey(step);
    }

    boolean toldUndone(String step) {
        return undone.contains(step);
    }

    /** It turns: what was made beyond what the journal knows to be open is nobody's to undo. */
    void turned(Set<String> made, Durable now, Reference reference) {
        if (!any) return;
        for (String step : made)
            if (!now.outcomes.containsKey(step) && !isOpen(step, now, reference)) unknown.add(step);
    }

    private boolean isOpen(String step, Durable now, Reference reference) {
        int n = step.lastIndexOf('#');
        String name = n < 0 ? step : step.substring(0, n);
        return now.outcomes.keySet().containsAll(reference.before(step))
                && (!prepared.contains(name) || now.prepared.contains(name))
                && (n < 0 || !lostElement(name + '#', now));
    }

    /** Then those beyond its width are not open any more. */
    private boolean lostElement(String prefix, Durable now) {
        return outcomes.keySet().stream().anyMatch(told -> told.startsWith(prefix) && !now.outcomes.containsKey(told));
    }

    /** Whether the journal cannot know that this was called. */
    boolean unknown(String step) {
        return unknown.contains(step);
    }
}
