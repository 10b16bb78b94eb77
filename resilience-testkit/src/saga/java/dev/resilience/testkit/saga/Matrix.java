// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaRef;
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
     * @param depth how many of them in one run, of which the first or the second takes an engine or commits
     * @param schedules in how many orders the threads go
     * @param check throws what it finds wrong with a run
     */
    record Plan(Set<Fault> faults, int depth, int schedules, Consumer<Trial> check) {}

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
            if (!trial.allEnded()) break; // it is wrong already
        }
        Reference reference = new Reference(calm);
        for (Trial trial : calm) judge(trial, reference);
        if (wrong > 0) throw new AssertionError("even without a crash:\n" + report());
        List<String> keyless = Keys.missing(calm);
        if (!keyless.isEmpty()) throw new AssertionError("even without a crash:\n" + String.join("\n", keyless));
        for (Boundary at : calm.get(0).boundaries()) if (!at.spot().quiet()) boundaries++;
        return reference;
    }

    private void singles(Case base, Reference reference) {
        Trial calm = play(base, reference);
        for (Boundary at : calm.boundaries()) {
            for (Fault fault : plan.faults) {
                if (wrong >= ENOUGH) return;
                if (!fault.fits(at)) continue;
                Trial one = play(base.and(fault, at.place()), reference);
                if (plan.depth > 1 && !at.spot().quiet()) more(one, at.place(), 2, reference);
            }
        }
    }

    /** One more fault after the last one there. */
    private void more(Trial one, Place last, int depth, Reference reference) {
        Set<Fault> next = EnumSet.copyOf(plan.faults);
        if (one.what().faults().containsValue(Fault.FREEZE)) next.add(Fault.THAW);
        boolean taken = one.what().faults().values().stream().anyMatch(Fault::takes);
        boolean after = false;
        for (Boundary at : one.boundaries()) {
            boolean later = after;
            after |= at.place().equals(last);
            if (!later) continue;
            for (Fault fault : next) {
                if (wrong >= ENOUGH) return;
                if (!(taken || fault.takes()) || !fault.fits(at)) continue;
                Trial two = play(one.what().and(fault, at.place()), reference);
                if (depth < plan.depth) more(two, at.place(), depth + 1, reference);
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
        List<String> findings = new ArrayList<>();
        for (SagaRef saga : trial.refs()) findings.addAll(Inspection.of(trial, saga, reference));
        findings.addAll(Locks.of(trial));
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
            Fault fault = trial.what().faults().get(at.place());
            text.append("    ").append(at).append(fault == null ? "" : "   <-- " + fault).append('\n');
        }
        text.append("  effects: ").append(trial.events().stream()
                .filter(Event.Effect.class::isInstance)
                .map(e -> ((Event.Effect) e).key().told(trial.ref()))
                .collect(Collectors.joining(", ")));
        for (SagaRef ref : trial.refs()) {
            SagaStore.Loaded left = trial.left(ref);
            if (left == null) {
                text.append("\n  no saga ").append(ref).append(" in the store\n");
                continue;
            }
            text.append("\n  head: ").append(left.head()).append("\n  journal:\n");
            for (JournalEntry line : left.entries())
                text.append("    ").append(line).append(" by ").append(line.fence()).append('\n');
        }
        return text.toString();
    }
}
