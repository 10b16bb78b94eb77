// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.resilience.Backoff;
import dev.resilience.CallInterruptedException;
import dev.resilience.RejectedException;
import dev.resilience.TimeoutExceededException;
import java.io.IOException;
import java.sql.Connection;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Bad definitions: all that is wrong in one message, nothing made (L11). What does not compile: UndoCompilationTest. */
class SagaDefinitionTest {
    private static final Backoff NONE = Backoff.none();

    private static SagaDefinition<String> define() {
        return Saga.define("order", 1, String.class);
    }

    private static Saga.Result<String> step(Steps<String> steps, String name) {
        return steps.step(name, String.class).run((in, c) -> in).harmless().add();
    }

    private static Saga.Result<String> pivot(SagaDefinition<String> s, String name) {
        return s.pivot(name, String.class).run((in, c) -> in).add();
    }

    private static Saga.Result<String> retriable(Steps<String> steps, String name) {
        return steps.retriable(name, String.class).run((in, c) -> in).add();
    }

    /** The whole message, without the saga's name. */
    private static String refused(Consumer<SagaDefinition<String>> written) {
        SagaDefinition<String> s = define();
        written.accept(s);
        return refusal(s::build);
    }

    private static String refusal(Executable made) {
        String message = Objects.requireNonNull(catchThrowableOfType(IllegalArgumentException.class, made::execute)
                .getMessage());
        assertThat(message).startsWith("saga 'order': ");
        return message.substring("saga 'order': ".length());
    }

    // ---- names

    @Test
    void names_are_unique_over_all_branches() {
        assertThat(refused(s -> {
                    step(s, "a");
                    var fork = s.fork("f");
                    step(fork.branch("x"), "a");
                    step(fork.branch("y"), "f");
                    fork.join();
                    s.delay("a", ofSeconds(1));
                }))
                .isEqualTo("the name 'a' is there twice; names are unique in a saga, over all branches;"
                        + " the name 'f' is there twice; names are unique in a saga, over all branches");
    }

    @Test
    void a_name_is_neither_empty_nor_too_long_nor_part_of_a_key() {
        assertThat(refused(s -> step(s, ""))).isEqualTo("the name of a step must have 1 to 120 characters, '' has 0");
        assertThat(refused(s -> step(s, "x".repeat(121))))
                .isEqualTo("the name of a step must have 1 to 120 characters, '" + "x".repeat(30) + "...' has 121");
        for (String bad : List.of("a/b", "a#1", "a~b", "a\tb", " a", "a "))
            assertThat(refused(s -> step(s, bad)))
                    .isEqualTo("the name of a step must have no '/', '#', '~' or control character and no blank at its"
                            + " ends, was '" + bad.replace('\t', '?') + "'");
        assertThat(refused(s -> step(s, "undo")))
                .isEqualTo("the name of a step must not be 'undo'; keys of undos end so");
    }

    @Test
    void a_sagas_name_and_versions_are_checked_with_the_rest() {
        var bad = Saga.define("a/b", 0, String.class).since(2);
        assertThatThrownBy(bad::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "saga 'a/b': the name of a saga must have no '/', '#', '~' or control character and no blank"
                                + " at its ends, was 'a/b'; version must be at least 1, was 0; since must be from 1 to the"
                                + " version (0), was 2; it has no step");
        var longName = Saga.define("x".repeat(101), 3, String.class).since(4);
        assertThatThrownBy(longName::build)
                .hasMessageContaining("the name of a saga must have 1 to 100 characters, '" + "x".repeat(30)
                        + "...' has 101; since must be from 1 to the version (3), was 4; it has no step");
    }

    // ---- kinds

    @Test
    void there_is_one_pivot_at_most() {
        assertThat(refused(s -> {
                    pivot(s, "a");
                    pivot(s, "b");
                }))
                .isEqualTo(
                        "pivot 'b' is a second pivot, after 'a'; a saga has one at most: what follows it is retriable");
    }

