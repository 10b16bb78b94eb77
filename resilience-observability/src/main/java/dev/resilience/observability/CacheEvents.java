// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Subscription;
import dev.resilience.cache.CacheListener;
import dev.resilience.cache.LoadingCache;
import dev.resilience.cache.Writer;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Puts what caches do into JDK Flight Recorder, with {@link PolicyEvents}.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="caches"}
 *
 * <table>
 * <caption>Events, all in the category "Resilience"</caption>
 * <tr><th>name</th><th>fields</th></tr>
 * <tr><td>{@code dev.resilience.Load}</td><td>cache, took, background, failure (a class; empty for none)</td></tr>
 * <tr><td>{@code dev.resilience.StaleAnswer}</td><td>cache, failure (empty while it is being loaded), suppressed</td></tr>
 * <tr><td>{@code dev.resilience.WriteFailure}</td><td>cache, failures, failure</td></tr>
 * </table>
 *
 * <p>Off until a recording enables them. A load's event is written at its end; {@code took} counts from its start. Of
 * stale answers at most 100 are written at once and then 100 a second for each binding; {@code suppressed} says how many
 * were left out. Keys, values and tags are in no event.
 *
 * <p>Of its own, so that {@code PolicyEvents} does without the module {@code resilience-cache}; this needs it.
 */
@SuppressWarnings("exports") // who has no caches must not need their module
public final class CacheEvents {
    private CacheEvents() {}

    /**
     * Records what a cache does. One that is bound twice is recorded once.
     *
     * @param events with what they are recorded
     * @param cache the cache
     * @param <K> its keys
     * @param <V> its values
     * @return ends this binding; so does closing {@code events}
     * @throws IllegalStateException when {@code events} is closed
     */
    public static <K, V extends @Nullable Object> Subscription bind(PolicyEvents events, LoadingCache<K, V> cache) {
        String name = Objects.requireNonNull(cache, "cache").name();
        return Objects.requireNonNull(events, "events")
                .bind(cache, throttle -> cache.onEvent(new Ear<K, V>(name, throttle)));
    }

    /** Hears one cache. */
    private record Ear<K, V extends @Nullable Object>(String cache, Throttle throttle) implements CacheListener<K, V> {
        @Override
        public void loaded(K key, Duration took, boolean background) {
            CacheFlight.load(cache, took, background, null);
        }

        @Override
        public void loadFailed(K key, Throwable thrown, Duration took, boolean background) {
            CacheFlight.load(cache, took, background, thrown);
        }

        @Override
        public void servedStale(K key, @Nullable Throwable failure) {
            if (!CacheFlight.wantsStaleAnswers()) return;
            long suppressed = throttle.pass();
            if (suppressed != Throttle.HELD_BACK) CacheFlight.staleAnswer(cache, failure, suppressed);
        }

        @Override
        public void writeFailed(Writer.Change<K, V> change, Throwable thrown, int failures) {
            CacheFlight.writeFailure(cache, thrown, failures);
        }
    }
}
