// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.breaker.CircuitBreaker.State;

/** OPEN and FORCED_OPEN: refuses all for a time; {@link Long#MAX_VALUE} is for ever. */
final class Refusing extends Regime {
    final long nanos;

    Refusing(State state, Entry entry, Past past, long nanos) {
        super(state, entry, past, Admits.SOME);
        this.nanos = nanos;
    }

    @Override
    long admit(long now) {
        long left = nextChange(now);
        return left == Long.MAX_VALUE ? NO_PERMIT : ~left;
    }

    @Override
    Finding due(long now) {
        return nextChange(now) == 0 ? Finding.DEADLINE : Finding.NONE;
    }

    @Override
    Tally tally(long now) {
        Opening opening = past.opening();
        return opening == null ? Tally.NONE : opening.tally();
    }

    @Override
    long nextChange(long now) {
        return nanos == Long.MAX_VALUE ? Long.MAX_VALUE : Math.max(0, nanos - elapsed(now));
    }

    @Override
    String why() {
        Opening opening = past.opening();
        return opening == null ? "" : opening.why();
    }

    /** Of the last verb, which may have come after the transition. */
    @Override
    String reason() {
        return why();
    }
}
