// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Definitions that are right, and the data they make: what the engine walks is what was written. */
class SagaPlanTest {
    private static final SagaRef REF = new SagaRef("order", "7");

    private static SagaDefinition<String> define() {
        return Saga.define("order", 1, String.class);
    }

    private static Saga.Result<String> step(Steps<String> steps, String name) {
        return steps.step(name, String.class).run((in, c) -> in).harmless().add();
    }

    private static Node.Values values(String input, Map<String, ?> results) {
        return new Node.Values() {
            @Override
            public Object input() {
                return input;
            }

            @Override
            public @Nullable Object result(String step) {
                assertThat(results).containsKey(step);
                return results.get(step);
            }
        };
    }

    private static StepContext context(String key) {
        return new StepContext(REF, key, 1, CallContext.root());
    }

    private static Node.Action action(Plan plan, String name) {
        Node node = Objects.requireNonNull(plan.find(name));
        return node instanceof Node.Each each ? each.each() : (Node.Action) node;
    }

    // ---- user code

    @Test
    void bodies_take_the_results_they_name() throws Exception {
        var s = define();
        var a = step(s, "a");
        var b = step(s, "b");
        var d = step(s, "d");
        var e = step(s, "e");
        var f = step(s, "f");
        s.step("n0", String.class).run((in, c) -> in + c.key()).harmless().add();
        s.step("n1", String.class)
                .run(a, (in, x, c) -> in + x + c.key())
                .harmless()
                .add();
        s.step("n2", String.class)
                .run(a, b, (in, x, y, c) -> in + x + y + c.key())
                .harmless()
                .add();
        s.step("n3", String.class)
                .run(a, b, d, (in, x, y, z, c) -> in + x + y + z + c.key())
                .harmless()
                .add();
        s.step("n4", String.class)
                .run(a, b, d, e, (in, x, y, z, u, c) -> in + x + y + z + u + c.key())
                .harmless()
                .add();
        s.step("n5", String.class)
                .run(a, b, d, e, f, (in, x, y, z, u, v, c) -> in + x + y + z + u + v + c.key())
                .harmless()
                .add();
        Saga<String, String> saga = s.returns(a, b, d, e, f, (in, x, y, z, u, v) -> in + x + y + z + u + v);
        Node.Values values = values("i", Map.of("a", "A", "b", "B", "d", "D", "e", "E", "f", "F"));
        String expected = "iABDEF";
        for (int n = 0; n <= 5; n++)
            assertThat(action(saga.plan, "n" + n).code().body().run(values, null, context("!"), null))
                    .isEqualTo(expected.substring(0, n + 1) + "!");
        assertThat(saga.plan.returns().apply(values)).isEqualTo(expected);
    }

    @Test
    void the_output_is_of_as_many_results_as_it_names() throws Exception {
        Node.Values values = values("i", Map.of("a", "A", "b", "B", "d", "D", "e", "E"));
        for (int n = 0; n <= 4; n++) {
            var s = define();
            var a = step(s, "a");
            var b = step(s, "b");
            var d = step(s, "d");
            var e = step(s, "e");
            Saga<String, String> saga = List.<Saga.F1<Integer, Saga<String, String>>>of(
                            x -> s.returns(in -> in),
                            x -> s.returns(a, (in, p) -> in + p),
                            x -> s.returns(a, b, (in, p, q) -> in + p + q),
                            x -> s.returns(a, b, d, (in, p, q, r) -> in + p + q + r),
                            x -> s.returns(a, b, d, e, (in, p, q, r, t) -> in + p + q + r + t))
                    .get(n)
                    .apply(n);
            assertThat(saga.plan.returns().apply(values)).isEqualTo("iABDE".substring(0, n + 1));
        }
        var s = define();
        step(s, "a");
        assertThat(s.build().plan.returns().apply(values)).isNull();
    }

