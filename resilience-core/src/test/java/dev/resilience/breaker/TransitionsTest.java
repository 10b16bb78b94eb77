// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Reported;
import dev.resilience.Subscription;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** One transition, one event, in order, outside locks. */
class TransitionsTest {

    @Test
    void each_transition_is_told_once_with_its_reason() {
        Rig rig = Rig.of(Rig::small)
                .fail(2)
                .after(ofSeconds(5))
                .fail(2)
                .after(ofSeconds(5))
                .succeed(1);
        assertThat(rig.transitions.stream().map(Transition::toString))
                .containsExactly(
                        "CLOSED -> OPEN (2 of 2 calls failed, threshold 50 %)",
                        "OPEN -> HALF_OPEN (the time to stay open has passed)",
                        "HALF_OPEN -> OPEN (2 of 2 probes failed)",
                        "OPEN -> HALF_OPEN (the time to stay open has passed)",
                        "HALF_OPEN -> CLOSED (enough probes succeeded)");
        assertThat(rig.transitions.stream().map(Transition::number)).containsExactly(1L, 2L, 3L, 4L, 5L);
    }

    @Test
    void one_event_per_transition_under_contention_contiguous_and_chained() throws Exception {
        Rig rig = Rig.of(b -> b.window(Window.calls(1)).probes(1).openFor(java.time.Duration.ofNanos(1)));
        int threads = 8;
        CountDownLatch go = new CountDownLatch(1);
        List<Thread> all = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            boolean fails = t % 2 == 0;
            Thread thread = new Thread(() -> {
                await(go);
                for (int i = 0; i < 1_000; i++) {
                    rig.time.advance(java.time.Duration.ofNanos(1));
                    rig.breaker.outcome(() -> {
                        if (fails) throw new java.io.IOException();
                        return "ok";
                    });
                    if (i % 100 == 0) rig.breaker.forceOpen("storm", ofSeconds(1));
                    if (i % 100 == 1) rig.breaker.reset();
                }
            });
            all.add(thread);
            thread.start();
        }
        go.countDown();
        for (Thread thread : all) thread.join(60_000);
        State state = State.CLOSED;
        long number = 0;
        for (Transition told : rig.transitions) {
            assertThat(told.number()).isEqualTo(++number);
            assertThat(told.from()).isEqualTo(state);
            assertThat(told.to()).isNotEqualTo(state);
            state = told.to();
        }
        assertThat(number).isGreaterThan(100);
    }

    @Test
    void a_listener_that_throws_is_reported_and_changes_nothing() {
        // L5
        Rig rig = Rig.of(Rig::small);
        List<State> after = new ArrayList<>();
        rig.breaker.onTransition(t -> {
            throw new AssertionError("broken listener");
        });
        rig.breaker.onTransition(t -> after.add(t.to()));
        try (Reported reported = new Reported()) {
            rig.fail(2);
            assertThat(reported.messages())
                    .containsExactly("circuit breaker 'payments': transition listener threw"
                            + " java.lang.AssertionError: broken listener");
        }
        assertThat(after).containsExactly(State.OPEN);
    }

    @Test
    void a_listener_may_call_the_breaker_and_the_order_stays() {
        Rig rig = Rig.of(Rig::small);
        List<String> second = new ArrayList<>();
        rig.breaker.onTransition(t -> {
            if (t.to() == State.OPEN) rig.breaker.disable("the listener says so");
            if (t.to() == State.DISABLED) rig.breaker.reset();
        });
        rig.breaker.onTransition(t -> second.add(t.from() + "->" + t.to()));
        rig.fail(2);
        assertThat(second).containsExactly("CLOSED->OPEN", "OPEN->DISABLED", "DISABLED->CLOSED");
        assertThat(rig.told()).isEqualTo(second);
    }

    @Test
    void a_listener_that_goes_on_for_ever_does_not_grow_the_stack() {
        Rig rig = Rig.of(Rig::small);
        AtomicInteger rounds = new AtomicInteger();
        rig.breaker.onTransition(t -> {
            if (rounds.incrementAndGet() > 100_000) return;
            if (t.to() == State.DISABLED) rig.breaker.reset();
            else rig.breaker.disable("again");
        });
        rig.breaker.disable("first");
        assertThat(rounds).hasValueGreaterThan(100_000);
    }

    @Test
    void a_slow_listener_holds_nobody_elses_call() throws Exception {
        Rig rig = Rig.of(Rig::small);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        rig.breaker.onTransition(t -> {
            inside.countDown();
            await(release);
        });
        Thread opener = new Thread(() -> rig.fail(2));
        opener.start();
        assertThat(inside.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(rig.refuses()).as("a call while the listener stands still").isTrue();
        rig.breaker.forceClosed("and a transition too");
        assertThat(rig.refuses()).isFalse();
        release.countDown();
        opener.join(60_000);
        assertThat(rig.told()).containsExactly("CLOSED->OPEN", "OPEN->CLOSED");
    }

    @Test
    void a_closed_subscription_hears_nothing_more_and_the_same_listener_may_come_twice() {
        Rig rig = Rig.of(Rig::small);
        List<Transition> heard = new ArrayList<>();
        java.util.function.Consumer<Transition> listener = heard::add;
        Subscription one = rig.breaker.onTransition(listener);
        Subscription two = rig.breaker.onTransition(listener);
        rig.breaker.disable("a");
        assertThat(heard).hasSize(2);
        one.close();
        one.close();
        rig.breaker.reset();
        assertThat(heard).hasSize(3);
        two.close();
        rig.breaker.disable("b");
        assertThat(heard).hasSize(3);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
