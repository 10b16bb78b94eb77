// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import org.jspecify.annotations.Nullable;

/**
 * Work without a value, for {@link Policy#run(Action)}. For work that returns something see {@link Op}.
 *
 * @param <X> the checked exception that the work throws; {@link RuntimeException} when it throws none
 */
@FunctionalInterface
public interface Action<X extends Exception> extends ContextOp<@Nullable Void, X> {
    /**
     * Runs one attempt.
     *
     * @throws X as the work does
     */
    void run() throws X;

    /**
     * Runs {@link #run()}; the context is not looked at.
     *
     * @param context the attempt's context
     * @return null
     * @throws X as {@link #run()} does
     */
    @Override
    @SuppressWarnings("NullAway") // NullAway's plain mode does not know that T is @Nullable Void here
    default @Nullable Void apply(CallContext context) throws X {
        run();
        return null;
    }
}
