// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** What stages add to exceptions, taken off. */
final class Stages {
    private Stages() {}

    /** What a stage failed with, without the wrappers that stages add (L9). */
    static Throwable unwrap(Throwable thrown) {
        Throwable inner = thrown;
        while (wraps(inner)) {
            Throwable cause = inner.getCause();
            if (cause == null) return inner;
            inner = cause;
        }
        return inner;
    }

    /** Exactly the JDK's wrappers: a subclass carries meaning of its own. */
    private static boolean wraps(Throwable thrown) {
        return thrown.getClass() == CompletionException.class || thrown.getClass() == ExecutionException.class;
    }
}
