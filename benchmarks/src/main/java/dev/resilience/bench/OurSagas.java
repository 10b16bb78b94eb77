// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaOutcome;
import dev.resilience.saga.SagaStore;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;

/** This library: a step with its undo, a pivot and a retriable step, everything else at its default. */
final class OurSagas implements SagaRunner {
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private final String name;
    private final SagaWork work = new SagaWork();
    private final Saga<SagaWork.Order, SagaWork.Receipt> saga = saga(work);
    private final SagaEngine engine;

    OurSagas(String name, SagaEngine.Builder engine) {
        this.name = name;
        this.engine = engine.register(saga).open();
    }

    static Saga<SagaWork.Order, SagaWork.Receipt> saga(SagaWork work) {
        var s = Saga.define("place", 1, SagaWork.Order.class);
        var reserved = s.step("reserve", SagaWork.Reservation.class)
                .run((order, c) -> work.reserve(order))
                .undo((order, reservation, c) -> {})
                .add();
        var paid = s.pivot("pay", SagaWork.Payment.class)
                .run(reserved, (order, reservation, c) -> work.pay(order, reservation))
                .add();
        var shipped = s.retriable("ship", SagaWork.Parcel.class)
                .run(reserved, (order, reservation, c) -> work.ship(reservation))
                .add();
        return s.returns(paid, shipped, (order, payment, parcel) -> SagaWork.receipt(payment, parcel));
    }

    /** The same store, but each write alone. */
    static SagaStore oneByOne(SagaStore store) {
        return (SagaStore) Proxy.newProxyInstance(
                SagaStore.class.getClassLoader(), new Class<?>[] {SagaStore.class}, (self, method, args) -> {
                    if (method.getName().equals("batches")) return false;
                    try {
                        return method.invoke(store, args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public SagaWork.Receipt run(String id) throws InterruptedException {
        SagaOutcome<SagaWork.Receipt> outcome =
                engine.start(saga, id, SagaWork.order(id)).await(PATIENCE);
        if (outcome instanceof SagaOutcome.Completed<SagaWork.Receipt> done) return done.value();
        throw new IllegalStateException(id + ": " + outcome);
    }

    SagaEngine engine() {
        return engine;
    }

    @Override
    public long steps() {
        return work.steps();
    }

    @Override
    public void close() {
        engine.close();
    }
}
