// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Policy;
import dev.resilience.RejectedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Work whose attempts end as written, the last entry for ever; counts its invocations. */
final class Script implements ContextOp<Object, Exception> {
    final List<Integer> attempts = Collections.synchronizedList(new ArrayList<>());
    private final List<?> ends;

    Script(Object... ends) {
        this.ends = List.of(ends);
    }

    @Override
    public Object apply(CallContext context) throws Exception {
        attempts.add(context.attempt());
        Object end = ends.get(Math.min(attempts.size(), ends.size()) - 1);
        if (end instanceof Exception exception) throw exception;
        if (end instanceof Error error) throw error;
        return end;
    }

    int invocations() {
        return attempts.size();
    }

    /** A rejection by an inner policy, as a gate makes it. */
    static final class Rejected extends RejectedException {
        private static final long serialVersionUID = 1L;

        Rejected(Policy policy, Duration retryAfter) {
            super(policy, ~retryAfter.toNanos(), null);
        }
    }

    /** A result that holds something. */
    static final class Held implements AutoCloseable {
        int closed;

        @Override
        public void close() {
            closed++;
        }
    }

    /** An exception with a hint. */
    static final class Busy extends Exception {
        private static final long serialVersionUID = 1L;
        final Duration retryAfter;

        Busy(Duration retryAfter) {
            super("busy for " + retryAfter);
            this.retryAfter = retryAfter;
        }
    }
}
