// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.testkit.ManualTime;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Transactional steps side by side. A saga that holds a connection never asks the store for anything else: a pool whose
 * connections are all held by such sagas would wait for ever (L3).
 */
@Timeout(300)
class TransactionsTest {
    private static final SagaRef REF = new SagaRef("saga", "1");

    private final ManualTime time = ManualTime.create();
    private final CountingStore store = new CountingStore(SagaStore.inMemory(time));
    /** As many as branches have called their step and told the driver so. */
    private final Semaphore told = new Semaphore(0);

    private final AtomicInteger executed = new AtomicInteger();
    private volatile int noThreadFor;
    private volatile int brokenFor;

    private final FakeBerth berth = new FakeBerth(time, store, "a#1") {
        @Override
        public void execute(Runnable branch) {
            if (executed.incrementAndGet() == noThreadFor) throw new OutOfMemoryError("no thread of this test's");
            super.execute(() -> {
                branch.run();
                told.release();
            });
            if (executed.get() != brokenFor) return;
            told.acquireUninterruptibly();
            throw new IllegalStateException("after it has run it");
        }
    };
    private final SagaDefinition<String> s = Saga.define("saga", 1, String.class);
    private final Fork<String> fork = s.fork("both");
    private final List<String> calls = Collections.synchronizedList(new ArrayList<>());

    @AfterEach
    void stop() {
        berth.executor.shutdownNow();
    }

    /** What is asked of it while one of its connections is out, but for more of them. */
    private static final class CountingStore extends SeamStore {
        final AtomicInteger held = new AtomicInteger();
        final List<String> askedMeanwhile = Collections.synchronizedList(new ArrayList<>());
        volatile Predicate<Checkpoint> refuse = checkpoint -> false;
        volatile Predicate<Checkpoint> fail = checkpoint -> false;
        volatile Supplier<RuntimeException> failure =
                () -> new SagaStoreException("broken", new SQLException("broken"));
        private final Map<Connection, Checkpoint> pending = Collections.synchronizedMap(new IdentityHashMap<>());

        CountingStore(SagaStore inner) {
            super(inner);
        }

        private void asked(String what) {
            if (held.get() > 0) askedMeanwhile.add(what);
        }

        @Override
        public Connection connection() {
            held.incrementAndGet();
            return (Connection) Proxy.newProxyInstance(
                    TransactionsTest.class.getClassLoader(),
                    new Class<?>[] {Connection.class},
                    (proxy, method, args) -> {
                        switch (method.getName()) {
                            case "commit" -> inner.write(Objects.requireNonNull(pending.remove(proxy)));
                            case "rollback" -> pending.remove(proxy);
                            case "close" -> held.decrementAndGet();
                            default -> throw new UnsupportedOperationException(method.getName());
                        }
                        return null;
                    });
        }

        @Override
        public boolean write(Connection transaction, Checkpoint checkpoint) {
            if (fail.test(checkpoint)) throw failure.get();
            boolean accepted = !refuse.test(checkpoint)
                    && checkpoint.accepts(
                            inner.load(checkpoint.ref()).orElseThrow().head());
            if (accepted) pending.put(transaction, checkpoint);
            return accepted;
        }

        @Override
        public boolean write(Checkpoint checkpoint) {
            asked("write");
            return super.write(checkpoint);
        }

        @Override
        public Optional<Loaded> load(SagaRef ref) {
            asked("load");
            return super.load(ref);
        }
    }

    /** Until so many branches have told the driver, and it has done all that it can. */
    private void untilTold(int branches) throws InterruptedException {
        assertThat(told.tryAcquire(branches, 60, TimeUnit.SECONDS)).isTrue();
        time.awaitParked(1);
    }

    private interface Body {
        void run() throws Exception;
    }

    private void plain(String name, Body body) {
        fork.branch("of-" + name)
                .step(name, String.class)
                .run((in, c) -> called(name, body))
                .undo((in, r, c) -> calls.add(name + "/undo"))
                .add();
    }

    private void transactional(String name, Body body) {
        fork.branch("of-" + name)
                .txStep(name, String.class)
                .run((in, connection, c) -> called(name, body))
                .undo((in, connection, r, c) -> calls.add(name + "/undo"))
                .retry(10, Backoff.none())
                .attemptTimeout(ofHours(1)) // or those that wait for the test are interrupted, or left behind
                .add();
    }

    private String called(String name, Body body) throws Exception {
        calls.add(name);
        body.run();
        return name;
    }

    private Runner begin() {
        fork.join();
        Chart chart = new Chart(s.build().plan, time);
        Runner runner = new Runner(chart, berth.start(chart, "1", "in"), berth);
        Thread driver = new Thread(runner, "driver");
        driver.setDaemon(true);
        driver.start();
        return runner;
    }

    private SagaStatus ended() throws InterruptedException {
        assertThat(berth.done.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(store.held).as("connections that were not given back").hasValue(0);
        assertThat(store.askedMeanwhile)
                .as("asked of the store by who holds a connection")
                .isEmpty();
        return Objects.requireNonNull(berth.released).status();
    }

    @Test
    void an_outcome_is_not_written_before_the_transactions_beside_it_have_ended() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        plain("plain", () -> await(entered));
        transactional("tx", () -> {
            entered.countDown();
            untilTold(1);
        });
        begin();
        assertThat(ended()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactlyInAnyOrder("plain", "tx");
    }

    @Test
    void nothing_is_read_before_the_transactions_of_a_saga_have_ended() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch nudged = new CountDownLatch(1);
        transactional("tx", () -> {
            entered.countDown();
            await(nudged);
            time.awaitParked(1);
        });
        transactional("other", () -> {});
        Runner runner = begin();
        await(entered);
        runner.nudge();
        nudged.countDown();
        assertThat(ended()).isEqualTo(SagaStatus.COMPLETED);
    }

