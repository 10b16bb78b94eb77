// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * G1, G3 to G9, S1 to S3, S5, S8 to S12: every course of a small saga with one or two disturbances, anywhere: kills, a
 * takeover while the old owner freezes and wakes up again, cancels, pauses, signals, lost acknowledgements, attempts of
 * unknown end with and without an effect, gates that refuse. And each mistake is found.
 */
class RunnerModelTest {
    static List<RunnerModel.Story> stories() {
        return List.of(TWO, PIVOT, REJECTED, SLEEPS, WAITS, DOOR, FORK);
    }

    private static final RunnerModel.Story TWO =
            new RunnerModel.Story("two steps", List.of(List.of("one"), List.of("two")), world -> {
                SagaDefinition<String> s = define();
                step(s, world, "one");
                step(s, world, "two");
                return s.build();
            });

    private static final RunnerModel.Story PIVOT =
            new RunnerModel.Story("a pivot", List.of(List.of("one"), List.of("pivot"), List.of("last")), world -> {
                SagaDefinition<String> s = define();
                step(s, world, "one");
                s.pivot("pivot", String.class)
                        .run((in, c) -> call(world, c, "pivot"))
                        .retry(100, Backoff.constant(Duration.ofMillis(100)))
                        .add();
                s.retriable("last", String.class)
                        .run((in, c) -> call(world, c, "last"))
                        .retry(100, Backoff.constant(Duration.ofMillis(100)))
                        .add();
                return s.build();
            });

    private static final RunnerModel.Story REJECTED =
            new RunnerModel.Story("a rejection", List.of(List.of("one"), List.of("two")), world -> {
                SagaDefinition<String> s = define();
                step(s, world, "one");
                step(s, world, "two");
                s.pivot("no", String.class)
                        .run((in, c) -> {
                            throw new StepRejectedException("no");
                        })
                        .add();
                return s.build();
            });

    private static final RunnerModel.Story SLEEPS =
            new RunnerModel.Story("a delay", List.of(List.of("one"), List.of("after")), world -> {
                SagaDefinition<String> s = define();
                step(s, world, "one");
                s.delay("sleep", RunnerModel.DELAY);
                step(s, world, "after");
                return s.build();
            });

    private static final RunnerModel.Story WAITS =
            new RunnerModel.Story("a signal", List.of(List.of("one"), List.of("two")), world -> {
                SagaDefinition<String> s = define().deadline(Duration.ofDays(300));
                step(s, world, "one");
                s.await("paid", String.class).add();
                step(s, world, "two");
                return s.build();
            });

    private static final RunnerModel.Story DOOR = new RunnerModel.Story("a gate", List.of(List.of("one")), world -> {
        SagaDefinition<String> s = define();
        boolean taken = world.mistake == Mistake.LOCAL_REJECTION_IS_REJECTED;
        Step.Compensatable<String, String> one = s.step("one", String.class)
                .run((in, c) -> {
                    if (taken && !world.opens()) throw new StepRejectedException("the gate said so");
                    return call(world, c, "one");
                })
                .undo((in, r, c) -> call(world, c, "one"))
                .retry(2, Backoff.constant(Duration.ofMillis(100)));
        (taken ? one : one.through(world.door())).add();
        return s.build();
    });

    private static final RunnerModel.Story FORK =
            new RunnerModel.Story("a fork", List.of(List.of("left", "right"), List.of("last")), world -> {
                SagaDefinition<String> s = define();
                Fork<String> fork = s.fork("both");
                step(fork.branch("l"), world, "left");
                step(fork.branch("r"), world, "right");
                fork.join();
                step(s, world, "last");
                return s.build();
            });

    private static SagaDefinition<String> define() {
        return Saga.define("saga", 1, String.class);
    }

    private static void step(Steps<String> s, RunnerModel world, String name) {
        s.step(name, String.class)
                .run((in, c) -> call(world, c, name))
                .undo((in, r, c) -> call(world, c, undone(world, name)))
                .retry(2, Backoff.constant(Duration.ofMillis(100)))
                .undoRetry(100, Backoff.constant(Duration.ofMillis(100)))
                .add();
    }

    private static String undone(RunnerModel world, String name) {
        if (world.mistake != Mistake.UNDONE_IN_ORDER) return name;
        return name.equals("one") ? "two" : name.equals("two") ? "one" : name;
    }

    private static String call(RunnerModel world, StepContext c, String name) throws Exception {
        RunnerModel.Owner owner = world.ledger.owner;
        if (owner == null) throw new IllegalStateException("nobody calls");
        return owner.call(c, name);
    }

    @ParameterizedTest
    @MethodSource("stories")
    void no_course_with_one_disturbance_breaks_a_guarantee(RunnerModel.Story story) {
        RunnerModel model = new RunnerModel(story, Mistake.NONE, 1).search();
        assertThat(model.violation).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("stories")
    void nor_one_with_two(RunnerModel.Story story) {
        RunnerModel model = new RunnerModel(story, Mistake.NONE, 2).search();
        assertThat(model.violation).isEmpty();
        assertThat(model.runs).isGreaterThan(200);
    }

    @ParameterizedTest
    @EnumSource(
            value = Mistake.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"NONE"})
    void every_mistake_is_found(Mistake mistake) {
        for (int disturbances = 1; disturbances <= 3; disturbances++) {
            for (RunnerModel.Story story : stories()) {
                if (disturbances == 3 && story != DOOR) continue;
                RunnerModel model = new RunnerModel(story, mistake, disturbances).search();
                if (!model.violation.isEmpty()) return;
            }
        }
        throw new AssertionError(mistake + " was not found: the model looks at too little");
    }

    @Test
    void nor_one_with_three_of_the_smallest() {
        RunnerModel model = new RunnerModel(DOOR, Mistake.NONE, 3).search();
        assertThat(model.violation).isEmpty();
    }
}
