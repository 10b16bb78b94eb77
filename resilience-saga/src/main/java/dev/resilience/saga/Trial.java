// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/**
 * What a runner knows of a leg one of whose attempts did not succeed, and that is not in the journal: lost with it. Most
 * steps never have one. Confined to whoever drives the saga.
 */
final class Trial {
    /** Attempts of unknown end, of earlier owners too as far as they wrote them down. */
    int attempts;

    /** Local rejections in a row. */
    int rejections;

    long previousDelay;

    /** On the time source's clock; only if {@link #waits}. */
    long dueNanos;

    boolean waits;

    @Nullable
    Throwable lastThrown;

    Trial(int attempts) {
        this.attempts = attempts;
    }
}
