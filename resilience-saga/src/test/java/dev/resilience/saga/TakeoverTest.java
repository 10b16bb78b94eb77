// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.Fleet.LEASE;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An engine dies or freezes, another one goes on: crash points C2 to C6, C10, C13 and C14, guarantees G3, G4 and G9. */
class TakeoverTest {
    private final Fleet fleet = new Fleet();
    private final Booking booking = new Booking();
    private final List<String> events = new CopyOnWriteArrayList<>();

    @AfterEach
    void close() {
        fleet.close();
    }

    private final class Telling implements SagaListener {
        private final String node;

        Telling(String node) {
            this.node = node;
        }

        @Override
        public void takenOver(SagaRef saga, @Nullable String from, int claims) {
            events.add(node + " took over");
        }

        @Override
        public void fenced(SagaRef saga) {
            events.add(node + " fenced");
        }

        @Override
        public void turned(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
            events.add(node + " turned");
        }
    }

    private SagaEngine open(String node, Link link) {
        return fleet.open(node, link, builder -> builder.register(booking.saga).listener(new Telling(node)));
    }

    private void assertCompletedOnce(SagaRef ref) {
        assertThat(fleet.head(ref).status()).isEqualTo(SagaStatus.COMPLETED);
        booking.assertBooked();
        List<String> outcomes = fleet.store.load(ref).orElseThrow().entries().stream()
                .filter(e -> e.phase() == JournalEntry.Phase.ACTION)
                .map(JournalEntry::step)
                .toList();
        assertThat(outcomes).containsExactly("flight", "hotel", "payment"); // G4: one outcome each
    }

    @ParameterizedTest
    @CsvSource({"flight,BEFORE", "flight,AFTER", "hotel,BEFORE", "hotel,AFTER", "payment,BEFORE", "payment,AFTER"})
    void an_engine_that_freezes_in_a_step_records_nothing_and_another_one_makes_every_effect_once(
            String step, Booking.At at) {
        // C3: in the action, before its effect; C4: its effect made, nothing recorded; then C14 when it wakes
        Link a = fleet.link();
        Booking.Held held = booking.hold(step, at);
        SagaHandle<String> handle = open("a", a).start(booking.saga, "1", "x");
        SagaEngine b = open("b", fleet.link());
        held.reach();
        long frozenFence = fleet.head(handle.ref()).fence();
        a.cut();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        SagaInstance completed = fleet.head(handle.ref());
        assertThat(completed.fence()).isGreaterThan(frozenFence);
        assertThat(events).containsExactly("b took over");
        a.mend();
        held.go(); // it wakes, and its outcome meets the fence: G9
        fleet.until(() -> events.contains("a fenced"));
        fleet.pass(LEASE);
        assertThat(fleet.head(handle.ref()).seq())
                .as(() -> fleet.store.load(handle.ref()).orElseThrow() + " " + completed)
                .isEqualTo(completed.seq());
        assertThat(events).containsExactly("b took over", "a fenced"); // it compensates nothing
        assertCompletedOnce(handle.ref());
        assertThat(b.snapshot().running()).isZero();
    }

    @Test
    void a_dead_owner_that_has_begun_nothing_leaves_a_saga_that_runs_once() {
        // C2, C13: owned, nothing done; here by an engine of which nothing is left, not even a heartbeat
        SagaRef ref = new SagaRef("booking", "1");
        byte[] input = Fleet.there(SagaCodec.records().encode(Type.of(String.class), "x"));
        SagaInstance head = SagaInstance.builder(ref)
                .incarnation("i")
                .fence(7)
                .owner("gone#1")
                .build();
        fleet.store.insert(new SagaStore.Start(head, input, Fingerprint.of(input), null, List.of()));
        open("b", fleet.link());
        fleet.until(() -> fleet.head(ref).status() == SagaStatus.COMPLETED);
        assertThat(booking.calls).containsExactly("flight", "hotel", "payment");
        assertThat(events).containsExactly("b took over");
        assertCompletedOnce(ref);
    }

    @ParameterizedTest
    @CsvSource({"0", "1", "2"})
    void a_lost_acknowledgement_of_a_checkpoint_neither_repeats_a_step_nor_stops_the_saga(int before) {
        // C5: committed, but the answer was lost; the same process reads again and finds its own line
        Link a = fleet.link();
        SagaEngine engine = open("a", a);
        String[] steps = {"flight", "hotel", "payment"};
        Booking.Held held = booking.hold(steps[before], Booking.At.AFTER);
        SagaHandle<String> handle = engine.start(booking.saga, "1", "x");
        held.reach();
        a.loseWrites(1);
        held.go();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(booking.calls).containsExactly("flight", "hotel", "payment");
        assertThat(events).isEmpty();
        assertCompletedOnce(handle.ref());
    }

    @ParameterizedTest
    @CsvSource({"cancel-hotel,BEFORE", "cancel-hotel,AFTER", "cancel-flight,BEFORE", "cancel-flight,AFTER"})
    void an_engine_that_freezes_in_an_undo_is_followed_by_one_that_undoes_everything_once_in_reverse(
            String undo, Booking.At at) {
        // C9, C10, C11
        booking.failing("payment", new StepRejectedException("no money"));
        Link a = fleet.link();
        Booking.Held held = booking.hold(undo, at);
        SagaHandle<String> handle = open("a", a).start(booking.saga, "1", "x");
        open("b", fleet.link());
        held.reach();
        a.cut();
        fleet.untilStatus(handle, SagaStatus.COMPENSATED);
        a.mend();
        held.go();
        fleet.until(() -> events.contains("a fenced"));
        assertThat(booking.effects).containsExactly("flight", "hotel", "cancel-hotel", "cancel-flight");
        assertThat(events).containsExactly("a turned", "b took over", "a fenced");
    }

    @Test
    void a_second_death_is_survived_like_the_first() {
        Link a = fleet.link();
        Link b = fleet.link();
        Booking.Held first = booking.hold("flight", Booking.At.AFTER);
        SagaHandle<String> handle = open("a", a).start(booking.saga, "1", "x");
        open("b", b);
        first.reach();
        Booking.Held second = booking.hold("hotel", Booking.At.AFTER);
        a.cut();
        fleet.until(() -> second.reached().getCount() == 0);
        b.cut();
        open("c", fleet.link());
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        a.mend();
        b.mend();
        first.go();
        second.go();
        fleet.until(() -> events.contains("a fenced") && events.contains("b fenced"));
        assertThat(events).containsExactlyInAnyOrder("b took over", "c took over", "a fenced", "b fenced");
        assertCompletedOnce(handle.ref());
    }

    @Test
    void a_handle_hears_what_its_saga_came_to_on_another_engine() throws Exception {
        Link a = fleet.link();
        SagaEngine mine = open("a", a);
        SagaEngine other = open("b", fleet.link());
        Booking.Held held = booking.hold("hotel", Booking.At.AFTER);
        SagaHandle<String> handle = mine.start(booking.saga, "1", "x");
        var completion = handle.completion();
        var elsewhere = other.handle(booking.saga, "1").completion();
        held.reach();
        a.cut();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        a.mend();
        held.go();
        fleet.until(() -> completion.isDone() && elsewhere.isDone());
        assertThat(completion.join().orElseThrow()).isEqualTo("flight-x hotel-x payment-x");
        assertThat(elsewhere.join().orElseThrow()).isEqualTo("flight-x hotel-x payment-x");
    }
}
