// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.TimeSource;
import dev.resilience.testkit.ManualTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Branches, elements and threads: what runs side by side, and what never comes back. */
class RunnerBranchesTest {
    private static final SagaRef REF = new SagaRef("saga", "1");

    private final ManualTime time = ManualTime.create();
    private final SeamStore store = new SeamStore(SagaStore.inMemory(time));
    private final FakeBerth a = new FakeBerth(time, store, "a#1");
    private final FakeBerth b = new FakeBerth(time, store, "b#1");
    private final List<String> calls = Collections.synchronizedList(new ArrayList<>());
    private final List<Thread> threads = new ArrayList<>();

    @AfterEach
    void stop() {
        a.executor.shutdownNow();
        b.executor.shutdownNow();
    }

    private SagaDefinition<String> define() {
        return Saga.define("saga", 1, String.class);
    }

    private Chart chart(Saga<String, ?> saga) {
        return new Chart(saga.plan, time);
    }

    private String call(StepContext c) {
        String key = c.key().substring("saga/1~i/".length());
        calls.add(key);
        return key;
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    }

    /** On a thread of its own; {@link #released} waits for the end. */
    private Runner begin(FakeBerth berth, Chart chart, SagaStore.Loaded loaded) {
        Runner runner = new Runner(chart, loaded, berth);
        Thread thread = new Thread(runner, "driver");
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
        return runner;
    }

    private SagaInstance released(FakeBerth berth) throws InterruptedException {
        await(berth.done);
        return Objects.requireNonNull(berth.released);
    }

    private List<String> lines() {
        return store.inner.load(REF).orElseThrow().entries().stream()
                .map(e -> e.phase().code() + " " + e.step() + (e.index() < 0 ? "" : "#" + e.index())
                        + (e.outcome() == null ? "" : " " + e.outcome())
                        + (e.note() == null ? "" : " " + e.note()))
                .toList();
    }

    @Test
    void branches_run_side_by_side_and_join() throws Exception {
        CyclicBarrier both = new CyclicBarrier(2);
        SagaDefinition<String> s = define();
        Fork<String> fork = s.fork("both");
        var left = fork.branch("l")
                .step("left", String.class)
                .run((in, c) -> {
                    both.await(60, TimeUnit.SECONDS);
                    return call(c);
                })
                .harmless()
                .add();
        var right = fork.branch("r")
                .step("right", String.class)
                .run((in, c) -> {
                    both.await(60, TimeUnit.SECONDS);
                    return call(c);
                })
                .harmless()
                .add();
        fork.join();
        Chart chart = chart(s.returns(left, right, (in, l, r) -> l + "+" + r));
        begin(a, chart, a.start(chart, "1", "in"));
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(Objects.requireNonNull(a.output).orElseThrow()).isEqualTo("left+right");
    }

