// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.TimeSource;
import dev.resilience.timeout.Timeout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A {@link Plan} made ready for walking: numbered places, and the policies around each attempt. Immutable, shared. */
final class Chart {
    /** The letter of an await in the journal. */
    static final char AWAIT = 'S';

    /** The letter of a delay in the journal. */
    static final char DELAY = 'D';

    private static final char FORK = 'F';

    private final Plan plan;
    private final Map<String, Place> byName = new HashMap<>();
    private final Sequence root;
    private int places;
    private int sequences;

    /** @throws IllegalArgumentException if the policies of a step do not fit together */
    Chart(Plan plan, TimeSource time) {
        this.plan = plan;
        this.root = sequence(plan.nodes(), null, time);
    }

    Plan plan() {
        return plan;
    }

    Sequence root() {
        return root;
    }

    /** How many places there are, in all branches. */
    int places() {
        return places;
    }

    /** How many sequences there are: the plan's and one of each branch. */
    int sequences() {
        return sequences;
    }

    @Nullable
    Place find(String step) {
        return byName.get(step);
    }

    private Sequence sequence(List<Node> nodes, @Nullable Place fork, TimeSource time) {
        Sequence made = new Sequence(sequences++, fork, new Place[nodes.size()]);
        for (int i = 0; i < made.places.length; i++) made.places[i] = place(nodes.get(i), made, time);
        return made;
    }

    private Place place(Node node, Sequence in, TimeSource time) {
        Place made = new Place(places++, node, in, time);
        byName.put(node.name(), made);
        if (node instanceof Node.Fork fork) {
            List<Sequence> branches = new ArrayList<>();
            for (Node.Branch branch : fork.branches()) branches.add(sequence(branch.nodes(), made, time));
            made.branches = List.copyOf(branches);
        }
        return made;
    }

    /** Places one after the other: the plan's, or one branch's. */
    static final class Sequence {
        final int number;
        final @Nullable Place fork;
        final Place[] places;

        private Sequence(int number, @Nullable Place fork, Place[] places) {
            this.number = number;
            this.fork = fork;
            this.places = places;
        }
    }

    /** One node, with its number and where it stands. */
    static final class Place {
        final int number;
        final Node node;
        final Sequence in;
        final char letter;
        /** Of an action and of a for-each step. */
        final Node.@Nullable Action action;

        final Node.@Nullable Each each;
        List<Sequence> branches = List.of();
        private final @Nullable Pipeline through;
        private final @Nullable Policy attempt;

        private Place(int number, Node node, Sequence in, TimeSource time) {
            this.number = number;
            this.node = node;
            this.in = in;
            this.each = node instanceof Node.Each forEach ? forEach : null;
            this.action = node instanceof Node.Action alone ? alone : each != null ? each.each() : null;
            this.letter = letter(node, action);
            this.through = action == null || action.rules().through().isEmpty() ? null : around(action);
            this.attempt = action == null ? null : timed(action, time);
        }

        private static char letter(Node node, Node.@Nullable Action action) {
            if (action != null) return action.kind().code;
            if (node instanceof Node.Await) return AWAIT;
            return node instanceof Node.Delay ? DELAY : FORK;
        }

        private static Pipeline around(Node.Action action) {
            return Pipeline.builder(action.name())
                    .policies(action.rules().through().toArray(Policy[]::new))
                    .onWarning(warning -> {}) // a breaker's timeout is inside: the attempt's
                    .build();
        }

        private static Policy timed(Node.Action action, TimeSource time) {
            return Pipeline.builder(action.name())
                    .timeSource(time)
                    .policies(Timeout.of(action.name(), action.rules().attemptTimeout()))
                    .build();
        }

        /** One attempt: within the step's policies and its timeout, on this thread. */
        <T extends @Nullable Object> T attempt(ContextOp<T, Exception> op) throws Exception {
            Policy timed = java.util.Objects.requireNonNull(attempt);
            if (through == null) return timed.call(CallContext.root(), op);
            return through.call(CallContext.root(), context -> timed.call(context, op));
        }

        /** Whether nobody's policies are around its attempts. */
        boolean isPlain() {
            return through == null;
        }

        Node.Action requireAction() {
            return java.util.Objects.requireNonNull(action);
        }

        String name() {
            return node.name();
        }

        @Override
        public String toString() {
            return letter + " " + node.name();
        }
    }
}
