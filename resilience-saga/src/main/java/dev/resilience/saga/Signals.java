// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Signals and cancellations: durable in the store, then a nudge to whoever runs the saga here. */
final class Signals {
    private final Engine engine;

    Signals(Engine engine) {
        this.engine = engine;
    }

    SagaReply signal(SagaRef saga, String name, @Nullable Object value, String key) {
        engine.checkOpen();
        Objects.requireNonNull(saga, "saga");
        Objects.requireNonNull(key, "key");
        if (key.isEmpty() || key.length() > 200)
            throw new IllegalArgumentException(
                    "saga " + saga + ": the key of a signal must have 1 to 200 characters, has " + key.length());
        Type<?> type = type(saga, Objects.requireNonNull(name, "name"));
        byte[] bytes = Payloads.encodeNullable(engine, "saga " + saga + ": signal " + name, type, value);
        SagaReply reply = engine.store.signal(saga, new SagaStore.Signal(name, key, bytes, engine.clock.nowMs()));
        if (reply == SagaReply.ACCEPTED) engine.nudge(saga);
        return reply;
    }

    /** What the newest version that awaits it declares. */
    private Type<?> type(SagaRef saga, String name) {
        for (Chart chart : engine.definitions.versions(saga.name()))
            if (chart.plan().find(name) instanceof Node.Await await) return await.result();
        throw new IllegalArgumentException("saga " + saga + ": no version of '" + saga.name()
                + "' that is registered with this engine awaits a signal '" + name + "'");
    }

    SagaReply cancel(SagaRef saga) {
        engine.checkOpen();
        SagaReply reply = engine.store.cancel(Objects.requireNonNull(saga, "saga"), engine.clock.nowMs());
        if (reply == SagaReply.ACCEPTED) engine.nudge(saga);
        return reply;
    }
}
