// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.testkit.cache.StoreContract;

/** The built-in store keeps the contract of all stores. */
// @start region="contract"
class BoundedStoreContractTest extends StoreContract {
    @Override
    protected Store<Integer, String> store(int maxEntries) {
        return Store.bounded(maxEntries);
    }
}
// @end