    @Test
    void nothing_that_is_undone_stands_behind_the_pivot() {
        assertThat(refused(s -> {
                    pivot(s, "a");
                    step(s, "b");
                    var fork = s.fork("f");
                    step(fork.branch("x"), "c");
                    fork.join();
                }))
                .isEqualTo(
                        "step 'b' stands behind pivot 'a', from which on nothing is undone; make it retriable, or move"
                                + " it before; step 'c' stands behind pivot 'a', from which on nothing is undone; make it"
                                + " retriable, or move it before");
    }

    @Test
    void nothing_that_cannot_be_undone_stands_before_the_pivot() {
        assertThat(refused(s -> {
                    retriable(s, "a");
                    pivot(s, "b");
                }))
                .isEqualTo("retriable step 'a' stands before pivot 'b' and could not be undone; make it a step with an"
                        + " undo or harmless(), or move it behind");
    }

    @Test
    void without_a_pivot_the_first_retriable_step_is_the_pivot() {
        var s = define();
        step(s, "a");
        retriable(s, "b");
        retriable(s, "c");
        Plan plan = s.build().plan;
        assertThat(plan.pivot()).isEqualTo(1);
        assertThat(kinds(plan)).isEqualTo("CPR");
        assertThat(refused(t -> {
                    retriable(t, "a");
                    step(t, "b");
                }))
                .isEqualTo(
                        "step 'b' stands behind retriable step 'a', from which on nothing is undone; make it retriable,"
                                + " or move it before");
    }

    @Test
    void what_cannot_decide_alone_needs_a_pivot_before_it() {
        assertThat(refused(
                        s -> s.retriable("a", String.class).run((in, c) -> in).addWhen(String::isEmpty)))
                .isEqualTo(
                        "retriable step 'a' needs a pivot before it: it is conditional or a for-each step, so it cannot"
                                + " decide for the saga itself");
        assertThat(refused(s -> s.forEachRetriable("a", String.class, String.class)
                        .over(List::of)
                        .run((in, e, c) -> e)
                        .add()))
                .startsWith("retriable step 'a' needs a pivot before it: it is conditional or a for-each step");
        assertThat(refused(s -> {
                    var fork = s.fork("f");
                    retriable(fork.branch("x"), "a");
                    retriable(fork.branch("y"), "b");
                    fork.join();
                }))
                .startsWith("retriable step 'a' needs a pivot before it: it is in a branch");
    }

    @Test
    void a_saga_may_have_nothing_to_decide() {
        var s = define();
        step(s, "a");
        assertThat(s.build().plan.pivot()).isEqualTo(-1);
    }

    private static String kinds(Plan plan) {
        StringBuilder kinds = new StringBuilder();
        for (Node node : plan.nodes()) kinds.append(((Node.Action) node).kind().code);
        return kinds.toString();
    }

    // ---- what a step must have, and must not

    @Test
    void a_step_does_something_and_says_how_it_is_undone() {
        assertThat(refused(s -> s.step("a", String.class).add()))
                .isEqualTo(
                        "step 'a' has no run(..); step 'a' has neither undo(..) nor harmless(): say how it is undone,"
                                + " or that it need not be");
        assertThat(refused(s -> s.pivot("a", String.class).add())).isEqualTo("pivot 'a' has no run(..)");
        assertThat(refused(s -> s.forEach("a", String.class, String.class).add()))
                .isEqualTo("step 'a' has no run(..); step 'a' has no over(..): of which elements?; step 'a' has neither"
                        + " undo(..) nor harmless(): say how it is undone, or that it need not be");
        assertThat(refused(
                        s -> s.txStep("a", String.class).run((in, tx, c) -> in).add()))
                .startsWith("step 'a' has neither undo(..) nor harmless()");
    }

