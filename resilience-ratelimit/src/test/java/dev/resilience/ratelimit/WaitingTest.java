// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static dev.resilience.ratelimit.Rig.SECOND;
import static dev.resilience.ratelimit.Rig.limiter;
import static dev.resilience.ratelimit.Rig.ms;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.Laws;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Waiting for permits by hand: on a thread, and as a future. */
class WaitingTest {
    @RegisterExtension
    final Laws laws = new Laws();

    private final ManualTime time = laws.time();
    private final RateLimiter search = limiter(Limit.of(10, SECOND).burst(1), time);

    @Test
    void a_thread_waits_until_its_time_and_no_longer() throws Exception {
        search.tryAcquire();
        long begin = time.nanoTime();
        Rig.Running<Long> waiting = Rig.start(() -> search.tryAcquire(1, SECOND) ? time.nanoTime() - begin : -1);
        time.awaitParked(1);
        time.advance(ms(99));
        assertThat(time.parkedThreads()).isEqualTo(1);
        time.advance(ms(1));
        assertThat(waiting.end()).isEqualTo(ms(100).toNanos());
    }

    @Test
    void who_cannot_be_served_in_its_time_is_refused_at_once() throws Exception {
        search.tryAcquire();
        assertThat(search.tryAcquire(1, ms(99))).isFalse();
        assertThat(search.tryAcquire(1, Duration.ZERO)).isFalse();
        assertThat(search.tryAcquire(2, Duration.ofDays(1000))).isFalse();
        assertThat(search.decideAsync(1, ms(99))).isCompleted();
        assertThat(search.decideAsync(1, ms(99)).join().retryAfter())
                .as("when the same asking would succeed")
                .contains(ms(1));
        assertThat(search.peek(1).retryAfter()).contains(ms(100));
    }

    @Test // P10: the order of reservation is the order of service
    void threads_go_in_the_order_in_which_they_came() throws Exception {
        search.tryAcquire();
        List<Rig.Running<Long>> waiting = new ArrayList<>();
        long begin = time.nanoTime();
        for (int i = 1; i <= 3; i++) {
            waiting.add(Rig.start(() -> search.tryAcquire(1, SECOND) ? time.nanoTime() - begin : -1));
            time.awaitParked(i);
        }
        for (int i = 0; i < 3; i++) {
            time.advance(ms(100));
            assertThat(waiting.get(i).end()).isEqualTo(ms(100 * (i + 1)).toNanos());
        }
    }

    @Test // L8
    void an_interrupt_ends_the_wait_and_gives_back() throws Exception {
        search.tryAcquire();
        Rig.Running<Boolean> waiting = Rig.start(() -> search.tryAcquire(1, SECOND));
        time.awaitParked(1);
        assertThat(search.peek(1).retryAfter()).contains(ms(200));
        waiting.thread.interrupt();
        assertThatThrownBy(waiting::end)
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOf(InterruptedException.class)
                .hasMessage("while waiting at rate limiter 'search'");
        assertThat(search.peek(1).retryAfter()).contains(ms(100));
    }

    @Test // L8
    void who_is_interrupted_already_takes_nothing() throws Exception {
        Rig.Running<Boolean> caller = Rig.start(() -> {
            Thread.currentThread().interrupt();
            return search.tryAcquire(1, SECOND);
        });
        assertThatThrownBy(caller::end).cause().isInstanceOf(InterruptedException.class);
        assertThat(search.tryAcquire()).isTrue();
    }

    @Test
    void a_decision_that_needs_no_wait_is_there_at_once() {
        CompletableFuture<Decision> now = search.decideAsync(1, SECOND);
        assertThat(now).isCompleted();
        assertThat(now.join().permitted()).isTrue();
    }

    @Test // L6
    void a_future_completes_at_its_time_and_never_on_the_timer_thread() throws Exception {
        search.tryAcquire();
        CompletableFuture<Decision> later = search.decideAsync(1, SECOND);
        Thread here = Thread.currentThread(); // runs the timers of a manual clock
        CompletableFuture<Boolean> elsewhere = later.thenApply(decision -> Thread.currentThread() != here);
        time.advance(ms(99));
        assertThat(later).isNotDone();
        time.advance(ms(1));
        assertThat(later.get(Rig.PATIENCE_SECONDS, TimeUnit.SECONDS).permitted())
                .isTrue();
        assertThat(elsewhere.get(Rig.PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    }

    @Test // L7, L13
    void a_cancelled_future_gives_back_and_leaves_no_timer() {
        search.tryAcquire();
        CompletableFuture<Decision> later = search.decideAsync(1, SECOND);
        assertThat(time.pendingTimers()).isEqualTo(1);
        assertThat(later.cancel(true)).isTrue();
        assertThat(time.pendingTimers()).isZero();
        assertThat(search.peek(1).retryAfter()).contains(ms(100));
    }

    @Test
    void a_future_that_another_completes_gives_back_too() {
        search.tryAcquire();
        CompletableFuture<Decision> later = search.decideAsync(1, SECOND);
        later.complete(search.peek(1));
        assertThat(time.pendingTimers()).isZero();
        assertThat(search.peek(1).retryAfter()).contains(ms(100));
    }

    @Test // S26
    void waiters_keep_their_time_when_the_limit_changes() throws Exception {
        search.tryAcquire();
        long begin = time.nanoTime();
        Rig.Running<Long> waiting = Rig.start(() -> search.tryAcquire(1, SECOND) ? time.nanoTime() - begin : -1);
        time.awaitParked(1);
        search.reconfigure(Limit.of(1, SECOND), RateLimiter.Carry.KEEP_TOKENS);
        search.throttleFor(Duration.ofDays(1));
        time.advance(ms(100));
        assertThat(waiting.end()).isEqualTo(ms(100).toNanos());
    }
}
