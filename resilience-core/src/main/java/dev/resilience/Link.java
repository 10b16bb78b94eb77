// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** What the nodes of one pipeline share. {@code pipeline} is its name, null for a policy that is called alone. */
record Link(@Nullable String pipeline, Failures failures, TimeSource time, Executor workers) {
    Link {
        Objects.requireNonNull(time, "time");
        workers = time.watched(workers);
    }

    /** For a policy that is called without a pipeline. */
    static Link alone(TimeSource time) {
        return new Link(null, Failures.standard(), time, Workers.DEFAULT);
    }
}
