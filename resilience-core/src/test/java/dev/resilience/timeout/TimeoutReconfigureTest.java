// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Pipeline;
import dev.resilience.TimeoutExceededException;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** L12: settings that change while calls run. */
class TimeoutReconfigureTest {
    private final ManualTime time = ManualTime.create();
    private final Timeout timeout = Timeout.of("t", ofSeconds(1));
    private final Pipeline pipeline =
            Pipeline.builder("p").policies(timeout).timeSource(time).build();

    private static void assertTimedOut(CompletableFuture<?> call, Duration after) {
        assertThat(call)
                .failsWithin(ofSeconds(60))
                .withThrowableThat()
                .havingCause()
                .isInstanceOfSatisfying(
                        TimeoutExceededException.class,
                        e -> assertThat(e.timeout()).isEqualTo(after));
    }

    @Test
    void a_call_under_way_keeps_its_time_and_the_next_gets_the_new_one() {
        CompletableFuture<String> before = pipeline.callAsync(() -> new CompletableFuture<String>());
        timeout.reconfigure(t -> t.after(ofMillis(200)));
        CompletableFuture<String> after = pipeline.callAsync(() -> new CompletableFuture<String>());
        time.advance(ofMillis(200));
        assertTimedOut(after, ofMillis(200));
        assertThat(before).isNotDone();
        time.advance(ofMillis(800));
        assertTimedOut(before, ofSeconds(1));
        assertThat(time.pendingTimers()).isZero();
        assertThat(timeout.describe().settings()).containsEntry("after", "200 ms");
    }

    @Test
    void a_duration_for_each_call_takes_the_place_of_the_fixed_one_and_back() {
        timeout.reconfigure(t -> t.after(call -> null));
        assertThat(timeout.describe().settings()).containsEntry("after", "per call");
        CompletableFuture<String> unbounded = pipeline.callAsync(() -> new CompletableFuture<String>());
        assertThat(time.pendingTimers()).isZero();
        unbounded.cancel(true);
        timeout.reconfigure(t -> t.after(ofSeconds(3)).interrupting(false));
        assertThat(timeout.describe().settings()).containsEntry("after", "3 s").containsEntry("mode", "telling");
    }

    @Test
    void what_is_refused_changes_nothing() { // L11
        assertThatThrownBy(() -> timeout.reconfigure(t -> t.cancelStage(false).after(Duration.ZERO)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("timeout 't': after must be positive, was PT0S");
        assertThatThrownBy(() -> timeout.reconfigure(null)).hasMessage("change");
        assertThat(timeout.describe().settings()).containsEntry("after", "1 s").doesNotContainKey("cancelStage");
    }

    @Test
    void changes_of_different_settings_all_take_effect_while_eight_threads_call() throws Exception {
        Timeout hammered = Timeout.of("hammered", ofSeconds(100));
        AtomicBoolean stop = new AtomicBoolean();
        AtomicInteger answers = new AtomicInteger();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Thread caller = new Thread(() -> {
                while (!stop.get()) answers.addAndGet(hammered.<Integer, RuntimeException>call(() -> 1));
            });
            callers.add(caller);
            caller.start();
        }
        for (int n = 1; n <= 200; n++) {
            Duration after = ofSeconds(100 + n); // nobody is to time out, however busy the machine is
            boolean cancel = n % 2 == 0;
            Thread other = new Thread(() -> hammered.reconfigure(t -> t.cancelStage(cancel)));
            other.start();
            hammered.reconfigure(t -> t.after(after));
            other.join(60_000);
            assertThat(hammered.describe().settings()).containsEntry("after", dev.resilience.Description.text(after));
            assertThat(hammered.describe().settings().containsKey("cancelStage"))
                    .isEqualTo(!cancel);
        }
        boolean answered = PlainPool.soon(() -> answers.get() > 0);
        stop.set(true);
        assertThat(answered).isTrue();
        for (Thread caller : callers) caller.join(60_000);
        assertThat(callers).noneMatch(Thread::isAlive);
    }
}
