// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class WatchTest {
    private static final Executor THREADS = task -> {
        Thread thread = new Thread(task, "watched");
        thread.setDaemon(true);
        thread.start();
    };

    private final List<String> log = new CopyOnWriteArrayList<>();

    private void sleepThrice(ManualTime time, String who, Duration each) {
        for (int i = 0; i < 3; i++) {
            time.park(this, TimeSource.nanos(each));
            log.add(who + "@" + time.elapsed().toSeconds());
        }
    }

    @Test
    void one_advance_over_several_waits_of_a_thread_sees_each_of_them_at_its_time() {
        ManualTime time = ManualTime.create();
        time.watched(THREADS).execute(() -> sleepThrice(time, "a", ofSeconds(2)));
        time.watched(THREADS).execute(() -> sleepThrice(time, "b", ofSeconds(3)));
        time.advance(ofSeconds(5));
        assertThat(log).containsExactly("a@2", "b@3", "a@4");
        time.advance(ofSeconds(100));
        // at 6 both wake, one after the other: b asked first
        assertThat(log).containsExactly("a@2", "b@3", "a@4", "b@6", "a@6", "b@9");
        assertThat(time.parkedThreads()).isZero();
    }

    @Test
    void what_a_timer_hands_over_has_been_done_when_advance_returns() {
        ManualTime time = ManualTime.create();
        Executor watched = time.watched(THREADS);
        time.schedule(() -> watched.execute(() -> watched.execute(() -> log.add("done"))), 1);
        time.advance(ofSeconds(1));
        assertThat(log).containsExactly("done");
    }

    @Test
    void threads_that_park_on_an_auto_advancing_clock_take_turns() {
        ManualTime time = ManualTime.autoAdvancing();
        Executor watched = time.watched(THREADS);
        watched.execute(
                () -> { // one task that starts both: else the first might be through before the second is there
                    watched.execute(() -> sleepThrice(time, "a", ofSeconds(2)));
                    watched.execute(() -> sleepThrice(time, "b", ofSeconds(3)));
                });
        time.park(this, TimeSource.nanos(ofSeconds(5)));
        assertThat(log).contains("a@2", "b@3", "a@4");
        time.park(this, TimeSource.nanos(ofSeconds(100)));
        assertThat(log).hasSize(6).contains("a@6", "b@6").last().isEqualTo("b@9");
    }

    /** They wake at the same times; when each had passed its look at the other before it was woken, both waited on. */
    @Test
    void threads_that_wake_at_one_moment_while_they_move_the_clock_do_not_wait_for_each_other() {
        for (int round = 0; round < 300; round++) {
            ManualTime time = ManualTime.autoAdvancing();
            Executor watched = time.watched(THREADS);
            watched.execute(() -> {
                watched.execute(() -> sleepThrice(time, "a", ofSeconds(2)));
                watched.execute(() -> sleepThrice(time, "b", ofSeconds(2)));
                watched.execute(() -> sleepThrice(time, "c", ofSeconds(2)));
            });
            time.park(this, TimeSource.nanos(ofSeconds(100)));
            assertThat(log).hasSize(9);
            log.clear();
        }
    }

    /** It waits until the timer that handed it over has run; meanwhile the mover must not take it for one that rests. */
    @Test
    void a_task_that_moves_the_clock_is_waited_for_by_who_only_looks_on() {
        for (int round = 0; round < 500; round++) {
            ManualTime time = ManualTime.create();
            Executor watched = time.watched(THREADS);
            time.schedule(
                    () -> watched.execute(() -> {
                        time.advance(Duration.ZERO);
                        log.add("moved@" + time.elapsed().toSeconds());
                    }),
                    TimeSource.nanos(ofSeconds(1)));
            time.schedule(() -> log.add("next@" + time.elapsed().toSeconds()), TimeSource.nanos(ofSeconds(2)));
            time.advance(ofSeconds(5));
            assertThat(log).as("round %d", round).containsExactly("moved@1", "next@2");
            log.clear();
        }
    }

    @Test
    void a_thread_that_is_interrupted_out_of_its_wait_is_waited_for() {
        ManualTime time = ManualTime.create();
        time.watched(THREADS).execute(() -> {
            Thread me = Thread.currentThread();
            time.schedule(me::interrupt, 10);
            time.park(this, Long.MAX_VALUE);
            log.add("interrupted " + Thread.interrupted());
        });
        time.advance(ofSeconds(1));
        assertThat(log).containsExactly("interrupted true");
    }

    @Test
    void a_mover_that_a_timer_interrupts_is_waited_for() {
        for (int round = 0; round < 300; round++) {
            ManualTime time = ManualTime.autoAdvancing();
            time.watched(THREADS).execute(() -> {
                time.schedule(Thread.currentThread()::interrupt, 5);
                time.schedule(() -> {}, 6);
                time.park(this, Long.MAX_VALUE);
                log.add("interrupted@" + time.elapsed().toNanos());
            });
            time.park(this, 10);
            assertThat(log).containsExactly("interrupted@5");
            log.clear();
        }
    }

    @Test
    void the_clock_stands_while_a_timer_runs_on_whichever_thread_moves_it() {
        ManualTime time = ManualTime.autoAdvancing();
        Executor watched = time.watched(THREADS);
        watched.execute(() -> {
            watched.execute(() -> time.park(this, 10));
            watched.execute(() -> time.park(this, 10));
        });
        time.schedule(
                () -> {
                    long begin = System.nanoTime();
                    while (System.nanoTime() - begin < TimeUnit.MILLISECONDS.toNanos(30)) Thread.onSpinWait();
                    log.add("timer@" + time.elapsed().toNanos());
                },
                5);
        time.park(this, 100);
        assertThat(log).containsExactly("timer@5");
    }

    @Test
    void a_timer_that_waits_on_a_thread_that_moves_the_clock_stops_no_other() {
        for (int round = 0; round < 100; round++) {
            ManualTime time = ManualTime.autoAdvancing();
            Executor watched = time.watched(THREADS);
            watched.execute(() -> {
                watched.execute(() -> sleepThrice(time, "a", ofSeconds(2)));
                watched.execute(() -> sleepThrice(time, "b", ofSeconds(3)));
                time.schedule(() -> sleepThrice(time, "timer", ofSeconds(1)), 1);
            });
            time.park(this, TimeSource.nanos(ofSeconds(100)));
            assertThat(log).hasSize(9);
            log.clear();
        }
    }

    @Test
    void threads_that_advance_one_clock_do_not_wait_for_each_other() throws InterruptedException {
        ManualTime time = ManualTime.create();
        Executor watched = time.watched(THREADS);
        CountDownLatch ended = new CountDownLatch(3);
        watched.execute(() -> {
            for (int i = 0; i < 3; i++) {
                watched.execute(() -> {
                    for (int step = 0; step < 100; step++) time.advance(ofMillis(1));
                    ended.countDown();
                });
            }
        });
        assertThat(ended.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(time.elapsed()).isBetween(ofMillis(100), ofMillis(300));
    }

    @Test
    void an_advance_waits_for_the_others_also_with_the_interrupt_flag_set() {
        ManualTime time = ManualTime.create();
        time.watched(THREADS).execute(() -> sleepThrice(time, "a", ofSeconds(2)));
        Thread.currentThread().interrupt();
        time.advance(ofSeconds(5));
        assertThat(Thread.interrupted()).isTrue();
        assertThat(log).containsExactly("a@2", "a@4");
        time.advance(ofSeconds(1));
    }

    @Test
    void a_thread_that_is_blocked_elsewhere_does_not_stop_the_clock() throws InterruptedException {
        ManualTime time = ManualTime.create();
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        time.watched(THREADS).execute(() -> {
            awaitQuietly(release);
            ended.countDown();
        });
        time.advance(ofMillis(1));
        release.countDown();
        assertThat(ended.await(60, TimeUnit.SECONDS)).isTrue();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void a_task_that_no_thread_takes_does_not_stop_the_clock_for_ever() {
        ManualTime time = ManualTime.create();
        time.watched(task -> {}).execute(() -> log.add("never"));
        time.advance(ofMillis(1));
        assertThat(time.elapsed()).isEqualTo(ofMillis(1));
        assertThat(log).isEmpty();
    }

    @Test
    void a_task_that_was_refused_is_not_waited_for() {
        Watch watch = new Watch(new Agenda(0), Duration.ZERO);
        Executor refusing = watch.over(task -> {
            throw new RejectedExecutionException("full");
        });
        assertThatThrownBy(() -> refusing.execute(() -> {}))
                .isInstanceOf(RejectedExecutionException.class)
                .hasMessage("full");
        watch.awaitRest();
    }

    @Test
    void a_task_that_runs_on_and_on_is_named() {
        AtomicBoolean stop = new AtomicBoolean();
        Watch watch = new Watch(new Agenda(0), ofMillis(50));
        watch.over(THREADS).execute(() -> {
            while (!stop.get()) {
                Thread.onSpinWait();
            }
        });
        assertThatThrownBy(watch::awaitRest)
                .isInstanceOf(AssertionError.class)
                .hasMessageStartingWith("the manual time cannot move on, something still runs: ");
        stop.set(true);
    }

    @Test
    void watching_twice_is_watching_once_and_shows_the_executor() {
        ManualTime time = ManualTime.create();
        Executor once = time.watched(THREADS);
        assertThat(time.watched(once)).isSameAs(once);
        assertThat(once).hasToString(THREADS.toString());
        assertThat(ManualTime.create().watched(once)).isNotSameAs(once);
        assertThat(TimeSource.system().watched(THREADS)).isSameAs(THREADS);
    }
}
