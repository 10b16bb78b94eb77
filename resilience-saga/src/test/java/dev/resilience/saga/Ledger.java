// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The participant of {@link RunnerModel}: makes effects once per key, and holds each call to G5, G6, G7, S8, S10. */
final class Ledger {
    private final RunnerModel world;
    private final List<String> done = new ArrayList<>();
    private final List<String> undone = new ArrayList<>();
    private final Set<String> names = new HashSet<>();

    RunnerModel.@Nullable Owner owner;

    Ledger(RunnerModel world) {
        this.world = world;
    }

    boolean calledEver(String name) {
        return names.contains(name);
    }

    /** Its code is entered: from here on it may have its effect. */
    void enters(String name) {
        names.add(name);
    }

    void effect(String called, String name) {
        boolean undo = called.contains(StepContext.UNDO);
        String key = "saga/1~i/" + name + (undo ? StepContext.UNDO : "");
        if (!called.equals(key)) world.violated("S8: the key is " + called + ", not " + key);
        SagaStore.Loaded now = world.store.inner.load(RunnerModel.REF).orElseThrow();
        boolean owns = owner != null && owner.owner.equals(now.head().owner());
        if (owns && undo) undoIsDue(now, name);
        else if (owns) actionIsDue(now, name);
        List<String> effects = undo ? undone : done;
        boolean late = !undo && undone.contains(name); // the participant's barrier knows that it is undone
        if (!late && !effects.contains(name)) effects.add(name);
    }

    private void actionIsDue(SagaStore.Loaded now, String name) {
        boolean doubt = has(now, JournalEntry.Phase.ACTION, name, StepOutcome.IN_DOUBT);
        if (has(now, JournalEntry.Phase.ACTION, name, null) && !doubt)
            world.violated("G4: called though recorded: " + name);
        for (List<String> group : world.story.groups()) {
            if (group.contains(name)) break;
            for (String before : group)
                if (!has(now, JournalEntry.Phase.ACTION, before, StepOutcome.COMPLETED))
                    world.violated("G5: " + name + " is called before the outcome of " + before + " is durable");
        }
        if (!name.equals("after")) return;
        long passed = world.time.elapsed().toMillis();
        if (passed < RunnerModel.DELAY.toMillis() || passed > RunnerModel.DELAY.toMillis() + 1_800_000)
            world.violated("S10: the delay lasted " + world.time.elapsed());
    }

    private void undoIsDue(SagaStore.Loaded now, String name) {
        if (!now.entries().stream().anyMatch(line -> line.phase() == JournalEntry.Phase.TURN))
            world.violated("undone without a turn: " + name);
        if (has(now, JournalEntry.Phase.ACTION, "pivot", StepOutcome.COMPLETED))
            world.violated("G7: undone after the pivot: " + name);
        if (!happened(now, name)) world.violated("G6: undone though not known to be done: " + name);
        for (int i = world.story.groups().size() - 1; i >= 0; i--) {
            List<String> group = world.story.groups().get(i);
            if (group.contains(name)) break;
            for (String later : group)
                if (happened(now, later) && !has(now, JournalEntry.Phase.UNDO, later, StepOutcome.COMPLETED))
                    world.violated("G5: " + name + " is undone before " + later);
        }
    }

    private static boolean happened(SagaStore.Loaded now, String name) {
        return has(now, JournalEntry.Phase.ACTION, name, StepOutcome.COMPLETED)
                || has(now, JournalEntry.Phase.RESOLUTION, name, StepOutcome.COMPLETED);
    }

    private static boolean has(
            SagaStore.Loaded now, JournalEntry.Phase phase, String name, @Nullable StepOutcome outcome) {
        for (JournalEntry line : now.entries())
            if (line.phase() == phase && line.step().equals(name) && (outcome == null || line.outcome() == outcome))
                return true;
        return false;
    }

    /** What is true at the end of a saga. */
    void check(SagaStatus status) {
        if (status == SagaStatus.COMPLETED) {
            for (List<String> group : world.story.groups())
                for (String name : group) if (!done.contains(name)) world.violated("completed without " + name);
            if (!undone.isEmpty()) world.violated("completed, but undone: " + undone);
            return;
        }
        if (done.contains("pivot")) world.violated("G7: compensated, but the pivot is done");
        List<String> left = new ArrayList<>(done);
        left.removeAll(undone);
        if (!left.isEmpty()) world.violated("G6: compensated, but not undone: " + left);
    }

    @Override
    public String toString() {
        return "done " + done + ", undone " + Collections.unmodifiableList(undone);
    }
}
