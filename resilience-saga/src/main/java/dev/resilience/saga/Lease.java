// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;

/**
 * An engine's right to run sagas: its heartbeat, three to a lease, and what it hears of the others' at the same time. An
 * engine whose beats were not acknowledged for almost a lease begins nothing more (it fences itself), for others may hold
 * it for dead; safety never depends on that, only on the guard of every write.
 */
final class Lease {
    /** Beats that listeners have not heard of yet; of more than that they never do. */
    private static final int MOST_TOLD = 100;

    final String owner;
    private final Engine engine;
    private final TimeSource time;
    private final SagaStore store;
    private final StoreClock clock;
    private final long period;
    private final long silence;
    private final Deaths deaths;
    private final Rhythm rhythm;
    /** What waits for rows of sagas, or for guests: never the heartbeat, which nobody may hold up. */
    private final Rhythm tidying;

    private final Rhythm telling;
    private final Queue<Told> told = new ArrayBlockingQueue<>(MOST_TOLD);
    private volatile long acknowledged;
    private long beats;
    private long due;
    private Map<SagaRef, SagaInstance> strays = new HashMap<>();
    private final Map<SagaRef, RuntimeException> stuck = new HashMap<>();

    Lease(String owner, Engine engine) {
        this.owner = owner;
        this.engine = engine;
        this.time = engine.time;
        this.store = engine.store;
        this.clock = engine.clock;
        this.period = TimeSource.nanos(engine.settings.lease) / Deaths.LOOKS;
        this.silence = Deaths.LOOKS * period - period / 2;
        this.deaths = new Deaths(owner, period);
        this.rhythm = new Rhythm("heartbeat", time, engine.hands.work, this::beatAndSay);
        this.tidying = new Rhythm("look for its own strays", time, engine.hands.work, this::tidy);
        this.telling = new Rhythm("telling of heartbeats", time, engine.hands.work, this::tell);
    }

    private record Told(Duration late, boolean succeeded) {}

    /** The first beat, on the opening thread: from here on the engine exists for others, and knows the store's clock. */
    void open() {
        due = time.nanoTime();
        beat();
        rhythm.within(period);
        tidying.within(Deaths.LOOKS * period);
    }

    private long beatAndSay() {
        long began = time.nanoTime();
        Duration late = Duration.ofNanos(Math.max(0, began - due));
        due = began + period;
        boolean succeeded = false;
        try {
            beat();
            succeeded = true;
        } catch (SagaStoreException away) {
            deaths.missed(); // its listener is told; who waits for the store waits on
        } finally {
            if (engine.listener.heard() && told.offer(new Told(late, succeeded))) telling.within(0);
        }
        return Math.max(0, due - time.nanoTime());
    }

    private void beat() {
        long sent = time.nanoTime();
        boolean wholeLease = beats % Deaths.LOOKS == 0;
        SagaStore.Beat seen = store.beat(owner, beats + 1, wholeLease);
        beats++;
        long answered = time.nanoTime();
        clock.set(seen.clockMs(), sent, answered);
        boolean fenced = beats > 1 && !inTime();
        acknowledged = sent;
        if (fenced) engine.berths.nudgeAll();
        Set<String> before = deaths.dead();
        deaths.observe(answered, seen, wholeLease);
        if (!before.containsAll(deaths.dead())) engine.claims.soon();
    }

    private long tell() {
        for (Told one = told.poll(); one != null; one = told.poll()) engine.listener.beat(one.late(), one.succeeded());
        return Rhythm.NEVER;
    }

    /** A lease after it was through with it the last time: a row of a saga may be locked by somebody for long. */
    private long tidy() {
        try {
            adoptStrays();
            List<String> old = deaths.forgettable();
            if (!old.isEmpty()) store.forget(old);
        } catch (SagaStoreException away) {
            // a lease later, then
        }
        return Deaths.LOOKS * period;
    }

    /** Whether this engine may begin actions: others cannot hold it for dead yet. */
    boolean inTime() {
        return time.nanoTime() - acknowledged < silence;
    }

    Duration age() {
        return Duration.ofNanos(Math.max(0, time.nanoTime() - acknowledged));
    }

    Set<String> dead() {
        return deaths.dead();
    }

    /**
     * Sagas that are this engine's and that it does not run, and that were so a lease ago: the answer to a start or a
     * claim was lost. They are given back and claimed like any other (S6).
     */
    private void adoptStrays() {
        Map<SagaRef, SagaInstance> found = new HashMap<>();
        Collection<SagaRef> running = new HashSet<>(engine.berths.running());
        for (SagaInstance head : store.owned(owner)) {
            if (running.contains(head.ref())) continue;
            SagaInstance before = strays.get(head.ref());
            boolean stray = before != null && before.fence() == head.fence() && before.seq() == head.seq();
            if (!stray || !released(head)) found.put(head.ref(), head);
        }
        strays = found;
        stuck.keySet().retainAll(found.keySet());
    }

    /** False of one whose row takes no write: tried again a lease later, and no other one waits for it. */
    private boolean released(SagaInstance head) {
        try {
            release(head);
            return true;
        } catch (RuntimeException refused) {
            if (refused instanceof SagaStoreException && !JournalWriter.blamesRow(refused)) throw refused;
            if (stuck.put(head.ref(), refused) == null)
                Guest.warn(
                        "saga " + head.ref()
                                + ": its row takes no write, so that no engine can go on with it and no verb of"
                                + " an operator reaches it; mend the row, it is tried again once a lease",
                        refused);
            return false;
        }
    }

    private void release(SagaInstance head) {
        if (head.status() == SagaStatus.PAUSED) return; // nobody runs it, and nobody should
        if (engine.berths.runs(head.ref())) return;
        if (takeAway(head)) engine.claims.soon();
    }

    /**
     * Takes a saga from this engine without a word of whoever ran it. What is open may have been called (S2): the next
     * owner knows no more than after a death, though this counts for none.
     */
    boolean takeAway(SagaInstance head) {
        long now = clock.nowMs();
        Checkpoint.Builder write = Checkpoint.on(head, now);
        write.head().owner(null).wakeMs(now).claims(Math.max(1, head.claims()));
        return store.write(write.build());
    }

    /** No more beats; this engine's row goes if it owns nothing any more. */
    void close(long nanos) {
        tidying.close(nanos);
        rhythm.close(nanos);
        telling.close(nanos);
        try {
            store.forget(Set.of(owner));
        } catch (SagaStoreException away) {
            // others find out by its silence
        }
    }
}