    /** S2: what runs beside is let finish its attempt, recorded, and undone. */
    @Test
    void a_rejection_in_one_branch_lets_the_other_finish_its_attempt() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch rejected = new CountDownLatch(1);
        SagaDefinition<String> s = define();
        Fork<String> fork = s.fork("both");
        Fork.Branch<String> slow = fork.branch("slow");
        slow.step("left", String.class)
                .run((in, c) -> {
                    running.countDown();
                    await(rejected);
                    return call(c);
                })
                .undo((in, r, c) -> call(c))
                .add();
        slow.step("never", String.class)
                .run((in, c) -> call(c))
                .undo((in, r, c) -> call(c))
                .add();
        fork.branch("fast")
                .step("right", String.class)
                .run((in, c) -> {
                    await(running);
                    rejected.countDown();
                    throw new StepRejectedException("no");
                })
                .undo((in, r, c) -> call(c))
                .add();
        fork.join();
        Chart chart = chart(s.build());
        begin(a, chart, a.start(chart, "1", "in"));
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).endsWith("left/undo").doesNotContain("right/undo");
        assertThat(calls.stream().filter("left"::equals)).hasSize(1);
        if (calls.contains("never")) assertThat(calls).contains("never/undo");
    }

    /** S2: each branch has one that is possibly started. */
    @Test
    void cancelled_after_a_takeover_each_branch_has_one_in_doubt() throws Exception {
        SagaDefinition<String> s = define();
        Fork<String> fork = s.fork("both");
        for (String name : List.of("left", "right")) {
            Fork.Branch<String> branch = fork.branch(name);
            branch.step(name + "1", String.class)
                    .run((in, c) -> call(c))
                    .undo((in, r, c) -> call(c))
                    .add();
            branch.step(name + "2", String.class)
                    .run((in, c) -> call(c))
                    .undo((in, r, c) -> call(c))
                    .add();
        }
        fork.join();
        Chart chart = chart(s.build());
        a.start(chart, "1", "in"); // and dies
        store.cancel(REF, a.nowMs());
        begin(b, chart, b.claim("a#1").get(0));
        assertThat(released(b).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(lines()).contains("A left1 IN_DOUBT", "A right1 IN_DOUBT");
        assertThat(calls).containsExactly("right1", "right1/undo", "left1", "left1/undo");
    }

    @Test
    void elements_run_as_many_at_once_as_are_allowed() throws Exception {
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CyclicBarrier three = new CyclicBarrier(3);
        SagaDefinition<String> s = define();
        var each = s.forEach("each", String.class, String.class)
                .over(in -> List.of("a", "b", "c", "d", "e", "f"))
                .run((in, e, c) -> {
                    most.accumulateAndGet(now.incrementAndGet(), Math::max);
                    three.await(60, TimeUnit.SECONDS);
                    now.decrementAndGet();
                    return e + call(c);
                })
                .harmless()
                .concurrency(3)
                .add();
        Chart chart = chart(s.returns(each, (in, list) -> String.join(" ", list)));
        begin(a, chart, a.start(chart, "1", "in"));
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(Objects.requireNonNull(a.output).orElseThrow())
                .isEqualTo("aeach#0 beach#1 ceach#2 deach#3 eeach#4 feach#5");
        assertThat(most.get()).isEqualTo(3);
    }

    @Test
    void no_elements_are_no_work() throws Exception {
        SagaDefinition<String> s = define();
        var each = s.forEach("each", String.class, String.class)
                .over(in -> List.of())
                .run((in, e, c) -> call(c))
                .harmless()
                .add();
        Chart chart = chart(s.returns(each, (in, list) -> list.size()));
        begin(a, chart, a.start(chart, "1", "in"));
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(Objects.requireNonNull(a.output).orElseThrow()).isEqualTo(0);
    }

    /** S2: the elements below the window, by the width that was journaled, and none beyond. */
    @Test
    void cancelled_after_a_takeover_the_elements_in_the_window_are_in_doubt() throws Exception {
        SagaDefinition<String> s = define();
        s.forEach("each", String.class, String.class)
                .over(in -> List.of("a", "b", "c", "d"))
                .run((in, e, c) -> {
                    if (e.equals("d")) throw new AssertionError("beyond the window");
                    return call(c);
                })
                .undo((in, e, r, c) -> call(c))
                .concurrency(2)
                .add();
        Chart chart = chart(s.build());
        a.mayAct = false; // journals the elements, and calls none
        Runner dead = begin(a, chart, a.start(chart, "1", "in"));
        time.awaitParked(1);
        store.cancel(REF, a.nowMs());
        begin(b, chart, b.claim("a#1").get(0));
        assertThat(released(b).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(lines()).contains("L each 4/2", "A each#0 IN_DOUBT", "A each#1 IN_DOUBT");
        assertThat(calls).containsExactly("each#1", "each#1/undo", "each#0", "each#0/undo");
        dead.nudge();
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(a.heard).contains("fenced");
    }

    // --- threads ---

    private Chart hanging(CountDownLatch entered, CountDownLatch end) {
        AtomicInteger attempts = new AtomicInteger();
        SagaDefinition<String> s = define();
        s.step("one", String.class)
                .run((in, c) -> {
                    int attempt = attempts.incrementAndGet();
                    if (attempt == 1) {
                        entered.countDown();
                        boolean over = false;
                        while (!over) over = uninterruptibly(end);
                    }
                    return call(c);
                })
                .undo((in, r, c) -> call(c))
                .attemptTimeout(ofSeconds(10))
                .retry(3, Backoff.none())
                .add();
        return chart(s.build());
    }

    private static boolean uninterruptibly(CountDownLatch end) {
        try {
            return end.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException ignored) {
            return false;
        }
    }

    /** L3: a body that ignores its interrupt is left behind, with its thread; the saga goes on on another one. */
    @Test
    void an_attempt_that_never_returns_does_not_wedge_the_saga() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        Chart chart = hanging(entered, end);
        begin(a, chart, a.start(chart, "1", "in"));
        await(entered);
        time.advance(ofSeconds(10));
        time.advance(Attempt.GRACE);
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(a.abandoned.get()).isEqualTo(1);
        assertThat(a.heard).contains("retried one 1");
        end.countDown();
        threads.get(0).join(60_000);
        assertThat(threads.get(0).isAlive()).isFalse();
        assertThat(a.abandoned.get()).isZero();
        assertThat(a.releases.get()).isEqualTo(1);
    }

    /** L3: what the timer tells late of one attempt says nothing of the next one. */
    @Test
    void a_late_word_of_one_attempt_does_not_leave_the_next_one_behind() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch again = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch telling = new CountDownLatch(1);
        AtomicReference<Thread> teller = new AtomicReference<>();
        AtomicBoolean tells = new AtomicBoolean();
        FakeBerth slow = new FakeBerth(time, store, "a#2") {
            @Override
            public TimeSource time() {
                if (!threads.contains(Thread.currentThread()) && teller.compareAndSet(null, Thread.currentThread())) {
                    telling.countDown();
                    while (!tells.get()) time.park(this, Long.MAX_VALUE);
                }
                return time;
            }
        };
        SagaDefinition<String> s = define();
        s.step("one", String.class)
                .run((in, c) -> {
                    if (c.attempt() == 1) {
                        entered.countDown();
                        boolean interrupted = !uninterruptibly(new CountDownLatch(1));
                        await(telling);
                        throw new IllegalStateException("interrupted: " + interrupted);
                    }
                    again.countDown();
                    await(end);
                    return call(c);
                })
                .harmless()
                .attemptTimeout(ofSeconds(10))
                .retry(3, Backoff.constant(ofMillis(1)))
                .add();
        Chart chart = chart(s.build());
        begin(slow, chart, slow.start(chart, "1", "in"));
        await(entered);
        time.advance(ofSeconds(10));
        time.awaitParked(2); // who tells of the timeout, and the driver, which pauses
        time.advance(ofMillis(1));
        await(again);
        tells.set(true);
        time.unpark(Objects.requireNonNull(teller.get()));
        time.advance(Attempt.GRACE.multipliedBy(5)); // all in the time of the second attempt
        end.countDown();
        assertThat(released(slow).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactly("one");
        assertThat(slow.heard).contains("retried one 1").doesNotContain("retried one 2");
        assertThat(slow.abandoned.get()).isZero();
        slow.executor.shutdownNow();
    }

    /** The engine cannot say that it lives: nothing begins until it can. */
    @Test
    void nothing_begins_while_the_engine_may_not_act() throws Exception {
        SagaDefinition<String> s = define();
        s.step("one", String.class).run((in, c) -> call(c)).harmless().add();
        Chart chart = chart(s.build());
        a.mayAct = false;
        Runner runner = begin(a, chart, a.start(chart, "1", "in"));
        time.awaitParked(1);
        assertThat(calls).isEmpty();
        a.mayAct = true;
        runner.nudge();
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPLETED);
    }

    /** A cancel while it waits in place. */
    @Test
    void a_nudge_lets_it_see_a_cancel() throws Exception {
        SagaDefinition<String> s = define();
        s.step("one", String.class)
                .run((in, c) -> {
                    call(c);
                    throw new IllegalStateException("?");
                })
                .undo((in, r, c) -> call(c))
                .retry(3, Backoff.constant(ofMillis(500)))
                .undoInDoubt((in, c) -> call(c))
                .add();
        Chart chart = chart(s.build());
        Runner runner = begin(a, chart, a.start(chart, "1", "in"));
        time.awaitParked(1);
        assertThat(store.cancel(REF, a.nowMs())).isEqualTo(SagaReply.ACCEPTED);
        runner.nudge();
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPENSATED);
        assertThat(calls).containsExactly("one", "one/undo");
    }

    /** T22, S9: beside a branch that runs, a signal comes in by a nudge. */
    @Test
    void a_nudge_lets_it_see_a_signal_beside_a_running_branch() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch entered = new CountDownLatch(1);
        SagaDefinition<String> s = define();
        Fork<String> fork = s.fork("both");
        fork.branch("l")
                .step("long", String.class)
                .run((in, c) -> {
                    entered.countDown();
                    await(end);
                    return call(c);
                })
                .harmless()
                .add();
        Fork.Branch<String> waits = fork.branch("r");
        waits.await("paid", String.class).timeout(ofMinutes(10)).add();
        waits.step("then", String.class)
                .run((in, c) -> {
                    end.countDown();
                    return call(c);
                })
                .harmless()
                .add();
        fork.join();
        Chart chart = chart(s.build());
        Runner runner = begin(a, chart, a.start(chart, "1", "in"));
        await(entered);
        time.awaitParked(1);
        store.signal(REF, new SagaStore.Signal("paid", "k", a.codec.encode(Type.of(String.class), "x"), a.nowMs()));
        runner.nudge();
        assertThat(released(a).status()).isEqualTo(SagaStatus.COMPLETED);
        assertThat(calls).containsExactlyInAnyOrder("long", "then");
    }

    /** C14: who has lost the saga waits for its branches, and does not spin though it is nudged. */
    @Test
    void a_nudge_of_a_saga_that_is_lost_lets_its_driver_wait_on() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch entered = new CountDownLatch(2);
        SagaDefinition<String> s = define();
        Fork<String> fork = s.fork("both");
        for (String name : List.of("left", "right"))
            fork.branch(name)
                    .step("of-" + name, String.class)
                    .run((in, c) -> {
                        entered.countDown();
                        await(end);
                        return call(c);
                    })
                    .harmless()
                    .add();
        fork.join();
        Chart chart = chart(s.build());
        Runner runner = begin(a, chart, a.start(chart, "1", "in"));
        await(entered);
        time.awaitParked(1);
        b.claim("a#1");
        for (int i = 0; i < 3; i++) {
            runner.nudge();
            time.awaitParked(1);
        }
        assertThat(a.heard).containsExactly("fenced");
        end.countDown();
        assertThat(released(a).owner()).isEqualTo("b#1");
        assertThat(calls).hasSize(2);
    }
}
