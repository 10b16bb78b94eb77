// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Permit;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Real threads, bounded in rounds and in time. */
class ContentionTest {
    private static final int THREADS = 16;

    /** Runs one body per thread, all released at once; a body that throws fails the test. */
    private static void together(int threads, Body body) throws Exception {
        CyclicBarrier start = new CyclicBarrier(threads);
        ConcurrentLinkedQueue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        List<Thread> all = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            int number = t;
            Thread thread = new Thread(() -> {
                try {
                    start.await(60, TimeUnit.SECONDS);
                    body.run(number);
                } catch (Throwable e) {
                    thrown.add(e);
                }
            });
            all.add(thread);
            thread.start();
        }
        for (Thread thread : all) {
            thread.join(60_000);
            assertThat(thread.isAlive()).isFalse();
        }
        assertThat(thrown).isEmpty();
    }

    @FunctionalInterface
    private interface Body {
        void run(int thread) throws Exception;
    }

    @Test
    void exactly_n_probes_under_sixteen_released_threads() throws Exception {
        // S30: the transition and the slots are contended at once
        for (int round = 0; round < 60; round++) {
            int probes = round % 5 + 1;
            Rig rig = Rig.of(b -> b.window(Window.calls(1)).probes(probes))
                    .fail(1)
                    .after(ofSeconds(5));
            ConcurrentLinkedQueue<Permit> admitted = new ConcurrentLinkedQueue<>();
            AtomicInteger refused = new AtomicInteger();
            together(THREADS, thread -> {
                try {
                    admitted.add(rig.breaker.admit());
                } catch (CircuitOpenException e) {
                    refused.incrementAndGet();
                }
            });
            assertThat(admitted).hasSize(probes);
            assertThat(refused).hasValue(THREADS - probes);
            assertThat(rig.told()).containsExactly("CLOSED->OPEN", "OPEN->HALF_OPEN");
            admitted.forEach(Permit::success);
            assertThat(rig.state()).isEqualTo(State.CLOSED);
        }
    }

    @Test
    void probes_that_report_at_once_decide_once() throws Exception {
        for (int round = 0; round < 60; round++) {
            Rig rig = Rig.of(b -> b.window(Window.calls(1)).probes(THREADS).requiredSuccesses(8))
                    .fail(1)
                    .after(ofSeconds(5));
            List<Permit> probes = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) probes.add(rig.breaker.admit());
            int successes = round % 3 == 0 ? 7 : round % 3 == 1 ? 8 : 12;
            together(THREADS, thread -> {
                if (thread < successes) probes.get(thread).success();
                else probes.get(thread).failure(new java.io.IOException());
            });
            assertThat(rig.told()).hasSize(3);
            // with 8 of 16 needed, 9 failures open; both can be decided only by their own verdict
            assertThat(rig.state()).isEqualTo(successes >= 8 ? State.CLOSED : State.OPEN);
        }
    }

    @Test
    void ignored_probes_are_used_again_and_never_exceed_the_slots() throws Exception {
        Rig rig = Rig.of(b -> b.window(Window.calls(1)).probes(3)).fail(1).after(ofSeconds(5));
        AtomicInteger out = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        together(THREADS, thread -> {
            for (int i = 0; i < 300; i++) {
                Permit permit;
                try {
                    permit = rig.breaker.admit();
                } catch (CircuitOpenException refused) {
                    continue;
                }
                most.accumulateAndGet(out.incrementAndGet(), Math::max);
                out.decrementAndGet();
                permit.ignore();
            }
        });
        assertThat(most.get()).isBetween(1, 3);
        assertThat(rig.state()).isEqualTo(State.HALF_OPEN);
        rig.succeed(2);
        assertThat(rig.state()).as("all slots came back").isEqualTo(State.CLOSED);
    }

    @Test
    void the_window_is_exact_when_all_have_reported() throws Exception {
        CountWindow window = new CountWindow(1_000, 4);
        together(8, thread -> {
            for (int i = 0; i < 20_000; i++)
                window.record((i + thread) % 3 == 0 ? Outcomes.FAILURE : Outcomes.SUCCESS, thread, 0);
        });
        Rules never = new Rules(1, Rules.OFF, 1);
        Tally counted = window.tally(0);
        assertThat(counted.calls()).isEqualTo(1_000);
        assertThat(window.recorded()).isEqualTo(160_000);
        assertThat(window.judge(never, 0, 0)).isEqualTo(Finding.NONE);
        // the striped totals say the same as the ring: a rule at exactly the count fires, one above does not
        double rate = counted.failures() / 1_000.0;
        assertThat(window.judge(new Rules(rate, Rules.OFF, 1), 0, 0)).isEqualTo(Finding.FAILURE_RATE);
        assertThat(window.judge(new Rules(rate + 0.0005, Rules.OFF, 1), 0, 0)).isEqualTo(Finding.NONE);
    }

    @Test
    void a_window_full_of_successes_is_left_alone_and_a_failure_stays_for_as_many_outcomes_as_it_holds()
            throws Exception {
        CountWindow window = new CountWindow(100, 4);
        together(8, thread -> {
            for (int i = 0; i < 20_000; i++)
                window.record((i + thread) % 50 == 0 ? Outcomes.FAILURE : Outcomes.SUCCESS, thread, 0);
        });
        for (int i = 0; i < 100; i++) window.record(Outcomes.SUCCESS, 0, 0);
        assertThat(window.counting()).isFalse();
        long before = window.recorded();
        together(4, thread -> {
            for (int i = 0; i < 1_000; i++) window.record(Outcomes.SUCCESS, thread, 0);
        });
        assertThat(window.recorded()).isEqualTo(before);
        window.record(Outcomes.FAILURE, 0, 0);
        for (int i = 0; i < 99; i++) window.record(Outcomes.SUCCESS, i, 0);
        assertThat(window.tally(0)).isEqualTo(new Tally(100, 1, 0));
        window.record(Outcomes.SUCCESS, 0, 0);
        assertThat(window.tally(0)).isEqualTo(new Tally(100, 0, 0));
        assertThat(window.counting()).isFalse();
    }

    @Test
    void an_opening_is_never_missed() throws Exception {
        // S29: whichever thread is last, one of them sees the threshold
        for (int round = 0; round < 200; round++) {
            Rig rig = Rig.of(b -> b.window(Window.calls(64).minimumCalls(64)).failureRate(0.5));
            together(8, thread -> {
                for (int i = 0; i < 8; i++) {
                    if ((thread + i) % 2 == 0) rig.admit().success();
                    else rig.admit().failure(new java.io.IOException());
                }
            });
            assertThat(rig.told()).as("round %d", round).containsExactly("CLOSED->OPEN");
        }
    }

    @Test
    void time_windows_and_running_calls_are_exact_when_all_have_reported() throws Exception {
        TimeWindow window = new TimeWindow(1_000, 4);
        Running running = new Running(1_000);
        together(8, thread -> {
            for (int i = 0; i < 20_000; i++) {
                long now = i / 10;
                running.enter(now);
                window.record(i % 4 == 0 ? Outcomes.FAILURE : Outcomes.SUCCESS, thread, now % 1_000);
                running.leave(now);
            }
        });
        assertThat(running.count()).isZero();
        assertThat(running.slow(1_000_000)).isZero();
        assertThat(window.recorded()).isLessThanOrEqualTo(160_000);
        Tally tally = window.tally(999);
        assertThat(tally.failures() * 4).isCloseTo(tally.calls(), org.assertj.core.data.Percentage.withPercentage(2));
    }

    @Test
    void late_outcomes_never_count_in_a_storm_of_transitions() throws Exception {
        // L2: only failures are reported late, only successes in time, so it may open by none of them
        Rig rig = Rig.of(b -> b.window(Window.calls(4).minimumCalls(4)).failureRate(0.25));
        ConcurrentLinkedQueue<Transition> opened = new ConcurrentLinkedQueue<>();
        rig.breaker.onTransition(t -> {
            if (t.to() == State.OPEN) opened.add(t);
        });
        together(8, thread -> {
            for (int i = 0; i < 500; i++) {
                if (thread == 0) {
                    rig.breaker.reset();
                } else if (thread % 2 == 1) {
                    rig.admit().success();
                } else {
                    Permit permit = rig.admit();
                    rig.breaker.reset();
                    permit.failure(new java.io.IOException("late"));
                }
            }
        });
        assertThat(opened).isEmpty();
    }
}
