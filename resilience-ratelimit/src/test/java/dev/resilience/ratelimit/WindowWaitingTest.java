// SPDX-License-Identifier: Apache-2.0
package dev.resilience.ratelimit;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** L7, L13: waiting for a window, on a thread and on none, and leaving before the time has come. */
class WindowWaitingTest {

    /** Each grants 2 at once and 2 more after 100 ms. */
    static List<Limit> limits() {
        return List.of(
                Limit.fixed(2, ofMillis(100)),
                Limit.slidingLog(2, ofMillis(100)),
                Limit.sliding(2, ofMillis(50)).precision(1),
                Limit.allOf(
                        Limit.of(2, ofMillis(200)), Limit.of(2, ofMillis(200)).burst(3)));
    }

    @ParameterizedTest
    @MethodSource("limits")
    void a_thread_waits_until_there_is_room_and_no_longer(Limit limit) throws InterruptedException {
        ManualTime time = ManualTime.autoAdvancing();
        RateLimiter limiter = Rig.limiter(limit, time);
        limiter.drain();
        assertThat(limiter.tryAcquire(1, ofMillis(99))).isFalse();
        assertThat(time.elapsed()).as("refused at once").isZero();
        assertThat(limiter.tryAcquire(1, ofMillis(100))).isTrue();
        assertThat(time.elapsed()).isEqualTo(ofMillis(100));
    }

    @ParameterizedTest
    @MethodSource("limits")
    void who_is_interrupted_gives_its_time_to_the_next(Limit limit) throws Exception {
        ManualTime time = ManualTime.create();
        RateLimiter limiter = Rig.limiter(limit, time);
        limiter.drain();
        Rig.Running<Boolean> waiting = Rig.start(() -> limiter.tryAcquire(2, ofSeconds(10)));
        time.awaitParked(1, ofSeconds(Rig.PATIENCE_SECONDS));
        assertThat(limiter.peek(1).retryAfter().orElseThrow()).isGreaterThan(ofMillis(100));
        waiting.thread.interrupt();
        assertThat(ended(waiting)).isInstanceOf(InterruptedException.class);
        assertThat(limiter.peek(1).retryAfter()).contains(ofMillis(100));
        assertThat(time.parkedThreads()).isZero();
    }

    private static Throwable ended(Rig.Running<Boolean> waiting) throws Exception {
        try {
            throw new AssertionError("not interrupted, but " + waiting.end());
        } catch (ExecutionException e) {
            return e.getCause();
        }
    }

    @ParameterizedTest
    @MethodSource("limits")
    void a_future_that_is_cancelled_gives_its_time_to_the_next(Limit limit) {
        ManualTime time = ManualTime.create();
        RateLimiter limiter = Rig.limiter(limit, time);
        limiter.drain();
        CompletableFuture<Decision> first = limiter.decideAsync(2, ofSeconds(10));
        first.cancel(false);
        assertThat(limiter.peek(1).retryAfter()).contains(ofMillis(100));
        CompletableFuture<Decision> second = limiter.decideAsync(1, ofSeconds(10));
        time.advance(ofMillis(100));
        assertThat(second).isCompletedWithValueMatching(Decision::permitted);
        assertThat(time.pendingTimers()).isZero();
    }
}
