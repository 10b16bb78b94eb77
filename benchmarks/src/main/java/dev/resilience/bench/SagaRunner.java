// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

/** Who runs sagas of {@link SagaWork}: one row of a race. */
interface SagaRunner extends AutoCloseable {
    String name();

    /** Starts one and waits for its output. */
    SagaWork.Receipt run(String id) throws Exception;

    /** How many steps it has called so far. */
    long steps();

    @Override
    void close();
}
