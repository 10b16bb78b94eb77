// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * SPI: writes what is put into a {@link LoadingCache} to the source that its loader reads. The cache calls it within
 * {@code put} and {@code remove} (write-through), or later and in the background (write-behind, see
 * {@link WriteBehind}).
 *
 * {@snippet class="dev.resilience.cache.WriterSnippets" region="through"}
 *
 * <p><b>What the cache promises.</b> For one key at most one write is under way at any time, and the versions it
 * gets rise. A write that has failed is repeated by write-behind, with the newest value: a writer has to bear the same
 * change twice. A write counts as under way until its stage completes, however long that takes.
 *
 * <p><b>Conditional writes.</b> A process that was taken for dead may still write. Where that matters, keep the version
 * beside the value and write only what is newer:
 *
 * {@snippet class="dev.resilience.cache.WriterSnippets" region="conditional"}
 *
 * <p><b>Threads.</b> Write-through runs on the thread that puts and waits for the stage there; write-behind runs on the
 * executor of its settings. No lock is held in either case. A writer may use the cache, but not wait in one write for
 * another of the same key.
 *
 * @param <K> the keys
 * @param <V> the values
 */
@FunctionalInterface
public interface Writer<K, V extends @Nullable Object> {

    /**
     * Writes one change, blocking until it is done.
     *
     * @param change what to write
     * @throws Exception what went wrong; write-through throws it to who put, write-behind tries again later
     */
    void write(Change<K, V> change) throws Exception;

    /**
     * Writes changes of different keys at once; the cache calls only this method. Override it to write batches, or to
     * answer before the work is done. By default each change is {@linkplain #write written} by itself, on this thread,
     * up to the first that fails.
     *
     * @param changes one, or with {@link WriteBehind#batch} several, never two of one key; unmodifiable
     * @return completes when all are written; when it fails, all of them are taken for not written. It may complete on
     *     any thread
     * @throws Exception as a stage that fails
     */
    default CompletionStage<?> writeAll(List<Change<K, V>> changes) throws Exception {
        for (Change<K, V> change : changes) write(change);
        return CompletableFuture.completedFuture(null);
    }

    /**
     * A writer that answers a stage, for sources with an asynchronous client. No thread waits for it in write-behind.
     *
     * {@snippet class="dev.resilience.cache.WriterSnippets" region="async"}
     *
     * @param <K> the keys
     * @param <V> the values
     * @param write writes one change or several, of different keys; its stage completes when all are written
     * @return the writer
     */
    static <K, V extends @Nullable Object> Writer<K, V> async(
            Function<? super List<Change<K, V>>, ? extends CompletionStage<?>> write) {
        return new StagedWriter<>(Objects.requireNonNull(write, "write"));
    }

    /**
     * What is to be written for a key. Immutable; its text shows neither key nor value.
     *
     * @param <K> the keys
     * @param <V> the values
     */
    final class Change<K, V extends @Nullable Object> {
        private final K key;
        private final @Nullable V value;
        private final long version;

        Change(K key, @Nullable V value, long version) {
            this.key = key;
            this.value = value;
            this.version = version;
        }

        /**
         * Whose value it is.
         *
         * @return the key
         */
        public K key() {
            return key;
        }

        /**
         * The value to write.
         *
         * @return null for a delete
         */
        public @Nullable V value() {
            return value;
        }

        /**
         * Whether the key is to be deleted.
         *
         * @return false for a put
         */
        public boolean isDelete() {
            return value == null;
        }

        /**
         * Rises with each change of this cache, whatever its key: of two changes of one key the higher one is newer. It
         * begins anew with each cache, at {@link WriteBehind#firstVersion} or 1.
         *
         * @return the version
         */
        public long version() {
            return version;
        }

        /**
         * For logs, without key and value.
         *
         * @return for example {@code put, version 17}
         */
        @Override
        public String toString() {
            return (isDelete() ? "delete" : "put") + ", version " + version;
        }
    }
}
