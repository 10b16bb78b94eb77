// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** {@link Writer#async}. */
record StagedWriter<K, V extends @Nullable Object>(
        Function<? super List<Writer.Change<K, V>>, ? extends CompletionStage<?>> function) implements Writer<K, V> {

    /** Only for those who call it by hand: the library calls {@link #writeAll}. */
    @Override
    public void write(Change<K, V> change) throws Exception {
        try {
            writeAll(List.of(change)).toCompletableFuture().get();
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof Exception cause) throw cause;
            throw failed;
        }
    }

    @Override
    public CompletionStage<?> writeAll(List<Change<K, V>> changes) {
        return function.apply(changes);
    }
}
