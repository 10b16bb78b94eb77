// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.cache.Writer.Change;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a cache with a {@link Writer} does with what is put into it. */
abstract class Writes<K, V extends @Nullable Object> {

    /** The cached side of a change: what the cache does with its own copies. */
    interface Copies<K, V extends @Nullable Object> {
        /** A copy that could be stored now; runs the weigher, so never under a lock. Null: it is not to be kept. */
        @Nullable
        Object prepare(K key, V value);

        /**
         * As a put does: detaches the load under way, and stores the copy unless it is dead, and takes it out again if it
         * has died meanwhile. Without a copy: takes out what is there.
         */
        void publish(K key, @Nullable Object copy);

        /** A newer change came before this copy was stored. A CAS: it is called under a lock. */
        void kill(Object copy);

        /** As an invalidate does: what the source holds is not known. */
        void drop(K key);
    }

    /** Null without a writer. */
    static <K, V extends @Nullable Object> @Nullable Writes<K, V> of(
            CacheSettings<K, V> builder, Copies<K, V> copies, BehindWrites.Told<K, V> told) {
        Writer<K, V> writer = builder.writer;
        if (writer == null) return null;
        DirectWrite<K, V> direct = new DirectWrite<>(builder.name, writer, builder.time);
        WriteBehind behind = builder.writeBehind;
        return behind == null ? new ThroughWrites<>(direct, copies) : new BehindWrites<>(direct, behind, copies, told);
    }

    /** What is wrong with a builder's settings for writing. */
    static void check(CacheSettings<?, ?> builder, List<String> problems) {
        WriteBehind behind = builder.writeBehind;
        if (behind == null) return;
        if (builder.writer == null) problems.add("writeBehind needs a writer to write with, and there is none");
        behind.check(problems);
    }

    abstract void put(K key, V value);

    abstract void remove(K key);

    /** The change that a read has to answer with; null when the source is up to date. Also after a load is registered. */
    @Nullable
    Change<K, V> dirty(K key) {
        return null;
    }

    /** Whether all that was dirty at the call is written. */
    boolean flush(Duration timeout) {
        return true;
    }

    /** The newest change of each key that is not written. */
    List<Change<K, V>> close(Duration timeout) {
        return List.of();
    }

    /** Keys with a change that is not written. */
    int dirtyKeys() {
        return 0;
    }

    /** Writes under way for longer than they should. */
    int lateWrites() {
        return 0;
    }
}
