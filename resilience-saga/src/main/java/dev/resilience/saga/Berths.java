// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The sagas that an engine runs now, and how many more it has room for. */
final class Berths {
    private final Engine engine;
    private final int concurrency;
    private final Map<SagaRef, Tenure> table = new ConcurrentHashMap<>();
    /** Threads that do something of a saga besides the one that began to drive it: branches, and who went on with it. */
    private final Map<Thread, Tenure> aside = new ConcurrentHashMap<>();

    private final AtomicInteger running = new AtomicInteger();
    private final AtomicInteger suspects = new AtomicInteger();
    /** Threads that attempts did not give back: they take up room until they do. */
    private final AtomicInteger lostThreads = new AtomicInteger();

    private volatile boolean turnedAway;

    @Nullable
    private volatile Thread drainer;

    Berths(Engine engine) {
        this.engine = engine;
        this.concurrency = engine.settings.concurrency;
    }

    /** Takes a place for a start, if there is one. */
    boolean tryEnter() {
        for (int now = running.get(); now < limit(); now = running.get())
            if (running.compareAndSet(now, now + 1)) return true;
        turnedAway = true;
        return false;
    }

    /** Gives back a place that nobody took. */
    void unenter() {
        running.decrementAndGet();
        settled();
    }

    private int limit() {
        return Math.max(1, concurrency - lostThreads.get());
    }

    /** How many more may run here; where there is none, whoever leaves next lets the claims look again. */
    int room() {
        int room = limit() - running.get();
        if (room > 0) return room;
        turnedAway = true; // said first, looked at again after: whoever leaves between the two is seen by one of them
        return limit() - running.get();
    }

    /** Makes the saga known as running here before it is so in the store; null if it runs here already. */
    @Nullable
    Tenure begin(SagaRef ref) {
        Tenure tenure = new Tenure(engine, ref, false);
        return table.putIfAbsent(ref, tenure) == null ? tenure : null;
    }

    /** A start that came to nothing. */
    void forget(Tenure tenure) {
        table.remove(tenure.ref, tenure);
        unenter();
        engine.watchers.moved(tenure.ref); // somebody may have taken it for one that runs here
    }

    /** Runs what was claimed. */
    void takeOver(SagaStore.Loaded saga, boolean ofDead) {
        SagaInstance head = saga.head();
        boolean suspect = ofDead && head.claims() > Claims.SUSPECT_FROM;
        running.incrementAndGet();
        if (suspect) suspects.incrementAndGet();
        Tenure tenure = new Tenure(engine, head.ref(), suspect);
        table.put(head.ref(), tenure); // one that still unwinds has lost it: the fence is another
        if (ofDead) engine.listener.takenOver(head.ref(), null, head.claims());
        // a store claims only what is supported, and what is supported has a chart
        tenure.launch(
                Objects.requireNonNull(engine.definitions.select(head.ref().name(), head.version()), "its definition"),
                saga);
    }

    /** A tenure is over. */
    void left(Tenure tenure) {
        table.remove(tenure.ref, tenure);
        running.decrementAndGet();
        if (tenure.suspect) {
            suspects.decrementAndGet();
            engine.claims.soon();
        }
        settled();
    }

    private void settled() {
        if (turnedAway) {
            turnedAway = false;
            engine.claims.soon();
        }
        Thread waiting = drainer;
        if (waiting != null) engine.time.unpark(waiting);
    }

    void abandoned(int delta) {
        lostThreads.addAndGet(delta);
        if (delta < 0) settled();
    }

    boolean runs(SagaRef ref) {
        return table.containsKey(ref);
    }

    @Nullable
    Tenure of(SagaRef ref) {
        return table.get(ref);
    }

    Set<SagaRef> running() {
        return table.keySet();
    }

    int count() {
        return running.get();
    }

    int suspects() {
        return suspects.get();
    }

    void nudgeAll() {
        table.values().forEach(Tenure::nudge);
    }

    /** Those for whom a signal from another engine would matter now. */
    void nudgeListeners() {
        for (Tenure tenure : table.values()) if (tenure.listens()) tenure.nudge();
    }

    Collection<Tenure> all() {
        return table.values();
    }

    /** Whether nothing runs here any more, but {@code self}. */
    boolean emptyBut(@Nullable Tenure self) {
        return running.get() == (self != null && table.get(self.ref) == self ? 1 : 0);
    }

    /** The calling thread does something of this saga now. */
    void aside(Tenure tenure, Runnable work) {
        Thread me = Thread.currentThread();
        aside.put(me, tenure);
        try {
            work.run();
        } finally {
            aside.remove(me);
        }
    }

    /** Whether the calling thread runs code of this saga. */
    boolean isOwnCode(SagaRef ref) {
        Tenure tenure = table.get(ref);
        if (tenure == null) return false;
        Thread me = Thread.currentThread();
        return tenure.drivenBy(me) || aside.get(me) == tenure;
    }

    /** Whose code the calling thread runs, if it is a saga's of this engine: who waits for that one waits for itself. */
    @Nullable
    Tenure ofThisThread() {
        Thread me = Thread.currentThread();
        Tenure there = aside.get(me);
        if (there != null) return there;
        for (Tenure tenure : table.values()) if (tenure.drivenBy(me)) return tenure;
        return null;
    }

    /** Who waits for the others to leave: told of each. */
    void drainer(@Nullable Thread thread) {
        drainer = thread;
    }
}
