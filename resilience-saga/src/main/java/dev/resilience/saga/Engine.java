// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What the parts of an engine share, and its face to users. */
final class Engine implements SagaEngine {
    /** When a saga is looked at again whose task was refused by an executor. */
    static final long REFUSED_MS = 200;

    private static final int OPEN = 0;
    private static final int DRAINING = 1;
    private static final int RELEASING = 2;
    private static final int CLOSED = 3;

    final EngineSettings settings;
    final TimeSource time;
    final SagaStore store;
    final SagaCodec codec;
    final Listeners listener;
    final Definitions definitions;
    final Carried carried;
    final Hands hands;
    final StoreClock clock;
    final Lease lease;
    final JournalWriter journal;
    final Berths berths;
    final Claims claims;
    final Outcomes outcomes;
    final Watchers watchers;
    private final Starts starts;
    private final Signals signals;
    private final Chores chores;
    private final Endless endless;
    private final SagaAdmin admin;
    private final AtomicInteger phase = new AtomicInteger(OPEN);

    /** Closed to the end. */
    private volatile boolean gone;

    /** Those who close it while it is being closed. */
    private final Queue<Thread> late = new ConcurrentLinkedQueue<>();

    Engine(EngineSettings settings, SagaStore store) {
        this.settings = settings;
        this.time = settings.time;
        this.store = store;
        this.codec = settings.codec();
        this.listener = new Listeners(settings.listeners);
        this.definitions = new Definitions(settings.sagas, time);
        this.carried = new Carried(settings);
        String node = settings.node();
        this.hands = new Hands(node, time, settings.executor, settings.concurrency);
        this.clock = new StoreClock(time);
        this.journal = new JournalWriter(store, time, listener, this::closed);
        this.berths = new Berths(this);
        this.outcomes = new Outcomes(this);
        this.watchers = new Watchers(this);
        this.claims = new Claims(this);
        this.lease = new Lease(
                node + "#" + String.format("%016x", ThreadLocalRandom.current().nextLong()), this);
        this.starts = new Starts(this);
        this.signals = new Signals(this);
        this.chores = new Chores(this);
        this.endless = new Endless(this);
        this.admin = new Operator(this);
    }

    /** Comes to life: from here on others see it, and it claims. */
    Engine open() {
        try {
            lease.open();
        } catch (Throwable unanswered) {
            hands.close();
            throw unanswered;
        }
        claims.open();
        chores.open();
        endless.open();
        return this;
    }

    /** Whether it may take over what others left. */
    boolean claiming() {
        return phase.get() == OPEN;
    }

    /** Whether what runs here has to be given to others. */
    boolean closing() {
        return phase.get() >= RELEASING;
    }

    boolean closed() {
        return phase.get() == CLOSED;
    }

    void checkOpen() {
        if (phase.get() != OPEN)
            throw new IllegalStateException(
                    "the saga engine " + lease.owner + " is closed; start sagas on an open one");
    }

    /** Something came for a saga from outside its run. */
    void nudge(SagaRef saga) {
        Tenure here = berths.of(saga);
        if (here != null) here.nudge();
        else claims.soon();
    }

    @Override
    public <I, O extends @Nullable Object> SagaHandle<O> start(Saga<I, O> saga, String id, I input) {
        return starts.start(saga, id, input);
    }

    @Override
    public <I, O extends @Nullable Object> SagaHandle<O> start(
            Connection transaction, Saga<I, O> saga, String id, I input) throws SQLException {
        return starts.start(Objects.requireNonNull(transaction, "transaction"), saga, id, input);
    }

    @Override
    public <O extends @Nullable Object> SagaHandle<O> handle(Saga<?, O> saga, String id) {
        Chart chart = definitions.of(saga);
        SagaRef ref = new SagaRef(saga.name(), id);
        return new Handle<>(this, ref, chart, berths.of(ref));
    }

    @Override
    public SagaReply signal(SagaRef saga, String name, @Nullable Object value, String key) {
        return signals.signal(saga, name, value, key);
    }

    @Override
    public SagaReply cancel(SagaRef saga) {
        return signals.cancel(saga);
    }

    @Override
    public SagaAdmin admin() {
        return admin;
    }

    @Override
    public Subscription onEvent(SagaListener listener) {
        return this.listener.add(listener);
    }

    @Override
    public Snapshot snapshot() {
        return new Snapshot(new Gauges(
                lease.owner,
                berths.count(),
                settings.concurrency,
                phase.get() == OPEN && lease.inTime(),
                lease.age(),
                chores.attention(),
                chores.unclaimable(),
                definitions.names()));
    }

    @Override
    public void close() {
        Tenure self = berths.ofThisThread();
        if (!phase.compareAndSet(OPEN, DRAINING)) {
            if (self != null) return; // whoever closes it waits for this very saga
            late.add(Thread.currentThread());
            Pause.until(time, this, Long.MAX_VALUE, () -> gone);
            return;
        }
        try {
            Closing closing = new Closing(this, self);
            closing.drain();
            phase.set(RELEASING);
            closing.release(() -> phase.set(CLOSED));
        } finally {
            phase.set(CLOSED);
            hands.close();
            gone = true;
            for (Thread waiting = late.poll(); waiting != null; waiting = late.poll()) time.unpark(waiting);
        }
    }

    void closeParts(long nanos) {
        chores.close(nanos);
        endless.close(nanos);
        watchers.close(nanos);
        lease.close(nanos);
    }

    @Override
    public String toString() {
        return "saga engine " + lease.owner + (phase.get() == OPEN ? "" : closed() ? " (closed)" : " (closing)") + ", "
                + berths.count() + " sagas running";
    }
}
