// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.SagaStore;

/** An engine under test, as the matrix drives it. */
interface Vessel {
    /** Starts the run's saga; again and again the same one. */
    void start();

    /** Gives what it runs to others. */
    void close();

    /** Opens the engines of one run, which run the same definitions. */
    interface Fleet {
        /** With its clock and threads, on a store that others share. */
        Vessel open(Life life, SagaStore store);
    }
}
