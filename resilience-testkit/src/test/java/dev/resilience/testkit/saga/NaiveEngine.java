// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.JournalEntry.Phase;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.SagaStore;
import dev.resilience.saga.SagaStoreException;
import dev.resilience.saga.StepOutcome;
import dev.resilience.saga.StepRejectedException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A saga engine in three hundred lines: steps in a row, at most one pivot, one awaited signal. Right, unless it is given a
 * {@link Flaw}: then it does what engines are known to do, and the matrix has to find it.
 */
final class NaiveEngine implements Vessel {
    private static final long LEASE = MILLISECONDS.toNanos(3_000);
    private static final long TICK = MILLISECONDS.toNanos(1_000);

    /** What engines get wrong. */
    enum Flaw {
        RECORDS_BEFORE_THE_EFFECT,
        UNDOES_IN_ORDER_OF_DOING,
        FORGETS_WHAT_IS_IN_DOUBT,
        TURNS_AFTER_THE_PIVOT,
        TAKES_A_NEW_KEY_FOR_EACH_OWNER,
        UNDOES_UNDER_THE_ACTIONS_KEY,
        UNDOES_WHAT_WAS_REJECTED,
        NEVER_TAKES_OVER,
        WRITES_AGAIN_WHEN_IT_DOES_NOT_KNOW,
        GOES_ON_WHEN_FENCED,
        ENDS_BEFORE_THE_LAST_UNDO,
        CANCELS_ITS_COMPENSATIONS,
        PARKS_WITHOUT_LOOKING_FOR_SIGNALS,
        FORGETS_ITS_RESULTS,
        CALLS_AGAIN_WHAT_WAS_REJECTED,
        TAKES_A_FAILURE_FOR_A_REFUSAL,
        /** C16: its own saga, which the journal says has not ended, is nobody's. */
        NEVER_LOOKS_FOR_STRAYS,
        /** C16: what it wrote itself is no proof any more that it has not called. */
        TRUSTS_A_JOURNAL_THAT_WENT_BACK,
        /** C16: turning is no safe choice, for its pivot may be done. */
        TURNS_WHEN_THE_JOURNAL_WENT_BACK,
        STOPS_AT_A_FAILED_HEARTBEAT,
        FREES_ITS_LOCK_WHEN_IT_TURNS
    }

    /** What a step may do to the saga. */
    enum Kind {
        COMPENSATABLE,
        PIVOT,
        RETRIABLE,
        SIGNAL
    }

    /** A step: what it does by key, and what undoes it. */
    record Step(String name, Kind kind, Consumer<String> action, Consumer<String> undo) {}

    private final String name;
    private final List<Step> steps;
    private final Predicate<Flaw> has;
    private final Life life;
    private final SagaStore store;
    private final String owner;
    private final Map<String, long[]> watched = new HashMap<>();
    private final Set<String> running = new HashSet<>();
    /** Of what the store has acknowledged of each saga, the newest number. */
    private final Map<SagaRef, Long> acknowledged = new HashMap<>();

    private long beats;
    private boolean closed;

    NaiveEngine(String name, List<Step> steps, Set<Flaw> flaws, Life life, SagaStore store) {
        this.name = name;
        this.steps = steps;
        this.has = flaws::contains;
        this.life = life;
        this.store = store;
        this.owner = life.name() + "#1";
        tick();
    }

    @Override
    public @Nullable SagaRef start(String id) {
        SagaRef ref = new SagaRef(name, id);
        SagaInstance head = SagaInstance.builder(ref)
                .incarnation("i")
                .owner(owner)
                .fence(owner.hashCode())
                .lockKey("the lock of all orders")
                .build();
        SagaStore.Started started = store.insert(new SagaStore.Start(head, new byte[0], "h", null, List.of()));
        SagaInstance now = started.head();
        if (now != null && owner.equals(now.owner())) store.load(ref).ifPresent(this::begin);
        return started.lockHolder();
    }

    @Override
    public void close() {
        closed = true;
    }

    private void tick() {
        life.execute(() -> {
            try {
                beat();
            } catch (SagaStoreException later) {
                if (has.test(Flaw.STOPS_AT_A_FAILED_HEARTBEAT)) return;
            }
            life.schedule(this::tick, TICK);
        });
    }

