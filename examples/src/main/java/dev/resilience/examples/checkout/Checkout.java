// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.checkout;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import dev.resilience.Backoff;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.examples.checkout.Order.Line;
import dev.resilience.examples.checkout.Participants.Refused;
import dev.resilience.saga.Saga;

/** The saga: everything the checkout does, and how each part is undone. */
final class Checkout {
    private static final Backoff BRIEF =
            Backoff.exponential(ofMillis(20)).cap(ofMillis(500)).fullJitter();

    /**
     * What the customer gets.
     *
     * @param capture proof of payment
     * @param parcel to be followed
     */
    record Receipt(String capture, String parcel) {}

    private Checkout() {}

    static Saga<Order, Receipt> saga(Participants p) {
        CircuitBreaker carrier = CircuitBreaker.builder("shipping").build();

        var s = Saga.define("checkout", 1, Order.class);

        s.step("place", String.class)
                .run((order, c) -> p.post(p.orders(), "place", order.id(), "", 0, c.key()))
                .undo((order, id, c) -> p.post(p.orders(), "cancel", order.id(), "", 0, c.key()))
                .retry(10, BRIEF)
                .undoRetry(1_000, BRIEF)
                .add();

        s.forEach("reserve", Line.class, String.class)
                .over(Order::lines)
                .run((order, line, c) ->
                        p.post(p.inventory(), "reserve", order.id(), line.sku(), line.count(), c.key()))
                .undo((order, line, reservation, c) ->
                        p.post(p.inventory(), "release", order.id(), reservation, 0, c.key()))
                .rejectsOn(Refused.class)
                .retry(10, BRIEF)
                .undoRetry(1_000, BRIEF)
                .add();

        var authorised = s.step("authorise", String.class)
                .run((order, c) -> p.post(p.payment(), "authorise", order.id(), order.card(), order.price(), c.key()))
                .undo((order, id, c) -> p.post(p.payment(), "void", order.id(), id, 0, c.key()))
                .rejectsOn(Refused.class)
                .retry(10, BRIEF)
                .add();

        var captured = s.pivot("capture", String.class)
                .run(authorised, (order, id, c) -> p.post(p.payment(), "capture", order.id(), id, 0, c.key()))
                .retry(1_000, BRIEF)
                .attemptTimeout(ofSeconds(5))
                .add();

        var shipped = s.retriable("ship", String.class)
                .run((order, c) -> p.post(p.shipping(), "ship", order.id(), "", 0, c.key()))
                .through(carrier)
                .retry(1_000, BRIEF)
                .add();

        s.retriable("confirm", String.class)
                .run((order, c) -> p.post(p.orders(), "confirm", order.id(), "", 0, c.key()))
                .retry(1_000, BRIEF)
                .add();

        return s.returns(captured, shipped, (order, capture, parcel) -> new Receipt(capture, parcel));
    }
}
