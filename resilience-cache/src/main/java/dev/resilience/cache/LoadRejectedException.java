// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.RejectedException;

/**
 * A load was refused without being started: so many loads were given up and still run that one more would only pile up.
 * Callers whose value is there, or whose key is being loaded, are not refused.
 *
 * <p>A loader that neither ends nor heeds its interrupt holds a thread and perhaps a connection for ever. The cap
 * ({@link SingleFlight.Builder#maxAbandoned}) bounds how many. The refusal ends as soon as one of them ends.
 */
public final class LoadRejectedException extends RejectedException {
    private static final long serialVersionUID = 1L;

    /** As messages begin. */
    private final String who;

    /** How many ran when it was refused. */
    private final int abandoned;

    /** How many may. */
    private final int maxAbandoned;

    LoadRejectedException(FlightRules.Owner owner, int abandoned, int maxAbandoned) {
        super(owner, 0, null);
        this.who = owner.words();
        this.abandoned = abandoned;
        this.maxAbandoned = maxAbandoned;
    }

    /**
     * Who refused, and why.
     *
     * @return as in {@code single flight 'users' rejected the load (abandoned loads that still run: 64/64)}
     */
    @Override
    public String getMessage() {
        return who + " rejected the load (abandoned loads that still run: " + abandoned + "/" + maxAbandoned + ")";
    }
}
