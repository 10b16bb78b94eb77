// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import dev.resilience.saga.SagaStoreException;
import dev.resilience.saga.StepRejectedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** One run of the saga, with what happens to it: made, played once, looked at. */
final class Trial {
    /** The store's clock when the run's is at zero: some day of the year 2033. */
    private static final long EPOCH_MS = 2_000_000_000_000L;

    private static final int ENDLESS = 3_000;
    /** How long one that wakes up when all is over is watched: several of its heartbeats and looks for work. */
    private static final Duration AWAKE = Duration.ofSeconds(10);
    /** So long nobody waits for an answer; but for who does, it ends. */
    private static final Duration HANG = Duration.ofMinutes(10);

    private final Case what;
    private final Setting setting;
    private final String id;
    private final Conductor conductor;
    private final SagaStore store;
    private final Vessel.Fleet fleet;
    private final Map<Life, Vessel> vessels = new HashMap<>();
    private final List<Life> lives = new ArrayList<>();
    private final Set<Life> closing = new LinkedHashSet<>();
    private final Set<String> owners = new LinkedHashSet<>();
    private final List<Boundary> boundaries = new ArrayList<>();
    private final List<Event> events = new ArrayList<>();
    private final Set<Fault> met = EnumSet.noneOf(Fault.class);
    private @Nullable SagaRef ref;
    private boolean started;
    private boolean signalled;
    private boolean ended;
    private boolean pivotPassedAtFault;
    private SagaStore.@Nullable Loaded left;

    /**
     * What all runs have in common.
     *
     * @param store asked for each run, with the run's clock
     * @param signal sent once: right after the start, or where a fault says so
     * @param harmless steps that nobody undoes
     * @param stall how long {@link Fault#STALL} stalls
     * @param within how long the saga may take on the run's clock, faults included
     */
    record Setting(
            Function<Effects, Vessel.Fleet> fleet,
            Function<dev.resilience.TimeSource, SagaStore> store,
            SagaStore.@Nullable Signal signal,
            Set<String> harmless,
            Duration stall,
            Duration within) {}

    Trial(Setting setting, String id, Case what) {
        this.setting = setting;
        this.id = id;
        this.what = what;
        this.conductor = new Conductor(what.schedule() == 0 ? null : new Random(what.schedule()));
        this.store = setting.store.apply(new Life(conductor, "the store"));
        this.fleet = setting.fleet.apply(new Effects(this));
        this.signalled = setting.signal == null;
    }

    /** Plays it to its end. */
    Trial play() {
        try {
            open();
            conductor.runUntilQuiet(setting.within.toNanos());
            if (!ended && !signalled) {
                signal(); // the boundary at which it was to come was not reached without it
                conductor.runUntilQuiet(setting.within.toNanos());
            }
            if (lives.stream().anyMatch(life -> life.frozen() && !life.dead())) {
                thaw();
                conductor.runUntilQuiet(AWAKE.toNanos());
            }
            conductor.end(lives);
            left = store.load(ref()).orElse(null);
            return this;
        } finally {
            leaveNothing();
        }
    }

    /** A shared store must not hold a saga that the next run's engines would find. */
    private void leaveNothing() {
        store.load(ref())
                .map(SagaStore.Loaded::head)
                .filter(head -> !head.status().ended())
                .ifPresent(head -> {
                    Checkpoint.Builder end = Checkpoint.on(head, clockMs());
                    end.head().status(SagaStatus.ABANDONED).owner(null).lockKey(null).wakeMs(SagaInstance.NEVER);
                    end.head().endedMs(clockMs());
                    store.write(end.build());
                });
        store.forget(owners);
        store.close();
    }

    private void open() {
        if (lives.stream().anyMatch(life -> !life.dead() && !life.frozen() && !closing.contains(life))) return;
        Life life = new Life(conductor, "engine " + (lives.size() + 1));
        lives.add(life);
        life.execute(() -> {
            Vessel vessel = fleet.open(life, new CrashStore(this, store, life));
            vessels.put(life, vessel);
            for (int tries = 0; !started && tries < 10; tries++) start(life, vessel);
        });
    }

    /** Its caller tries again when it does not know: here, or at the next engine. */
    private void start(Life life, Vessel vessel) {
        try {
            vessel.start();
            started = true;
            if (!what.faults().containsValue(Fault.SIGNAL)) signal();
        } catch (SagaStoreException unknown) {
            life.park(this, Duration.ofMillis(100).toNanos());
        }
    }

