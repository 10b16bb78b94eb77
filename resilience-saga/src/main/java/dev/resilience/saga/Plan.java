// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A definition as data: what {@link Saga} holds and the engine walks. Validated before it is made: names are unique, and
 * the kinds stand as compensatable steps, then at most one pivot, then retriable steps; waits anywhere.
 *
 * @param name of the saga
 * @param version of the definition
 * @param since the oldest version whose sagas it may run on with
 * @param input the type of the input
 * @param nodes what is done, in order
 * @param returns makes the output of the input and the results; user code. The output is stored nowhere: whoever asks
 *     for it has it made again, so it needs no type
 * @param rules what the saga as a whole is held to
 */
record Plan(
        String name,
        int version,
        int since,
        Type<?> input,
        List<Node> nodes,
        Saga.F1<Node.Values, @Nullable Object> returns,
        Rules rules) {
    /**
     * @param deadline null: none
     * @param lockKey of the input; null: none; user code
     */
    record Rules(@Nullable Duration deadline, @Nullable Function<Object, String> lockKey) {}

    /** Where the pivot stands in {@link #nodes}; -1: the saga has none, and may turn until its last checkpoint. */
    int pivot() {
        for (int i = 0; i < nodes.size(); i++)
            if (nodes.get(i) instanceof Node.Action action && action.kind() == Node.Kind.PIVOT) return i;
        return -1;
    }

    /** The node of that name, in whichever branch; null if there is none. */
    @Nullable
    Node find(String node) {
        return index().get(node);
    }

    /** Every node by its name, branches' included, in the order of the definition. */
    Map<String, Node> index() {
        Map<String, Node> all = new LinkedHashMap<>();
        collect(nodes, all);
        return all;
    }

    private static void collect(List<Node> nodes, Map<String, Node> all) {
        for (Node node : nodes) {
            all.put(node.name(), node);
            if (node instanceof Node.Fork fork) for (Node.Branch branch : fork.branches()) collect(branch.nodes(), all);
        }
    }

    /** Whether one of its steps needs the journal's own database. */
    boolean transactional() {
        return index().values().stream()
                .anyMatch(n -> n instanceof Node.Action a && a.rules().transactional());
    }

    /** Refuses types that the codec cannot carry, all in one message. */
    void check(SagaCodec codec) {
        List<String> problems = new ArrayList<>();
        types((where, type) -> {
            try {
                codec.check(type);
            } catch (RuntimeException refused) {
                problems.add(where + " (" + type + "): " + refused.getMessage());
            }
        });
        if (!problems.isEmpty())
            throw new IllegalArgumentException(
                    "saga '" + name + "' cannot be carried by the codec: " + String.join("; ", problems));
    }

    private void types(BiConsumer<String, Type<?>> each) {
        each.accept("its input", input);
        for (Node node : index().values()) {
            if (node instanceof Node.Action action)
                each.accept("result of step '" + node.name() + "'", action.result());
            if (node instanceof Node.Await await) each.accept("signal '" + node.name() + "'", await.result());
            if (node instanceof Node.Each each1) {
                each.accept("element of step '" + node.name() + "'", each1.element());
                each.accept("result of step '" + node.name() + "'", each1.each().result());
            }
        }
    }
}
