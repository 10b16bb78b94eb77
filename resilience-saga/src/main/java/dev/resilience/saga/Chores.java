// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** What an engine does once a minute: counts for gauges, and removes what is older than its retention. */
final class Chores {
    private static final long PERIOD = 60 * Nanos.SECOND;
    private static final int AT_ONCE = 500;

    private final Engine engine;
    private final Rhythm rhythm;
    private volatile long attention;
    private volatile long unclaimable;

    Chores(Engine engine) {
        this.engine = engine;
        this.rhythm = new Rhythm("housekeeping", engine.time, engine.hands.work, this::look);
    }

    void open() {
        rhythm.within(ThreadLocalRandom.current().nextLong(PERIOD));
    }

    private long look() {
        try {
            attention = engine.store.count(SagaStatus.NEEDS_ATTENTION);
            unclaimable = engine.store.unclaimable(engine.definitions.supported(), engine.clock.nowMs());
            Duration retention = engine.settings.retention;
            if (retention != null) purge(retention);
        } catch (SagaStoreException away) {
            // in a minute, then
        }
        return PERIOD - PERIOD / 8 + ThreadLocalRandom.current().nextLong(PERIOD / 4);
    }

    /** Removes what ended so long ago, some at a time. */
    long purge(Duration endedFor) {
        long before = engine.clock.nowMs() - TimeSource.nanos(endedFor) / Nanos.MILLI;
        long purged = 0;
        int some = AT_ONCE;
        while (some == AT_ONCE && !engine.closing()) {
            some = engine.store.purge(before, AT_ONCE);
            purged += some;
        }
        return purged;
    }

    long attention() {
        return attention;
    }

    long unclaimable() {
        return unclaimable;
    }

    void close(long nanos) {
        rhythm.close(nanos);
    }
}
