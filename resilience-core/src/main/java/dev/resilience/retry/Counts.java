// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import dev.resilience.retry.Retry.Stopped.Reason;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/** What metrics read. Nothing is counted when the first attempt succeeds. */
final class Counts {
    final LongAdder retries = new LongAdder();
    final LongAdder recovered = new LongAdder();
    private final Map<Reason, LongAdder> stopped = new EnumMap<>(Reason.class);

    Counts() {
        for (Reason reason : Reason.values()) stopped.put(reason, new LongAdder());
    }

    void stopped(Reason reason) {
        Objects.requireNonNull(stopped.get(reason)).increment();
    }

    Map<Reason, Long> stopped() {
        Map<Reason, Long> sums = new EnumMap<>(Reason.class);
        stopped.forEach((reason, count) -> sums.put(reason, count.sum()));
        return sums;
    }
}