    @Test
    void a_doubt_has_one_strategy() {
        assertThat(refused(s -> s.step("a", String.class)
                        .run((in, c) -> in)
                        .undo((in, r, c) -> {})
                        .harmless()
                        .probe((in, c) -> ProbeResult.unknown())
                        .undoInDoubt((in, c) -> {})
                        .atMostOnce()
                        .add()))
                .isEqualTo("step 'a' is harmless() and has an undo; choose one; step 'a' has probe(..) and"
                        + " undoInDoubt(..) and harmless() and atMostOnce() for a doubt; choose one");
        assertThat(refused(s -> s.pivot("a", String.class)
                        .run((in, c) -> in)
                        .atMostOnce()
                        .retry(2, NONE)
                        .add()))
                .isEqualTo("pivot 'a' is atMostOnce() and has 2 attempts; leave retry(..) out");
    }

    @Test
    void numbers_and_durations_are_positive() {
        assertThat(refused(s -> {
                    s.deadline(ZERO);
                    s.step("a", String.class)
                            .run((in, c) -> in)
                            .undo((in, r, c) -> {})
                            .retry(0, NONE)
                            .undoRetry(-1, NONE)
                            .attemptTimeout(ofSeconds(-1))
                            .resolveFor(ZERO)
                            .add();
                    s.forEach("b", String.class, String.class)
                            .over(List::of)
                            .run((in, e, c) -> e)
                            .harmless()
                            .concurrency(0)
                            .add();
                    s.await("c", String.class).timeout(ZERO).add();
                    s.delay("d", ofMillis(-5));
                }))
                .isEqualTo("deadline must be more than zero, was PT0S;"
                        + " step 'a': retry must have at least 1 attempt, the first included, was 0;"
                        + " step 'a': undoRetry must have at least 1 attempt, the first included, was -1;"
                        + " step 'a': attemptTimeout must be more than zero, was PT-1S;"
                        + " step 'a': resolveFor must be more than zero, was PT0S;"
                        + " step 'b': concurrency must be at least 1, was 0;"
                        + " await 'c': timeout must be more than zero, was PT0S;"
                        + " delay 'd': its duration must be more than zero, was PT-0.005S");
    }

    /** S1: a rejection of our own says only that this attempt did not run; a timeout says nothing. */
    @Test
    void what_the_library_throws_is_no_rejection_by_the_participant() {
        for (Class<? extends Throwable> type : List.of(
                Throwable.class,
                Exception.class,
                RuntimeException.class,
                Error.class,
                StackOverflowError.class,
                RejectedException.class,
                TimeoutExceededException.class,
                CallInterruptedException.class,
                InterruptedException.class))
            assertThat(refused(s -> s.pivot("a", String.class)
                            .run((in, c) -> in)
                            .rejectsOn(IOException.class, type)
                            .add()))
                    .isEqualTo(
                            "pivot 'a': rejectsOn(" + type.getSimpleName() + ") would take a timeout, a full bulkhead"
                                    + " or a failing JVM for the participant's no; name the exceptions by which it says that"
                                    + " there is no effect");
        var s = define();
        s.pivot("a", String.class)
                .run((in, c) -> in)
                .rejectsOn(IOException.class, IllegalStateException.class)
                .rejectsOn(IOException.class)
                .add();
        Node.Action action = (Node.Action) s.build().plan.nodes().get(0);
        assertThat(action.rules().rejectsOn()).containsExactly(IOException.class, IllegalStateException.class);
    }

    // ---- life of a builder

    @Test
    void a_step_that_was_begun_is_added_once_and_then_left_alone() {
        assertThat(refused(s -> {
                    s.step("a", String.class).run((in, c) -> in).harmless();
                    s.await("b", String.class);
                    s.fork("c");
                    var d = s.step("d", String.class).run((in, c) -> in).harmless();
                    d.add();
                    d.retry(5, NONE);
                    d.add();
                }))
                .isEqualTo("step 'a' was never added; end it with add();"
                        + " await 'b' was never added; end it with add();"
                        + " fork 'c' is not joined; call join() when its branches are written;"
                        + " fork 'c' has no branch; begin some with branch(name);"
                        + " step 'd' was added twice; call add() once, as the last;"
                        + " step 'd' was changed after add(); it is the last call");
    }

    @Test
    void a_body_is_given_once() {
        assertThat(refused(s -> s.step("a", String.class)
                        .run((in, c) -> in)
                        .run((in, c) -> in)
                        .undo((in, r, c) -> {})
                        .undo((in, r, c) -> {})
                        .add()))
                .isEqualTo("step 'a': run(..) is given twice; step 'a': undo(..) is given twice");
    }