    /** S15: of those that run beside, none can be committed; they are made again. */
    @Test
    void a_refused_commit_is_looked_into_when_the_other_transactions_have_ended() throws Exception {
        AtomicInteger refusals = new AtomicInteger();
        store.refuse = checkpoint -> refusals.incrementAndGet() == 1;
        AtomicInteger slow = new AtomicInteger();
        transactional("quick", () -> {});
        transactional("slow", () -> {
            if (slow.incrementAndGet() == 1) untilTold(1);
        });
        begin();
        assertThat(ended()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactlyInAnyOrder("quick", "quick", "slow", "slow");
    }

    /** C5, S15: a commit that failed spends one attempt of its own step, and none of those beside. */
    @Test
    void a_commit_that_fails_costs_the_others_nothing() throws Exception {
        AtomicInteger failures = new AtomicInteger();
        store.fail = checkpoint -> failures.incrementAndGet() == 1;
        AtomicInteger slow = new AtomicInteger();
        plain("plain", () -> {});
        transactional("quick", () -> {});
        transactional("slow", () -> {
            if (slow.incrementAndGet() == 1) untilTold(2);
        });
        begin();
        assertThat(ended()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsOnlyOnce("plain").contains("quick", "slow");
        assertThat(berth.heard).filteredOn(told -> told.startsWith("retried")).hasSize(1);
    }

    /** L3: whatever a driver throws, the saga goes on, and nobody's connection is left with nobody to give it back. */
    @Test
    void a_driver_that_breaks_at_a_commit_leaks_no_connection() throws Exception {
        AtomicInteger failures = new AtomicInteger();
        store.failure = () -> new IllegalStateException("a driver's own mistake");
        store.fail = checkpoint -> failures.incrementAndGet() == 1;
        AtomicInteger slow = new AtomicInteger();
        transactional("quick", () -> {});
        transactional("slow", () -> {
            if (slow.incrementAndGet() == 1) untilTold(1);
        });
        begin();
        assertThat(ended()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(berth.heard).filteredOn(told -> told.startsWith("retried")).hasSize(1);
    }

    /** L3: it comes to the same as an executor that refuses; before, the saga broke off beside an open transaction. */
    @Test
    void a_branch_for_which_there_is_no_thread_is_called_later() throws Exception {
        noThreadFor = 2;
        transactional("one", () -> {});
        transactional("two", () -> {});
        begin();
        assertThat(ended()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactlyInAnyOrder("one", "two");
        assertThat(berth.heard).contains("rejectedLocally two");
    }

    /** L6: an executor may throw and run it all the same: it has one end, its own. */
    @Test
    void a_branch_that_is_run_and_refused_ends_once() throws Exception {
        brokenFor = 1;
        transactional("one", () -> {});
        transactional("two", () -> {
            throw new StepRejectedException("so that it turns, which waits for all");
        });
        begin();
        assertThat(ended()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsOnlyOnce("one", "two");
        assertThat(berth.heard).noneMatch(told -> told.startsWith("rejectedLocally"));
    }

    /** S9: what was accepted while an ended wait could not be written yet counts, also if the commit beside fails. */
    @Test
    void a_signal_is_not_lost_to_a_timeout_that_waited_for_a_refused_commit() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        AtomicInteger refusals = new AtomicInteger();
        store.refuse = checkpoint -> refusals.incrementAndGet() == 1;
        fork.branch("of-paid")
                .await("paid", String.class)
                .timeout(ofSeconds(10))
                .addOptional();
        transactional("tx", () -> await(over));
        berth.inlineWait = ofHours(1);
        begin();
        time.awaitParked(1);
        time.advance(ofSeconds(11));
        time.awaitParked(1); // the wait is over, which waits for the transaction to be written
        store.inner.signal(
                REF, new SagaStore.Signal("paid", "k", berth.codec.encode(Type.of(String.class), "x"), berth.nowMs()));
        over.countDown(); // nobody tells this engine of it
        assertThat(ended()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(berth.heard).contains("A paid COMPLETED").doesNotContain("A paid SKIPPED");
        assertThat(refusals.get()).isGreaterThan(1);
    }

    /** S15: two have ended, and what the first one's checkpoint finds ends the saga's way: the other is rolled back. */
    @Test
    void a_saga_that_turns_gives_back_every_connection() throws Exception {
        CountDownLatch cancelled = new CountDownLatch(1);
        for (String name : List.of("one", "two", "three"))
            transactional(name, () -> {
                await(cancelled);
            });
        Runner runner = begin();
        time.awaitParked(1);
        store.inner.cancel(REF, berth.nowMs());
        cancelled.countDown();
        runner.nudge();
        assertThat(ended()).isEqualTo(SagaStatus.COMPENSATED);
    }

    /** The deadline passes while transactions run: the checkpoint of the first would turn, and has to leave the others. */
    @Test
    void a_deadline_among_open_transactions_leaks_none() throws Exception {
        s.deadline(ofMinutes(1));
        CountDownLatch late = new CountDownLatch(1);
        for (String name : List.of("one", "two", "three"))
            transactional(name, () -> {
                await(late);
            });
        begin();
        time.awaitParked(1);
        time.advance(ofSeconds(61));
        late.countDown();
        assertThat(ended()).isEqualTo(SagaStatus.COMPENSATED);
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    }
}
