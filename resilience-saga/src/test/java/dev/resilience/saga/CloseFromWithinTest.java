// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofHours;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** L3: code of a saga that closes its engine, or waits for itself, does not wait for what can only come after it. */
@Timeout(300)
class CloseFromWithinTest {
    /** So long that it does not pass, a tick at a time, before a thread that was let go has a processor. */
    private static final Duration DRAIN = ofHours(1_000);

    private final Fleet fleet = new Fleet();
    private final AtomicReference<SagaEngine> engine = new AtomicReference<>();
    private final List<String> calls = new CopyOnWriteArrayList<>();
    /** How long each call of close took, by the clock of the fleet. */
    private final Map<String, Duration> closed = new ConcurrentHashMap<>();

    private final CountDownLatch held = new CountDownLatch(1);
    private final CountDownLatch begun = new CountDownLatch(2);

    @AfterEach
    void close() {
        held.countDown();
        fleet.close();
    }

    private void closeEngine(String who) {
        Duration before = fleet.time.elapsed();
        Fleet.there(engine.get()).close();
        closed.put(who, fleet.time.elapsed().minus(before));
    }

    /** What the input says: close the engine, be held, or nothing; and a step after it. */
    private Saga<String, Void> saga() {
        SagaDefinition<String> s = Saga.define("work", 1, String.class);
        s.step("first", String.class)
                .run((in, c) -> {
                    calls.add(in);
                    begun.countDown();
                    if (in.startsWith("both")) Fleet.await(begun);
                    if (in.startsWith("both") || in.equals("closes")) closeEngine(in);
                    if (in.equals("held")) Fleet.await(held);
                    return in;
                })
                .attemptTimeout(ofHours(1))
                .harmless()
                .add();
        s.step("second", String.class)
                .run((in, c) -> {
                    calls.add("then " + in);
                    return in;
                })
                .harmless()
                .add();
        return s.build();
    }

    private SagaHandle<Void> start(Saga<String, Void> saga, String input) {
        return Fleet.there(engine.get()).start(saga, input, input);
    }

    @Test
    void a_step_that_closes_its_engine_is_recorded_and_the_rest_is_anothers() {
        Saga<String, Void> saga = saga();
        engine.set(fleet.open("a", fleet.link(), b -> b.register(saga).drainFor(DRAIN)));
        SagaHandle<Void> handle = start(saga, "closes");
        fleet.until(() -> closed.containsKey("closes"));
        assertThat(closed.get("closes")).isLessThan(DRAIN);
        fleet.until(() -> fleet.head(handle.ref()).owner() == null);
        assertThat(fleet.head(handle.ref()).seq()).isPositive();
        assertThat(fleet.head(handle.ref()).claims()).isZero(); // nobody died
        assertThat(calls).containsExactly("closes");
        fleet.open("b", saga);
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("closes", "then closes");
    }

    @Test
    void it_waits_for_the_others() {
        Saga<String, Void> saga = saga();
        engine.set(fleet.open("a", fleet.link(), b -> b.register(saga).drainFor(DRAIN)));
        SagaHandle<Void> other = start(saga, "held");
        start(saga, "closes");
        fleet.until(() -> !Fleet.there(engine.get()).snapshot().live());
        fleet.pass(Duration.ofSeconds(30));
        assertThat(closed).isEmpty();
        held.countDown();
        fleet.until(() -> closed.containsKey("closes"));
        assertThat(fleet.status(other)).isEqualTo(SagaStatus.COMPLETED);
        assertThat(closed.get("closes")).isLessThan(DRAIN);
    }

