// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaStore;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Plays every case there is, and tells of those that went wrong. */
final class Matrix {
    private static final int SHOWN = 3;
    private static final int ENOUGH = 20;
    /** How many shuffled runs tell which steps depend on each other: those that come in one order in all of them. */
    private static final int ORDERS = 64;

    private final Trial.Setting setting;
    private final Plan plan;
    private final String prefix = UUID.randomUUID().toString().substring(0, 8);
    private final List<String> failures = new ArrayList<>();
    private int runs;
    private int boundaries;
    private int wrong;

    /**
     * Which cases, and what else they are held to.
     *
     * @param faults each at every boundary
     * @param pairs also each with a second one, of which one ends an engine
     * @param schedules in how many orders the threads go
     * @param check throws what it finds wrong with a run
     */
    record Plan(Set<Fault> faults, boolean pairs, int schedules, Consumer<Trial> check) {}

    Matrix(Trial.Setting setting, Plan plan) {
        this.setting = setting;
        this.plan = plan;
    }

    int runs() {
        return runs;
    }

    int boundaries() {
        return boundaries;
    }

    Matrix run() {
        Reference reference = reference();
        for (int schedule = 0; schedule < plan.schedules && wrong < ENOUGH; schedule++)
            singles(Case.NONE.schedule(schedule), reference);
        if (wrong > 0) throw new AssertionError(report());
        return this;
    }

    /** One case, as a report named it. */
    Matrix replay(String name) {
        Reference reference = reference();
        play(Case.of(name), reference);
        if (wrong > 0) throw new AssertionError(report());
        return this;
    }

    private Reference reference() {
        List<Trial> calm = new ArrayList<>();
        for (int schedule = 0; schedule < ORDERS; schedule++) {
            Trial trial = trial(Case.NONE.schedule(schedule)).play();
            calm.add(trial);
            if (trial.strands() <= 1 && schedule == 0) break; // nothing goes side by side
        }
        Reference reference = new Reference(calm);
        for (Trial trial : calm) judge(trial, reference);
        if (wrong > 0) throw new AssertionError("even without a crash:\n" + report());
        List<String> keyless = Keys.missing(calm);
        if (!keyless.isEmpty()) throw new AssertionError("even without a crash:\n" + String.join("\n", keyless));
        boundaries = calm.get(0).boundaries().size();
        return reference;
    }

    private void singles(Case base, Reference reference) {
        Trial calm = play(base, reference);
        for (Boundary at : calm.boundaries()) {
            for (Fault fault : plan.faults) {
                if (wrong >= ENOUGH) return;
                if (!fault.fits(at)) continue;
                Trial one = play(base.and(fault, at.number()), reference);
                if (plan.pairs) pairs(one, fault, at.number(), reference);
            }
        }
    }

    private void pairs(Trial one, Fault first, int from, Reference reference) {
        Set<Fault> seconds = EnumSet.copyOf(plan.faults);
        if (first == Fault.FREEZE) seconds.add(Fault.THAW);
        for (Boundary at : one.boundaries()) {
            if (at.number() <= from) continue;
            for (Fault second : seconds) {
                if (wrong >= ENOUGH) return;
                if ((first.ends() || second.ends()) && second.fits(at))
                    play(one.what().and(second, at.number()), reference);
            }
        }
    }

    private Trial play(Case what, Reference reference) {
        Trial trial = trial(what).play();
        judge(trial, reference);
        return trial;
    }

    private Trial trial(Case what) {
        return new Trial(setting, prefix + "-" + runs++, what);
    }

    private void judge(Trial trial, Reference reference) {
        List<String> findings = new ArrayList<>(Inspection.of(trial, reference));
        try {
            plan.check.accept(trial);
        } catch (AssertionError | RuntimeException e) {
            findings.add("check: " + e.getMessage());
        }
        if (findings.isEmpty()) return;
        wrong++;
        if (failures.size() < SHOWN) failures.add(describe(trial, findings));
    }

    private String report() {
        return wrong + (wrong >= ENOUGH ? " (and no more were tried)" : "") + " of " + runs + " runs went wrong:\n\n" + String.join("\n", failures);
    }

    private static String describe(Trial trial, List<String> findings) {
        StringBuilder text = new StringBuilder("case \"" + trial.what() + "\", to be played alone with .replay(\""
                + trial.what() + "\")\n");
        findings.forEach(f -> text.append("  ").append(f).append('\n'));
        text.append("  boundaries:\n");
        for (Boundary at : trial.boundaries()) {
            Fault fault = trial.what().faults().get(at.number());
            text.append("    ").append(at).append(fault == null ? "" : "   <-- " + fault).append('\n');
        }
        text.append("  effects: ").append(trial.events().stream()
                .filter(Event.Effect.class::isInstance)
                .map(e -> ((Event.Effect) e).key().toString())
                .collect(Collectors.joining(", ")));
        SagaStore.Loaded left = trial.left();
        if (left == null) return text.append("\n  no such saga in the store\n").toString();
        text.append("\n  head: ").append(left.head()).append("\n  journal:\n");
        for (JournalEntry line : left.entries()) text.append("    ").append(line).append(" by ").append(line.fence()).append('\n');
        return text.toString();
    }
}