    private void signal() {
        SagaStore.Signal signal = setting.signal;
        if (signal == null || signalled) return;
        signalled = true;
        store.signal(ref(), new SagaStore.Signal(signal.name(), signal.key(), signal.payload(), clockMs()));
    }

    /** Something that somebody else sees is about to happen, or has happened. */
    void at(@Nullable Life life, Spot spot, Object call, boolean fresh) {
        if (life == null) return;
        life.enter();
        conductor.pass(life);
        life.enter();
        boolean someoneFrozen = lives.stream().anyMatch(l -> l.frozen() && !l.dead());
        Boundary here = new Boundary(boundaries.size(), life, spot, call, fresh, someoneFrozen);
        boundaries.add(here);
        if (boundaries.size() > ENDLESS) endless(life);
        Fault fault = what.faults().get(here.number());
        if (fault == null || !fault.fits(here)) return;
        met.add(fault);
        head().ifPresent(head -> pivotPassedAtFault |= head.pivotPassed());
        happen(fault, here, life);
        life.enter();
    }

    /** It does the same over and over again, at one moment of its clock: nothing else would ever end it. */
    private void endless(Life life) {
        conductor.thrown().add(new AssertionError("the run has more than " + ENDLESS + " boundaries"));
        life.kill();
        life.enter();
    }

    private void happen(Fault fault, Boundary here, Life life) {
        switch (fault) {
            case KILL -> {
                life.kill();
                open();
            }
            case FREEZE -> {
                life.frozen(true);
                open();
                conductor.freeze(life);
            }
            case THAW -> {
                thaw();
                conductor.giveWay(life);
            }
            case CLOSE -> {
                closing.add(life);
                Vessel vessel = vessels.get(life);
                if (vessel != null) life.execute(vessel::close);
                open();
                conductor.giveWay(life);
            }
            case FAIL -> throw failure(here);
            case REJECT -> throw new StepRejectedException("the crash matrix refuses " + here.what());
            case HANG -> {
                life.park(this, HANG.toNanos());
                throw failure(here);
            }
            case STALL -> stall(life);
            case CANCEL -> record(new Event.Cancelled(store.cancel(ref(), clockMs()), head().orElse(null)));
            case SIGNAL -> signal();
        }
    }

    private static RuntimeException failure(Boundary here) {
        String text = "the crash matrix fails " + here;
        if (here.spot() == Spot.CALL || here.spot() == Spot.CALLED) return new IllegalStateException(text);
        return new SagaStoreException(text, new java.io.IOException("connection reset"));
    }

    private void stall(Life life) {
        long end = conductor.now() + setting.stall.toNanos();
        boolean interrupted = false;
        while (conductor.now() < end) {
            life.park(this, end - conductor.now());
            interrupted |= Thread.interrupted();
        }
        if (interrupted) Thread.currentThread().interrupt();
    }

    private void thaw() {
        for (Life life : lives) if (life.frozen() && !life.dead()) conductor.thaw(life);
    }

    void called(Key key) {
        record(new Event.Call(life(), key));
    }

    void record(Event event) {
        events.add(event);
        if (event instanceof Event.Written written) {
            SagaStatus status = written.checkpoint().next().status();
            ended = status.ended() || status == SagaStatus.NEEDS_ATTENTION;
            if (ended) conductor.stopClock();
        }
    }

    /** An engine calls itself that. */
    void owner(String owner) {
        owners.add(owner);
    }

    @Nullable Life life() {
        return Conductor.current();
    }

    private Optional<SagaInstance> head() {
        return store.heads(List.of(ref())).stream().findFirst();
    }

    long clockMs() {
        return EPOCH_MS + conductor.now() / 1_000_000;
    }

    SagaRef ref() {
        return Objects.requireNonNull(ref, "the saga has no name yet: no participant is called while it is defined");
    }

    /** Its definition is there. */
    void named(String saga) {
        ref = new SagaRef(saga, id);
    }

    Case what() {
        return what;
    }

    List<Boundary> boundaries() {
        return boundaries;
    }

    List<Event> events() {
        return events;
    }

    /** The faults that did happen. */
    Set<Fault> met() {
        return met;
    }

    boolean pivotPassedAtFault() {
        return pivotPassedAtFault;
    }

    /** Whether nobody undoes that step. */
    boolean isHarmless(String step) {
        int n = step.lastIndexOf('#');
        return setting.harmless.contains(n < 0 ? step : step.substring(0, n));
    }

    List<Throwable> thrown() {
        return conductor.thrown();
    }

    int strands() {
        return conductor.strands();
    }

    /** As it was when nothing went on any more; null if it was never started. */
    SagaStore.@Nullable Loaded left() {
        return left;
    }
}
