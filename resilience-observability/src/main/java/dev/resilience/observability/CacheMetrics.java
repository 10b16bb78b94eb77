// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Subscription;
import dev.resilience.cache.LoadingCache;
import dev.resilience.cache.TieredCache;
import java.util.Objects;

/**
 * Shows caches in {@link PolicyMetrics}: what reads found, what loads did, how the source and the second level do. The
 * number of series depends neither on keys nor on tags.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="caches"}
 *
 * <p>A cache counts from its first {@code snapshot()} on, which this binding takes: watched, a hit costs an addition to a
 * striped counter. Two caches of one kind and one name share a row; a {@code LoadingCache} and a {@code TieredCache} need
 * different names. What protects the loads, given to {@code through}, is a policy and is bound as such.
 *
 * <p>Of its own, so that {@code PolicyMetrics} does without the module {@code resilience-cache}; this needs it.
 */
@SuppressWarnings("exports") // who has no caches must not need their module
public final class CacheMetrics {
    private CacheMetrics() {}

    /**
     * Shows a cache under its name.
     *
     * @param metrics the registry's one place where policies are bound
     * @param cache the cache
     * @return takes out what only this binding has put in; so does closing {@code metrics}, and closing the cache does
     *     not
     * @throws IllegalArgumentException when the registry has one of the meters already, from somebody else; nothing is
     *     bound then
     * @throws IllegalStateException when {@code metrics} is closed
     */
    public static Subscription bind(PolicyMetrics metrics, LoadingCache<?, ?> cache) {
        return Objects.requireNonNull(metrics, "metrics")
                .bind(Objects.requireNonNull(cache, "cache").name(), cache, Caches.LOADING);
    }

    /**
     * Shows a cache of two levels under its name: its first level like a cache of one, its second level, and what the
     * backplane has lost.
     *
     * @param metrics the registry's one place where policies are bound
     * @param cache the cache
     * @return takes out what only this binding has put in; so does closing {@code metrics}, and closing the cache does
     *     not
     * @throws IllegalArgumentException when the registry has one of the meters already, from somebody else; nothing is
     *     bound then
     * @throws IllegalStateException when {@code metrics} is closed
     */
    public static Subscription bind(PolicyMetrics metrics, TieredCache<?, ?> cache) {
        return Objects.requireNonNull(metrics, "metrics")
                .bind(Objects.requireNonNull(cache, "cache").name(), cache, Caches.TIERED);
    }
}
