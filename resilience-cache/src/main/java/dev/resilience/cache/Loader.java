// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * Makes the value of a key: missing becomes value.
 *
 * @param <K> the keys
 * @param <V> the values
 */
@FunctionalInterface
public interface Loader<K, V extends @Nullable Object> {

    /**
     * Loads the value of a key.
     *
     * @param key the key, never null
     * @return the value; null means that there is none
     * @throws Exception what went wrong; every caller that shares the load gets an exception of its own around it
     */
    V load(K key) throws Exception;
}
