// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S6: sagas that an engine owns and does not run, because an answer was lost; and names that come back. */
class StrayTest {
    private final Fleet fleet = new Fleet();
    private final Booking booking = new Booking();

    @AfterEach
    void close() {
        fleet.close();
    }

    private SagaEngine open(Link link) {
        return fleet.open("a", link, builder -> builder.register(booking.saga));
    }

    @Test
    void a_start_whose_answer_is_lost_once_is_known_for_its_own() throws Exception {
        Link link = fleet.link();
        SagaEngine engine = open(link);
        link.loseStarts(1);
        AtomicReference<SagaHandle<String>> started = new AtomicReference<>();
        Thread starter = fleet.start("starter", () -> started.set(engine.start(booking.saga, "1", "x")));
        fleet.passUntilDone(starter);
        fleet.untilStatus(Fleet.there(started.get()), SagaStatus.COMPLETED);
        booking.assertBooked();
        assertThat(booking.calls).hasSize(3);
    }

    @Test
    void a_start_whose_answers_are_all_lost_fails_and_is_run_by_its_owner_all_the_same() {
        Link link = fleet.link();
        SagaEngine engine = open(link);
        link.loseStarts(Integer.MAX_VALUE);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread starter = fleet.start("starter", () -> {
            try {
                engine.start(booking.saga, "1", "x");
            } catch (Throwable unknown) {
                thrown.set(unknown);
            }
        });
        fleet.passUntilDone(starter);
        assertThat(thrown.get()).isInstanceOf(SagaStoreException.class);
        link.loseStarts(0);
        SagaRef ref = new SagaRef("booking", "1");
        assertThat(fleet.head(ref).owner()).startsWith("a#");
        Duration adopted = fleet.until(() -> fleet.head(ref).status() == SagaStatus.COMPLETED);
        assertThat(adopted).isLessThanOrEqualTo(Fleet.LEASE.multipliedBy(3));
        booking.assertBooked();
        assertThat(booking.calls).hasSize(3); // G1: it is durable, so it ends
    }

    @Test
    void a_claim_whose_answer_is_lost_is_adopted() {
        Link link = fleet.link();
        SagaEngine engine = open(link);
        link.loseClaims(1);
        // nobody's and due: as somebody's transaction leaves it
        SagaRef ref = new SagaRef("booking", "1");
        byte[] input = Fleet.there(SagaCodec.records().encode(Type.of(String.class), "x"));
        SagaInstance head =
                SagaInstance.builder(ref).incarnation("i").fence(7).wakeMs(0).build();
        fleet.store.insert(new SagaStore.Start(head, input, Fingerprint.of(input), null, List.of()));
        fleet.until(() -> fleet.head(ref).owner() != null);
        assertThat(engine.snapshot().running()).isZero();
        Duration adopted = fleet.until(() -> fleet.head(ref).status() == SagaStatus.COMPLETED);
        assertThat(adopted).isLessThanOrEqualTo(Fleet.LEASE.multipliedBy(3));
        assertThat(booking.calls).hasSize(3);
        assertThat(fleet.head(ref).claims()).isZero(); // nobody died
    }

    @Test
    void what_an_engine_runs_is_no_stray_however_long_it_takes() {
        Link link = fleet.link();
        SagaEngine engine = open(link);
        Booking.Held held = booking.hold("hotel", Booking.At.BEFORE);
        SagaHandle<String> handle = engine.start(booking.saga, "1", "x");
        held.reach();
        long fence = fleet.head(handle.ref()).fence();
        fleet.pass(Fleet.LEASE.multipliedBy(5));
        assertThat(fleet.head(handle.ref()).fence()).isEqualTo(fence);
        held.go();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(booking.calls).hasSize(3);
    }

    @Test
    void an_id_that_was_purged_and_comes_back_has_other_keys_and_another_fence() {
        // S8, S6b: a participant that remembers the old keys makes its effects again
        SagaEngine engine = open(fleet.link());
        SagaHandle<String> first = engine.start(booking.saga, "1", "x");
        fleet.untilStatus(first, SagaStatus.COMPLETED);
        SagaInstance before = fleet.head(first.ref());
        fleet.pass(Duration.ofSeconds(1));
        assertThat(engine.admin().purge(Duration.ZERO)).isEqualTo(1);
        assertThatThrownBy(first::status).isInstanceOf(IllegalStateException.class);
        SagaHandle<String> second = engine.start(booking.saga, "1", "x");
        fleet.untilStatus(second, SagaStatus.COMPLETED);
        SagaInstance after = fleet.head(second.ref());
        assertThat(after.incarnation()).isNotEqualTo(before.incarnation());
        assertThat(after.fence()).isNotEqualTo(before.fence());
        assertThat(booking.effects).hasSize(6);
    }

    @Test
    void an_engine_that_opens_again_under_its_name_is_another_owner() {
        Link link = fleet.link();
        SagaEngine first = open(link);
        Booking.Held held = booking.hold("hotel", Booking.At.AFTER);
        SagaHandle<String> handle = first.start(booking.saga, "1", "x");
        held.reach();
        link.cut(); // the process dies and comes back before its lease is over (S6c)
        SagaEngine second = open(fleet.link());
        assertThat(second.snapshot().owner()).isNotEqualTo(first.snapshot().owner());
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        booking.assertBooked();
        held.go();
    }
}
