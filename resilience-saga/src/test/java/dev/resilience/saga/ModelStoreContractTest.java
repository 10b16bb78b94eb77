// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.testkit.saga.SagaStoreContract;

/** The model itself keeps to the contract: what others are compared with. */
class ModelStoreContractTest extends SagaStoreContract {
    private final SagaStore store = new ModelStore();

    @Override
    protected SagaStore store() {
        return store;
    }
}
