// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import org.jspecify.annotations.Nullable;

/** Innermost in a pipeline: writes each attempt into the books and lets it pass. */
final class Attempts extends Gate {
    private final Stats stats;

    Attempts(String name, Stats stats) {
        super(name, TimeSource.system());
        this.stats = stats;
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        stats.attempt(context.attempt());
        return 0;
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        // how a call ends is in the books already
    }
}
