// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Description;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** A plan for people. */
final class Drawing {
    private final StringBuilder out = new StringBuilder();
    private int ids;

    private Drawing() {}

    /** {@code place-order v1: reserve -> audit -> *capture -> ship}, the pivot with a star. */
    static String line(Plan plan) {
        return plan.name() + " v" + plan.version() + ": " + line(plan.nodes());
    }

    private static String line(List<Node> nodes) {
        return nodes.stream().map(Drawing::word).collect(Collectors.joining(" -> "));
    }

    private static String word(Node node) {
        if (node instanceof Node.Fork fork)
            return fork.branches().stream().map(b -> line(b.nodes())).collect(Collectors.joining(" | ", "(", ")"));
        if (node instanceof Node.Action action && action.kind() == Node.Kind.PIVOT) return "*" + node.name();
        return node instanceof Node.Each ? node.name() + "[]" : node.name();
    }

    /** One line for each node. */
    static String text(Plan plan) {
        Drawing drawing = new Drawing();
        drawing.out.append("saga '").append(plan.name()).append("' version ").append(plan.version());
        if (plan.since() != plan.version())
            drawing.out.append(", runs sagas since version ").append(plan.since());
        if (plan.rules().deadline() != null)
            drawing.out
                    .append(", deadline ")
                    .append(Description.text(plan.rules().deadline()));
        if (plan.rules().lockKey() != null) drawing.out.append(", one at a time per lock key");
        drawing.out.append(" (").append(plan.input()).append(")\n");
        drawing.text(plan.nodes(), "  ");
        return drawing.out.toString();
    }

    private void text(List<Node> nodes, String indent) {
        for (Node node : nodes) {
            out.append(indent).append(sentence(node)).append('\n');
            if (!(node instanceof Node.Fork fork)) continue;
            for (Node.Branch branch : fork.branches()) {
                out.append(indent).append("  branch ").append(branch.name()).append('\n');
                text(branch.nodes(), indent + "    ");
            }
        }
    }

    private static String sentence(Node node) {
        if (node instanceof Node.Action action)
            return action(action, action.result().toString());
        if (node instanceof Node.Each each)
            return action(each.each(), "List<" + each.each().result() + ">") + "; for each " + each.element() + ", "
                    + each.concurrency() + " at once";
        if (node instanceof Node.Await await)
            return "await " + await.name() + ": " + await.result()
                    + (await.timeout() == null ? "" : "; " + Description.text(await.timeout()))
                    + (await.optional() ? ", then empty" : "");
        if (node instanceof Node.Delay delay)
            return "delay " + delay.name() + ": " + Description.text(delay.duration());
        return "fork " + node.name();
    }

    private static String action(Node.Action action, String result) {
        List<String> said = new ArrayList<>();
        Node.Code code = action.code();
        Node.Rules rules = action.rules();
        if (code.when() != null) said.add("conditional");
        if (rules.transactional()) said.add("in the journal's transaction");
        said.add(attempts(rules.action()) + " of " + Description.text(rules.attemptTimeout()) + patience(rules));
        if (action.kind() == Node.Kind.COMPENSATABLE) said.add(undone(code, rules));
        if (code.inDoubt() == Node.InDoubt.PARK) said.add("called at most once, parked when in doubt");
        if (code.inDoubt() == Node.InDoubt.PROBE) said.add("probed when in doubt");
        if (code.inDoubt() == Node.InDoubt.UNDO) said.add("undone by key when in doubt");
        if (!rules.rejectsOn().isEmpty())
            said.add("rejects on "
                    + rules.rejectsOn().stream().map(Class::getSimpleName).collect(Collectors.joining(", ")));
        if (!rules.through().isEmpty())
            said.add("through " + rules.through().stream().map(Object::toString).collect(Collectors.joining(", ")));
        return kind(action.kind()) + " " + action.name() + ": " + result + "; " + String.join("; ", said);
    }

    private static String kind(Node.Kind kind) {
        return switch (kind) {
            case COMPENSATABLE -> "step";
            case PIVOT -> "pivot";
            case RETRIABLE -> "retriable";
        };
    }

    private static String attempts(Node.Budget budget) {
        if (budget.maxAttempts() == Integer.MAX_VALUE) return "attempts";
        return budget.maxAttempts() + (budget.maxAttempts() == 1 ? " attempt" : " attempts");
    }

    private static String patience(Node.Rules rules) {
        if (rules.action().maxAttempts() != Integer.MAX_VALUE) return "";
        return " for up to " + Description.text(rules.resolveFor());
    }

    private static String undone(Node.Code code, Node.Rules rules) {
        return code.undo() == null
                ? "harmless"
                : rules.undo().maxAttempts() == Integer.MAX_VALUE ? "undone" : "undone in " + attempts(rules.undo());
    }

    // ---- Mermaid

    /** Boxes are steps, a diamond is the pivot, dashed arrows lead to what undoes them. */
    static String mermaid(Plan plan) {
        Drawing drawing = new Drawing();
        drawing.out.append("flowchart TD\n");
        drawing.line("start", "([" + quoted(plan.name() + " v" + plan.version()) + "])");
        List<String> ends = drawing.chain(plan.nodes(), List.of("start"));
        drawing.line("done", "([" + quoted("done") + "])");
        for (String end : ends) drawing.arrow(end, "-->", "done");
        return drawing.out.toString();
    }

    /** Returns the boxes from which it goes on. */
    private List<String> chain(List<Node> nodes, List<String> from) {
        List<String> ends = from;
        for (Node node : nodes) {
            String id = "n" + ids++;
            line(id, box(node));
            for (String end : ends) arrow(end, "-->", id);
            ends = List.of(id);
            Node.Action action =
                    node instanceof Node.Each each ? each.each() : node instanceof Node.Action a ? a : null;
            if (action != null && action.code().undo() != null) {
                line(id + "u", "[/" + quoted("undo " + node.name()) + "/]");
                arrow(id, "-.->", id + "u");
            }
            if (!(node instanceof Node.Fork fork)) continue;
            List<String> joined = new ArrayList<>();
            for (Node.Branch branch : fork.branches()) joined.addAll(chain(branch.nodes(), List.of(id)));
            ends = joined;
        }
        return ends;
    }

    private static String box(Node node) {
        if (node instanceof Node.Fork) return "{{" + quoted(node.name()) + "}}";
        if (node instanceof Node.Await await) return ">" + quoted("await " + await.name()) + "]";
        if (node instanceof Node.Delay delay)
            return ">" + quoted(delay.name() + " " + Description.text(delay.duration())) + "]";
        if (node instanceof Node.Action action && action.kind() == Node.Kind.PIVOT)
            return "{" + quoted(action.name()) + "}";
        return "[" + quoted(node instanceof Node.Each ? "each " + node.name() : node.name()) + "]";
    }

    private void line(String id, String box) {
        out.append("    ").append(id).append(box).append('\n');
    }

    private void arrow(String from, String kind, String to) {
        out.append("    ")
                .append(from)
                .append(' ')
                .append(kind)
                .append(' ')
                .append(to)
                .append('\n');
    }

    private static String quoted(String text) {
        return '"' + text.replace("\"", "#quot;") + '"';
    }
}
