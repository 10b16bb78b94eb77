// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Where a user finds a server's wish to be left alone, in a value or an exception. */
record Hint<C>(Class<C> type, Function<? super C, Optional<Duration>> from) {

    /** Runs the user's function, which may throw anything or break its word and answer null. */
    @Nullable
    Duration of(@Nullable Object outcome) {
        if (!type.isInstance(outcome)) {
            return null;
        }
        Optional<Duration> wish = from.apply(type.cast(outcome));
        return wish == null ? null : wish.orElse(null);
    }
}
