// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

/**
 * SPI: turns the values of a {@link TieredCache} into bytes and back. It sees only what it wrote itself, perhaps long
 * ago and in another version of the program: put the version of the format into the cache's name or into the bytes.
 *
 * {@snippet class="dev.resilience.cache.TieredSnippets" region="codec"}
 *
 * <p>Runs on the thread that loads or puts, never under a lock, and on several threads at once. If it throws in a load,
 * this is reported and the second level left alone: what cannot be encoded is kept in the first level only, what cannot be
 * decoded counts as missing. If it throws in a {@code put}, the caller gets an {@link IllegalArgumentException} and nothing
 * has changed.
 *
 * @param <V> the values
 */
public interface Codec<V> {

    /**
     * Writes a value.
     *
     * @param value never null
     * @return its bytes
     * @throws Exception when it cannot be written
     */
    byte[] encode(V value) throws Exception;

    /**
     * Reads a value.
     *
     * @param bytes as {@link #encode} wrote them; may be kept
     * @return the value, not null
     * @throws Exception when they mean nothing
     */
    V decode(byte[] bytes) throws Exception;

    /**
     * Texts in UTF-8.
     *
     * @return the shared codec
     */
    static Codec<String> utf8() {
        return Utf8Codec.SHARED;
    }
}
