// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** The few tricks with types that the faces need, in one place. */
final class Handles {
    private Handles() {}

    static VarHandle field(MethodHandles.Lookup lookup, Class<?> owner, String name, Class<?> type) {
        try {
            return lookup.findVarHandle(owner, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Throws as it is: {@code call} has inferred X from the op, so nothing undeclared can surface. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    static <X extends Throwable> X sneak(Throwable thrown) throws X {
        throw (X) thrown;
    }

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

    static @Nullable Throwable unwrapOrNull(@Nullable Throwable thrown) {
        return thrown == null ? null : unwrap(thrown);
    }

    /** Exactly the JDK's wrappers: a subclass carries meaning of its own. */
    private static boolean wraps(Throwable thrown) {
        return thrown.getClass() == CompletionException.class || thrown.getClass() == ExecutionException.class;
    }
}
