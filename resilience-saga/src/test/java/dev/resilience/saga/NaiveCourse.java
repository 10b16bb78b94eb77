// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The meaning of a journal, said once more and otherwise: no cursor, no increment, nothing remembered. Each question looks
 * through all lines again.
 */
final class NaiveCourse {
    private final Plan plan;
    private final List<JournalEntry> lines;

    NaiveCourse(Plan plan, List<JournalEntry> lines) {
        this.plan = plan;
        this.lines = lines;
    }

    private boolean has(JournalEntry.Phase phase, String step, int index, StepOutcome... outcomes) {
        for (JournalEntry line : lines) {
            if (line.phase() != phase || !line.step().equals(step) || line.index() != index) continue;
            if (outcomes.length == 0 || List.of(outcomes).contains(line.outcome())) return true;
        }
        return false;
    }

    private boolean decided(String step, int value) {
        for (JournalEntry line : lines)
            if (line.phase() == JournalEntry.Phase.DECISION && line.step().equals(step))
                return line.payload()[0] == value;
        return false;
    }

    /** How many elements, how many at once; null if they are not known. */
    private int[] counts(String step) {
        for (JournalEntry line : lines) {
            if (line.phase() != JournalEntry.Phase.ITEMS || !line.step().equals(step)) continue;
            String[] both = line.note().split("/");
            return new int[] {Integer.parseInt(both[0]), Integer.parseInt(both[1])};
        }
        return null;
    }

    boolean turned() {
        return lines.stream().anyMatch(line -> line.phase() == JournalEntry.Phase.TURN);
    }

    private boolean over(Node node) {
        if (node instanceof Node.Fork fork)
            return fork.branches().stream()
                    .allMatch(branch -> branch.nodes().stream().allMatch(this::over));
        String name = node.name();
        if (node instanceof Node.Each) {
            int[] counts = counts(name);
            if (counts == null) return false;
            for (int i = 0; i < counts[0]; i++)
                if (!has(JournalEntry.Phase.ACTION, name, i, StepOutcome.COMPLETED)) return false;
            return true;
        }
        if (node instanceof Node.Action action && action.code().when() != null && decided(name, 0)) return true;
        return has(JournalEntry.Phase.ACTION, name, -1, StepOutcome.COMPLETED);
    }

    boolean finished() {
        return plan.nodes().stream().allMatch(this::over);
    }

    /** Sorted: {@code step} or {@code step#n}. */
    List<String> open() {
        List<String> open = new ArrayList<>();
        if (!turned()) open(plan.nodes(), open);
        Collections.sort(open);
        return open;
    }

    private void open(List<Node> nodes, List<String> open) {
        for (Node node : nodes) {
            if (over(node)) continue;
            if (node instanceof Node.Fork fork) for (Node.Branch branch : fork.branches()) open(branch.nodes(), open);
            else if (node instanceof Node.Each && counts(node.name()) != null) window(node.name(), open);
            else if (!has(JournalEntry.Phase.ACTION, node.name(), -1)) open.add(node.name());
            return;
        }
    }

    private void window(String name, List<String> open) {
        int[] counts = counts(name);
        int places = counts[1];
        for (int i = 0; i < counts[0] && places > 0; i++) {
            if (has(JournalEntry.Phase.ACTION, name, i, StepOutcome.COMPLETED)) continue;
            places--;
            if (!has(JournalEntry.Phase.ACTION, name, i)) open.add(name + "#" + i);
        }
    }

    /** What is to be undone next, or to be found out: the newest effect that is not settled; empty if there is none. */
    String undoing() {
        for (int i = lines.size() - 1; i >= 0; i--) {
            JournalEntry line = lines.get(i);
            if (line.phase() != JournalEntry.Phase.ACTION) continue;
            if (!(node(line.step()) instanceof Node.Action action) || action.kind() != Node.Kind.COMPENSATABLE)
                continue;
            if (settled(action, line)) continue;
            return line.step() + (line.index() < 0 ? "" : "#" + line.index());
        }
        return "";
    }

    private Node node(String name) {
        Node node = plan.find(name);
        return node instanceof Node.Each each ? each.each() : node;
    }

    private boolean settled(Node.Action action, JournalEntry line) {
        String name = line.step();
        int index = line.index();
        if (has(JournalEntry.Phase.UNDO, name, index)) return true;
        boolean done = line.outcome() == StepOutcome.COMPLETED
                || has(JournalEntry.Phase.RESOLUTION, name, index, StepOutcome.COMPLETED);
        if (done) return action.code().undo() == null;
        boolean doubt = line.outcome() == StepOutcome.IN_DOUBT && !has(JournalEntry.Phase.RESOLUTION, name, index);
        return !doubt || action.code().inDoubt() == Node.InDoubt.HARMLESS;
    }
}
