// SPDX-License-Identifier: Apache-2.0
package org.thirdparty;

import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Driver;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A third party's driver: writes down what came of each call. */
public final class Logged extends Driver {
    private final List<String> log = new CopyOnWriteArrayList<>();

    public Logged(String name) {
        super(name);
    }

    @Override
    protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
            throws Exception {
        try {
            T value = next.call(op, context);
            log.add("returned " + value);
            return value;
        } catch (Exception thrown) {
            log.add("threw " + thrown.getMessage());
            throw thrown;
        }
    }

    @Override
    protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
            Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
        return next.<T>callAsync(op, context)
                .whenComplete((value, thrown) ->
                        log.add(thrown == null ? "returned " + value : "threw " + thrown.getMessage()));
    }

    public List<String> log() {
        return List.copyOf(log);
    }
}
