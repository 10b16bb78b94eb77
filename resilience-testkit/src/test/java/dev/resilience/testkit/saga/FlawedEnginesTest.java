// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaStore;
import dev.resilience.saga.StepRejectedException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The matrix lets an engine pass that is right, and finds each that is not: crash points C0 to C14, G1 to G9. */
class FlawedEnginesTest {
    private static final Set<Fault> ALL = EnumSet.allOf(Fault.class);

    /** Three steps that are undone, a pivot, two that are only tried again. */
    private static List<NaiveEngine.Step> order(Effects effects, boolean refuse) {
        List<NaiveEngine.Step> steps = new ArrayList<>();
        for (String name : List.of("reserve", "authorise", "book"))
            steps.add(step(effects, name, NaiveEngine.Kind.COMPENSATABLE));
        steps.add(step(effects, "paid", NaiveEngine.Kind.SIGNAL));
        steps.add(new NaiveEngine.Step(
                "capture",
                NaiveEngine.Kind.PIVOT,
                key -> {
                    if (refuse) throw new StepRejectedException("no money");
                    effects.make(key, () -> "captured");
                },
                key -> {}));
        steps.add(step(effects, "ship", NaiveEngine.Kind.RETRIABLE));
        steps.add(step(effects, "mail", NaiveEngine.Kind.RETRIABLE));
        return steps;
    }

    private static NaiveEngine.Step step(Effects effects, String name, NaiveEngine.Kind kind) {
        if (kind == NaiveEngine.Kind.SIGNAL) return new NaiveEngine.Step(name, kind, key -> {}, key -> {});
        Consumer<String> undo = key -> {
            if (key.endsWith("/undo")) effects.unmake(key);
            else effects.make(key, () -> "");
        };
        return new NaiveEngine.Step(name, kind, key -> effects.make(key, () -> name), undo);
    }

    private static Matrix matrix(boolean refuse, Set<NaiveEngine.Flaw> flaws, Set<Fault> faults, boolean pairs) {
        return matrix(refuse, flaws, faults, pairs, SagaStore::inMemory);
    }

    private static Matrix matrix(
            boolean refuse,
            Set<NaiveEngine.Flaw> flaws,
            Set<Fault> faults,
            boolean pairs,
            java.util.function.Function<dev.resilience.TimeSource, SagaStore> store) {
        Trial.Setting setting = new Trial.Setting(
                effects -> {
                    effects.of("order");
                    List<NaiveEngine.Step> steps = order(effects, refuse);
                    return (life, seen) -> new NaiveEngine(effects.saga(), steps, flaws, life, seen);
                },
                store,
                new SagaStore.Signal("paid", "k", new byte[0], 0),
                Set.of(),
                Duration.ofSeconds(60),
                Duration.ofMinutes(30));
        return new Matrix(setting, new Matrix.Plan(faults, pairs, 2, run -> {}));
    }

    @Test
    void an_engine_that_is_right_survives_every_fault_at_every_boundary_c0_to_c14() {
        Matrix done = matrix(false, Set.of(), ALL, false).run();
        assertThat(done.boundaries()).isGreaterThan(30);
        assertThat(done.runs()).isGreaterThan(300);
        matrix(true, Set.of(), ALL, false).run();
    }

    @Test
    void an_engine_that_is_right_survives_two_deaths_at_every_pair_of_boundaries() {
        assertThat(matrix(false, Set.of(), EnumSet.of(Fault.KILL), true).run().runs())
                .isGreaterThan(500);
        assertThat(matrix(true, Set.of(), EnumSet.of(Fault.KILL), true).run().runs())
                .isGreaterThan(500);
    }

    @Test
    void an_engine_that_is_right_survives_a_cancellation_and_a_death_in_either_order() {
        matrix(false, Set.of(), EnumSet.of(Fault.KILL, Fault.CANCEL), true).run();
    }

    @Test
    void an_engine_that_is_right_records_nothing_when_it_wakes_up_late_c14() {
        matrix(false, Set.of(), EnumSet.of(Fault.FREEZE, Fault.CANCEL), true).run();
    }

    @ParameterizedTest
    @EnumSource(NaiveEngine.Flaw.class)
    void a_flawed_engine_is_found(NaiveEngine.Flaw flaw) {
        assertThatThrownBy(() -> {
                    for (boolean refuse : new boolean[] {false, true}) {
                        matrix(refuse, Set.of(flaw), ALL, false).run();
                        matrix(refuse, Set.of(flaw), EnumSet.of(Fault.FREEZE, Fault.CANCEL), true)
                                .run();
                    }
                })
                .as(flaw.toString())
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("went wrong");
    }

    /** What stores get wrong. */
    enum StoreFlaw {
        WRITES_FOR_WHO_HAS_LOST_THE_SAGA,
        ANSWERS_YES_AND_FORGETS,
        FORGETS_SAGAS_WITHOUT_AN_OWNER
    }

    @ParameterizedTest
    @EnumSource(StoreFlaw.class)
    void a_flawed_store_is_found_under_an_engine_that_is_right(StoreFlaw flaw) {
        assertThatThrownBy(() -> {
                    matrix(false, Set.of(), ALL, false, time -> flawed(flaw, SagaStore.inMemory(time)))
                            .run();
                    matrix(
                                    false,
                                    Set.of(),
                                    EnumSet.of(Fault.FREEZE, Fault.CANCEL),
                                    true,
                                    time -> flawed(flaw, SagaStore.inMemory(time)))
                            .run();
                })
                .as(flaw.toString())
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("went wrong");
    }

    private static SagaStore flawed(StoreFlaw flaw, SagaStore store) {
        return (SagaStore) Proxy.newProxyInstance(
                SagaStore.class.getClassLoader(), new Class<?>[] {SagaStore.class}, (proxy, method, args) -> {
                    boolean checkpoint = method.getName().equals("write") && args.length == 1;
                    if (checkpoint) return write(flaw, store, (Checkpoint) args[0]);
                    if (method.getName().equals("claim") && flaw == StoreFlaw.FORGETS_SAGAS_WITHOUT_AN_OWNER) {
                        SagaStore.Claim claim = (SagaStore.Claim) args[0];
                        if (claim.dead().isEmpty()) return List.of();
                    }
                    try {
                        return method.invoke(store, args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static boolean write(StoreFlaw flaw, SagaStore store, Checkpoint checkpoint) {
        if (flaw == StoreFlaw.ANSWERS_YES_AND_FORGETS && checkpoint.next().seq() == 3) return true;
        if (store.write(checkpoint)) return true;
        if (flaw != StoreFlaw.WRITES_FOR_WHO_HAS_LOST_THE_SAGA) return false;
        SagaInstance now = store.heads(List.of(checkpoint.ref())).get(0);
        Checkpoint.Builder anyhow = Checkpoint.on(now, checkpoint.next().updatedMs());
        for (JournalEntry line : checkpoint.entries())
            anyhow.append(JournalEntry.of(line.phase(), line.step()).outcome(line.outcome()));
        return store.write(anyhow.build());
    }
}
