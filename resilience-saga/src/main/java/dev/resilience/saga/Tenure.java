// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** One engine's time with one saga: from its start or claim to its release. */
final class Tenure implements Berth, Runnable {
    /** What decides that is no step's. */
    static final String RETURNS = "";

    private static final VarHandle RUNNER;
    private static final VarHandle DECISIONS;

    static {
        try {
            RUNNER = MethodHandles.lookup().findVarHandle(Tenure.class, "runner", Runner.class);
            DECISIONS = MethodHandles.lookup().findVarHandle(Tenure.class, "decisions", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Engine engine;
    final SagaRef ref;
    final boolean suspect;
    private byte @Nullable [] context;
    private long fence;
    /** Null before it is launched and after it is released: nothing of the user's stays behind (L13). */
    private volatile @Nullable Runner runner;

    private volatile @Nullable SagaOutcome<?> came;
    /** Who began to drive it, for as long as it is in there. */
    private volatile @Nullable Thread driver;

    /** The step whose code decides now, or the last that did; a saga has one driver at a time. */
    private String decides = RETURNS;
    /** Odd while code decides; through DECISIONS. */
    private int decisions;

    Tenure(Engine engine, SagaRef ref, boolean suspect) {
        this.engine = engine;
        this.ref = ref;
        this.suspect = suspect;
    }

    /** What it came to in this tenure; null if it has not, or went on elsewhere. */
    @Nullable
    SagaOutcome<?> came() {
        return came;
    }

    /** Begins to run it; one whose task is refused is left to a later claim. */
    void launch(Chart chart, SagaStore.Loaded saga) {
        context = saga.context();
        fence = saga.head().fence();
        runner = new Runner(chart, saga, this);
        try {
            engine.hands.sagas.execute(this);
        } catch (Throwable refused) { // an executor of the user's
            engine.listener.rejectedLocally(ref, "", refused, Duration.ofMillis(Engine.REFUSED_MS));
            giveBack(saga.head(), Engine.REFUSED_MS);
        }
    }

    @Override
    public void run() {
        Runner mine = runner;
        if (mine == null) return;
        driver = Thread.currentThread();
        try {
            guarded(mine);
        } finally {
            driver = null;
        }
    }

    boolean drivenBy(Thread thread) {
        return driver == thread;
    }

    @Override
    public void execute(Runnable branch) {
        engine.hands.sagas.execute(() -> aside(branch));
    }

    private void aside(Runnable work) {
        engine.berths.aside(this, () -> guarded(work));
    }

    /** On the timer's thread, which runs nothing of the user's (L6): his executor is asked by a thread of the engine's. */
    @Override
    public void goOn(Runnable rest) {
        try {
            engine.hands.work.execute(() -> handOn(rest));
        } catch (RejectedExecutionException closed) {
            leave(); // others take it up
        } catch (OutOfMemoryError noThreadLeft) {
            engine.time.schedule(() -> goOn(rest), Nanos.SECOND);
        }
    }

    private void handOn(Runnable rest) {
        AtomicBoolean begun = new AtomicBoolean(); // an executor may throw and run it all the same
        Runnable once = () -> {
            if (begun.compareAndSet(false, true)) aside(rest);
        };
        try {
            engine.hands.sagas.execute(once);
        } catch (Throwable refused) { // then here
            once.run();
        }
    }

    /** On a thread that is to do something of the saga: with what it carries, and without letting a bug wedge it. */
    private void guarded(Runnable work) {
        Runnable back = engine.carried.restore(ref, context);
        boolean returned = false;
        try {
            work.run();
            returned = true;
        } catch (RuntimeException broken) {
            if (!engine.closed()) {
                Guest.warn("saga " + ref + ": its run broke off; it is taken up again", broken);
                countBreak();
            }
        } finally {
            back.run();
            if (!returned) leave(); // if its row stays ours, the scan for strays takes it up
        }
    }

    /** A run that breaks off every time must not do so for ever: it counts as one that an engine died of (G8). */
    private void countBreak() {
        try {
            Optional<SagaStore.Loaded> saga = engine.store.load(ref);
            if (saga.isEmpty()) return;
            SagaInstance head = saga.get().head();
            if (head.fence() != fence || !engine.lease.owner.equals(head.owner())) return;
            long pause = Composition.ERROR_PAUSE_MS << Math.min(6, head.claims());
            Checkpoint.Builder write = Checkpoint.on(head, nowMs());
            write.head().owner(null).wakeMs(nowMs() + pause).claims(head.claims() + 1);
            if (engine.store.write(write.build())) engine.claims.at(nowMs() + pause);
        } catch (RuntimeException away) {
            // its row stays ours
        }
    }

    private void giveBack(SagaInstance head, long afterMs) {
        try {
            Checkpoint.Builder write = Checkpoint.on(head, nowMs());
            write.head().owner(null).wakeMs(nowMs() + afterMs);
            if (engine.store.write(write.build())) engine.claims.at(nowMs() + afterMs);
        } catch (RuntimeException away) {
            // its row stays ours: the scan for strays takes it up
        } finally {
            leave();
        }
    }

    private boolean leave() {
        Runner last = (Runner) RUNNER.getAndSet(this, null);
        if (last == null) return false;
        engine.berths.left(this);
        engine.watchers.moved(ref); // who waits for it has to look elsewhere, unless it is settled now
        return true;
    }

    void nudge() {
        Runner mine = runner;
        if (mine != null) mine.nudge();
    }

    /** Whether a signal from elsewhere would matter to it now. */
    boolean listens() {
        Runner mine = runner;
        return mine != null && mine.listens();
    }

    @Override
    public boolean write(Checkpoint checkpoint) {
        return engine.journal.write(checkpoint);
    }

    @Override
    public SagaStore.@Nullable Loaded reload(SagaRef saga, boolean settled) {
        return engine.journal.load(saga, settled).orElse(null);
    }

    @Override
    public SagaStore store() {
        return engine.store;
    }

    @Override
    public SagaCodec codec() {
        return engine.codec;
    }

    @Override
    public TimeSource time() {
        return engine.time;
    }

    @Override
    public long nowMs() {
        return engine.clock.nowMs();
    }

    @Override
    public boolean mayAct() {
        return !engine.closing() && engine.lease.inTime();
    }

    @Override
    public boolean closing() {
        return engine.closing();
    }

    @Override
    public int maxClaims() {
        return engine.settings.maxClaims;
    }

    @Override
    public void abandoned(int delta) {
        engine.berths.abandoned(delta);
    }

    @Override
    public Duration inlineWait() {
        return engine.settings.inlineWait();
    }

    @Override
    public int payloadCap() {
        return engine.settings.maxPayload;
    }

    @Override
    public void deciding(String what) {
        decides = what;
        DECISIONS.setRelease(this, decisions + 1);
    }

    @Override
    public void decided() {
        DECISIONS.setRelease(this, decisions + 1);
    }

    /** The number of the decision that is under way; even: none is. */
    int decision() {
        return (int) DECISIONS.getAcquire(this);
    }

    /** Of which step, or {@link #RETURNS}. */
    String decides() {
        return decides;
    }

    @Override
    public SagaListener listener() {
        return engine.listener;
    }

    @Override
    public void released(SagaInstance head, Outcome<@Nullable Object> output) {
        SagaOutcome<?> outcome = engine.outcomes.of(head, output);
        came = outcome;
        if (!leave()) return;
        if (outcome != null) engine.watchers.settle(ref, outcome);
        else if (head.owner() == null) engine.claims.at(head.wakeMs());
    }
}
