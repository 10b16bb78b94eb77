// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** User code that a flight meets at its end. */
class FlightMishapsTest {
    private final ManualTime time = ManualTime.create();

    /** A key that works until it does not. */
    private static final class Key {
        boolean broken;

        @Override
        public int hashCode() {
            if (broken) throw new IllegalStateException("a broken key");
            return 7;
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return this == other;
        }
    }

    @Test // L5, L6
    void a_key_that_breaks_while_it_is_loaded_keeps_nobody_waiting() throws Exception {
        SingleFlight<Key, String> flight =
                SingleFlight.builder("users").timeSource(time).build();
        Key key = new Key();
        CompletableFuture<String> stage = new CompletableFuture<>();
        CompletableFuture<String> leader = flight.callAsync(key, () -> stage);
        CompletableFuture<String> follower = flight.callAsync(key, () -> stage);
        key.broken = true;
        stage.complete("v");
        assertThat(leader).isCompletedWithValue("v");
        assertThat(follower).isCompletedWithValue("v");
        assertThatThrownBy(() -> flight.call(key, () -> "w")).hasMessage("a broken key");
        key.broken = false;
        assertThat(flight.call(key, () -> "w")).isEqualTo("w");
        assertThat(flight.snapshot().loading()).isZero();
    }

    @Test
    void nor_does_one_that_breaks_before_the_deadline() {
        DrainedTime drained = new DrainedTime(time);
        SingleFlight<Key, String> flight = SingleFlight.builder("users")
                .loadDeadline(Duration.ofSeconds(1))
                .timeSource(drained)
                .build();
        Key key = new Key();
        CompletableFuture<String> answer = flight.callAsync(key, CompletableFuture::new);
        key.broken = true;
        time.advance(Duration.ofSeconds(1));
        assertThat(answer).isCompletedExceptionally();
    }

    /** What one caller hangs on its future runs on the thread that ends the flight: another's thread is woken first. */
    @Test
    void a_thread_that_waits_does_not_wait_for_what_hangs_on_anothers_future() throws Exception {
        SingleFlight<String, String> flight =
                SingleFlight.builder("users").timeSource(time).build();
        CompletableFuture<String> stage = new CompletableFuture<>();
        CompletableFuture<String> leader = flight.callAsync("k", () -> stage);
        Flyers.Flyer<String> thread = Flyers.fly(() -> flight.call("k", () -> "not wanted"));
        time.awaitParked(1);
        CompletableFuture<String> slow = flight.callAsync("k", () -> stage).thenApply(value -> value + thread.value());
        Flyers.fly(() -> stage.complete("v"));
        assertThat(slow.get(90, TimeUnit.SECONDS)).isEqualTo("vv");
        assertThat(leader.get(60, TimeUnit.SECONDS)).isEqualTo("v");
    }
}