    @Test
    void what_is_defined_does_not_change() {
        var s = define();
        step(s, "a");
        Fork<String> unused = s.fork("f");
        Fork.Branch<String> branch = unused.branch("x");
        step(branch, "b");
        unused.join();
        s.build();
        String late = "saga 'order' is defined; its steps cannot change any more";
        List<Executable> changes = List.of(
                () -> step(s, "c"),
                () -> s.delay("d", ofSeconds(1)),
                () -> step(branch, "e"),
                () -> s.deadline(ofSeconds(1)),
                s::build);
        for (Executable change : changes)
            assertThatThrownBy(change::execute)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(late);
    }

    @Test
    void what_was_refused_can_be_mended() {
        var s = define();
        assertThatThrownBy(s::build).hasMessageContaining("it has no step");
        step(s, "a");
        assertThat(s.build().name()).isEqualTo("order");
    }

    // ---- results

    @Test
    void a_result_of_another_definition_is_refused() {
        var other = define();
        var foreign = step(other, "a");
        assertThat(refused(s -> {
                    step(s, "a");
                    s.step("b", String.class)
                            .run(foreign, (in, a, c) -> a)
                            .harmless()
                            .add();
                }))
                .isEqualTo("step 'b' takes the result of 'a' of another definition (order version 1)");
        var s = define();
        step(s, "a");
        assertThat(refusal(() -> s.returns(foreign, (in, a) -> a)))
                .isEqualTo("returns(..) takes the result of 'a' of another definition (order version 1)");
    }

    @Test
    void branches_see_what_was_before_the_fork_and_their_own_but_not_each_other() {
        var s = define();
        var before = step(s, "before");
        var fork = s.fork("f");
        var left = fork.branch("left");
        var a = step(left, "a");
        left.step("a2", String.class)
                .run(before, a, (in, x, y, c) -> y)
                .harmless()
                .add();
        var right = fork.branch("right");
        right.step("b", String.class).run(a, (in, x, c) -> x).harmless().add();
        fork.join();
        assertThat(refusal(s::build))
                .isEqualTo(
                        "step 'b' takes the result of 'a', which is not there by then: it is in another branch, or its"
                                + " fork is not joined before");
    }

    @Test
    void a_branchs_result_is_there_once_its_fork_is_joined() {
        assertThat(refused(s -> {
                    var fork = s.fork("f");
                    var a = step(fork.branch("x"), "a");
                    s.step("b", String.class).run(a, (in, x, c) -> x).harmless().add();
                    fork.join();
                }))
                .startsWith("step 'b' takes the result of 'a', which is not there by then");
        var s = define();
        var fork = s.fork("f");
        var inner = fork.branch("x").fork("g");
        var a = step(inner.branch("y"), "a");
        inner.join();
        fork.join();
        s.step("b", String.class).run((in, c) -> in).harmless().addWhen(a, (in, x) -> x.isEmpty());
        assertThat(s.returns(a, (in, x) -> x).plan.index().keySet()).containsExactly("f", "g", "a", "b");
    }

    @Test
    void forks_have_branches_that_do_something() {
        assertThat(refused(s -> {
                    var fork = s.fork("f");
                    fork.branch("x");
                    step(fork.branch("x"), "a");
                    fork.branch("");
                    fork.join();
                    step(fork.branch("late"), "b");
                }))
                .isEqualTo("fork 'f' was changed after join(); it is the last call;"
                        + " fork 'f': branch 'x' has no step; leave it out;"
                        + " fork 'f' has two branches 'x';"
                        + " the name of a branch must have 1 to 120 characters, '' has 0;"
                        + " fork 'f': branch '' has no step; leave it out");
    }

    // ---- waits