    private void beat() {
        SagaStore.Beat seen = store.beat(owner, ++beats, true);
        Set<String> dead = new HashSet<>(seen.orphans());
        seen.beats().forEach((other, beat) -> {
            long[] before = watched.computeIfAbsent(other, o -> new long[] {beat, life.nanoTime(), 0});
            if (before[0] != beat) watched.put(other, new long[] {beat, life.nanoTime(), 0});
            else if (++before[2] > 3 && life.nanoTime() - before[1] > LEASE && !other.equals(owner)) dead.add(other);
        });
        if (closed) return;
        if (!has.test(Flaw.NEVER_LOOKS_FOR_STRAYS))
            for (SagaInstance head : store.owned(owner))
                if (!running.contains(tenure(head))) store.load(head.ref()).ifPresent(this::begin);
        if (has.test(Flaw.NEVER_TAKES_OVER)) dead.clear();
        List<SagaStore.Supported> all = List.of(new SagaStore.Supported(name, 1, 1));
        store.claim(new SagaStore.Claim(owner, dead, all, seen.clockMs(), 10, 3, 1))
                .forEach(this::begin);
    }

    private void begin(SagaStore.Loaded loaded) {
        if (running.add(tenure(loaded.head()))) life.execute(() -> run(loaded));
    }

    private static String tenure(SagaInstance head) {
        return head.ref() + " " + head.fence();
    }

    private void run(SagaStore.Loaded at) {
        String tenure = tenure(at.head());
        try {
            drive(at);
        } finally {
            running.remove(tenure);
        }
    }

    private void drive(SagaStore.Loaded at) {
        Optional<SagaStore.Loaded> next = Optional.of(at);
        boolean mine = true; // wrote the last outcome itself
        boolean pivot = false;
        boolean back = false;
        long seen = at.head().seq();
        acknowledged.remove(at.head().ref());
        for (boolean first = true; next.isPresent(); first = false) {
            SagaStore.Loaded now = next.get();
            SagaInstance head = now.head();
            if (head.status().ended() || head.owner() == null || !owner.equals(head.owner())) return;
            seen = Math.max(seen, acknowledged.getOrDefault(head.ref(), seen));
            if (head.seq() < seen) {
                back = true;
                if (has.test(Flaw.TURNS_WHEN_THE_JOURNAL_WENT_BACK) && head.status() == SagaStatus.RUNNING) {
                    next = turn(now, StepOutcome.IN_DOUBT);
                    seen = 0;
                    acknowledged.remove(head.ref());
                    continue;
                }
            }
            seen = Math.max(seen, head.seq());
            pivot |= head.inPivot() || head.pivotPassed();
            mine = !first && (!back || has.test(Flaw.TRUSTS_A_JOURNAL_THAT_WENT_BACK));
            next = closed && head.status() == SagaStatus.RUNNING && !first
                    ? release(now)
                    : turnOrStep(now, mine, pivot);
        }
    }

    private Optional<SagaStore.Loaded> release(SagaStore.Loaded now) {
        Checkpoint.Builder write = Checkpoint.on(now.head(), life.nanoTime());
        write.head().owner(null).wakeMs(0);
        return write(write, now);
    }

    private Optional<SagaStore.Loaded> turnOrStep(SagaStore.Loaded now, boolean mine, boolean pivotBegun) {
        if (now.head().status() == SagaStatus.COMPENSATING) return undoNext(now);
        boolean tooLate = now.head().pivotPassed() || now.head().inPivot() || pivotBegun;
        if (now.head().cancelRequested() && (!tooLate || has.test(Flaw.TURNS_AFTER_THE_PIVOT)))
            return turn(now, mine ? null : StepOutcome.IN_DOUBT);
        return stepNext(now);
    }

    private Optional<SagaStore.Loaded> stepNext(SagaStore.Loaded now) {
        int at = (int) count(now, Phase.ACTION);
        Step step = steps.get(at);
        if (step.kind() == Kind.SIGNAL && now.signals().isEmpty()) return awaitSignal(now);
        if (has.test(Flaw.RECORDS_BEFORE_THE_EFFECT)) {
            Optional<SagaStore.Loaded> next = write(outcome(now, step, StepOutcome.COMPLETED), now);
            next.ifPresent(n -> step.action().accept(key(now, step)));
            return next;
        }
        try {
            call(() -> step.action().accept(key(now, step)));
        } catch (StepRejectedException refused) {
            if (has.test(Flaw.CALLS_AGAIN_WHAT_WAS_REJECTED))
                return store.load(now.head().ref());
            return now.head().pivotPassed() ? park(now) : turn(now, StepOutcome.REJECTED);
        }
        return write(outcome(now, step, StepOutcome.COMPLETED), now)
                .flatMap(next -> isRefused(next, at) ? turn(next, StepOutcome.COMPLETED) : Optional.of(next));
    }

