// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the runs without a crash have in common: what every other run is held to. */
final class Reference {
    private final SagaStatus status;
    private final Set<String> made;
    /** Per step those whose outcome was durable in every run before it was called: its predecessors. */
    private final Map<String, Set<String>> before = new HashMap<>();

    /** Of the same saga under several schedules: what is in the same order in all of them depends on each other. */
    Reference(List<Trial> calm) {
        SagaStore.Loaded left = calm.get(0).left(calm.get(0).ref());
        if (left == null) {
            AssertionError never = new AssertionError("even without a crash the saga was not started");
            calm.get(0).thrown().forEach(never::addSuppressed);
            throw never;
        }
        this.status = left.head().status();
        this.made = standing(calm.get(0), calm.get(0).ref());
        for (Trial trial : calm) meet(order(trial));
    }

    private void meet(Map<String, Set<String>> order) {
        order.forEach((step, earlier) -> before.merge(step, earlier, (all, these) -> {
            Set<String> common = new HashSet<>(all);
            common.retainAll(these);
            return common;
        }));
    }

    private static Map<String, Set<String>> order(Trial trial) {
        Map<String, Set<String>> order = new HashMap<>();
        Set<String> durable = new LinkedHashSet<>();
        for (Event event : trial.events()) {
            if (!event.concerns(trial.ref())) continue;
            if (event instanceof Event.Call call && !call.key().undo())
                order.putIfAbsent(call.key().step(), Set.copyOf(durable));
            else if (event instanceof Event.Written written)
                for (JournalEntry line : written.checkpoint().entries())
                    if (line.phase() == JournalEntry.Phase.ACTION) durable.add(step(line));
        }
        return order;
    }

    /** A line's step as keys have it. */
    static String step(JournalEntry line) {
        return line.index() < 0 ? line.step() : line.step() + "#" + line.index();
    }

    /** The steps whose effect was made and not unmade. */
    static Set<String> standing(Trial trial, SagaRef saga) {
        Set<String> standing = new LinkedHashSet<>();
        for (Event event : trial.events()) {
            if (!(event instanceof Event.Effect effect) || !effect.concerns(saga)) continue;
            if (effect.key().undo()) standing.remove(effect.key().step());
            else standing.add(effect.key().step());
        }
        return standing;
    }

    SagaStatus status() {
        return status;
    }

    /** The effects that are left in the end. */
    Set<String> standing() {
        return made;
    }

    Set<String> before(String step) {
        return before.getOrDefault(step, Set.of());
    }

    /** Whether a step was called at all. */
    boolean knows(String step) {
        return before.containsKey(step);
    }
}
