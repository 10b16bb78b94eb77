// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Subscription;
import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaAdmin;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaHandle;
import dev.resilience.saga.SagaListener;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaReply;
import java.sql.Connection;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** An engine of which a test says what happens; for its numbers it asks a real one, which has nothing to do. */
final class HeardEngine implements SagaEngine {
    static final Saga<String, String> ORDER = order("place-order");

    final List<SagaListener> listeners = new CopyOnWriteArrayList<>();
    private final SagaEngine idle = SagaEngine.inMemory()
            .register(ORDER)
            .register(order("refund"))
            .concurrency(7)
            .open();

    private static Saga<String, String> order(String name) {
        var saga = Saga.define(name, 1, String.class);
        var paid =
                saga.retriable("pay", String.class).run((in, c) -> "paid " + in).add();
        return saga.returns(paid, (in, text) -> text);
    }

    void happens(Consumer<SagaListener> event) {
        listeners.forEach(event);
    }

    @Override
    public Subscription onEvent(SagaListener listener) {
        listeners.add(listener);
        return () -> listeners.remove(listener);
    }

    @Override
    public Snapshot snapshot() {
        return idle.snapshot();
    }

    @Override
    public <I, O> SagaHandle<O> start(Saga<I, O> saga, String id, I input) {
        throw new UnsupportedOperationException();
    }

    @Override
    public <I, O> SagaHandle<O> start(Connection transaction, Saga<I, O> saga, String id, I input) {
        throw new UnsupportedOperationException();
    }

    @Override
    public <O> SagaHandle<O> handle(Saga<?, O> saga, String id) {
        throw new UnsupportedOperationException();
    }

    @Override
    public SagaReply signal(SagaRef saga, String name, Object value, String key) {
        throw new UnsupportedOperationException();
    }

    @Override
    public SagaReply cancel(SagaRef saga) {
        throw new UnsupportedOperationException();
    }

    @Override
    public SagaAdmin admin() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        idle.close();
    }
}
