// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** How an engine ends: what runs goes on for a while, the rest is given to others, the heartbeat ends last. */
final class Closing {
    /** For attempts that end, and writes that are under way, when the drain is over. */
    private static final long GRACE = 2 * Nanos.SECOND;

    private final Engine engine;
    private final TimeSource time;
    /** The saga whose code closes the engine: it ends by itself, after this. */
    private final @Nullable Tenure self;

    Closing(Engine engine, @Nullable Tenure self) {
        this.engine = engine;
        this.time = engine.time;
        this.self = self;
    }

    private boolean empty() {
        return engine.berths.emptyBut(self);
    }

    /** Lets what runs come to its end, or to a wait; an interrupt ends the drain and stays set. */
    void drain() {
        engine.claims.close(GRACE);
        engine.berths.drainer(Thread.currentThread());
        long nanos = TimeSource.nanos(engine.settings.drainFor);
        long end = time.nanoTime() + nanos;
        while (!empty() && !Thread.currentThread().isInterrupted()) {
            long left = nanos == Long.MAX_VALUE ? nanos : end - time.nanoTime();
            if (left <= 0) return;
            time.park(this, left);
        }
    }

    /** Gives away what still runs: each at its next checkpoint, or without it where user code does not come back. */
    void release(Runnable closed) {
        engine.berths.nudgeAll();
        Pause.until(time, this, GRACE, this::empty);
        for (Tenure tenure : engine.berths.all()) if (tenure != self) evict(tenure);
        closed.run();
        engine.journal.look(); // what still tries to write gives up now
        Pause.until(time, this, GRACE, this::empty);
        engine.berths.drainer(null);
        engine.closeParts(GRACE);
    }

    /** Its attempt goes on and can record nothing any more: as of an engine that froze, but at once (C14). */
    private void evict(Tenure tenure) {
        try {
            Optional<SagaStore.Loaded> saga = engine.store.load(tenure.ref);
            if (saga.isEmpty() || !engine.lease.owner.equals(saga.get().head().owner())) return;
            engine.lease.takeAway(saga.get().head());
        } catch (SagaStoreException away) {
            // others find out by this engine's silence
        }
    }
}
