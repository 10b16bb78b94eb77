// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.testkit.cache.StoreContract;

/** Bounded by weights, where each entry weighs one, the built-in store keeps the contract as well. */
class WeightedStoreContractTest extends StoreContract {
    @Override
    protected Store<Integer, String> store(int maxEntries) {
        return Store.weighted(maxEntries);
    }
}
