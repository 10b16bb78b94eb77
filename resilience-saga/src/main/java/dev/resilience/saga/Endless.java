// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Tells of conditions, elements and outputs that do not come back. They run in place, are taken for pure and have no
 * timeout, so one that never ends holds its saga, a place and a thread (L3): somebody has to know which.
 */
final class Endless {
    private static final long PERIOD = 10 * Nanos.SECOND;
    /** From then on it is told of, and again whenever the time has doubled. */
    static final long PATIENCE = 30 * Nanos.SECOND;

    private final Engine engine;
    private final TimeSource time;
    private final Rhythm rhythm;
    private final Map<Tenure, Decision> seen = new ConcurrentHashMap<>();

    Endless(Engine engine) {
        this.engine = engine;
        this.time = engine.time;
        this.rhythm = new Rhythm("look for code that does not end", time, engine.hands.work, this::look);
    }

    void open() {
        rhythm.within(PERIOD);
    }

    /** As it was first seen. */
    private static final class Decision {
        final int number;
        final long since;
        long told = PATIENCE / 2;

        Decision(int number, long since) {
            this.number = number;
            this.since = since;
        }
    }

    private long look() {
        long now = time.nanoTime();
        seen.keySet().retainAll(engine.berths.all());
        for (Tenure tenure : engine.berths.all()) {
            int number = tenure.decision();
            Decision decision = seen.get(tenure);
            if (number % 2 == 0) seen.remove(tenure);
            else if (decision == null || decision.number != number) seen.put(tenure, new Decision(number, now));
            else if (now - decision.since >= 2 * decision.told) {
                decision.told = now - decision.since;
                tell(tenure, Duration.ofNanos(decision.told));
            }
        }
        return PERIOD;
    }

    private static void tell(Tenure tenure, Duration so) {
        String what = tenure.decides().equals(Tenure.RETURNS)
                ? "the code that makes what it returns"
                : "the condition or the elements of step '" + tenure.decides() + "'";
        Guest.warn(
                "saga " + tenure.ref + ": " + what + " has not come back for " + so.toSeconds()
                        + " s; the saga, its thread and a place of the engine are held. Such code has no timeout and must be"
                        + " quick and pure: mend the definition and restart, or pause and abandon the saga",
                null);
    }

    void close(long nanos) {
        rhythm.close(nanos);
        seen.clear();
    }
}