    /** By a cancellation that came while the step ran: its outcome goes with the turn. */
    private static boolean isRefused(SagaStore.Loaded next, int at) {
        return count(next, Phase.ACTION) == at
                && next.head().cancelRequested()
                && !next.head().inPivot()
                && !next.head().pivotPassed()
                && !next.head().status().ended();
    }

    private Optional<SagaStore.Loaded> park(SagaStore.Loaded now) {
        Checkpoint.Builder write = Checkpoint.on(now.head(), life.nanoTime());
        end(write, SagaStatus.NEEDS_ATTENTION);
        write.head().heldFrom(SagaStatus.RUNNING).reason("REJECTED");
        return write(write, now);
    }

    private Checkpoint.Builder outcome(SagaStore.Loaded now, Step step, StepOutcome outcome) {
        Checkpoint.Builder write = Checkpoint.on(now.head(), life.nanoTime());
        int next = steps.indexOf(step) + 1;
        if (!has.test(Flaw.FORGETS_ITS_RESULTS) || next != 2 || now.head().claims() == 0)
            write.append(JournalEntry.of(Phase.ACTION, step.name()).outcome(outcome));
        if (step.kind() == Kind.COMPENSATABLE || step.kind() == Kind.SIGNAL) {
            if (!has.test(Flaw.TURNS_AFTER_THE_PIVOT)) write.unlessCancelled();
        }
        if (step.kind() == Kind.PIVOT) write.head().pivotPassed(true).inPivot(false);
        if (next < steps.size() && steps.get(next).kind() == Kind.PIVOT)
            write.head().inPivot(true);
        if (next == steps.size()) end(write, SagaStatus.COMPLETED);
        return write;
    }

    private Optional<SagaStore.Loaded> awaitSignal(SagaStore.Loaded now) {
        Checkpoint.Builder write = Checkpoint.on(now.head(), life.nanoTime());
        write.head().owner(null);
        if (!has.test(Flaw.PARKS_WITHOUT_LOOKING_FOR_SIGNALS)) write.unlessSignalled();
        return write(write, now);
    }

    private Optional<SagaStore.Loaded> turn(SagaStore.Loaded now, StepOutcome open) {
        Checkpoint.Builder write = Checkpoint.on(now.head(), life.nanoTime());
        int at = (int) count(now, Phase.ACTION);
        boolean told = open == StepOutcome.REJECTED || !has.test(Flaw.FORGETS_WHAT_IS_IN_DOUBT);
        if (open != null && told && steps.get(at).kind() != Kind.SIGNAL)
            write.append(JournalEntry.of(Phase.ACTION, steps.get(at).name()).outcome(open));
        write.append(JournalEntry.of(Phase.TURN, "").note("TURNED"));
        write.head().status(SagaStatus.COMPENSATING);
        if (has.test(Flaw.FREES_ITS_LOCK_WHEN_IT_TURNS)) write.head().lockKey(null);
        return write(write, now);
    }

    private Optional<SagaStore.Loaded> undoNext(SagaStore.Loaded now) {
        if (has.test(Flaw.CANCELS_ITS_COMPENSATIONS) && now.head().cancelRequested()) return finish(now);
        List<JournalEntry> open = open(now);
        if (open.isEmpty()) return finish(now);
        JournalEntry last = open.get(has.test(Flaw.UNDOES_IN_ORDER_OF_DOING) ? 0 : open.size() - 1);
        Step step = step(last.step());
        if (last.outcome() == StepOutcome.IN_DOUBT && !resolved(now, step)) return resolve(now, step);
        if (has.test(Flaw.ENDS_BEFORE_THE_LAST_UNDO) && open.size() == 1) {
            Optional<SagaStore.Loaded> next = write(undone(now, step, true), now);
            step.undo().accept(key(now, step) + "/undo");
            return next;
        }
        call(() -> step.undo().accept(key(now, step) + (has.test(Flaw.UNDOES_UNDER_THE_ACTIONS_KEY) ? "" : "/undo")));
        return write(undone(now, step, open.size() == 1), now);
    }

    private List<JournalEntry> open(SagaStore.Loaded now) {
        Set<String> settled = new HashSet<>();
        for (JournalEntry line : now.entries()) {
            if (line.phase() == Phase.UNDO) settled.add(line.step());
            if (line.phase() == Phase.RESOLUTION && line.outcome() == StepOutcome.REJECTED) settled.add(line.step());
        }
        return now.entries().stream()
                .filter(line -> line.phase() == Phase.ACTION && !settled.contains(line.step()))
                .filter(line -> line.outcome() != StepOutcome.REJECTED || has.test(Flaw.UNDOES_WHAT_WAS_REJECTED))
                .filter(line -> step(line.step()).kind() == Kind.COMPENSATABLE)
                .toList();
    }

