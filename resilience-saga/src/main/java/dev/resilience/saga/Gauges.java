// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.time.Duration;
import java.util.Set;

/** What a snapshot says. */
record Gauges(
        String owner,
        int running,
        int concurrency,
        boolean live,
        Duration beatAge,
        long attention,
        long unclaimable,
        Set<String> sagas) {
    @Override
    public String toString() {
        return "engine " + owner + ": " + running + " of " + concurrency + " running, " + (live ? "live" : "not live")
                + ", last beat " + beatAge.toMillis() + " ms ago, " + attention + " need attention, " + unclaimable
                + " unclaimable, sagas " + sagas;
    }
}
