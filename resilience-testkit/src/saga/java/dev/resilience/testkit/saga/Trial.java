// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaReply;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import dev.resilience.saga.SagaStoreException;
import dev.resilience.saga.StepRejectedException;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
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
    /** So long who starts a saga waits before trying again. */
    private static final long AGAIN = Duration.ofMillis(100).toNanos();

    private final Case what;
    private final Setting setting;
    private final List<SagaRef> refs = new ArrayList<>();
    private final List<String> ids;
    private final Conductor conductor;
    private final SagaStore store;
    private final @Nullable FailoverStore failover;
    private final Vessel.Fleet fleet;
    private final Map<Life, Vessel> vessels = new HashMap<>();
    private final List<Life> lives = new ArrayList<>();
    private final Set<Life> closing = new LinkedHashSet<>();
    private final Set<String> owners = new LinkedHashSet<>();
    private final List<Boundary> boundaries = new ArrayList<>();
    private final Map<String, Integer> quiet = new HashMap<>();
    private final List<Event> events = new ArrayList<>();
    private final List<Integer> commits = new ArrayList<>();
    private final Set<SagaRef> ended = new HashSet<>();
    private final Set<String> started = new HashSet<>();
    private final Set<Fault> met = EnumSet.noneOf(Fault.class);
    private final Map<Life, List<Connection>> connections = new HashMap<>();
    private int loud;
    private boolean signalled;
    private final Set<SagaRef> pivotPassedAtFault = new HashSet<>();
    private final Map<SagaRef, SagaStore.Loaded> left = new HashMap<>();

    /**
     * What all runs have in common.
     *
     * @param store asked for each run, with the run's clock
     * @param signal sent once: right after the start, or where a fault says so
     * @param harmless steps that nobody undoes
     * @param stall how long {@link Fault#STALL} stalls
     * @param within how long the saga may take on the run's clock, faults included
     * @param rival whether a second saga of the same input is started beside the first
     * @param losing how many commits {@link Fault#FAIL_OVER} forgets
     * @param reads calls of participants that need no key
     */
    record Setting(
            Function<Effects, Vessel.Fleet> fleet,
            Function<dev.resilience.TimeSource, SagaStore> store,
            SagaStore.@Nullable Signal signal,
            Set<String> harmless,
            Duration stall,
            Duration within,
            boolean rival,
            int losing,
            Set<String> reads) {}

    Trial(Setting setting, String id, Case what) {
        this.setting = setting;
        this.ids = setting.rival() ? List.of(id, id + "-rival") : List.of(id);
        this.what = what;
        this.conductor = new Conductor(what.schedule() == 0 ? null : new Random(what.schedule()));
        Life clock = new Life(conductor, "the store");
        this.failover = what.faults().containsValue(Fault.FAIL_OVER)
                ? new FailoverStore(() -> setting.store.apply(clock))
                : null;
        this.store = failover == null ? setting.store.apply(clock) : failover;
        this.fleet = setting.fleet.apply(new Effects(this));
        this.signalled = setting.signal == null;
    }

    /** Plays it to its end. */
    Trial play() {
        try {
            open();
            conductor.runUntilQuiet(setting.within.toNanos());
            if (!allEnded() && !signalled) {
                signal(); // the boundary at which it was to come was not reached without it
                conductor.runUntilQuiet(setting.within.toNanos());
            }
            if (lives.stream().anyMatch(life -> life.frozen() && !life.dead())) {
                thaw();
                conductor.runUntilQuiet(AWAKE.toNanos());
            }
            conductor.end(lives);
            for (SagaRef ref : refs) store.load(ref).ifPresent(loaded -> left.put(ref, loaded));
            return this;
        } finally {
            leaveNothing();
        }
    }

    /** A shared store must not hold a saga that the next run's engines would find. */
    private void leaveNothing() {
        for (SagaInstance head : store.heads(refs)) {
            if (head.status().ended()) continue;
            Checkpoint.Builder end = Checkpoint.on(head, clockMs());
            end.head().status(SagaStatus.ABANDONED).owner(null).lockKey(null).wakeMs(SagaInstance.NEVER);
            end.head().endedMs(clockMs());
            store.write(end.build());
        }
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
            for (String id : ids) life.execute(() -> start(id, life, vessel));
        });
    }

    /** Its caller tries again when it does not know, or while another saga holds its lock: here, or at the next engine. */
    private void start(String id, Life life, Vessel vessel) {
        for (int tries = 0; !started.contains(id) && !closing.contains(life) && tries < 10; ) {
            try {
                SagaRef holder = vessel.start(id);
                if (holder != null) {
                    if (isParked(holder)) {
                        over(refs.get(ids.indexOf(id))); // it never comes to be: the other one waits for a person
                        return;
                    }
                    life.park(this, AGAIN);
                    continue;
                }
                started.add(id);
                if (signalled || !what.faults().containsValue(Fault.SIGNAL)) signal(refs.get(ids.indexOf(id)));
            } catch (SagaStoreException unknown) {
                tries++;
                life.park(this, AGAIN);
            } catch (IllegalStateException closed) {
                if (!closing.contains(life)) throw closed;
            }
        }
    }

    private void signal() {
        for (SagaRef ref : refs) signal(ref);
    }

    /** Kept by the store once, however often it comes. */
    private void signal(SagaRef ref) {
        SagaStore.Signal signal = setting.signal;
        if (signal == null) return;
        signalled = true;
        long now = clockMs();
        SagaReply reply = store.signal(ref, new SagaStore.Signal(signal.name(), signal.key(), signal.payload(), now));
        record(new Event.Signalled(ref, reply, signal.name(), now));
    }

    /** Something that somebody else sees is about to happen, or has happened. */
    void at(@Nullable Life life, Spot spot, Object call, boolean fresh) {
        if (life == null) return;
        life.enter();
        conductor.pass(life);
        life.enter();
        Place place = place(life, spot, call);
        if (place == null) return;
        boolean someoneFrozen = lives.stream().anyMatch(l -> l.frozen() && !l.dead());
        Boundary here = new Boundary(place, life, spot, call, fresh, vessels.containsKey(life), someoneFrozen);
        boundaries.add(here);
        if (loud > ENDLESS) endless(life);
        Fault fault = what.faults().get(place);
        if (fault == null || !fault.fits(here)) return;
        met.add(fault);
        for (SagaInstance head : store.heads(refs)) if (head.pivotPassed()) pivotPassedAtFault.add(head.ref());
        happen(fault, here, life);
        life.enter();
    }

    /**
     * Null where nothing is to happen: between two boundaries of the saga only the first heartbeat and the first look of
     * each engine count, for the saga is the same at all of them.
     */
    private @Nullable Place place(Life life, Spot spot, Object call) {
        if (!spot.quiet()) {
            quiet.clear();
            return new Place(loud++, "");
        }
        if (quiet.merge(life + " " + spot + call, 1, Integer::sum) > 1) return null;
        String kind = spot == Spot.BEAT || spot == Spot.BEATEN ? "beat" : "look";
        return new Place(loud, kind + quiet.merge(kind, 1, Integer::sum));
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
                for (Connection open : connections.getOrDefault(life, List.of())) CrashConnection.cut(open);
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
            case CANCEL -> {
                SagaReply reply = store.cancel(ref(), clockMs());
                record(new Event.Cancelled(ref(), reply, head().orElse(null)));
            }
            case SIGNAL -> signal();
            case FAIL_OVER -> failOver();
        }
    }

    private void failOver() {
        if (failover == null) throw new IllegalStateException("no journal that can go back");
        failover.lose(setting.losing);
        ended.clear();
        for (SagaInstance head : store.heads(refs)) if (isOver(head.status())) ended.add(head.ref());
        record(new Event.Lost(failover.commits()));
        for (SagaRef ref : refs) // its sender comes again when nothing else happens any more
            if (setting.signal != null && store.load(ref).filter(l -> l.signals().isEmpty()).isPresent()) signalled = false;
        if (!allEnded()) conductor.goOn();
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
        record(new Event.Call(life(), Thread.currentThread(), key));
    }

    void record(Event event) {
        events.add(event);
        commits.add(failover == null ? 0 : failover.commits());
        if (!(event instanceof Event.Written written)) return;
        if (isOver(written.checkpoint().next().status())) over(written.checkpoint().ref());
    }

    private void over(SagaRef ref) {
        ended.add(ref);
        if (allEnded()) conductor.stopClock();
    }

    private boolean isParked(SagaRef ref) {
        return store.heads(List.of(ref)).stream().anyMatch(head -> head.status() == SagaStatus.NEEDS_ATTENTION);
    }

    private static boolean isOver(SagaStatus status) {
        return status.ended() || status == SagaStatus.NEEDS_ATTENTION;
    }

    /** Whether nothing is to be expected any more. */
    boolean allEnded() {
        return !refs.isEmpty() && ended.containsAll(refs);
    }

    /** A transaction of that life: when it dies, its server ends it. */
    void connected(Life life, Connection real) {
        connections.computeIfAbsent(life, l -> new ArrayList<>()).add(real);
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

    /** The saga that all is about; there may be a rival beside it. */
    SagaRef ref() {
        return refs().get(0);
    }

    List<SagaRef> refs() {
        if (refs.isEmpty())
            throw new IllegalStateException("the saga has no name yet: no participant is called while it is defined");
        return refs;
    }

    /** Its definition is there. */
    void named(String saga) {
        for (String id : ids) refs.add(new SagaRef(saga, id));
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

    /** Whether the pivot of that saga had passed at one of them. */
    boolean pivotPassedAtFault(SagaRef saga) {
        return pivotPassedAtFault.contains(saga);
    }

    /** How many commits there were when that event was seen; 0 unless some may be lost. */
    int commits(int event) {
        return commits.get(event);
    }

    boolean loses() {
        return failover != null;
    }

    /** Whether a participant's call needs no key. */
    boolean isRead(String call) {
        return setting.reads.contains(call);
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
    SagaStore.@Nullable Loaded left(SagaRef saga) {
        return left.get(saga);
    }
}
