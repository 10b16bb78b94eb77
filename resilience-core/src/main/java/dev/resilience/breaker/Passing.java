// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.breaker.CircuitBreaker.State;

/** DISABLED: admits all, records nothing, ends by an operator's verb only. */
final class Passing extends Regime {

    Passing(Entry entry) {
        super(State.DISABLED, entry, Past.NONE, Admits.ALL);
    }

    @Override
    long admit(long now) {
        return permit;
    }

    @Override
    Finding due(long now) {
        return Finding.NONE;
    }

    @Override
    Tally tally(long now) {
        return Tally.NONE;
    }

    @Override
    long nextChange(long now) {
        return Long.MAX_VALUE;
    }

    @Override
    String why() {
        return "";
    }
}
