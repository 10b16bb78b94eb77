// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.CallInterruptedException;
import dev.resilience.Outcome;
import dev.resilience.Permit;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FairGateTest {
    private final ManualTime time = ManualTime.create();
    private final FairGate gate = new FairGate("fair", 1, time);
    private final List<Object> order = new CopyOnWriteArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final List<CompletableFuture<?>> calls = new ArrayList<>();

    @AfterEach
    void every_permit_is_back_and_nobody_waits() throws InterruptedException { // L1
        for (Thread thread : threads) {
            thread.join(60_000);
            assertThat(thread.isAlive()).isFalse();
        }
        for (CompletableFuture<?> call : calls) {
            assertThat(call.handle((v, t) -> true)).succeedsWithin(60, TimeUnit.SECONDS);
        }
        assertThat(gate.inUse()).isZero();
        assertThat(gate.waiting()).isZero();
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.parkedThreads()).isZero();
    }

    private static CallContext weighing(int weight) {
        return CallContext.of(FairGate.WEIGHT, weight);
    }

    /** Parks a thread in the queue. */
    private Thread parked(Object name, CallContext context) {
        int before = time.parkedThreads();
        Thread thread = new Thread(() -> {
            Outcome<Object> outcome = gate.outcome(context, c -> order.add(name));
            if (!outcome.succeeded()) order.add(name + " " + outcome.fold(v -> v, Throwable::getClass));
        });
        thread.start();
        threads.add(thread);
        time.awaitParked(before + 1);
        return thread;
    }

    private CompletableFuture<Boolean> staged(Object name, CallContext context) {
        CompletableFuture<Boolean> call =
                gate.callAsync(context, c -> CompletableFuture.completedFuture(order.add(name)));
        calls.add(call);
        return call;
    }

    private void await(int count) {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (order.size() < count && System.nanoTime() - until < 0) Thread.onSpinWait();
        assertThat(order).hasSize(count);
    }

    @ParameterizedTest
    @EnumSource
    void admits_and_is_given_back_on_every_face(ThirdPartyFace face) {
        assertThat(face.go(gate, () -> gate.inUse())).isEqualTo(Outcome.success(1));
        IllegalStateException thrown = new IllegalStateException();
        assertThat(face.go(gate, () -> {
                            throw thrown;
                        })
                        .as(IllegalStateException.class))
                .containsSame(thrown);
    }

    @Test
    void threads_and_stages_are_served_in_the_order_in_which_they_came() {
        Permit permit = gate.admit();
        for (int i = 0; i < 8; i++) {
            if (i % 2 == 0) parked(i, CallContext.root());
            else staged(i, CallContext.root());
            assertThat(gate.waiting()).isEqualTo(i + 1);
        }
        permit.success();
        await(8);
        assertThat(order).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
    }

    @Test
    void no_light_call_passes_a_heavy_one() {
        gate.resize(4);
        Permit permit = gate.admit(weighing(3));
        staged("heavy", weighing(3));
        staged("light", weighing(1));
        assertThat(order).isEmpty();
        assertThat(gate.inUse()).isEqualTo(3);
        permit.success();
        await(2);
    }

    @Test
    void a_call_heavier_than_the_gate_is_refused_at_once() {
        assertThat(gate.outcome(weighing(2), c -> "never").as(RejectedException.class))
                .isPresent();
    }

    @Test // a heavy head that leaves lets the light ones behind it go on
    void a_waiter_that_is_cancelled_interrupted_or_late_leaves_without_a_trace() throws InterruptedException {
        gate.resize(3);
        Permit permit = gate.admit(weighing(2));
        CompletableFuture<Boolean> cancelled = staged("cancelled", weighing(3));
        cancelled.cancel(true);
        assertThat(gate.waiting()).isZero();

        Thread interrupted = parked("interrupted", weighing(3));
        interrupted.interrupt();
        await(1);
        assertThat(order).containsExactly("interrupted " + CallInterruptedException.class);

        parked("late", weighing(3).within(Duration.ofSeconds(1)));
        staged("late too", weighing(3).within(Duration.ofSeconds(1)));
        staged("light", weighing(1));
        assertThat(gate.waiting()).isEqualTo(3);
        time.advance(Duration.ofSeconds(1));
        await(3);
        assertThat(order).contains("light", "late " + RejectedException.class).doesNotContain("late too");
        permit.success();
    }

    @Test
    void growing_wakes_waiters_and_shrinking_refuses_those_who_will_never_fit() {
        Permit permit = gate.admit();
        gate.resize(3);
        Permit second = gate.admit();
        CompletableFuture<Boolean> three = staged("three", weighing(3));
        CompletableFuture<Boolean> one = staged("one", weighing(1));
        gate.resize(2); // L12: one whose weight no longer fits is refused
        assertThat(three.handle((v, t) -> t instanceof RejectedException))
                .succeedsWithin(60, TimeUnit.SECONDS)
                .isEqualTo(true);
        assertThat(one).isNotDone();
        gate.resize(3);
        await(1);
        gate.resize(1);
        permit.success();
        CompletableFuture<Boolean> next = staged("next", CallContext.root());
        assertThat(next).as("shrinking is enforced as calls finish").isNotDone();
        second.ignore();
        await(2);
    }

    @Test // L1: whoever wins, the permit is back
    void a_grant_may_race_with_a_leave() throws Exception {
        int gone = 0;
        for (int i = 0; i < 300; i++) {
            Permit permit = gate.admit();
            CompletableFuture<String> call = gate.callAsync(() -> CompletableFuture.completedFuture("granted"));
            CyclicBarrier start = new CyclicBarrier(2);
            Thread canceller = new Thread(() -> {
                try {
                    start.await(60, TimeUnit.SECONDS);
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
                call.cancel(true);
            });
            canceller.start();
            start.await(60, TimeUnit.SECONDS);
            if (i % 10 == 0) canceller.join(60_000); // not a race: else the grant might win all of them
            permit.success();
            canceller.join(60_000);
            if (call.isCancelled()) gone++;
            CompletableFuture<String> next = gate.callAsync(() -> CompletableFuture.completedFuture("next"));
            assertThat(next).succeedsWithin(60, TimeUnit.SECONDS);
        }
        assertThat(gone).as("cancels that came in time").isGreaterThanOrEqualTo(30);
    }

    @Test
    void permits_by_hand_wait_in_the_same_queue() {
        Permit permit = gate.admit();
        CompletableFuture<Permit> byHand = gate.admitAsync(CallContext.root());
        staged("after", CallContext.root());
        permit.success();
        assertThat(byHand).succeedsWithin(60, TimeUnit.SECONDS);
        assertThat(order).isEmpty();
        byHand.join().settle("value", null);
        await(1);
    }

    @Test
    void it_composes_with_others_of_its_kind() {
        FairGate second = new FairGate("second", 1, time);
        Pipeline both = Pipeline.of(gate, second);
        Permit held = second.admit();
        CompletableFuture<String> call = both.callAsync(() -> CompletableFuture.completedFuture("x"));
        assertThat(gate.inUse()).as("held while it waits inside").isEqualTo(1);
        call.cancel(true);
        assertThat(second.waiting()).isZero();
        held.success();
        assertThat(second.inUse()).isZero();
    }
}
