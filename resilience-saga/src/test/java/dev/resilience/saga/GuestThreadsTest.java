// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** L6: which threads an engine never lends to its guests: the timer's, the heartbeat's, and those of its callers. */
@Timeout(300)
class GuestThreadsTest {
    private final Fleet fleet = new Fleet();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void close() {
        fleet.close();
        threads.shutdownNow();
    }

    /** Code that no interrupt ends before the test does. */
    private void deaf() {
        while (fleet.end.getCount() > 0) {
            try {
                fleet.end.await();
            } catch (InterruptedException deaf) {
                continue;
            }
        }
    }

    /** The clock of the test runs timers on the thread that moves it: this one. */
    @Test
    void what_follows_an_attempt_that_is_left_behind_touches_no_guest_on_the_timers_thread() {
        Thread timer = Thread.currentThread();
        List<Thread> ran = new CopyOnWriteArrayList<>();
        List<Thread> asked = new CopyOnWriteArrayList<>();
        Executor callerRunsWhatFollows = task -> {
            asked.add(Thread.currentThread());
            if (asked.size() == 1) threads.execute(task);
            else task.run();
        };
        SagaDefinition<String> s = Saga.define("late", 1, String.class);
        var step = s.step("step", String.class)
                .run((in, c) -> {
                    ran.add(Thread.currentThread());
                    if (c.attempt() == 1) deaf();
                    return in;
                })
                .attemptTimeout(Duration.ofSeconds(5))
                .harmless()
                .add();
        Saga<String, String> saga = s.returns(step, (in, r) -> r);
        SagaEngine engine = fleet.open("a", fleet.link(), b -> b.register(saga).executor(callerRunsWhatFollows));
        Thread starter = fleet.start("starter", () -> engine.start(saga, "1", "in"));
        fleet.passUntilDone(starter);
        fleet.until(() -> fleet.head(new SagaRef("late", "1")).status() == SagaStatus.COMPLETED);
        assertThat(ran).hasSize(2).doesNotContain(timer);
        assertThat(asked).hasSize(2).doesNotContain(timer);
    }

    @Test
    void an_executor_that_runs_tasks_on_its_caller_gets_neither_the_starters_nor_the_claims_thread() {
        CountDownLatch begun = new CountDownLatch(3);
        List<Thread> ran = new CopyOnWriteArrayList<>();
        SagaDefinition<String> s = Saga.define("slow", 1, String.class);
        s.step("step", String.class)
                .run((in, c) -> {
                    ran.add(Thread.currentThread());
                    begun.countDown();
                    fleet.hang();
                    return in;
                })
                .attemptTimeout(Duration.ofHours(1))
                .harmless()
                .add();
        Saga<String, Void> saga = s.build();
        for (String id : List.of("due-1", "due-2")) due(id);
        SagaEngine engine = fleet.open("a", fleet.link(), b -> b.register(saga).executor(Runnable::run));
        Thread starter = fleet.start("starter", () -> engine.start(saga, "started", "in"));
        fleet.passUntilDone(starter); // it does not wait for the step
        fleet.until(() -> begun.getCount() == 0); // nor one claimed saga for another
        assertThat(ran).doesNotContain(starter);
    }

    private void due(String id) {
        byte[] input = Fleet.there(SagaCodec.records().encode(Type.of(String.class), "in"));
        SagaInstance head = SagaInstance.builder(new SagaRef("slow", id))
                .incarnation("i")
                .fence(7)
                .wakeMs(0)
                .build();
        fleet.store.insert(new SagaStore.Start(head, input, Fingerprint.of(input), null, List.of()));
    }

    /** L3: the thread that drives a saga has to see when a branch does not come back. */
    @Test
    void a_branch_that_never_returns_is_left_behind_where_the_executor_runs_tasks_on_its_caller() {
        AtomicBoolean first = new AtomicBoolean(true);
        SagaDefinition<String> s = Saga.define("forks", 1, String.class);
        s.forEach("each", String.class, String.class)
                .over(in -> List.of("a", "b"))
                .run((in, e, c) -> {
                    if (e.equals("a") && first.compareAndSet(true, false)) deaf();
                    return e;
                })
                .attemptTimeout(Duration.ofSeconds(5))
                .concurrency(2)
                .harmless()
                .add();
        Saga<String, Void> saga = s.build();
        SagaEngine engine = fleet.open("a", fleet.link(), b -> b.register(saga).executor(Runnable::run));
        Thread starter = fleet.start("starter", () -> engine.start(saga, "1", "in"));
        fleet.until(() -> !starter.isAlive());
        fleet.until(() -> fleet.head(new SagaRef("forks", "1")).status() == SagaStatus.COMPLETED);
    }

    @Test
    void a_listener_that_does_not_come_back_holds_up_no_heartbeat() {
        CountDownLatch told = new CountDownLatch(1);
        SagaListener hanging = new SagaListener() {
            @Override
            public void beat(Duration late, boolean succeeded) {
                told.countDown();
                deaf();
            }
        };
        SagaEngine engine = fleet.open("a", fleet.link(), b -> b.listener(hanging));
        fleet.until(() -> told.getCount() == 0);
        fleet.pass(Fleet.LEASE.multipliedBy(3));
        assertThat(engine.snapshot().live()).isTrue();
        assertThat(engine.snapshot().beatAge()).isLessThan(Fleet.LEASE);
    }

    /** A saga's row may be locked for long, by an operator's own session for instance. */
    @Test
    void a_look_for_strays_that_waits_for_a_row_holds_up_no_heartbeat() {
        CountDownLatch asked = new CountDownLatch(1);
        Link locked = new Link(fleet.store) {
            @Override
            public List<SagaInstance> owned(String owner) {
                asked.countDown();
                deaf();
                return super.owned(owner);
            }
        };
        SagaEngine engine = fleet.open("a", locked, b -> b);
        fleet.until(() -> asked.getCount() == 0);
        fleet.pass(Fleet.LEASE.multipliedBy(3));
        assertThat(engine.snapshot().live()).isTrue();
        assertThat(engine.snapshot().beatAge()).isLessThan(Fleet.LEASE);
    }
}
