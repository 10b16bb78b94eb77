// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.JdbcFixture.NOW;
import static dev.resilience.saga.JdbcFixture.head;
import static dev.resilience.saga.JdbcFixture.start;
import static dev.resilience.saga.JdbcFixture.step;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import dev.resilience.saga.SagaStore.Start;
import dev.resilience.saga.SagaStore.Started;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** C5: what became of a write whose acknowledgement was lost, whoever wrote meanwhile and however often it was lost. */
class JournalWriterTest {
    private static final SagaRef A = new SagaRef("order", "a");
    private static final SagaRef B = new SagaRef("order", "b");

    /** A journal in memory that answers batches and fails where it is told to: before it has written, or after. */
    private static final class Flaky {
        final SagaStore memory;
        final Supplier<Integer> fails; // 0 no, 1 before, 2 after
        final boolean batches;

        Flaky(TimeSource time, boolean batches, Supplier<Integer> fails) {
            this.memory = SagaStore.inMemory(time);
            this.batches = batches;
            this.fails = fails;
        }

        SagaStore store() {
            return (SagaStore) Proxy.newProxyInstance(
                    SagaStore.class.getClassLoader(), new Class<?>[] {SagaStore.class}, (proxy, method, arguments) -> {
                        if (method.getName().equals("batches")) return batches;
                        boolean fallible = List.of("write", "writeAll", "insert", "insertAll", "load")
                                .contains(method.getName());
                        int fail = fallible ? fails.get() : 0;
                        if (fail == 1) throw lost();
                        Object answer;
                        try {
                            answer = method.invoke(memory, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                        if (fail == 2) throw lost();
                        return answer;
                    });
        }

        private static SagaStoreException lost() {
            return new SagaStoreException("seeded", new IllegalStateException("lost"));
        }
    }

    private static Supplier<Integer> chosen(Schedules at, int most) {
        AtomicInteger failures = new AtomicInteger();
        return () -> {
            at.point();
            if (failures.get() >= most) return 0;
            int fail = at.choose(3);
            if (fail > 0) failures.incrementAndGet();
            return fail;
        };
    }

    private static JournalWriter writer(SagaStore store, TimeSource time, BooleanSupplier givesUp) {
        return new JournalWriter(store, time, new SagaListener() {}, givesUp);
    }

    @Test
    void a_write_is_in_the_journal_once_however_it_failed() throws InterruptedException { // C5, S5, G4
        for (boolean batches : new boolean[] {true, false}) {
            int schedules = Schedules.all(200_000, at -> {
                Flaky flaky = new Flaky(at, batches, chosen(at, 2));
                JournalWriter writer = writer(flaky.store(), at, () -> false);
                List<Runnable> bodies = new ArrayList<>();
                for (SagaRef ref : List.of(A, B)) {
                    SagaInstance seen = head(ref).build();
                    flaky.memory.insert(start(seen));
                    bodies.add(() ->
                            assertThat(writer.write(step(seen, "one").build())).isTrue());
                }
                at.run(bodies);
                for (SagaRef ref : List.of(A, B))
                    assertThat(flaky.memory.load(ref).orElseThrow().entries()).hasSize(1);
            });
            assertThat(schedules).isGreaterThan(20);
        }
    }

    @Test
    void a_write_that_lost_its_saga_says_so_however_it_failed() throws InterruptedException { // G9
        Schedules.all(200_000, at -> {
            Flaky flaky = new Flaky(at, true, chosen(at, 2));
            JournalWriter writer = writer(flaky.store(), at, () -> false);
            SagaInstance seen = head(A).build();
            flaky.memory.insert(start(seen));
            AtomicInteger accepted = new AtomicInteger();
            Runnable taken = () -> {
                at.point();
                Checkpoint.Builder takes = Checkpoint.on(seen, NOW);
                takes.head().owner("other#1").fence(101);
                if (flaky.memory.write(takes.build())) accepted.addAndGet(10);
            };
            at.run(List.of(
                    () -> {
                        if (writer.write(step(seen, "one").build())) accepted.incrementAndGet();
                    },
                    taken));
            boolean written = !flaky.memory.load(A).orElseThrow().entries().isEmpty();
            assertThat(accepted.get()).isEqualTo(written ? 1 : 10);
        });
    }

    @Test
    void a_start_that_was_made_by_an_earlier_try_counts_as_made() throws InterruptedException { // C1, C5
        Schedules.all(200_000, at -> {
            Flaky flaky = new Flaky(at, true, chosen(at, 2));
            JournalWriter writer = writer(flaky.store(), at, () -> false);
            List<Boolean> created = new ArrayList<>();
            List<Runnable> bodies = new ArrayList<>();
            for (String incarnation : List.of("x", "y"))
                bodies.add(() -> {
                    Started started =
                            writer.start(start(head(A).incarnation(incarnation).build()));
                    assertThat(started.created())
                            .isEqualTo(
                                    requireNonNull(started.head()).incarnation().equals(incarnation));
                    created.add(started.created());
                });
            at.run(bodies);
            assertThat(created).containsExactlyInAnyOrder(true, false);
        });
    }

    @Test
    void a_write_of_the_head_alone_is_known_again() throws InterruptedException { // C5
        Schedules.all(200_000, at -> {
            Flaky flaky = new Flaky(at, true, chosen(at, 2));
            JournalWriter writer = writer(flaky.store(), at, () -> false);
            SagaInstance seen = head(A).build();
            flaky.memory.insert(start(seen));
            Checkpoint.Builder release = Checkpoint.on(seen, NOW + 7);
            release.head().owner(null).wakeMs(NOW);
            Checkpoint released = release.build();
            at.run(List.of(() -> assertThat(writer.write(released)).isTrue(), () -> {
                at.point();
                flaky.memory.claim(JdbcFixture.claim("next#1", Set.of(), NOW));
            }));
        });
    }

    @Test
    void it_is_patient_until_it_shall_give_up() throws InterruptedException {
        Schedules.all(1_000, at -> {
            AtomicInteger tries = new AtomicInteger();
            Flaky flaky = new Flaky(at, true, () -> 1 + 0 * tries.incrementAndGet());
            JournalWriter writer = writer(flaky.store(), at, () -> tries.get() > 500);
            at.run(List.of(() -> {
                SagaInstance seen = head(A).build();
                assertThatThrownBy(() -> writer.write(step(seen, "one").build()))
                        .isInstanceOf(SagaStoreException.class);
                assertThat(tries.get()).isEqualTo(501);
                tries.set(0);
                assertThatThrownBy(() -> writer.start(start(seen))).isInstanceOf(SagaStoreException.class);
                assertThat(tries.get()).isBetween(4, 12); // some seconds, for somebody waits
            }));
        });
    }

    @Test
    void look_lets_those_who_pause_give_up_at_once() throws InterruptedException {
        Schedules.all(10_000, at -> {
            AtomicInteger tries = new AtomicInteger();
            boolean[] closing = new boolean[1];
            Flaky flaky = new Flaky(at, true, () -> 1 + 0 * tries.incrementAndGet());
            JournalWriter writer = writer(flaky.store(), at, () -> closing[0]);
            at.run(List.of(
                    () -> assertThatThrownBy(() ->
                                    writer.write(step(head(A).build(), "one").build()))
                            .isInstanceOf(SagaStoreException.class),
                    () -> {
                        closing[0] = true;
                        writer.look();
                    }));
            assertThat(tries.get()).isLessThanOrEqualTo(2);
        });
    }

    @Test
    void an_interrupt_outlasts_every_failure() throws InterruptedException { // L8
        Schedules.all(50_000, at -> {
            Flaky flaky = new Flaky(at, true, chosen(at, 2));
            JournalWriter writer = writer(flaky.store(), at, () -> false);
            SagaInstance seen = head(A).build();
            flaky.memory.insert(start(seen));
            Thread[] victim = new Thread[1];
            boolean[] sent = new boolean[1];
            at.run(List.of(
                    () -> {
                        victim[0] = Thread.currentThread();
                        assertThat(writer.write(step(seen, "one").build())).isTrue();
                        victim[0] = null;
                        at.point();
                        assertThat(Thread.interrupted()).isEqualTo(sent[0]);
                    },
                    () -> {
                        if (victim[0] == null) return;
                        sent[0] = true;
                        at.interrupt(victim[0]);
                    }));
        });
    }

    @Test
    void what_is_refused_for_good_is_not_tried_again() {
        SagaStore store = SagaStore.inMemory(TimeSource.system());
        AtomicInteger calls = new AtomicInteger();
        SagaStore refusing = (SagaStore) Proxy.newProxyInstance(
                SagaStore.class.getClassLoader(), new Class<?>[] {SagaStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("batches")) return true;
                    if (!method.getName().equals("insertAll")) return method.invoke(store, arguments);
                    calls.incrementAndGet();
                    List<Outcome<Started>> refused = new ArrayList<>();
                    for (Object ignored : (List<?>) arguments[0])
                        refused.add(Outcome.failure(new IllegalArgumentException("refused")));
                    return refused;
                });
        Start start = start(head(A).build());
        assertThatThrownBy(
                        () -> writer(refusing, TimeSource.system(), () -> false).start(start))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(calls).hasValue(1);
    }
}