    @Test
    void two_sagas_that_close_their_engine_do_not_wait_for_each_other() {
        Saga<String, Void> saga = saga();
        engine.set(fleet.open("a", fleet.link(), b -> b.register(saga).drainFor(DRAIN)));
        List<SagaHandle<Void>> handles = List.of(start(saga, "both-1"), start(saga, "both-2"));
        fleet.until(() -> closed.size() == 2);
        assertThat(closed.values()).allSatisfy(took -> assertThat(took).isLessThan(DRAIN));
        fleet.open("b", saga);
        for (SagaHandle<Void> handle : handles) fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).containsExactlyInAnyOrder("both-1", "both-2", "then both-1", "then both-2");
    }

    @Test
    void a_branch_may_close_its_engine_too() {
        SagaDefinition<String> s = Saga.define("branches", 1, String.class);
        s.forEach("each", String.class, String.class)
                .over(in -> List.of("a", "b", "c"))
                .run((in, e, c) -> {
                    calls.add(e);
                    if (e.equals("b")) closeEngine(e);
                    return e;
                })
                .concurrency(3)
                .attemptTimeout(ofHours(1))
                .harmless()
                .add();
        Saga<String, Void> saga = s.build();
        SagaEngine a = fleet.open("a", fleet.link(), b -> b.register(saga).drainFor(DRAIN));
        engine.set(a);
        SagaHandle<Void> handle = a.start(saga, "1", "in");
        fleet.until(() -> closed.containsKey("b"));
        assertThat(closed.get("b")).isLessThan(DRAIN);
        fleet.until(() -> fleet.head(handle.ref()).owner() == null);
        fleet.open("b", saga);
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(calls).contains("a", "b", "c").doesNotHaveDuplicates();
    }

    @Test
    void a_listener_may_close_the_engine_whose_saga_it_hears_of() {
        Saga<String, Void> saga = saga();
        SagaListener closing = new SagaListener() {
            @Override
            public void ended(SagaRef ref, SagaStatus status, Duration lasted) {
                closeEngine("listener");
            }
        };
        engine.set(fleet.open(
                "a", fleet.link(), b -> b.register(saga).drainFor(DRAIN).listener(closing)));
        SagaHandle<Void> handle = start(saga, "plain");
        fleet.until(() -> closed.containsKey("listener"));
        assertThat(closed.get("listener")).isLessThan(DRAIN);
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.COMPLETED);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_saga_that_waits_for_itself_is_told_so(boolean inBranch) {
        AtomicReference<SagaHandle<Void>> own = new AtomicReference<>();
        AtomicReference<Throwable> told = new AtomicReference<>();
        SagaDefinition<String> s = Saga.define("itself", 1, String.class);
        s.forEach("each", String.class, String.class)
                .over(in -> inBranch ? List.of("a", "b") : List.of("a"))
                .run((in, e, c) -> {
                    SagaHandle<Void> mine = Fleet.there(engine.get()).handle(Fleet.there(sagas.get()), "1");
                    own.set(mine);
                    assertThat(mine.await(Duration.ZERO)).isInstanceOf(SagaOutcome.StillRunning.class);
                    try {
                        mine.await(ofHours(1));
                    } catch (IllegalStateException refused) {
                        told.set(refused);
                    }
                    return e;
                })
                .concurrency(2)
                .attemptTimeout(ofHours(2))
                .harmless()
                .add();
        Saga<String, Void> saga = s.build();
        sagas.set(saga);
        AtomicReference<SagaOutcome<Void>> heard = new AtomicReference<>();
        SagaListener waits = new SagaListener() {
            @Override
            public void ended(SagaRef ref, SagaStatus status, Duration lasted) {
                try {
                    heard.set(Fleet.there(own.get()).await(ofHours(1))); // it is durable: there is an answer
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        };
        SagaEngine a = fleet.open("a", fleet.link(), b -> b.register(saga).listener(waits));
        engine.set(a);
        Duration before = fleet.time.elapsed();
        SagaHandle<Void> handle = a.start(saga, "1", "in");
        fleet.until(() -> heard.get() != null);
        assertThat(fleet.time.elapsed().minus(before)).isLessThan(ofHours(1));
        assertThat(told.get()).hasMessageContaining("saga itself/1 waits for itself");
        assertThat(heard.get()).isInstanceOf(SagaOutcome.Completed.class);
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.COMPLETED);
    }

    private final AtomicReference<Saga<String, Void>> sagas = new AtomicReference<>();
}
