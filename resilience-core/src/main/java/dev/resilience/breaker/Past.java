// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import org.jspecify.annotations.Nullable;

/**
 * What earlier openings left behind.
 *
 * @param streak how many openings in a row there were; the next one waits the delay after this one's
 * @param delayNanos the delay of the last one, which a hint or an operator may have lengthened
 * @param opening why the circuit is, or was last, open; null when it has been closed since
 */
record Past(int streak, long delayNanos, @Nullable Opening opening) {
    static final Past NONE = new Past(0, 0, null);

    int nextStreak() {
        return streak == Integer.MAX_VALUE ? streak : streak + 1;
    }

    @Nullable
    Throwable failure() {
        return opening == null ? null : opening.failure();
    }
}