    private static boolean resolved(SagaStore.Loaded now, Step step) {
        return now.entries().stream()
                .anyMatch(l -> l.phase() == Phase.RESOLUTION && l.step().equals(step.name()));
    }

    private Optional<SagaStore.Loaded> resolve(SagaStore.Loaded now, Step step) {
        StepOutcome outcome = StepOutcome.COMPLETED;
        try {
            call(() -> step.action().accept(key(now, step)));
        } catch (StepRejectedException refused) {
            outcome = StepOutcome.REJECTED;
        }
        Checkpoint.Builder write = Checkpoint.on(now.head(), life.nanoTime());
        return write(write.append(JournalEntry.of(Phase.RESOLUTION, step.name()).outcome(outcome)), now);
    }

    private Checkpoint.Builder undone(SagaStore.Loaded now, Step step, boolean last) {
        Checkpoint.Builder write = Checkpoint.on(now.head(), life.nanoTime());
        write.append(JournalEntry.of(Phase.UNDO, step.name()).outcome(StepOutcome.COMPLETED));
        if (last) end(write, SagaStatus.COMPENSATED);
        return write;
    }

    private Optional<SagaStore.Loaded> finish(SagaStore.Loaded now) {
        Checkpoint.Builder write = Checkpoint.on(now.head(), life.nanoTime());
        end(write, SagaStatus.COMPENSATED);
        return write(write, now);
    }

    private static void end(Checkpoint.Builder write, SagaStatus status) {
        write.head().status(status).owner(null).wakeMs(SagaInstance.NEVER);
        if (status.ended()) write.head().lockKey(null);
    }

    /** Answers what to go on from; nothing if it is not its any more. */
    private Optional<SagaStore.Loaded> write(Checkpoint.Builder builder, SagaStore.Loaded seen) {
        Checkpoint checkpoint = builder.build();
        while (true) {
            try {
                boolean taken = store.write(checkpoint);
                if (taken) acknowledged.put(checkpoint.ref(), checkpoint.next().seq());
                SagaStore.Loaded now = store.load(seen.head().ref()).orElseThrow();
                if (taken || now.head().fence() == seen.head().fence()) return Optional.of(now);
                if (!has.test(Flaw.GOES_ON_WHEN_FENCED)) return Optional.empty();
                goOnRegardless(seen);
                return Optional.empty();
            } catch (SagaStoreException unknown) {
                life.park(this, TICK);
                if (has.test(Flaw.WRITES_AGAIN_WHEN_IT_DOES_NOT_KNOW)) checkpoint = again(checkpoint);
            }
        }
    }

    private Checkpoint again(Checkpoint checkpoint) {
        Checkpoint.Builder again = Checkpoint.on(head(checkpoint.ref()), life.nanoTime());
        for (JournalEntry line : checkpoint.entries())
            again.append(JournalEntry.of(line.phase(), line.step())
                    .outcome(line.outcome())
                    .note(line.note()));
        again.head().status(checkpoint.next().status()).owner(checkpoint.next().owner());
        return again.build();
    }

    private SagaInstance head(SagaRef ref) {
        while (true) {
            try {
                return store.heads(List.of(ref)).get(0);
            } catch (SagaStoreException later) {
                life.park(this, TICK);
            }
        }
    }

    private void goOnRegardless(SagaStore.Loaded seen) {
        for (int at = (int) count(seen, Phase.ACTION); at < steps.size(); at++)
            steps.get(at).action().accept(key(seen, steps.get(at)));
    }

    private void call(Runnable participant) {
        while (true) {
            try {
                participant.run();
                return;
            } catch (StepRejectedException refused) {
                throw refused;
            } catch (RuntimeException unknown) {
                if (has.test(Flaw.TAKES_A_FAILURE_FOR_A_REFUSAL)) throw new StepRejectedException("failed", unknown);
                life.park(this, TICK / 10);
            }
        }
    }

    private String key(SagaStore.Loaded now, Step step) {
        String suffix =
                has.test(Flaw.TAKES_A_NEW_KEY_FOR_EACH_OWNER) ? "-" + now.head().claims() : "";
        return now.head().ref() + "~" + now.head().incarnation() + suffix + "/" + step.name();
    }

    private Step step(String name) {
        return steps.stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
    }

    private static long count(SagaStore.Loaded now, Phase phase) {
        return now.entries().stream().filter(line -> line.phase() == phase).count();
    }
}
