// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.TimeSource;
import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaRef;
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
import java.util.function.Function;
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
            Function<TimeSource, SagaStore> store) {
        return matrix(effects -> order(effects, refuse), flaws, faults, pairs, store, false);
    }

    private static Matrix matrix(
            Function<Effects, List<NaiveEngine.Step>> steps,
            Set<NaiveEngine.Flaw> flaws,
            Set<Fault> faults,
            boolean pairs,
            Function<TimeSource, SagaStore> store,
            boolean rival) {
        Trial.Setting setting = new Trial.Setting(
                effects -> {
                    effects.of("order");
                    List<NaiveEngine.Step> made = steps.apply(effects);
                    return (life, seen) -> new NaiveEngine("order", made, flaws, life, seen);
                },
                store,
                new SagaStore.Signal("paid", "k", new byte[0], 0),
                Set.of(),
                Duration.ofSeconds(60),
                Duration.ofMinutes(30),
                rival,
                1,
                Set.of());
        return new Matrix(setting, new Matrix.Plan(faults, pairs ? 2 : 1, 2, run -> {}));
    }

    private static List<NaiveEngine.Step> briefly(Effects effects) {
        return List.of(
                step(effects, "reserve", NaiveEngine.Kind.COMPENSATABLE),
                // two: what is lost of the last one before the pivot does not take back that the pivot may have begun
                step(effects, "book", NaiveEngine.Kind.COMPENSATABLE),
                step(effects, "capture", NaiveEngine.Kind.PIVOT),
                step(effects, "ship", NaiveEngine.Kind.RETRIABLE));
    }

    private static Matrix briefly(Set<NaiveEngine.Flaw> flaws, Fault first, Fault second) {
        return matrix(FlawedEnginesTest::briefly, flaws, EnumSet.of(first, second), true, SagaStore::inMemory, false);
    }

    private static Matrix rivals(boolean refuse, Set<NaiveEngine.Flaw> flaws, Function<TimeSource, SagaStore> store) {
        Set<Fault> faults = EnumSet.of(Fault.KILL, Fault.CANCEL, Fault.STALL);
        return matrix(effects -> order(effects, refuse), flaws, faults, false, store, true);
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

    @Test
    void an_engine_that_is_right_survives_a_failover_that_loses_commits_c16() {
        briefly(Set.of(), Fault.FAIL_OVER, Fault.KILL).run();
        briefly(Set.of(), Fault.FAIL_OVER, Fault.CANCEL).run();
    }

    @Test
    void two_sagas_of_one_lock_never_overlap_and_each_end_frees_it_s14() {
        rivals(false, Set.of(), SagaStore::inMemory).run();
        rivals(true, Set.of(), SagaStore::inMemory).run();
    }

    @ParameterizedTest
    @EnumSource(NaiveEngine.Flaw.class)
    void a_flawed_engine_is_found(NaiveEngine.Flaw flaw) {
        assertThatThrownBy(() -> search(flaw))
                .as(flaw.toString())
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("went wrong");
    }

    private static void search(NaiveEngine.Flaw flaw) {
        Set<NaiveEngine.Flaw> flaws = Set.of(flaw);
        switch (flaw) {
            case NEVER_LOOKS_FOR_STRAYS, TRUSTS_A_JOURNAL_THAT_WENT_BACK, TURNS_WHEN_THE_JOURNAL_WENT_BACK ->
                briefly(flaws, Fault.FAIL_OVER, Fault.CANCEL).run();
            case STOPS_AT_A_FAILED_HEARTBEAT ->
                briefly(flaws, Fault.KILL, Fault.FAIL).run();
            case FREES_ITS_LOCK_WHEN_IT_TURNS ->
                rivals(true, flaws, SagaStore::inMemory).run();
            default -> {
                for (boolean refuse : new boolean[] {false, true}) {
                    matrix(refuse, flaws, ALL, false).run();
                    matrix(refuse, flaws, EnumSet.of(Fault.FREEZE, Fault.CANCEL), true)
                            .run();
                }
            }
        }
    }

    /** What stores get wrong. */
    enum StoreFlaw {
        WRITES_FOR_WHO_HAS_LOST_THE_SAGA,
        ANSWERS_YES_AND_FORGETS,
        FORGETS_SAGAS_WITHOUT_AN_OWNER,
        LETS_TWO_HAVE_ONE_LOCK,
        KEEPS_A_LOCK_WHOSE_HOLDER_HAS_ENDED
    }

    @ParameterizedTest
    @EnumSource(StoreFlaw.class)
    void a_flawed_store_is_found_under_an_engine_that_is_right(StoreFlaw flaw) {
        Function<TimeSource, SagaStore> store = time -> flawed(flaw, SagaStore.inMemory(time));
        assertThatThrownBy(() -> {
                    if (flaw == StoreFlaw.LETS_TWO_HAVE_ONE_LOCK
                            || flaw == StoreFlaw.KEEPS_A_LOCK_WHOSE_HOLDER_HAS_ENDED)
                        rivals(false, Set.of(), store).run();
                    matrix(false, Set.of(), ALL, false, store).run();
                    matrix(false, Set.of(), EnumSet.of(Fault.FREEZE, Fault.CANCEL), true, store)
                            .run();
                })
                .as(flaw.toString())
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("went wrong");
    }

    private static SagaStore flawed(StoreFlaw flaw, SagaStore store) {
        List<SagaRef> holders = new ArrayList<>();
        return (SagaStore) Proxy.newProxyInstance(
                SagaStore.class.getClassLoader(), new Class<?>[] {SagaStore.class}, (proxy, method, args) -> {
                    boolean checkpoint = method.getName().equals("write") && args.length == 1;
                    if (checkpoint) return write(flaw, store, (Checkpoint) args[0]);
                    if (method.getName().equals("claim") && flaw == StoreFlaw.FORGETS_SAGAS_WITHOUT_AN_OWNER) {
                        SagaStore.Claim claim = (SagaStore.Claim) args[0];
                        if (claim.dead().isEmpty()) return List.of();
                    }
                    if (method.getName().equals("insert"))
                        return insert(flaw, store, (SagaStore.Start) args[0], holders);
                    try {
                        return method.invoke(store, args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static SagaStore.Started insert(
            StoreFlaw flaw, SagaStore store, SagaStore.Start start, List<SagaRef> holders) {
        SagaRef ref = start.head().ref();
        if (flaw == StoreFlaw.KEEPS_A_LOCK_WHOSE_HOLDER_HAS_ENDED) {
            if (holders.isEmpty()) holders.add(ref);
            if (!holders.contains(ref)) return new SagaStore.Started(null, "h", false, holders.get(0), 0);
        }
        if (flaw != StoreFlaw.LETS_TWO_HAVE_ONE_LOCK) return store.insert(start);
        SagaInstance unlocked = start.head().but().lockKey(null).build();
        return store.insert(new SagaStore.Start(unlocked, start.input(), start.inputHash(), null, start.entries()));
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
