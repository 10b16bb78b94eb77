// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import dev.resilience.testkit.saga.SagaStoreContract;

// @start region="contract"
class MemoryStoreContractTest extends SagaStoreContract {
    private final SagaStore store = SagaStore.inMemory(TimeSource.system());

    @Override
    protected SagaStore store() {
        return store;
    }
}
// @end
