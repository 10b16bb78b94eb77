// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallInterruptedException;
import dev.resilience.cache.Writer.Change;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Write-through: the source first, then the cached copy. Changes of one key take turns until their copy is stored, so
 * that source and cache agree about which is the last; different keys never wait for each other.
 */
final class ThroughWrites<K, V extends @Nullable Object> extends Writes<K, V> {
    private final DirectWrite<K, V> direct;
    private final Copies<K, V> copies;
    private final AtomicLong versions = new AtomicLong();
    /** The last of those who take turns, for each key. */
    private final ConcurrentHashMap<K, CompletableFuture<Boolean>> turns = new ConcurrentHashMap<>();

    ThroughWrites(DirectWrite<K, V> direct, Copies<K, V> copies) {
        this.direct = direct;
        this.copies = copies;
    }

    @Override
    void put(K key, V value) {
        change(key, value, copies.prepare(key, value));
    }

    @Override
    void remove(K key) {
        change(key, null, null);
    }

    private void change(K key, @Nullable V value, @Nullable Object copy) {
        CompletableFuture<Boolean> turn = new CompletableFuture<>();
        CompletableFuture<Boolean> before = turns.put(key, turn);
        if (before != null) await(key, before, turn);
        Change<K, V> change = new Change<>(key, value, versions.incrementAndGet());
        direct.write(change, thrown -> {
            try {
                if (thrown == null) copies.publish(key, copy);
                else copies.drop(key);
            } finally {
                pass(key, turn);
            }
        });
    }

    private void await(K key, CompletableFuture<Boolean> before, CompletableFuture<Boolean> turn) {
        try {
            direct.await(before, "the change was not written: the thread was interrupted before its turn");
        } catch (CallInterruptedException interrupted) {
            CompletionStage<?> unused = before.whenComplete((done, never) -> pass(key, turn));
            throw interrupted;
        }
    }

    private void pass(K key, CompletableFuture<Boolean> turn) {
        turns.remove(key, turn);
        turn.complete(true);
    }

    /** Keys that are being written or waited for; zero when nothing is. */
    int busyKeys() {
        return turns.size();
    }
}
