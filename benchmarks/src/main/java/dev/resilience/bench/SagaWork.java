// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import java.util.concurrent.atomic.LongAdder;

/** The saga that everybody runs: three steps, each of which returns a small record, and an output made of two. */
public final class SagaWork {
    private final LongAdder steps = new LongAdder();

    /**
     * What it is started with.
     *
     * @param id of the order
     * @param article what is ordered
     * @param count how many
     */
    public record Order(String id, String article, int count) {}

    /**
     * The first step's result.
     *
     * @param id of the reservation
     * @param count how many are held
     */
    public record Reservation(String id, int count) {}

    /**
     * The second step's result.
     *
     * @param id of the payment
     * @param cents that were paid
     */
    public record Payment(String id, long cents) {}

    /**
     * The third step's result.
     *
     * @param id of the parcel
     * @param carrier who has it
     */
    public record Parcel(String id, String carrier) {}

    /**
     * What comes out.
     *
     * @param payment its id
     * @param parcel its id
     */
    public record Receipt(String payment, String parcel) {}

    static Order order(String id) {
        return new Order(id, "teapot", 3);
    }

    Reservation reserve(Order order) {
        steps.increment();
        return new Reservation("r-" + order.id(), order.count());
    }

    Payment pay(Order order, Reservation reservation) {
        steps.increment();
        return new Payment("p-" + order.id(), 995L * reservation.count());
    }

    Parcel ship(Reservation reservation) {
        steps.increment();
        return new Parcel("s-" + reservation.id(), "stork");
    }

    static Receipt receipt(Payment payment, Parcel parcel) {
        return new Receipt(payment.id(), parcel.id());
    }

    /** How many steps have been called. */
    long steps() {
        return steps.sum();
    }
}
