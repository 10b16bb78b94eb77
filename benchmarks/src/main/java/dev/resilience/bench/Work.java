// SPDX-License-Identifier: Apache-2.0
package dev.resilience.bench;

import dev.failsafe.function.CheckedSupplier;
import dev.resilience.Op;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** The same smallest call in everybody's dress: it reads a field, and allocates nothing. */
class Work {
    /** Not final: a constant would be folded away. */
    private String value = "done";

    private CompletableFuture<String> stage = CompletableFuture.completedFuture("done");

    final Op<String, RuntimeException> op = () -> value;
    final Supplier<String> supplier = () -> value;
    final Callable<String> callable = () -> value;
    final CheckedSupplier<String> checked = () -> value;
    final Op<CompletionStage<String>, RuntimeException> asyncOp = () -> stage;
    final Supplier<CompletionStage<String>> asyncSupplier = () -> stage;
    final CheckedSupplier<CompletionStage<String>> asyncChecked = () -> stage;

    /** What fails, for breakers that must open: without a stack trace, so that it weighs nothing itself. */
    static final class Failed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Failed() {
            super("failed", null, false, false);
        }
    }

    void set(String other) {
        value = other;
        stage = CompletableFuture.completedFuture(other);
    }
}
