// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** A driver that only hands on. */
final class Through extends Driver {
    Through(String name) {
        super(name);
    }

    @Override
    protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
            throws Exception {
        return next.call(op, context);
    }

    @Override
    protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
            Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
        return next.callAsync(op, context);
    }
}
