// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** L13 and the hand-over: an engine that is closed leaves nothing behind, and its sagas to others at once. */
class CloseTest {
    private final Fleet fleet = new Fleet();
    private final Booking booking = new Booking();

    @AfterEach
    void close() {
        fleet.close();
    }

    private SagaEngine open(String node, Link link) {
        return fleet.open(node, link, builder -> builder.register(booking.saga).drainFor(Duration.ofSeconds(10)));
    }

    /** Pools let idle threads go a moment after they are shut down: waited for in real time. */
    private static void untilNoThreadOf(String node) {
        long patience = System.nanoTime() + 60_000_000_000L;
        while (Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().startsWith("resilience-saga-" + node + "-"))) {
            assertThat(System.nanoTime() - patience).as("threads of " + node).isNegative();
            Thread.onSpinWait();
        }
    }

    @Test
    void a_closed_engine_leaves_no_timer_no_thread_and_no_heartbeat() {
        SagaEngine engine = open("lonely", fleet.link());
        SagaHandle<String> handle = engine.start(booking.saga, "1", "x");
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        fleet.pass(Duration.ofMinutes(2));
        fleet.close(engine);
        assertThat(fleet.time.pendingTimers()).isZero();
        untilNoThreadOf("lonely");
        assertThat(fleet.store.beat("observer", 1, false).beats()).containsOnlyKeys("observer");
        assertThat(engine.snapshot().running()).isZero();
        assertThat(engine.snapshot().live()).isFalse();
    }

    @Test
    void what_runs_is_let_come_to_its_end() {
        SagaEngine engine = open("a", fleet.link());
        Booking.Held held = booking.hold("hotel", Booking.At.BEFORE);
        SagaHandle<String> handle = engine.start(booking.saga, "1", "x");
        held.reach();
        Thread closing = fleet.start("closing", engine::close);
        fleet.until(() -> !engine.snapshot().live());
        held.go();
        fleet.passUntilDone(closing);
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.COMPLETED);
        booking.assertBooked();
    }

    @Test
    void what_does_not_end_in_its_time_is_given_to_others_at_once_and_counts_for_no_death() {
        SagaEngine a = open("a", fleet.link());
        SagaEngine b = open("b", fleet.link());
        Booking.Held held = booking.hold("hotel", Booking.At.AFTER);
        SagaHandle<String> handle = a.start(booking.saga, "1", "x");
        held.reach();
        fleet.close(a); // its step hangs beyond the drain
        assertThat(fleet.head(handle.ref()).owner())
                .satisfiesAnyOf(
                        owner -> assertThat(owner).isNull(),
                        owner -> assertThat(owner).startsWith("b#"));
        Duration taken = fleet.until(() -> fleet.status(handle) == SagaStatus.COMPLETED);
        assertThat(taken).isLessThan(Duration.ofSeconds(3)); // no lease was waited for
        booking.assertBooked(); // its key was the same (G3)
        held.go(); // the late outcome is refused (G9)
        assertThat(b.snapshot().running()).isZero();
    }

    /** S2, G6: whoever takes it over must not hold for untouched what hung in the engine that closed. */
    @Test
    void what_hung_in_a_closed_engine_is_in_doubt_when_the_saga_turns() {
        SagaEngine a = open("a", fleet.link());
        Booking.Held held = booking.hold("hotel", Booking.At.AFTER);
        SagaHandle<String> handle = a.start(booking.saga, "1", "x");
        held.reach();
        fleet.close(a);
        SagaInstance left = fleet.head(handle.ref());
        assertThat(fleet.store.cancel(handle.ref(), left.updatedMs())).isEqualTo(SagaReply.ACCEPTED);
        open("b", fleet.link());
        fleet.untilStatus(handle, SagaStatus.COMPENSATED);
        assertThat(booking.effects).containsExactly("flight", "hotel", "cancel-hotel", "cancel-flight");
        held.go();
    }

    /** S2, G7: nor a pivot. */
    @Test
    void a_pivot_that_hung_in_a_closed_engine_is_not_undone_by_guess() {
        SagaEngine a = open("a", fleet.link());
        Booking.Held held = booking.hold("payment", Booking.At.AFTER);
        SagaHandle<String> handle = a.start(booking.saga, "1", "x");
        held.reach();
        fleet.close(a);
        SagaInstance left = fleet.head(handle.ref());
        assertThat(fleet.store.cancel(handle.ref(), left.updatedMs())).isEqualTo(SagaReply.ACCEPTED);
        open("b", fleet.link());
        fleet.until(() -> fleet.status(handle).ended());
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.COMPLETED);
        booking.assertBooked();
        held.go();
    }

    @Test
    void a_saga_between_two_attempts_goes_to_others_without_waiting_for_the_drain_to_end() {
        SagaEngine a = open("a", fleet.link());
        booking.failing("hotel", new IllegalStateException("out of order"));
        SagaHandle<String> handle = a.start(booking.saga, "1", "x");
        fleet.until(() -> booking.calls.contains("hotel"));
        fleet.close(a);
        booking.failing("hotel", null);
        SagaInstance left = fleet.head(handle.ref());
        if (!left.status().ended()) {
            assertThat(left.owner()).isNull();
            assertThat(left.claims()).isZero();
        }
        open("b", fleet.link());
        fleet.until(() -> fleet.status(handle).ended());
    }

    @Test
    void futures_of_handles_are_told_that_the_saga_goes_on() {
        SagaEngine a = open("a", fleet.link());
        Booking.Held held = booking.hold("flight", Booking.At.BEFORE);
        SagaHandle<String> handle = a.start(booking.saga, "1", "x");
        CompletableFuture<SagaOutcome<String>> completion = handle.completion();
        AtomicReference<SagaOutcome<String>> awaited = new AtomicReference<>();
        Thread waiting = fleet.start("waiting", () -> {
            try {
                awaited.set(handle.await(Duration.ofDays(1)));
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        held.reach();
        fleet.close(a);
        assertThat(completion.join()).isInstanceOf(SagaOutcome.StillRunning.class); // L6
        fleet.passUntilDone(waiting);
        assertThat(awaited.get()).isInstanceOf(SagaOutcome.StillRunning.class);
        held.go();
    }

    @Test
    void a_second_close_waits_for_the_first_and_changes_nothing() {
        SagaEngine a = open("a", fleet.link());
        Booking.Held held = booking.hold("hotel", Booking.At.BEFORE);
        SagaHandle<String> handle = a.start(booking.saga, "1", "x");
        held.reach();
        List<Thread> closing = List.of(
                fleet.start("first", a::close), fleet.start("second", a::close), fleet.start("third", a::close));
        fleet.until(() -> !a.snapshot().live());
        assertThat(closing).allMatch(Thread::isAlive);
        held.go();
        closing.forEach(fleet::passUntilDone);
        assertThat(fleet.status(handle)).isEqualTo(SagaStatus.COMPLETED);
        a.close();
    }

    @Test
    void an_interrupt_ends_the_drain_and_stays_set() {
        SagaEngine a = open("a", fleet.link());
        Booking.Held held = booking.hold("hotel", Booking.At.BEFORE);
        SagaHandle<String> handle = a.start(booking.saga, "1", "x");
        held.reach();
        AtomicBoolean interrupted = new AtomicBoolean();
        Thread closing = fleet.start("closing", () -> {
            Thread.currentThread().interrupt();
            a.close();
            interrupted.set(Thread.currentThread().isInterrupted());
        });
        fleet.passUntilDone(closing);
        assertThat(interrupted).isTrue(); // L8
        assertThat(fleet.head(handle.ref()).owner()).isNull();
        held.go();
    }

    @Test
    void a_closed_engine_refuses_starts_and_says_so() {
        SagaEngine a = open("a", fleet.link());
        fleet.close(a);
        assertThatThrownBy(() -> a.start(booking.saga, "1", "x"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("is closed");
        assertThat(fleet.store.list(SagaQuery.all())).isEmpty();
    }

    @Test
    void closing_while_the_store_is_away_ends_all_the_same() {
        Link link = fleet.link();
        SagaEngine a = open("a", link);
        Booking.Held held = booking.hold("hotel", Booking.At.AFTER);
        SagaHandle<String> handle = a.start(booking.saga, "1", "x");
        held.reach();
        link.cut();
        held.go(); // its checkpoint waits for the store
        fleet.close(a);
        untilNoThreadOf("a");
        link.mend();
        open("b", fleet.link());
        fleet.untilStatus(handle, SagaStatus.COMPLETED); // taken over as of a dead engine
        booking.assertBooked();
    }

    @Test
    void a_waiting_saga_stays_where_it_is() {
        SagaDefinition<String> s = Saga.define("waits", 1, String.class);
        s.delay("night", Duration.ofHours(8));
        Saga<String, Void> waits = s.build();
        SagaEngine a = fleet.open("a", waits);
        SagaHandle<Void> handle = a.start(waits, "1", "x");
        fleet.until(() -> fleet.head(handle.ref()).owner() == null);
        SagaInstance before = fleet.head(handle.ref());
        assertThat(a.snapshot().running()).isZero(); // it holds no thread
        fleet.close(a);
        assertThat(fleet.head(handle.ref()).seq()).isEqualTo(before.seq());
        fleet.open("b", waits);
        Duration waited = Duration.ZERO;
        while (fleet.status(handle) != SagaStatus.COMPLETED) {
            fleet.pass(Duration.ofMinutes(10));
            waited = waited.plusMinutes(10);
            assertThat(waited).isLessThan(Duration.ofHours(9));
        }
        assertThat(waited).isGreaterThan(Duration.ofHours(7));
    }
}
