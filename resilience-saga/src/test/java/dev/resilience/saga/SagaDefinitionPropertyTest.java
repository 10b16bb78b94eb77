// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * Random definitions against a second, much shorter statement of what is allowed: a regular expression over the letters
 * of what was written. Forks are written {@code <branch|branch>}.
 */
class SagaDefinitionPropertyTest {
    /** C step, E for-each step, P pivot, R retriable, Q conditional retriable, S signal, D delay. */
    private static final Pattern ALLOWED = Pattern.compile(
            // compensatable things and waits, forks of them; then either nothing, a pivot, or a plain retriable step on
            // the top level; behind it retriable things and waits only
            "(?:[CESD]|<(?:[CESD<>|])+>)*(?:[PR](?:[RQSD]|<(?:[RQSD<>|])+>)*)?");

    @Provide
    Arbitrary<String> written() {
        return Arbitraries.frequencyOf(
                net.jqwik.api.Tuple.of(1, list(2, "CEPRQSD")),
                net.jqwik.api.Tuple.of(2, joined(list(1, "CESD"), Arbitraries.of("P", "R"), list(1, "RQSD"))),
                net.jqwik.api.Tuple.of(1, list(1, "CESD")));
    }

    private static Arbitrary<String> joined(Arbitrary<String> a, Arbitrary<String> b, Arbitrary<String> c) {
        return net.jqwik.api.Combinators.combine(a, b, c).as((x, y, z) -> x + y + z);
    }

    private static Arbitrary<String> list(int depth, String letters) {
        Arbitrary<String> item =
                Arbitraries.strings().withChars(letters.toCharArray()).ofLength(1);
        if (depth > 0) {
            // no pivot inside: that does not even compile
            Arbitrary<String> fork = list(depth - 1, letters.replace("P", ""))
                    .filter(branch -> !branch.isEmpty())
                    .list()
                    .ofMinSize(1)
                    .ofMaxSize(3)
                    .map(branches -> "<" + String.join("|", branches) + ">");
            item = Arbitraries.frequencyOf(net.jqwik.api.Tuple.of(4, item), net.jqwik.api.Tuple.of(1, fork));
        }
        return item.list().ofMaxSize(5).map(items -> String.join("", items));
    }

    @Property(tries = 2000)
    void what_is_allowed_becomes_a_plan_in_the_order_in_which_it_was_written(@ForAll("written") String letters) {
        var s = Saga.define("random", 1, String.class);
        Writer writer = new Writer(letters);
        writer.write(s, s);
        boolean allowed = !letters.isEmpty() && ALLOWED.matcher(letters).matches();
        if (!allowed) {
            assertThatThrownBy(s::build)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("saga 'random': ");
            return;
        }
        Plan plan = s.build().plan;
        assertThat(plan.index().keySet()).containsExactlyElementsOf(writer.names);
        String kinds = kinds(plan.nodes());
        assertThat(kinds).matches("C*(PR*)?");
        assertThat(plan.pivot() >= 0).isEqualTo(kinds.contains("P"));
        assertThat(plan.find("nobody")).isNull();
    }

    private static String kinds(List<Node> nodes) {
        StringBuilder kinds = new StringBuilder();
        for (Node node : nodes) {
            if (node instanceof Node.Action action) kinds.append(action.kind().code);
            if (node instanceof Node.Each each) kinds.append(each.each().kind().code);
            if (node instanceof Node.Fork fork) fork.branches().forEach(branch -> kinds.append(kinds(branch.nodes())));
        }
        return kinds.toString();
    }

    /** Writes a definition by its letters; each step takes a result that is there, so that only the kinds can be wrong. */
    private static final class Writer {
        final List<String> names = new ArrayList<>();
        private final String letters;
        private int at;

        Writer(String letters) {
            this.letters = letters;
        }

        private String name() {
            String name = "n" + names.size();
            names.add(name);
            return name;
        }

        void write(SagaDefinition<String> saga, Steps<String> steps) {
            Saga.Result<String> last = null;
            while (at < letters.length()) {
                char letter = letters.charAt(at);
                if (letter == '|' || letter == '>') return;
                at++;
                switch (letter) {
                    case 'C' -> {
                        var step = steps.step(name(), String.class).harmless();
                        last = (last == null ? step.run((in, c) -> in) : step.run(last, (in, r, c) -> r)).add();
                    }
                    case 'E' ->
                        steps.forEach(name(), String.class, String.class)
                                .over(List::of)
                                .run((in, e, c) -> e)
                                .undo((in, e, r, c) -> {})
                                .add();
                    case 'P' ->
                        last = saga.pivot(name(), String.class)
                                .run((in, c) -> in)
                                .add();
                    case 'R' ->
                        steps.retriable(name(), String.class).run((in, c) -> in).add();
                    case 'Q' ->
                        steps.retriable(name(), String.class).run((in, c) -> in).addWhen(String::isEmpty);
                    case 'S' ->
                        last = steps.await(name(), String.class)
                                .timeout(ofSeconds(1))
                                .add();
                    case 'D' -> steps.delay(name(), ofSeconds(1));
                    case '<' -> fork(saga, steps);
                    default -> throw new AssertionError(letter);
                }
            }
        }

        private void fork(SagaDefinition<String> saga, Steps<String> steps) {
            Fork<String> fork = Objects.requireNonNull(steps.fork(name()));
            for (int branch = 0; ; branch++) {
                write(saga, fork.branch("b" + branch));
                if (letters.charAt(at++) == '>') break;
            }
            fork.join();
        }
    }
}