    @Test
    void transactional_bodies_take_the_connection_behind_the_input() throws Exception {
        var s = define();
        var a = step(s, "a");
        var b = step(s, "b");
        s.txStep("n0", String.class)
                .run((in, tx, c) -> in + tx.getCatalog() + c.key())
                .undo((in, tx, r, c) -> tx.setCatalog(in + r + c.key()))
                .add();
        s.txStep("n1", String.class)
                .run(a, (in, tx, x, c) -> in + tx.getCatalog() + x + c.key())
                .harmless()
                .add();
        s.txPivot("n2", String.class)
                .run(a, b, (in, tx, x, y, c) -> in + tx.getCatalog() + x + y + c.key())
                .add();
        s.txRetriable("n3", String.class)
                .run(a, b, a, (in, tx, x, y, z, c) -> in + tx.getCatalog() + x + y + z + c.key())
                .add();
        s.txRetriable("n4", String.class)
                .run(a, b, a, b, (in, tx, x, y, z, u, c) -> in + tx.getCatalog() + x + y + z + u + c.key())
                .addWhen(String::isEmpty);
        Plan plan = s.build().plan;
        assertThat(plan.transactional()).isTrue();
        String[] catalog = {"T"};
        Connection tx = (Connection) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Connection.class}, (p, method, args) -> {
                    if (method.getName().equals("setCatalog")) catalog[0] = (String) args[0];
                    return method.getReturnType() == String.class ? catalog[0] : null;
                });
        Node.Values values = values("i", Map.of("a", "A", "b", "B"));
        for (int n = 0; n <= 4; n++) {
            Node.Action action = action(plan, "n" + n);
            assertThat(action.rules().transactional()).isTrue();
            assertThat(action.code().body().run(values, null, context("!"), tx))
                    .isEqualTo("iT" + "ABAB".substring(0, n) + "!");
        }
        Node.Undo undo = Objects.requireNonNull(action(plan, "n0").code().undo());
        undo.undo(values, null, "R", context("!"), tx);
        assertThat(catalog[0]).isEqualTo("iR!");
        assertThatThrownBy(() -> action(plan, "n0").code().body().run(values, null, context("!"), null))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("a transactional step was run without a transaction");
    }

    @Test
    void for_each_bodies_take_the_element_behind_the_input() throws Exception {
        var s = define();
        var a = step(s, "a");
        var b = step(s, "b");
        StringBuilder undone = new StringBuilder();
        s.forEach("n0", String.class, String.class)
                .over(in -> List.of(in, "x"))
                .run((in, e, c) -> in + e + c.key())
                .undo((in, e, r, c) -> undone.append(in + e + r + c.key()))
                .probe((in, e, c) -> ProbeResult.completed(in + e + c.key()))
                .concurrency(3)
                .add();
        s.forEach("n1", String.class, String.class)
                .over(a, (in, x) -> List.of(in, x))
                .run(a, (in, e, x, c) -> in + e + x + c.key())
                .undoInDoubt((in, e, c) -> undone.append("blind" + in + e + c.key()))
                .add();
        s.forEach("n2", String.class, String.class)
                .over(List::of)
                .run(a, b, (in, e, x, y, c) -> in + e + x + y + c.key())
                .harmless()
                .add();
        s.pivot("p", String.class).run((in, c) -> in).add();
        s.forEachRetriable("n3", String.class, String.class)
                .over(List::of)
                .run(a, b, a, (in, e, x, y, z, c) -> in + e + x + y + z + c.key())
                .add();
        var lists = s.forEachRetriable("n4", Type.of(String.class), Type.listOf(String.class))
                .over(List::of)
                .run(a, b, a, b, (in, e, x, y, z, u, c) -> List.of(in + e + x + y + z + u + c.key()))
                .atMostOnce()
                .add();
        Saga<String, String> saga = s.returns(lists, (in, all) -> all.get(0).get(0));
        Node.Values values = values("i", Map.of("a", "A", "b", "B", "n4", List.of(List.of("out"))));
        Plan plan = saga.plan;
        for (int n = 0; n <= 3; n++)
            assertThat(action(plan, "n" + n).code().body().run(values, "E", context("!"), null))
                    .isEqualTo("iE" + "ABA".substring(0, n) + "!");
        assertThat(action(plan, "n4").code().body().run(values, "E", context("!"), null))
                .isEqualTo(List.of("iEABAB!"));
        assertThat(plan.returns().apply(values)).isEqualTo("out");

        Node.Each first = (Node.Each) Objects.requireNonNull(plan.find("n0"));
        Node.Each second = (Node.Each) Objects.requireNonNull(plan.find("n1"));
        assertThat(first.concurrency()).isEqualTo(3);
        assertThat(second.concurrency()).isEqualTo(1);
        assertThat(first.elements().apply(values)).isEqualTo(List.of("i", "x"));
        assertThat(second.elements().apply(values)).isEqualTo(List.of("i", "A"));
        assertThat(first.element()).isEqualTo(Type.of(String.class));
        assertThat(Objects.requireNonNull(first.each().code().probe())
                        .probe(values, "E", context("!"))
                        .result())
                .isEqualTo("iE!");
        Objects.requireNonNull(first.each().code().undo()).undo(values, "E", "R", context("!"), null);
        Objects.requireNonNull(second.each().code().blind()).undo(values, "E", null, context("?"), null);
        assertThat(undone).hasToString("iER!blindiE?");
    }

    @Test
    void conditions_are_asked_of_the_input_and_of_results() throws Exception {
        var s = define();
        var a = step(s, "a");
        var b = s.step("b", String.class).run((in, c) -> in).harmless().addWhen(String::isEmpty);
        s.step("d", String.class).run((in, c) -> in).harmless().addWhen(a, (in, x) -> x.equals(in));
        s.pivot("p", String.class)
                .run(b, (in, maybe, c) -> maybe.orElse("none"))
                .add();
        s.retriable("e", String.class).run((in, c) -> in).addWhen(b, (in, maybe) -> maybe.isPresent());
        s.retriable("f", String.class).run((in, c) -> in).addWhen(in -> true);
        Plan plan = s.build().plan;
        assertThat(asked(plan, "b", values("", Map.of()))).isTrue();
        assertThat(asked(plan, "b", values("i", Map.of()))).isFalse();
        assertThat(asked(plan, "d", values("i", Map.of("a", "i")))).isTrue();
        assertThat(asked(plan, "d", values("i", Map.of("a", "j")))).isFalse();
        assertThat(asked(plan, "e", values("i", Map.of("b", Optional.of("x"))))).isTrue();
        assertThat(asked(plan, "f", values("i", Map.of()))).isTrue();
        assertThat(action(plan, "a").code().when()).isNull();
        assertThat(action(plan, "p")
                        .code()
                        .body()
                        .run(values("i", Map.of("b", Optional.empty())), null, context("!"), null))
                .isEqualTo("none");
    }

    private static boolean asked(Plan plan, String step, Node.Values values) {
        return Objects.requireNonNull(action(plan, step).code().when()).test(values);
    }

    @Test
    void exceptions_of_user_code_come_out_as_thrown() {
        var s = define();
        s.step("a", String.class)
                .run((in, c) -> {
                    throw new IOException("full");
                })
                .harmless()
                .add();
        Node.Body body = action(s.build().plan, "a").code().body();
        assertThatThrownBy(() -> body.run(values("i", Map.of()), null, context("!"), null))
                .isInstanceOf(IOException.class)
                .hasMessage("full");
    }

    // ---- settings

    @Test
    void settings_have_defaults() {
        var s = define();
        s.step("c", String.class).run((in, c) -> in).undo((in, r, c) -> {}).add();
        s.pivot("p", String.class).run((in, c) -> in).add();
        s.retriable("r", String.class).run((in, c) -> in).add();
        Plan plan = s.build().plan;
        Backoff brief = Backoff.exponential(ofMillis(200)).cap(ofSeconds(5)).fullJitter();
        Backoff patient = Backoff.exponential(ofMillis(200)).cap(ofMinutes(5)).fullJitter();
        assertThat(action(plan, "c").rules())
                .isEqualTo(new Node.Rules(
                        new Node.Budget(3, brief),
                        new Node.Budget(Integer.MAX_VALUE, patient),
                        ofSeconds(30),
                        ofHours(24),
                        List.of(),
                        List.of(),
                        false));
        for (String last : List.of("p", "r"))
            assertThat(action(plan, last).rules().action()).isEqualTo(new Node.Budget(Integer.MAX_VALUE, patient));
        assertThat(plan.since()).isEqualTo(1);
        assertThat(plan.rules().deadline()).isNull();
        assertThat(plan.rules().lockKey()).isNull();
        assertThat(plan.transactional()).isFalse();
    }

    @Test
    void settings_are_taken_in_any_order() {
        var timeout = Timeout.of(ofSeconds(1));
        var pipeline = Pipeline.of(Timeout.of(ofSeconds(2)));
        var s = Saga.define("order", 4, Type.listOf(String.class))
                .lockKey(in -> "k" + in.size())
                .deadline(ofDays(1))
                .since(2);
        s.step("a", String.class)
                .resolveFor(ofDays(2))
                .through(timeout)
                .undoRetry(7, Backoff.none())
                .attemptTimeout(ofMillis(5))
                .through(pipeline)
                .retry(2, Backoff.constant(ofMillis(1)))
                .undo((in, r, c) -> {})
                .rejectsOn(IOException.class)
                .run((in, c) -> "")
                .add();
        Plan plan = s.build().plan;
        assertThat(action(plan, "a").rules())
                .isEqualTo(new Node.Rules(
                        new Node.Budget(2, Backoff.constant(ofMillis(1))),
                        new Node.Budget(7, Backoff.none()),
                        ofMillis(5),
                        ofDays(2),
                        List.of(IOException.class),
                        List.of(timeout, pipeline),
                        false));
        assertThat(plan.version()).isEqualTo(4);
        assertThat(plan.since()).isEqualTo(2);
        assertThat(plan.input()).isEqualTo(Type.listOf(String.class));
        assertThat(plan.rules().deadline()).isEqualTo(ofDays(1));
        assertThat(Objects.requireNonNull(plan.rules().lockKey()).apply(List.of("x")))
                .isEqualTo("k1");
    }

    @Test
    void a_doubt_is_resolved_as_was_said() throws Exception {
        StringBuilder undone = new StringBuilder();
        var s = define();
        s.step("retry", String.class)
                .run((in, c) -> in)
                .undo((in, r, c) -> undone.append(r).append(c.key()))
                .add();
        step(s, "harmless");
        s.step("probe", String.class)
                .run((in, c) -> in)
                .undo((in, r, c) -> {})
                .probe((in, c) -> ProbeResult.completed(in + c.key()))
                .add();
        s.step("blind", String.class)
                .run((in, c) -> in)
                .undo((in, r, c) -> undone.append(" seen"))
                .undoInDoubt((in, c) -> undone.append(" blind ").append(c.actionKey()))
                .add();
        s.step("only-blind", String.class)
                .run((in, c) -> in)
                .undoInDoubt((in, c) -> undone.append(" both"))
                .add();
        s.step("once", String.class)
                .run((in, c) -> in)
                .undo((in, r, c) -> {})
                .atMostOnce()
                .add();
        s.pivot("pivot", String.class).run((in, c) -> in).atMostOnce().add();
        s.retriable("retriable", String.class).run((in, c) -> in).add();
        Plan plan = s.build().plan;
        assertThat(plan.index().keySet().stream()
                        .map(n -> action(plan, n).code().inDoubt())
                        .toList())
                .containsExactly(
                        Node.InDoubt.RETRY,
                        Node.InDoubt.HARMLESS,
                        Node.InDoubt.PROBE,
                        Node.InDoubt.UNDO,
                        Node.InDoubt.UNDO,
                        Node.InDoubt.PARK,
                        Node.InDoubt.PARK,
                        Node.InDoubt.RETRY);
        assertThat(action(plan, "once").rules().action().maxAttempts()).isEqualTo(1);
        assertThat(action(plan, "pivot").rules().action().maxAttempts()).isEqualTo(1);
        assertThat(action(plan, "harmless").code().undo()).isNull();
        assertThat(action(plan, "pivot").code().undo()).isNull();

        Node.Values values = values("i", Map.of());
        StepContext context = context("order/7~x/blind" + StepContext.UNDO);
        for (String step : List.of("retry", "blind", "only-blind"))
            Objects.requireNonNull(action(plan, step).code().undo()).undo(values, null, "R", context, null);
        Objects.requireNonNull(action(plan, "blind").code().blind()).undo(values, null, null, context, null);
        assertThat(undone).hasToString("Rorder/7~x/blind/undo seen both blind order/7~x/blind");
        assertThat(Objects.requireNonNull(action(plan, "probe").code().probe())
                        .probe(values, null, context("k"))
                        .result())
                .isEqualTo("ik");
    }

    @Test
    void an_actions_key_is_its_own() {
        assertThat(context("order/7~x/reserve").actionKey()).isEqualTo("order/7~x/reserve");
        assertThat(context("order/7~x/reserve#1/undo").actionKey()).isEqualTo("order/7~x/reserve#1");
    }

    // ---- for people

    private static Saga<DefinitionSnippets.Order, ?> shapes() {
        var s = DefinitionSnippets.whole();
        DefinitionSnippets.shapes(
                s,
                none(DefinitionSnippets.Stock.class),
                none(DefinitionSnippets.Payments.class),
                none(DefinitionSnippets.Carrier.class));
        return s.build();
    }

    private static <T> T none(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (p, m, a) -> null));
    }

    @Test
    void a_saga_tells_what_it_does() {
        assertThat(shapes().describe()).isEqualTo("""
                        saga 'place-order' version 3, runs sagas since version 2, deadline 2 d, one at a time per lock key (DefinitionSnippets.Order)
                          step insure: String; conditional; 3 attempts of 30 s; undone
                          step reserve: List<DefinitionSnippets.Reservation>; 3 attempts of 30 s; undone; for each DefinitionSnippets.Line, 4 at once
                          fork parts
                            branch money
                              step authorise: DefinitionSnippets.Authorisation; 3 attempts of 30 s; undone
                            branch goods
                              step check: Boolean; 3 attempts of 30 s; harmless
                          await paid: DefinitionSnippets.Paid; 1 d
                          await note: String; 5 min, then empty
                          delay cool-off: 30 min
                          pivot capture: DefinitionSnippets.Capture; attempts of 30 s for up to 1 d
                          retriable ship: DefinitionSnippets.Parcel; attempts of 30 s for up to 1 d
                        """);
    }

    @Test
    void a_saga_tells_how_its_doubts_are_resolved() {
        var s = Saga.define("doubts", 1, DefinitionSnippets.Order.class);
        DefinitionSnippets.doubt(s, none(DefinitionSnippets.Stock.class), none(DefinitionSnippets.Payments.class));
        s.txRetriable("count", Integer.class)
                .run((in, tx, c) -> 1)
                .rejectsOn(IOException.class, IllegalStateException.class)
                .through(Timeout.of(ofSeconds(1)))
                .retry(5, Backoff.none())
                .add();
        assertThat(s.build().describe()).isEqualTo("""
                        saga 'doubts' version 1 (DefinitionSnippets.Order)
                          step check: Boolean; 3 attempts of 30 s; harmless
                          step authorise: DefinitionSnippets.Authorisation; 3 attempts of 30 s; undone; probed when in doubt
                          step reserve: DefinitionSnippets.Reservation; 3 attempts of 30 s; undone; undone by key when in doubt
                          pivot charge: DefinitionSnippets.Capture; 1 attempt of 30 s; called at most once, parked when in doubt
                          retriable count: Integer; in the journal's transaction; 5 attempts of 30 s; rejects on IOException, IllegalStateException; through %s
                        """.formatted(Timeout.of(ofSeconds(1))));
    }

    @Test
    void a_saga_is_named_in_one_line() {
        assertThat(shapes())
                .hasToString(
                        "place-order v3: insure -> reserve[] -> (authorise | check) -> paid -> note -> cool-off -> *capture"
                                + " -> ship");
    }

    @Test
    void a_saga_is_drawn() {
        assertThat(shapes().mermaid()).isEqualTo("""
                        flowchart TD
                            start(["place-order v3"])
                            n0["insure"]
                            start --> n0
                            n0u[/"undo insure"/]
                            n0 -.-> n0u
                            n1["each reserve"]
                            n0 --> n1
                            n1u[/"undo reserve"/]
                            n1 -.-> n1u
                            n2{{"parts"}}
                            n1 --> n2
                            n3["authorise"]
                            n2 --> n3
                            n3u[/"undo authorise"/]
                            n3 -.-> n3u
                            n4["check"]
                            n2 --> n4
                            n5>"await paid"]
                            n3 --> n5
                            n4 --> n5
                            n6>"await note"]
                            n5 --> n6
                            n7>"cool-off 30 min"]
                            n6 --> n7
                            n8{"capture"}
                            n7 --> n8
                            n9["ship"]
                            n8 --> n9
                            done(["done"])
                            n9 --> done
                        """);
    }

    @Test
    void what_is_being_written_says_what_it_is() {
        var s = define();
        assertThat(s).hasToString("definition of saga 'order' version 1");
        var fork = s.fork("f");
        assertThat(fork).hasToString("fork 'f'");
        assertThat(fork.branch("x")).hasToString("branch 'x' of fork 'f'");
        assertThat(step(s, "a")).hasToString("result of 'a'");
    }
}
