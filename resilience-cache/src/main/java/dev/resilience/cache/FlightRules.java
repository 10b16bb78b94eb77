// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.CallContext;
import dev.resilience.Gate;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import org.jspecify.annotations.Nullable;

/** What holds for all flights of a table. */
final class FlightRules {
    /** In whose name loads are refused. */
    final Owner owner;
    /** How long a load may take; {@link Long#MAX_VALUE} for ever. */
    final long deadlineNanos;
    /** How many loads may run that nobody waits for, before new ones are refused. */
    final int maxAbandoned;
    /** Whether a timer also watches a load that runs on its only caller's thread. */
    final boolean watched;

    FlightRules(Owner owner, long deadlineNanos, int maxAbandoned, boolean watched) {
        this.owner = owner;
        this.deadlineNanos = deadlineNanos;
        this.maxAbandoned = maxAbandoned;
        this.watched = watched;
    }

    /** The name of a flight table or cache, as a policy: rejections name one. Lets everything pass. */
    static final class Owner extends Gate {
        private final String title;

        /** {@code title} as messages begin, as in {@code single flight 'users'}. */
        Owner(String name, String title, TimeSource time) {
            super(name, time);
            this.title = title;
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
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
            // nothing is counted here
        }

        String words() {
            return title;
        }
    }
}
