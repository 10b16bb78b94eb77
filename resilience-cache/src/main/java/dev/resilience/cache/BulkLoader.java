// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes the values of several keys at once: one query instead of many. Used by {@link LoadingCache#getAll}, for warming
 * up, and, when asked for, to load single keys that are wanted at about the same time together.
 *
 * {@snippet class="dev.resilience.cache.ManyKeysSnippets" region="bulk"}
 *
 * <p>Each key is a load of its own in all other respects: one that is invalidated or put while the bulk load is under
 * way is not overwritten by it, and the others are stored.
 *
 * @param <K> the keys
 * @param <V> the values
 */
@FunctionalInterface
public interface BulkLoader<K, V extends @Nullable Object> {

    /**
     * Loads the values of several keys.
     *
     * @param keys at least one, at most as many as the builder says; unmodifiable, in the order of asking
     * @return the values; a key that is missing, or has null, has no value. Further keys are not looked at
     * @throws Exception what went wrong, for all of the keys: each of them fails
     */
    Map<? extends K, ? extends V> loadAll(Set<K> keys) throws Exception;
}
