// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PacerTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    @Test
    void blocking_calls_are_spaced() {
        ManualTime time = ManualTime.autoAdvancing();
        Pipeline paced = Pipeline.of(new Pacer("pacer", SECOND, time), new Logged("log"));
        List<Duration> at = new CopyOnWriteArrayList<>();
        for (int i = 0; i < 4; i++) paced.run(() -> at.add(time.elapsed()));
        assertThat(at).containsExactly(Duration.ZERO, SECOND, SECOND.multipliedBy(2), SECOND.multipliedBy(3));
    }

    @Test
    void asynchronous_calls_are_spaced_and_hold_no_thread() {
        ManualTime time = ManualTime.create();
        Pacer pacer = new Pacer("pacer", SECOND, time);
        List<Duration> at = new CopyOnWriteArrayList<>();
        List<CompletableFuture<Boolean>> calls = new CopyOnWriteArrayList<>();
        for (int i = 0; i < 4; i++) {
            calls.add(pacer.callAsync(() -> CompletableFuture.completedFuture(at.add(time.elapsed()))));
        }
        assertThat(time.parkedThreads()).isZero();
        for (int i = 1; i < 4; i++) {
            time.advance(SECOND);
            assertThat(calls.get(i)).succeedsWithin(60, TimeUnit.SECONDS);
        }
        assertThat(at).containsExactly(Duration.ZERO, SECOND, SECOND.multipliedBy(2), SECOND.multipliedBy(3));
    }

    @Test
    void a_call_whose_deadline_comes_first_is_refused_at_once_with_the_hint() {
        ManualTime time = ManualTime.create();
        Pacer pacer = new Pacer("pacer", SECOND, time);
        pacer.run(() -> {});
        CallContext soon = CallContext.root().within(Duration.ofMillis(10));
        assertThat(pacer.outcome(soon, c -> "never")
                        .as(RejectedException.class)
                        .orElseThrow()
                        .retryAfter())
                .contains(SECOND);
        assertThat(time.pendingTimers()).isZero();
    }
}
