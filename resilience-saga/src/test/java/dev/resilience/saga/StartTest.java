// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** T1, T2, G1, G2, S7, S14: starts. */
class StartTest {
    record Order(String customer, int amount) {}

    private final Fleet fleet = new Fleet();
    private final Booking booking = new Booking();
    private final CountDownLatch free = new CountDownLatch(1);
    private final List<Order> charged = new CopyOnWriteArrayList<>();

    /** One order at a time for each customer. */
    private final Saga<Order, String> orders = orders();

    private Saga<Order, String> orders() {
        SagaDefinition<Order> s = Saga.define("orders", 1, Order.class).lockKey(in -> "customer:" + in.customer());
        Saga.Result<String> charge = s.pivot("charge", String.class)
                .run((in, c) -> {
                    Fleet.await(free);
                    charged.add(in);
                    return "charged " + in.amount();
                })
                .attemptTimeout(Duration.ofHours(1))
                .add();
        return s.returns(charge, (in, r) -> r);
    }

    @AfterEach
    void close() {
        free.countDown();
        fleet.close();
    }

    @Test
    void a_second_start_with_the_same_input_answers_the_first_ones_saga_whatever_became_of_it() throws Exception {
        SagaEngine a = fleet.open("a", booking.saga);
        SagaEngine b = fleet.open("b", booking.saga);
        SagaHandle<String> first = a.start(booking.saga, "1", "x");
        fleet.untilStatus(first, SagaStatus.COMPLETED);
        SagaHandle<String> second = b.start(booking.saga, "1", "x"); // G2, T2
        assertThat(second.await(Duration.ZERO).orElseThrow()).isEqualTo("flight-x hotel-x payment-x");
        assertThat(second.id()).isEqualTo("1");
        booking.assertBooked();
    }

    @Test
    void a_second_start_with_another_input_is_refused_and_changes_nothing() {
        SagaEngine a = fleet.open("a", booking.saga);
        SagaHandle<String> first = a.start(booking.saga, "1", "x");
        fleet.untilStatus(first, SagaStatus.COMPLETED);
        assertThatThrownBy(() -> a.start(booking.saga, "1", "y"))
                .isInstanceOf(SagaIdConflictException.class)
                .hasMessageContaining("booking/1")
                .hasMessageContaining("COMPLETED")
                .satisfies(e -> assertThat(((SagaIdConflictException) e).saga()).isEqualTo(first.ref()));
        booking.assertBooked();
    }

