// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/**
 * Work that returns a value and does not look at its {@link CallContext}. Written as a lambda or a method reference.
 *
 * <p>The checked exception stays typed: {@code breaker.call(() -> in.read())} throws {@code IOException} and nothing
 * wider. For work without a value see {@link Action}, for work that reads its context see {@link ContextOp}.
 *
 * @param <T> the type of the value
 * @param <X> the checked exception that the work throws; {@link RuntimeException} when it throws none
 */
@FunctionalInterface
public interface Op<T extends @Nullable Object, X extends Exception> extends ContextOp<T, X> {
    /**
     * Runs one attempt.
     *
     * @return the value, which may be null where {@code T} allows it
     * @throws X as the work does
     */
    T call() throws X;

    /**
     * Runs {@link #call()}; the context is not looked at.
     *
     * @param context the attempt's context
     * @return what {@link #call()} returns
     * @throws X as {@link #call()} does
     */
    @Override
    default T apply(CallContext context) throws X {
        return call();
    }
}
