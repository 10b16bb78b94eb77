// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStore;
import org.jspecify.annotations.Nullable;

/** An engine under test, as the matrix drives it. */
interface Vessel {
    /**
     * Starts a saga of that id; again and again the same one.
     *
     * @return who holds its lock key, if that kept it from being started
     */
    @Nullable SagaRef start(String id);

    /** Gives what it runs to others. */
    void close();

    /** Opens the engines of one run, which run the same definitions. */
    interface Fleet {
        /** With its clock and threads, on a store that others share. */
        Vessel open(Life life, SagaStore store);
    }
}
