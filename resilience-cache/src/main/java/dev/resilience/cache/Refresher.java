// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import org.jspecify.annotations.Nullable;

/**
 * Makes a newer value of a key whose value is known, and may find out cheaply that it has not changed: a conditional
 * request with an ETag, a {@code WHERE version > ?}. For a key without a value the {@link Loader} is asked.
 *
 * @param <K> the keys
 * @param <V> the values
 */
@FunctionalInterface
public interface Refresher<K, V extends @Nullable Object> {

    /**
     * Loads the value of a key again.
     *
     * @param key the key, never null
     * @param old the value that the cache has, fresh or stale; never null
     * @return the newer value; {@code old} itself, the same instance, when it has not been modified: its time to live
     *     begins again; null when there is none any more
     * @throws Exception what went wrong, as in {@link Loader#load}
     */
    V refresh(K key, V old) throws Exception;
}
