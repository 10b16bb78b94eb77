// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.TimeSource;
import dev.resilience.TimeSource.Timer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class ManualTimeTest {
    private final ManualTime time = ManualTime.create();
    private final List<String> log = new ArrayList<>();

    private static long nanos(Duration duration) {
        return TimeSource.nanos(duration);
    }

    private Timer after(ManualTime source, Duration delay, String what) {
        return source.schedule(() -> log.add(what + "@" + source.elapsed().toMillis()), nanos(delay));
    }

    private Thread start(Runnable body) {
        Thread thread = new Thread(body, "waiting");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void finishes(Thread thread) throws InterruptedException {
        thread.join(60_000);
        assertThat(thread.isAlive()).as("%s is still running", thread).isFalse();
    }

    @Test
    void stands_still_until_it_is_advanced() {
        long before = time.nanoTime();
        time.advance(ofMillis(3));
        assertThat(time.nanoTime() - before).isEqualTo(3_000_000);
        assertThat(time.elapsed()).isEqualTo(ofMillis(3));
    }

    @Test
    void refuses_to_go_back() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> time.advance(ofNanos(-1)))
                .withMessage("advance: the duration must not be negative, was PT-0.000000001S");
    }

    @Test
    void runs_timers_in_the_order_of_their_times_and_ties_in_the_order_of_arming() {
        after(time, ofMillis(20), "c");
        after(time, ofMillis(10), "a");
        after(time, ofMillis(10), "b");
        after(time, ofMillis(31), "too late");
        time.advance(ofMillis(30));
        assertThat(log).containsExactly("a@10", "b@10", "c@20");
        assertThat(time.pendingTimers()).isEqualTo(1);
    }

    @Test
    void a_timer_fires_exactly_at_its_time_not_a_nanosecond_before() {
        after(time, ofNanos(1_000), "x");
        time.advance(ofNanos(999));
        assertThat(log).isEmpty();
        time.advance(ofNanos(1));
        assertThat(log).hasSize(1);
    }

    @Test
    void what_a_task_schedules_within_the_span_runs_in_the_same_advance() {
        time.schedule(() -> after(time, ofMillis(10), "inner"), nanos(ofMillis(10)));
        after(time, ofMillis(15), "between");
        time.advance(ofMillis(20));
        assertThat(log).containsExactly("between@15", "inner@20");
    }

    @Test
    void a_task_that_is_due_at_once_runs_at_the_next_advance_and_not_inside_schedule() {
        after(time, ZERO, "zero");
        after(time, ofMillis(-5), "negative");
        assertThat(log).isEmpty();
        time.advance(ZERO);
        assertThat(log).containsExactly("zero@0", "negative@0");
    }

    @Test
    void a_cancelled_timer_never_runs_and_says_so_again() {
        Timer timer = after(time, ofMillis(1), "x");
        assertThat(timer.cancel()).isTrue();
        assertThat(timer.cancel()).isTrue();
        time.advance(ofSeconds(1));
        assertThat(log).isEmpty();
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void a_timer_that_has_run_cannot_be_cancelled() {
        Timer timer = after(time, ofMillis(1), "x");
        time.advance(ofMillis(1));
        assertThat(timer.cancel()).isFalse();
    }

    @Test
    void a_task_can_cancel_a_later_one_of_the_same_time() {
        Timer[] second = new Timer[1];
        List<Boolean> answers = new ArrayList<>();
        Timer first = time.schedule(() -> answers.add(second[0].cancel()), 10);
        second[0] = after(time, ofNanos(10), "x");
        time.advance(ofNanos(10));
        assertThat(answers).containsExactly(true);
        assertThat(log).isEmpty();
        assertThat(first.cancel()).isFalse();
    }

    @Test
    void a_task_that_throws_stops_neither_the_clock_nor_the_others() {
        time.schedule(
                () -> {
                    throw new IllegalStateException("first");
                },
                10);
        time.schedule(
                () -> {
                    throw new AssertionError("second");
                },
                20);
        after(time, ofMillis(1), "third");
        assertThatThrownBy(() -> time.advance(ofMillis(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("first")
                .satisfies(e -> assertThat(e.getSuppressed()).singleElement().isInstanceOf(AssertionError.class));
        assertThat(log).containsExactly("third@1");
        assertThat(time.elapsed()).isEqualTo(ofMillis(1));
    }

    @Test // L10
    void order_and_distance_survive_a_reading_that_wraps_around() {
        ManualTime wrapping = ManualTime.startingAt(Long.MAX_VALUE - 1_000_000);
        after(wrapping, ofMillis(3), "after the wrap");
        after(wrapping, ofNanos(500_000), "before the wrap");
        assertThat(wrapping.nextEventIn()).contains(ofNanos(500_000));
        wrapping.advance(ofMillis(3));
        assertThat(log).containsExactly("before the wrap@0", "after the wrap@3");
        assertThat(wrapping.nanoTime()).isNegative();
    }

    @Test // L10
    void a_timer_of_the_longest_time_never_runs_and_is_no_event() {
        Timer timer = time.schedule(() -> log.add("never"), Long.MAX_VALUE);
        time.advance(ofSeconds(1));
        time.advance(ofSeconds(Long.MAX_VALUE));
        assertThat(log).isEmpty();
        assertThat(time.nextEventIn()).isEmpty();
        assertThat(time.advanceToNextEvent()).isFalse();
        assertThat(time.pendingTimers()).isEqualTo(1);
        assertThat(timer.cancel()).isTrue();
        assertThat(time.pendingTimers()).isZero();
    }

    @Test
    void advancing_to_the_next_event_runs_all_events_of_that_time_only() {
        after(time, ofMillis(10), "a");
        after(time, ofMillis(10), "b");
        after(time, ofMillis(11), "c");
        assertThat(time.advanceToNextEvent()).isTrue();
        assertThat(log).containsExactly("a@10", "b@10");
        assertThat(time.nextEventIn()).contains(ofMillis(1));
    }

    @Test
    void a_parked_thread_returns_when_its_time_has_come_and_not_before() throws InterruptedException {
        AtomicBoolean returned = new AtomicBoolean();
        Thread thread = start(() -> {
            time.park(this, nanos(ofSeconds(10)));
            returned.set(true);
        });
        time.awaitParked(1);
        time.advance(ofSeconds(10).minusNanos(1));
        assertThat(time.parkedThreads()).isEqualTo(1);
        assertThat(returned).isFalse();
        time.advance(ofNanos(1));
        finishes(thread);
        assertThat(returned).isTrue();
        assertThat(time.parkedThreads()).isZero();
    }

    @Test
    void a_parked_thread_returns_when_it_is_unparked_and_leaves_no_event_behind() throws InterruptedException {
        Thread thread = start(() -> time.park(this, nanos(ofSeconds(10))));
        time.awaitParked(1);
        time.unpark(thread);
        finishes(thread);
        assertThat(time.nextEventIn()).isEmpty();
    }

    @Test // L8
    void a_parked_thread_returns_when_it_is_interrupted_and_keeps_the_flag() throws InterruptedException {
        AtomicBoolean flag = new AtomicBoolean();
        Thread thread = start(() -> {
            time.park(this, Long.MAX_VALUE);
            flag.set(Thread.currentThread().isInterrupted());
        });
        time.awaitParked(1);
        thread.interrupt();
        finishes(thread);
        assertThat(flag).isTrue();
        assertThat(time.parkedThreads()).isZero();
    }

    @Test
    void an_unpark_before_the_park_lets_exactly_one_park_return_at_once() throws InterruptedException {
        CountDownLatch unparked = new CountDownLatch(1);
        AtomicInteger returns = new AtomicInteger();
        Thread thread = start(() -> {
            awaitQuietly(unparked);
            time.park(this, Long.MAX_VALUE);
            returns.incrementAndGet();
            time.park(this, Long.MAX_VALUE);
            returns.incrementAndGet();
        });
        time.unpark(thread);
        time.unpark(thread);
        unparked.countDown();
        time.awaitParked(1);
        assertThat(returns).hasValue(1);
        time.unpark(thread);
        finishes(thread);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void a_permit_of_the_jdk_does_not_end_a_manual_wait() throws InterruptedException {
        Thread thread = start(() -> time.park(this, Long.MAX_VALUE));
        time.awaitParked(1);
        for (int i = 0; i < 100; i++) {
            LockSupport.unpark(thread);
            Thread.onSpinWait();
        }
        assertThat(time.parkedThreads()).isEqualTo(1);
        time.unpark(thread);
        finishes(thread);
    }

    @Test
    void parking_for_no_time_or_with_the_interrupt_flag_set_returns_at_once() {
        time.park(this, 0);
        time.park(this, Long.MIN_VALUE);
        Thread.currentThread().interrupt();
        time.park(this, Long.MAX_VALUE);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void timers_and_wake_ups_share_one_order() throws InterruptedException {
        List<Integer> parkedAtTimer = new ArrayList<>();
        Thread thread = start(() -> time.park(this, nanos(ofMillis(10))));
        time.awaitParked(1);
        time.schedule(() -> parkedAtTimer.add(time.parkedThreads()), nanos(ofMillis(10)) - 1);
        time.schedule(() -> parkedAtTimer.add(time.parkedThreads()), nanos(ofMillis(10)));
        time.advance(ofMillis(10));
        assertThat(parkedAtTimer).containsExactly(1, 0);
        finishes(thread);
    }

    @Test
    void waiting_for_parked_threads_gives_up_with_a_description() {
        after(time, ofSeconds(1), "x");
        time.advance(ofMillis(1));
        assertThatThrownBy(() -> time.awaitParked(2, ofMillis(20)))
                .isInstanceOf(AssertionError.class)
                .hasMessage("expected 2 parked threads within PT0.02S of real time, but: "
                        + "manual time +PT0.001S, 1 timers, parked threads []");
    }

    @Test
    void its_description_names_the_parked_threads_and_how_long_they_still_wait() throws InterruptedException {
        Thread one = start(() -> time.park(this, nanos(ofSeconds(3))));
        time.awaitParked(1);
        time.advance(ofSeconds(1));
        assertThat(time).hasToString("manual time +PT1S, 0 timers, parked threads [waiting for PT2S]");
        one.interrupt();
        finishes(one);
    }

    @Test
    void auto_advancing_moves_to_the_end_of_the_wait_and_runs_the_timers_before_it() {
        ManualTime auto = ManualTime.autoAdvancing();
        after(auto, ofMillis(5), "a");
        after(auto, ofMillis(11), "b");
        auto.park(this, nanos(ofMillis(10)));
        assertThat(log).containsExactly("a@5");
        assertThat(auto.elapsed()).isEqualTo(ofMillis(10));
        assertThat(auto.parkedThreads()).isZero();
    }

    @Test
    void auto_advancing_ends_a_wait_for_ever_at_the_timer_that_unparks_or_interrupts() {
        ManualTime auto = ManualTime.autoAdvancingFrom(Long.MAX_VALUE - 10);
        Thread me = Thread.currentThread();
        auto.schedule(() -> auto.unpark(me), nanos(ofMillis(5)));
        auto.schedule(me::interrupt, nanos(ofMillis(7)));
        auto.park(this, Long.MAX_VALUE);
        assertThat(auto.elapsed()).isEqualTo(ofMillis(5));
        auto.park(this, Long.MAX_VALUE);
        assertThat(auto.elapsed()).isEqualTo(ofMillis(7));
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void auto_advancing_lets_a_task_wait_within_the_wait_that_runs_it() {
        ManualTime auto = ManualTime.autoAdvancing();
        auto.schedule(
                () -> {
                    auto.park(this, nanos(ofMillis(50)));
                    log.add("inner@" + auto.elapsed().toMillis());
                },
                nanos(ofMillis(5)));
        auto.park(this, nanos(ofMillis(100)));
        assertThat(log).containsExactly("inner@55");
        assertThat(auto.elapsed()).isEqualTo(ofMillis(100));
        assertThat(auto.parkedThreads()).isZero();
    }

    @Test
    void auto_advancing_waits_for_real_when_nothing_is_scheduled() throws InterruptedException {
        ManualTime auto = ManualTime.autoAdvancing();
        Thread thread = start(() -> auto.park(this, Long.MAX_VALUE));
        auto.awaitParked(1);
        auto.unpark(thread);
        finishes(thread);
        assertThat(auto.elapsed()).isZero();
    }

    @Test
    void many_threads_park_unpark_and_schedule_while_the_clock_moves_and_none_is_lost() throws InterruptedException {
        int threads = 4;
        int rounds = 500;
        AtomicInteger ran = new AtomicInteger();
        AtomicInteger cancelled = new AtomicInteger();
        List<Thread> workers = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            workers.add(start(() -> {
                for (int i = 0; i < rounds; i++) {
                    Timer timer = time.schedule(ran::incrementAndGet, i % 7);
                    time.park(this, 1 + i % 5);
                    if (i % 3 == 0 && timer.cancel()) {
                        cancelled.incrementAndGet();
                    }
                }
            }));
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (workers.stream().anyMatch(Thread::isAlive) && System.nanoTime() - end < 0) {
            time.advance(ofNanos(1));
        }
        for (Thread worker : workers) {
            finishes(worker);
        }
        time.advance(ofNanos(10));
        assertThat(ran.get() + cancelled.get()).isEqualTo(threads * rounds);
        assertThat(time.pendingTimers()).isZero();
        assertThat(time.parkedThreads()).isZero();
    }
}
