// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/**
 * Work that wants to see its call: attempt number, deadline, attributes, cancellation.
 *
 * <p>This is the one shape that drivers and pipelines hand on; {@link Op} and {@link Action} are subtypes of it, so a
 * plain lambda reaches the innermost policy without an adapter object. Use {@link Op} where the context is not needed.
 *
 * @param <T> the type of the value; for the asynchronous face a {@link java.util.concurrent.CompletionStage}
 * @param <X> the checked exception that the work throws; {@link RuntimeException} when it throws none
 */
@FunctionalInterface
public interface ContextOp<T extends @Nullable Object, X extends Exception> {
    /**
     * Runs one attempt. Called once per attempt, on the thread that the face names (the caller's for
     * {@link Policy#call(Op) call}).
     *
     * @param context the attempt's context, never null
     * @return the value, which may be null where {@code T} allows it
     * @throws X as the work does; it reaches the caller as the same instance
     */
    T apply(CallContext context) throws X;
}