    @Test
    void many_starts_of_one_id_at_once_make_one_saga() throws Exception {
        SagaEngine a = fleet.open("a", booking.saga);
        SagaEngine b = fleet.open("b", booking.saga);
        int callers = 8;
        CyclicBarrier together = new CyclicBarrier(callers);
        List<Thread> threads = new ArrayList<>();
        List<SagaHandle<String>> handles = new CopyOnWriteArrayList<>();
        for (int i = 0; i < callers; i++) {
            SagaEngine engine = i % 2 == 0 ? a : b;
            threads.add(fleet.start("caller " + i, () -> {
                try {
                    together.await();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
                handles.add(engine.start(booking.saga, "1", "x"));
            }));
        }
        threads.forEach(fleet::passUntilDone);
        assertThat(handles).hasSize(callers);
        fleet.untilStatus(handles.get(0), SagaStatus.COMPLETED);
        assertThat(booking.calls).hasSize(3);
        fleet.until(() -> a.snapshot().running() + b.snapshot().running() == 0);
    }

    @Test
    void what_is_started_beyond_the_concurrency_is_durable_and_runs_when_there_is_room() {
        SagaEngine engine = fleet.open(
                "a", fleet.link(), builder -> builder.register(orders).concurrency(1));
        SagaHandle<String> first = engine.start(orders, "1", new Order("ann", 1));
        SagaHandle<String> second = engine.start(orders, "2", new Order("bob", 2));
        assertThat(fleet.head(second.ref()).owner()).isNull();
        fleet.pass(Duration.ofSeconds(5));
        assertThat(engine.snapshot().running()).isEqualTo(1);
        assertThat(fleet.status(second)).isEqualTo(SagaStatus.RUNNING);
        free.countDown();
        fleet.untilStatus(first, SagaStatus.COMPLETED);
        fleet.untilStatus(second, SagaStatus.COMPLETED);
    }

    @Test
    void a_lock_key_lets_one_live_saga_in_and_tells_the_others_who_holds_it() {
        SagaEngine engine = fleet.open("a", orders);
        SagaHandle<String> first = engine.start(orders, "1", new Order("ann", 1));
        assertThatThrownBy(() -> engine.start(orders, "2", new Order("ann", 2)))
                .isInstanceOfSatisfying(SagaLockedException.class, locked -> {
                    assertThat(locked.lockKey()).isEqualTo("customer:ann");
                    assertThat(locked.holder()).isEqualTo(first.ref());
                    assertThat(locked.since().toEpochMilli())
                            .isEqualTo(fleet.head(first.ref()).startedMs());
                    assertThat(locked).hasMessageContaining("orders/2").hasMessageContaining("orders/1");
                });
        assertThat(fleet.store.load(new SagaRef("orders", "2"))).isEmpty(); // S14: nothing was started
        // the holder itself is answered, not refused: an existing saga comes before a held lock
        assertThat(engine.start(orders, "1", new Order("ann", 1)).ref()).isEqualTo(first.ref());
        SagaHandle<String> other = engine.start(orders, "3", new Order("bob", 3));
        free.countDown();
        fleet.untilStatus(first, SagaStatus.COMPLETED);
        fleet.untilStatus(other, SagaStatus.COMPLETED);
        SagaHandle<String> next = engine.start(orders, "2", new Order("ann", 2));
        fleet.untilStatus(next, SagaStatus.COMPLETED);
    }

    @Test
    void an_input_beyond_the_cap_is_refused_before_anything_is_started() {
        SagaEngine engine = fleet.open(
                "a", fleet.link(), builder -> builder.register(booking.saga).maxPayload(1_024));
        assertThatThrownBy(() -> engine.start(booking.saga, "1", "x".repeat(2_000)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("booking/1")
                .hasMessageContaining("2002 bytes")
                .hasMessageContaining("1024");
        assertThat(fleet.store.list(SagaQuery.all())).isEmpty();
        assertThat(engine.snapshot().running()).isZero();
    }

    @Test
    void a_definition_that_is_not_registered_is_refused_with_what_is() {
        SagaEngine engine = fleet.open("a", booking.saga);
        assertThatThrownBy(() -> engine.start(orders, "1", new Order("ann", 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'orders' version 1 is not registered")
                .hasMessageContaining("booking");
        assertThatThrownBy(() -> engine.start(new Booking().saga, "1", "x")).hasMessageContaining("another one");
    }

    @Test
    void empty_and_overlong_ids_are_refused() {
        SagaEngine engine = fleet.open("a", booking.saga);
        assertThatThrownBy(() -> engine.start(booking.saga, "", "x")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> engine.start(booking.saga, "i".repeat(129), "x"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("128");
        assertThat(engine.snapshot().running()).isZero();
    }

    @Test
    void a_lock_key_that_throws_comes_out_as_thrown_and_starts_nothing() {
        IllegalStateException broken = new IllegalStateException("broken");
        SagaDefinition<String> s = Saga.define("broken", 1, String.class).lockKey(in -> {
            throw broken;
        });
        s.delay("soon", Duration.ofSeconds(1));
        Saga<String, Void> saga = s.build();
        SagaEngine engine = fleet.open("a", saga);
        assertThatThrownBy(() -> engine.start(saga, "1", "x")).isSameAs(broken); // L9
        assertThat(fleet.store.list(SagaQuery.all())).isEmpty();
        assertThat(engine.snapshot().running()).isZero();
    }

    @Test
    void a_start_within_a_transaction_needs_a_database() {
        SagaEngine engine = fleet.open("a", booking.saga);
        Connection none = (Connection) Proxy.newProxyInstance(
                StartTest.class.getClassLoader(), new Class<?>[] {Connection.class}, (p, m, args) -> null);
        assertThatThrownBy(() -> engine.start(none, booking.saga, "1", "x"))
                .isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void a_handle_of_a_saga_that_is_not_there_says_so() throws Exception {
        SagaEngine engine = fleet.open("a", booking.saga);
        SagaHandle<String> nobody = engine.handle(booking.saga, "nobody");
        assertThatThrownBy(nobody::status)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("booking/nobody is not there");
        assertThat(nobody.completion()).isNotDone();
    }
}
