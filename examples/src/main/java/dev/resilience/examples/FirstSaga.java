// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static java.time.Duration.ofMinutes;

import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaHandle;
import java.time.Duration;
import javax.sql.DataSource;

/** The code about sagas of README.md and docs/guide/getting-started.md, which the gates compare with the pages. */
final class FirstSaga {
    /** What is ordered. */
    record Order(String id, String sku, String card) {}

    record Reservation(String id) {}

    record Authorisation(String id) {}

    record Receipt(String payment) {}

    record Parcel(String id) {}

    /** Nothing left: the stock has not reserved, and never will under this key. */
    static final class OutOfStock extends Exception {
        private static final long serialVersionUID = 1L;
    }

    interface Stock {
        Reservation reserve(String sku, String key) throws OutOfStock;

        void release(String reservation, String key);
    }

    interface Payments {
        Authorisation authorise(String card, String key);

        void cancel(String authorisation, String key);

        Receipt capture(String authorisation, String key);
    }

    interface Carrier {
        Parcel ship(String reservation, String key);
    }

    private FirstSaga() {}

    static Saga<Order, Receipt> placeOrder(Stock stock, Payments payments, Carrier carrier) {
        var s = Saga.define("place-order", 1, Order.class);
        var reserved = s.step("reserve", Reservation.class)
                .run((order, c) ->
                        stock.reserve(order.sku(), c.key())) // the same key on every attempt, after every crash
                .undo((order, reservation, c) -> stock.release(reservation.id(), c.key()))
                .rejectsOn(OutOfStock.class)
                .add();
        var authorised = s.step("authorise", Authorisation.class)
                .run((order, c) -> payments.authorise(order.card(), c.key()))
                .undo((order, authorisation, c) -> payments.cancel(authorisation.id(), c.key()))
                .add();
        var captured = s.pivot("capture", Receipt.class) // from here on nothing is undone
                .run(authorised, (order, authorisation, c) -> payments.capture(authorisation.id(), c.key()))
                .add();
        s.retriable("ship", Parcel.class)
                .run(reserved, (order, reservation, c) -> carrier.ship(reservation.id(), c.key()))
                .add();
        return s.returns(captured, (order, receipt) -> receipt);
    }

    static Receipt ordered(DataSource database, Saga<Order, Receipt> placeOrder, Order order)
            throws InterruptedException {
        try (SagaEngine engine = SagaEngine.jdbc(database).register(placeOrder).open()) {
            SagaHandle<Receipt> saga = engine.start(placeOrder, order.id(), order); // durable, and once per id
            return saga.await(ofMinutes(1)).orElseThrow();
        }
    }

    /** The same without a database, for a first try and for tests. */
    static Receipt orderedInMemory(Saga<Order, Receipt> placeOrder, Order order, Duration max)
            throws InterruptedException {
        try (SagaEngine engine = SagaEngine.inMemory().register(placeOrder).open()) {
            return engine.start(placeOrder, order.id(), order).await(max).orElseThrow();
        }
    }
}
