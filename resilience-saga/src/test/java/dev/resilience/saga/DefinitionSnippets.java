// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import dev.resilience.Backoff;
import dev.resilience.Policy;
import java.sql.PreparedStatement;
import java.util.List;
import java.util.Optional;

/** Code that the documentation shows. */
final class DefinitionSnippets {
    private DefinitionSnippets() {}

    record Line(String sku, int count) {}

    record Order(String id, String customer, List<Line> lines, String card, boolean gift) {}

    record Reservation(String id) {}

    record Authorisation(String id) {}

    record Capture(String id) {}

    record Parcel(String id) {}

    record Receipt(String capture, String parcel) {}

    record Paid(String reference) {}

    static final class OutOfStock extends Exception {
        private static final long serialVersionUID = 1L;
    }

    interface Stock {
        Reservation reserve(List<Line> lines, String key) throws OutOfStock;

        Reservation reserve(Line line, String key) throws OutOfStock;

        void release(String id, String key);

        void releaseByKey(String actionKey, String key);

        boolean available(List<Line> lines);
    }

    interface Payments {
        Authorisation authorise(String card, String key);

        void cancel(String id, String key);

        Capture capture(String id, String key);

        Optional<Authorisation> find(String key);

        Capture captureOnce(String card);
    }

    interface Carrier {
        Parcel dispatch(String reservation, String key);

        String insure(String order, String key);

        void cancelInsurance(String id, String key);
    }

    static Saga<Order, Receipt> placeOrder(Stock stock, Payments payments, Carrier carrier, Policy carrierBreaker) {
        // @start region="define"
        var s = Saga.define("place-order", 1, Order.class);

        var reserved = s.step("reserve", Reservation.class)
                .run((order, c) -> stock.reserve(order.lines(), c.key()))
                .undo((order, reservation, c) -> stock.release(reservation.id(), c.key()))
                .rejectsOn(OutOfStock.class)
                .retry(4, Backoff.exponential(ofMillis(50)).cap(ofSeconds(5)).fullJitter())
                .attemptTimeout(ofSeconds(2))
                .add();

        var authorised = s.step("authorise", Authorisation.class)
                .run((order, c) -> payments.authorise(order.card(), c.key()))
                .undo((order, authorisation, c) -> payments.cancel(authorisation.id(), c.key()))
                .add();

        var captured = s.pivot("capture", Capture.class)
                .run(authorised, (order, authorisation, c) -> payments.capture(authorisation.id(), c.key()))
                .add();

        var shipped = s.retriable("ship", Parcel.class)
                .run(reserved, (order, reservation, c) -> carrier.dispatch(reservation.id(), c.key()))
                .through(carrierBreaker)
                .add();

        Saga<Order, Receipt> saga =
                s.returns(captured, shipped, (order, capture, parcel) -> new Receipt(capture.id(), parcel.id()));
        // @end
        return saga;
    }

    static void doubt(SagaDefinition<Order> s, Stock stock, Payments payments) {
        // @start region="doubt"
        s.step("check", Boolean.class) // reads only: nothing to undo, nothing to doubt
                .run((order, c) -> stock.available(order.lines()))
                .harmless()
                .add();

        s.step("authorise", Authorisation.class) // asks what became of its key
                .run((order, c) -> payments.authorise(order.card(), c.key()))
                .undo((order, authorisation, c) -> payments.cancel(authorisation.id(), c.key()))
                .probe((order, c) ->
                        payments.find(c.key()).map(ProbeResult::completed).orElseGet(ProbeResult::unknown))
                .resolveFor(ofHours(6))
                .add();

        s.step("reserve", Reservation.class) // the participant can undo a key it has never seen
                .run((order, c) -> stock.reserve(order.lines(), c.key()))
                .undoInDoubt((order, c) -> stock.releaseByKey(c.actionKey(), c.key()))
                .add();

        s.pivot("charge", Capture.class) // the participant knows no keys: a person decides
                .run((order, c) -> payments.captureOnce(order.card()))
                .atMostOnce()
                .add();
        // @end
    }

    static void shapes(SagaDefinition<Order> s, Stock stock, Payments payments, Carrier carrier) {
        // @start region="conditional"
        var insured = s.step("insure", String.class)
                .run((order, c) -> carrier.insure(order.id(), c.key()))
                .undo((order, insurance, c) -> carrier.cancelInsurance(insurance, c.key()))
                .addWhen(order -> order.lines().size() > 3); // Result<Optional<String>>
        // @end
        // @start region="each"
        var reserved = s.forEach("reserve", Line.class, Reservation.class)
                .over(Order::lines)
                .run((order, line, c) -> stock.reserve(line, c.key())) // the key ends in #0, #1, ...
                .undo((order, line, reservation, c) -> stock.release(reservation.id(), c.key()))
                .concurrency(4)
                .add(); // Result<List<Reservation>>
        // @end
        // @start region="fork"
        var parts = s.fork("parts");

        var money = parts.branch("money");
        var authorised = money.step("authorise", Authorisation.class)
                .run((order, c) -> payments.authorise(order.card(), c.key()))
                .undo((order, authorisation, c) -> payments.cancel(authorisation.id(), c.key()))
                .add();

        var goods = parts.branch("goods");
        goods.step("check", Boolean.class)
                .run((order, c) -> stock.available(order.lines()))
                .harmless()
                .add();

        parts.join(); // from here on `authorised` can be taken
        // @end
        // @start region="waits"
        var paid = s.await("paid", Paid.class).timeout(ofHours(24)).add(); // turns after a day
        var note = s.await("note", String.class).timeout(ofMinutes(5)).addOptional(); // goes on, empty

        s.delay("cool-off", ofMinutes(30));
        // @end
        s.pivot("capture", Capture.class)
                .run(authorised, paid, note, (order, a, p, n, c) -> payments.capture(a.id(), c.key()))
                .add();
        s.retriable("ship", Parcel.class)
                .run(
                        reserved,
                        insured,
                        (order, r, i, c) -> carrier.dispatch(r.get(0).id(), c.key()))
                .add();
    }

    static void transactional(SagaDefinition<Order> s) {
        // @start region="transactional"
        s.txStep("count", Integer.class)
                .run((order, connection, c) -> {
                    try (PreparedStatement update =
                            connection.prepareStatement("UPDATE customer SET orders = orders + 1 WHERE id = ?")) {
                        update.setString(1, order.customer());
                        return update.executeUpdate();
                    }
                })
                .undo((order, connection, updated, c) -> {
                    try (PreparedStatement update =
                            connection.prepareStatement("UPDATE customer SET orders = orders - 1 WHERE id = ?")) {
                        update.setString(1, order.customer());
                        update.executeUpdate();
                    }
                })
                .add();
        // @end
    }

    static SagaDefinition<Order> whole() {
        // @start region="whole"
        var s = Saga.define("place-order", 3, Order.class)
                .since(2) // runs on with sagas of version 2 as well
                .deadline(ofDays(2)) // turns if the pivot has not begun by then
                .lockKey(order -> "customer:" + order.customer()); // one live saga per customer
        // @end
        return s;
    }
}
