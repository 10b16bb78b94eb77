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
 * Writes what caches do into the log of {@link PolicyLog}, with its bound for the number of lines.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="caches"}
 *
 * <table>
 * <caption>What is said how loud</caption>
 * <tr><th>level</th><th>what</th></tr>
 * <tr><td>WARN</td><td>an answer is past its time to live because a load failed; a load in the background failed, of
 * which no caller hears; a write behind failed, or does not end</td></tr>
 * <tr><td>INFO</td><td>all was invalidated</td></tr>
 * <tr><td>DEBUG</td><td>a load that a caller waited for failed: it gets an exception or an older value</td></tr>
 * </table>
 *
 * <p><b>Key-values:</b> {@code cache}, {@code event} ({@code load}, {@code stale}, {@code write}, {@code invalidation}),
 * {@code suppressed} when it is not 0; of a load {@code background} and {@code took}; of a write {@code failures} or
 * {@code age}. Keys, values and tags are in no line, unless the exception of your loader or writer names them.
 *
 * <p>Of its own, so that {@code PolicyLog} does without the module {@code resilience-cache}; this needs it.
 */
@SuppressWarnings("exports") // who has no caches must not need their module
public final class CacheLog {
    private CacheLog() {}

    /**
     * Writes down what a cache does. One that is bound twice speaks once.
     *
     * @param log where the lines go
     * @param cache the cache
     * @param <K> its keys
     * @param <V> its values
     * @return ends this binding; so does closing {@code log}
     * @throws IllegalStateException when {@code log} is closed
     */
    public static <K, V extends @Nullable Object> Subscription bind(PolicyLog log, LoadingCache<K, V> cache) {
        String name = "cache '" + Objects.requireNonNull(cache, "cache").name() + "'";
        return Objects.requireNonNull(log, "log").bind(cache, voice -> cache.onEvent(new Ear<K, V>(name, voice)));
    }

    /** Hears one cache. */
    private record Ear<K, V extends @Nullable Object>(String cache, Voice voice) implements CacheListener<K, V> {
        @Override
        public void loadFailed(K key, Throwable thrown, Duration took, boolean background) {
            voice.loadFailed(cache, thrown, took, background);
        }

        @Override
        public void servedStale(K key, @Nullable Throwable failure) {
            if (failure != null) voice.servedStale(cache, failure);
        }

        @Override
        public void allInvalidated() {
            voice.emptied(cache);
        }

        @Override
        public void writeFailed(Writer.Change<K, V> change, Throwable thrown, int failures) {
            voice.writeFailed(cache, thrown, failures);
        }

        @Override
        public void writeLate(Writer.Change<K, V> change, Duration age) {
            voice.writeLate(cache, age);
        }
    }
}
