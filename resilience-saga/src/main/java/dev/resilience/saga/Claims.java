// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Looks for sagas to run: those of dead engines and those that nobody owns and that are due. One look about every second
 * for the whole engine, with jitter, and sooner when this engine knows that something is due.
 */
final class Claims {
    /** From so many claims without getting further a saga may be what kills its engines: one of them at a time. */
    static final int SUSPECT_FROM = 3;

    private static final int AT_ONCE = 100;
    private static final long APART = 20 * Nanos.MILLI;
    private static final long HORIZON_MS = 60_000;

    private final Engine engine;
    private final TimeSource time;
    private final long period;
    private final Rhythm rhythm;
    /** Wake-ups that this engine wrote itself; only hints, the looks of every second find all. */
    private final ConcurrentSkipListSet<Long> hints = new ConcurrentSkipListSet<>();

    Claims(Engine engine) {
        this.engine = engine;
        this.time = engine.time;
        this.period = Math.min(Nanos.SECOND, Math.max(APART, TimeSource.nanos(engine.settings.lease) / 3));
        this.rhythm = new Rhythm("claim", time, engine.hands.work, this::look);
    }

    void open() {
        rhythm.within(ThreadLocalRandom.current().nextLong(period));
    }

    /** Something may be due now. */
    void soon() {
        rhythm.within(0);
    }

    /** This engine left a saga that wakes then. What is far away is found by the looks of every second. */
    void at(long wakeMs) {
        if (wakeMs == SagaInstance.NEVER) return;
        long left = wakeMs - engine.clock.nowMs();
        if (left > HORIZON_MS) return;
        if (left <= 0) {
            soon();
        } else {
            hints.add(wakeMs);
            rhythm.within(left * Nanos.MILLI);
        }
    }

    private long look() {
        if (!engine.claiming() || !engine.lease.inTime()) return jittered();
        engine.berths.nudgeListeners();
        boolean more = true;
        while (more && engine.claiming()) {
            more = ofDead();
            more |= due();
        }
        return untilNext();
    }

    /** Whether there may be more of them. With no room left it is looked again as soon as there is some. */
    private boolean ofDead() {
        Set<String> dead = engine.lease.dead();
        if (dead.isEmpty()) return false;
        int room = Math.min(AT_ONCE, engine.berths.room());
        if (room <= 0) return false;
        // in this question nothing is due, so that what it takes was a dead engine's
        List<SagaStore.Loaded> taken = engine.store.claim(claim(dead, Long.MIN_VALUE, room));
        for (SagaStore.Loaded saga : taken) engine.berths.takeOver(saga, true);
        return taken.size() == room;
    }

    private boolean due() {
        int room = Math.min(AT_ONCE, engine.berths.room());
        if (room <= 0) return false;
        List<SagaStore.Loaded> taken = engine.store.claim(claim(Set.of(), engine.clock.nowMs(), room));
        for (SagaStore.Loaded saga : taken) engine.berths.takeOver(saga, false);
        return taken.size() == room;
    }

    private SagaStore.Claim claim(Set<String> dead, long nowMs, int room) {
        return new SagaStore.Claim(
                engine.lease.owner,
                dead,
                engine.definitions.supported(),
                nowMs,
                room,
                SUSPECT_FROM,
                engine.berths.suspects() == 0 ? 1 : 0);
    }

    private long untilNext() {
        long now = engine.clock.nowMs();
        hints.headSet(now, true).clear();
        Long next = hints.ceiling(now);
        long jittered = jittered();
        if (next == null) return jittered;
        return Math.max(APART, Math.min(jittered, (next - now) * Nanos.MILLI)); // no further away than the horizon
    }

    private long jittered() {
        return period - period / 4 + ThreadLocalRandom.current().nextLong(period / 2);
    }

    void close(long nanos) {
        rhythm.close(nanos);
    }
}
