// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static dev.resilience.saga.Fleet.LEASE;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** S13: what makes an engine dead, and what does not. */
class LeaseTest {
    private final Fleet fleet = new Fleet();
    private final List<String> done = new CopyOnWriteArrayList<>();
    private final CountDownLatch firstBegun = new CountDownLatch(1);
    private final CountDownLatch firstMayEnd = new CountDownLatch(1);
    private final AtomicInteger takeovers = new AtomicInteger();

    /** Two steps, the first of which ends when the test says so. */
    private final Saga<String, Void> slow = slow();

    private Saga<String, Void> slow() {
        SagaDefinition<String> s = Saga.define("slow", 1, String.class);
        s.step("first", String.class)
                .run((in, c) -> {
                    firstBegun.countDown();
                    Fleet.await(firstMayEnd);
                    done.add("first");
                    return "";
                })
                .harmless()
                .attemptTimeout(Duration.ofHours(1))
                .add();
        s.step("second", String.class)
                .run((in, c) -> {
                    done.add("second");
                    return "";
                })
                .harmless()
                .add();
        return s.build();
    }

    private final SagaListener counting = new SagaListener() {
        @Override
        public void takenOver(SagaRef saga, @Nullable String from, int claims) {
            takeovers.incrementAndGet();
        }
    };

    private SagaEngine open(String node, Link link) {
        return fleet.open(node, link, builder -> builder.register(slow).listener(counting));
    }

    @AfterEach
    void close() {
        firstMayEnd.countDown();
        fleet.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {3_600_000, -3_600_000})
    void the_clock_of_the_database_may_jump_an_hour_and_nobody_is_dead(long jumpMs) {
        Link a = fleet.link();
        Link b = fleet.link();
        SagaHandle<Void> handle = open("a", a).start(slow, "1", "in");
        open("b", b);
        Fleet.await(firstBegun);
        fleet.pass(LEASE);
        a.shiftMs = jumpMs; // L4: an hour changes nothing that matters
        b.shiftMs = jumpMs;
        fleet.pass(LEASE.multipliedBy(3));
        assertThat(takeovers).hasValue(0);
        firstMayEnd.countDown();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(done).containsExactly("first", "second");
    }

    @Test
    void a_store_that_is_away_for_longer_than_the_lease_makes_nobody_dead() {
        Link a = fleet.link();
        Link b = fleet.link();
        SagaHandle<Void> handle = open("a", a).start(slow, "1", "in");
        open("b", b);
        Fleet.await(firstBegun);
        fleet.pass(LEASE);
        a.cut();
        b.cut();
        fleet.pass(LEASE.multipliedBy(4));
        a.mend();
        b.mend();
        fleet.pass(LEASE.multipliedBy(4));
        assertThat(takeovers).hasValue(0);
        firstMayEnd.countDown();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(done).containsExactly("first", "second");
    }

    @Test
    void an_engine_whose_heartbeat_fails_begins_nothing_more_and_goes_on_when_it_succeeds_again() {
        Link a = fleet.link();
        SagaEngine engine = open("a", a);
        SagaHandle<Void> handle = engine.start(slow, "1", "in");
        Fleet.await(firstBegun);
        a.cutBeats();
        fleet.pass(LEASE);
        assertThat(engine.snapshot().live()).isFalse();
        firstMayEnd.countDown();
        // what was earned is offered to the journal all the same: the guard makes that safe
        fleet.until(() -> fleet.head(handle.ref()).seq() == 1);
        fleet.pass(LEASE);
        assertThat(done).containsExactly("first");
        assertThat(engine.snapshot().beatAge()).isGreaterThan(LEASE);
        a.mend();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(done).containsExactly("first", "second");
        assertThat(engine.snapshot().live()).isTrue();
    }

    @Test
    void what_is_started_on_an_engine_whose_heartbeat_fails_is_left_to_others() {
        Link a = fleet.link();
        SagaEngine engine = open("a", a);
        open("b", fleet.link());
        fleet.pass(LEASE);
        a.cutBeats();
        fleet.pass(LEASE);
        SagaHandle<Void> handle = engine.start(slow, "1", "in");
        fleet.until(() -> firstBegun.getCount() == 0);
        assertThat(fleet.head(handle.ref()).owner()).startsWith("b#");
        assertThat(takeovers).hasValue(0); // it was nobody's
    }

    @Test
    void a_dead_engines_saga_is_taken_over_within_two_leases() {
        Link a = fleet.link();
        SagaHandle<Void> handle = open("a", a).start(slow, "1", "in");
        open("b", fleet.link());
        Fleet.await(firstBegun);
        fleet.pass(LEASE);
        a.cut();
        Duration taken = fleet.until(() -> takeovers.get() == 1); // L16
        assertThat(taken).isGreaterThanOrEqualTo(LEASE).isLessThanOrEqualTo(LEASE.multipliedBy(2));
        assertThat(fleet.head(handle.ref()).owner()).startsWith("b#");
        assertThat(fleet.head(handle.ref()).claims()).isEqualTo(1);
    }

    @Test
    void rows_of_engines_that_are_dead_for_long_go_away() {
        Link a = fleet.link();
        open("a", a);
        open("b", fleet.link());
        a.cut();
        fleet.until(() -> fleet.store.beat("observer", 1, false).beats().keySet().stream()
                .noneMatch(owner -> owner.startsWith("a#")));
        assertThat(fleet.store.beat("observer", 2, false).beats()).hasSize(2);
    }

    /** A name proves no death: two live engines share it by default, and a rolling deploy has two for a while. */
    @Test
    void a_living_engine_loses_nothing_to_another_one_of_its_name() {
        SagaHandle<Void> handle = open("a", fleet.link()).start(slow, "1", "in");
        Fleet.await(firstBegun);
        fleet.pass(LEASE);
        for (int i = 0; i < 3; i++) {
            open("a", fleet.link());
            fleet.pass(LEASE.multipliedBy(2));
        }
        assertThat(takeovers).hasValue(0);
        firstMayEnd.countDown();
        fleet.untilStatus(handle, SagaStatus.COMPLETED);
        assertThat(done).containsExactly("first", "second");
    }

    /** A restart after a close waits for nothing, whatever the names. */
    @Test
    void what_a_closed_engine_gives_back_its_successor_of_the_same_name_runs_at_once() {
        SagaEngine first = open("a", fleet.link());
        SagaHandle<Void> handle = first.start(slow, "1", "in");
        Fleet.await(firstBegun);
        fleet.pass(LEASE);
        fleet.close(first); // its step hangs beyond the drain
        SagaEngine successor = open("a", fleet.link());
        Duration taken = fleet.until(() ->
                successor.snapshot().owner().equals(fleet.head(handle.ref()).owner()));
        assertThat(taken).isLessThan(LEASE);
        assertThat(takeovers).hasValue(0); // nobody died
    }
}