    /** L3: nothing wedges. */
    @Test
    void every_wait_for_a_signal_ends() {
        assertThat(refused(s -> s.await("a", String.class).add()))
                .isEqualTo("await 'a' has no timeout and the saga no deadline; one of them must end it");
        assertThat(refused(s -> {
                    s.deadline(ofHours(1));
                    s.await("a", String.class).add();
                    pivot(s, "b");
                    s.await("c", String.class).add();
                    s.await("d", String.class).addOptional();
                }))
                .isEqualTo("await 'd': addOptional() needs a timeout; without one it is never empty;"
                        + " await 'c' has no timeout; behind the pivot nothing else ends it;"
                        + " await 'd' has no timeout; behind the pivot nothing else ends it");
    }

    @Test
    void a_delay_that_outlasts_the_deadline_is_refused() {
        assertThat(refused(s -> {
                    s.deadline(ofMinutes(10));
                    s.delay("a", ofMinutes(10));
                    pivot(s, "b");
                    s.delay("c", ofMinutes(10));
                }))
                .isEqualTo("delay 'a' of 10 min does not fit into the deadline of 10 min; the saga would always turn");
    }

    // ---- registration

    @Test
    void all_types_that_the_codec_refuses_are_in_one_message() {
        var s = Saga.define("order", 1, Thread.class);
        s.step("a", Object.class).run((in, c) -> in).harmless().add();
        s.forEach("b", Thread.class, String.class)
                .over(List::of)
                .run((in, e, c) -> "")
                .harmless()
                .add();
        s.await("c", String.class).timeout(ofSeconds(1)).add();
        Plan plan = s.build().plan;
        assertThatThrownBy(() -> plan.check(new OnlyStrings()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("saga 'order' cannot be carried by the codec: its input (Thread): no Thread here; result of"
                        + " step 'a' (Object): no Object here; element of step 'b' (Thread): no Thread here");
    }

    private static final class OnlyStrings implements SagaCodec {
        @Override
        public void check(Type<?> type) {
            if (type.raw() != String.class) throw new IllegalArgumentException("no " + type + " here");
        }

        @Override
        public <T extends @org.jspecify.annotations.Nullable Object> byte @org.jspecify.annotations.Nullable [] encode(
                Type<T> type, T value) {
            throw new AssertionError("nothing is encoded at registration");
        }

        @Override
        public <T extends @org.jspecify.annotations.Nullable Object> T decode(
                Type<T> type, byte @org.jspecify.annotations.Nullable [] bytes) {
            throw new AssertionError("nothing is decoded at registration");
        }
    }

    /** The message that an owner of a bad definition reads. */
    @Test
    void all_problems_are_in_one_message() {
        var other = define();
        var foreign = step(other, "elsewhere");
        var s = Saga.define("order", 0, String.class).deadline(ZERO);
        s.step("reserve", String.class).run((in, c) -> in).retry(0, NONE).add();
        s.step("reserve", String.class)
                .run(foreign, (in, x, c) -> x)
                .undo((in, r, c) -> {})
                .add();
        pivot(s, "capture");
        pivot(s, "again");
        step(s, "late");
        s.retriable("ship", String.class).run((in, c) -> in);
        assertThatThrownBy(s::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("""
                        saga 'order': version must be at least 1, was 0; \
                        deadline must be more than zero, was PT0S; \
                        step 'reserve': retry must have at least 1 attempt, the first included, was 0; \
                        step 'reserve' has neither undo(..) nor harmless(): say how it is undone, or that it need not be; \
                        the name 'reserve' is there twice; names are unique in a saga, over all branches; \
                        retriable step 'ship' was never added; end it with add(); \
                        pivot 'again' is a second pivot, after 'capture'; a saga has one at most: what follows it is retriable; \
                        step 'late' stands behind pivot 'capture', from which on nothing is undone; make it retriable, or move it before; \
                        step 'reserve' takes the result of 'elsewhere' of another definition (order version 1)""");
    }

    /** A connection is an argument of transactional steps only; this compiles, which is the test. */
    static void transactional(SagaDefinition<String> s) {
        s.txPivot("a", Integer.class)
                .run((in, tx, c) -> {
                    Connection connection = tx;
                    return connection.getTransactionIsolation();
                })
                .add();
    }
}
