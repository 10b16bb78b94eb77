// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.CallContext;
import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Drives one saga: decides, acts, writes a checkpoint, until it ends, waits, is parked, or is lost to another owner.
 *
 * <p>One thread at a time drives. It calls a step's code itself when that is all there is to do, so that a saga of
 * steps one after the other never changes threads; branches and elements run on threads of the berth, and report. An
 * attempt that does not end in its time is left behind: if it ran on the driving thread, the saga goes on on another
 * one, and the first finds, late, that it drives nothing any more.
 */
final class Runner implements Runnable {
    /** What the loop does next. */
    private enum Next {
        AGAIN,
        /** The driving thread was lost to an attempt, or the saga is released. */
        STOP
    }

    private final Berth berth;
    private final Logbook log;
    private final Trials trials;
    private final Queue<Attempt> arrived = new ConcurrentLinkedQueue<>();
    private final List<Attempt> transactions = new ArrayList<>(0);
    /** The last one, to be run anew: one after the other needs one alone. */
    private @Nullable Attempt spare;

    private int running;
    /** Transactional attempts among those that run: each has a connection, or is waiting for one. */
    private int transacting;

    private volatile boolean nudged;
    private volatile boolean listening;
    private volatile @Nullable Thread parked;

    Runner(Chart chart, SagaStore.Loaded loaded, Berth berth) {
        this.berth = berth;
        this.log = new Logbook(chart, loaded, berth);
        this.trials = new Trials(log, berth);
    }

    Logbook log() {
        return log;
    }

    Berth berth() {
        return berth;
    }

    /** Something came for this saga, or the engine closes or may act again: the runner looks. Any thread. */
    void nudge() {
        nudged = true;
        Thread waiting = parked;
        if (waiting != null) berth.time().unpark(waiting);
    }

    /** Whether it waits for a signal while something of it runs, so that it does not look by itself. Any thread. */
    boolean listens() {
        return listening;
    }

    /** What a completed saga returned, made again of its journal: for those who did not run it. */
    static Outcome<@Nullable Object> output(Chart chart, SagaStore.Loaded loaded, SagaCodec codec) {
        try {
            return Outcome.success(
                    chart.plan().returns().apply(Course.of(chart, codec, loaded).values()));
        } catch (Throwable broken) {
            return Outcome.failure(broken);
        }
    }

    /** An attempt ended on a thread of its own, or was left behind there. Any thread. */
    void arrived(Attempt attempt) {
        arrived.add(attempt);
        Thread waiting = parked;
        if (waiting != null) berth.time().unpark(waiting);
    }

    /** The thread that drives is lost to this attempt: another one goes on. Timer thread. */
    void leftBehind(Attempt attempt) {
        berth.goOn(() -> {
            finished(attempt);
            drive();
        });
    }

    /** Drives on this thread. May return before the saga is released: see {@link #leftBehind}. */
    @Override
    public void run() {
        int claims = log.head().claims();
        if (claims > berth.maxClaims())
            log.order(
                    Logbook.Order.What.PARK,
                    Reasons.POISON,
                    null,
                    "claimed " + claims + " times from engines that died");
        drive();
    }

    private void drive() {
        Next next = Next.AGAIN;
        while (next == Next.AGAIN) next = step();
    }

    private Next step() {
        for (Attempt attempt = arrived.poll(); attempt != null; attempt = arrived.poll()) finished(attempt);
        if (log.lost()) {
            nudged = false; // there is nothing more to look for: only attempts to wait for
            giveUpTransactions();
            return running > 0 ? await(Long.MAX_VALUE) : released();
        }
        boolean settling = log.order() != null || log.head().status() == SagaStatus.PAUSED;
        if (settling) giveUpTransactions();
        else if (!transactions.isEmpty()) return committed(transactions.remove(0));
        if (nudged) return looked(); // who has lost it writes nothing, not even an end
        if (settling) return running > 0 ? await(Long.MAX_VALUE) : written();
        if (log.hasNews()) return written();
        if (log.isBehind()) {
            if (running > 0) return await(Long.MAX_VALUE);
            log.caughtUp();
        }
        return decided();
    }

    /** Reads it again when somebody said that something came. */
    private Next looked() {
        if (transacting > 0) return awaitTransactions();
        nudged = false;
        log.refresh(false);
        if (log.lost()) berth.listener().fenced(log.head().ref());
        return Next.AGAIN;
    }

    /** What they did is undone with them: their steps are untouched. */
    private void giveUpTransactions() {
        for (Attempt attempt : transactions) attempt.rollBack();
        transactions.clear();
    }

    private Next written() {
        if (transacting > 0) return awaitTransactions();
        log.write(running == 0);
        if (log.head().owner() != null || log.lost()) return Next.AGAIN;
        return released();
    }

    /** A transactional step: its outcome is written in its own transaction, alone (S15). */
    private Next committed(Attempt attempt) {
        Connection transaction = Objects.requireNonNull(attempt.connection());
        List<Done> aside = log.setAside();
        boolean open = log.course().leg(attempt.leg.place, attempt.leg.index) != null; // not if the journal went back
        if (!open || !trials.completed(attempt)) {
            attempt.rollBack();
            log.takeUp(aside, false);
            return Next.AGAIN;
        }
        boolean idle = running == 0 && aside.isEmpty() && transactions.isEmpty();
        boolean written = log.write(transaction, idle);
        if (!written) refused(attempt);
        log.takeUp(aside, !written);
        if (log.head().owner() != null || log.lost()) return Next.AGAIN;
        return released();
    }

    /** It was rolled back, and the step is untouched; or its commit was lost, which only the journal knows. */
    private void refused(Attempt attempt) {
        List<Attempt> ended = endTransactions();
        log.refused();
        Throwable undone = log.undone();
        log.dropNews();
        if (undone != null) trials.undone(attempt, undone);
        for (Attempt other : ended) finished(other);
    }

    /** Ends all transactions of this saga without their effects, so that the store can be asked. Who ended meanwhile. */
    private List<Attempt> endTransactions() {
        giveUpTransactions();
        List<Attempt> ended = new ArrayList<>(0);
        int left = transacting;
        while (left > 0) {
            awaitTransactions();
            for (Attempt attempt = arrived.poll(); attempt != null; attempt = arrived.poll()) {
                if (attempt.transactional()) left--;
                attempt.rollBack();
                ended.add(attempt);
            }
        }
        return ended;
    }

    /**
     * Waits for an attempt to end, whatever else came: who has a connection never waits for another one, or a pool that
     * is used up by transactions would wait for ever for the checkpoints that stand before their commits.
     */
    private Next awaitTransactions() {
        parked = Thread.currentThread();
        try {
            if (arrived.isEmpty()) berth.time().park(this, Long.MAX_VALUE);
        } finally {
            parked = null;
        }
        if (Thread.interrupted()) nudged = true;
        return Next.AGAIN;
    }

    @SuppressWarnings("NullAway") // of nothing comes a success of nothing
    private Next released() {
        SagaInstance head = log.head();
        berth.released(head, log.completedHere() ? Outcome.success(log.output()) : NOT_COMPLETED);
        return Next.STOP;
    }

    private static final Outcome<@Nullable Object> NOT_COMPLETED =
            Outcome.failure(new CancellationException("the saga was not completed here"));

    // --- deciding ---

    private Next decided() {
        Course course = log.course();
        long nowMs = berth.nowMs();
        if (log.mayTurn()) log.findCause(nowMs);
        if (log.order() != null) return Next.AGAIN;
        if (course.turned()) return undoing(course.undoing());
        if (course.finished()) return written();
        long pause = Long.MAX_VALUE;
        Attempt alone = null;
        List<Leg> open = course.open().size() == 1 ? course.open() : List.copyOf(course.open());
        // by number: there is one, mostly, and an iterator for each step. First all that needs a checkpoint to be open:
        // a transaction that runs would hold it up
        for (int i = 0; i < open.size(); i++) if (open.get(i).unprepared()) return written();
        for (int i = 0; i < open.size(); i++) {
            Leg leg = open.get(i);
            if (leg.running != null) continue;
            long wait = waitOf(leg, nowMs);
            if (log.order() != null) return Next.AGAIN;
            if (wait > 0) pause = Math.min(pause, wait);
            else if (wait == 0) {
                if (!mayAct()) return paused();
                Attempt attempt = attempt(leg, Attempt.What.ACTION);
                if (open.size() == 1) alone = attempt;
                else started(attempt);
            }
        }
        if (alone != null) return called(alone);
        if (log.hasNews() || !arrived.isEmpty()) return Next.AGAIN;
        return waiting(pause, nowMs);
    }

    /** 0: it can be called now; a pause in nanoseconds; -1: it is over, which was told. */
    private long waitOf(Leg leg, long nowMs) {
        if (leg.place.node instanceof Node.Await await) return awaited(leg, await, nowMs);
        if (leg.place.node instanceof Node.Delay) {
            long left = left(leg, nowMs);
            if (left > 0) return left;
            log.tell(new Done(leg, JournalEntry.Phase.ACTION, StepOutcome.COMPLETED));
            return -1;
        }
        long left = left(leg, nowMs);
        if (left > 0) return left;
        Node.Action action = leg.place.requireAction();
        if (action.code().inDoubt() == Node.InDoubt.PARK && log.touched(leg) && !log.mayCallAgain(leg)) {
            log.order(Logbook.Order.What.PARK, Reasons.IN_DOUBT, leg.name(), "at most once, and possibly called");
            return -1;
        }
        return 0;
    }

    private long awaited(Leg leg, Node.Await await, long nowMs) {
        SagaStore.Signal signal = log.signal(await.name());
        if (signal != null) {
            Done done = new Done(leg, JournalEntry.Phase.ACTION, StepOutcome.COMPLETED);
            done.payload = signal.payload();
            done.note = signal.key();
            log.tell(done);
            return -1;
        }
        if (leg.due == null) return Long.MAX_VALUE;
        long left = left(leg, nowMs);
        if (left > 0) return left;
        if (await.optional()) log.tell(new Done(leg, JournalEntry.Phase.ACTION, StepOutcome.SKIPPED));
        else log.fail(Reasons.TIMED_OUT, leg.name(), null);
        return -1;
    }

    /** How long it still waits, in nanoseconds; zero or less: not. */
    private long left(Leg leg, long nowMs) {
        Trial trial = leg.trial;
        if (trial != null && trial.waits) return trial.dueNanos - berth.time().nanoTime();
        if (leg.due == null || leg.entered) return 0;
        long millis = leg.due.dueMs() - nowMs;
        return millis <= 0 ? 0 : millis >= Long.MAX_VALUE / 1_000_000 ? Long.MAX_VALUE : millis * 1_000_000;
    }

    private Next undoing(@Nullable Leg leg) {
        if (leg == null) return written();
        long wait = left(leg, berth.nowMs());
        if (wait > 0) return waiting(wait, berth.nowMs());
        Node.Code code = leg.place.requireAction().code();
        Attempt.What what = Attempt.What.UNDO;
        if (leg.inDoubt()) {
            what = switch (code.inDoubt()) {
                case PROBE -> Attempt.What.PROBE;
                case UNDO -> Attempt.What.BLIND;
                default -> Attempt.What.ACTION;
            };
            if (code.inDoubt() == Node.InDoubt.PARK && !log.mayCallAgain(leg)) {
                log.order(Logbook.Order.What.PARK, Reasons.IN_DOUBT, leg.name(), "at most once, and possibly called");
                return Next.AGAIN;
            }
        } else if (code.undo() == null || resolvedWithoutResult(leg, code)) what = Attempt.What.BLIND;
        if (!mayAct()) return paused();
        return called(attempt(leg, what));
    }

    /** An operator knows that it was done, but not its result. */
    private static boolean resolvedWithoutResult(Leg leg, Node.Code code) {
        return leg.resolution != null && leg.resolution.payload() == null && code.blind() != null;
    }

    // --- acting ---

    private Attempt attempt(Leg leg, Attempt.What what) {
        Trial trial = leg.trial;
        if (trial != null) trial.waits = false;
        int number = 1 + (trial == null ? leg.attempts() : trial.attempts);
        Attempt attempt = spare;
        spare = null;
        if (attempt == null) attempt = new Attempt(this, leg, what, number);
        else attempt.anew(leg, what, number);
        leg.running = attempt;
        leg.tried = true;
        running++;
        if (attempt.transactional()) transacting++;
        return attempt;
    }

    private Next called(Attempt attempt) {
        if (!attempt.callHere()) return Next.STOP; // left behind: somebody else drives
        finished(attempt);
        if (attempt.isOver()) spare = attempt;
        return Next.AGAIN;
    }

    private void started(Attempt attempt) {
        AtomicBoolean begun = new AtomicBoolean(); // an executor may throw and run it all the same
        try {
            berth.execute(() -> {
                if (begun.compareAndSet(false, true)) attempt.callThere();
            });
        } catch (RuntimeException | OutOfMemoryError refused) { // or no thread is left
            if (!begun.compareAndSet(false, true)) return;
            attempt.refuse(refused);
            arrived.add(attempt);
        }
    }

    private void finished(Attempt attempt) {
        running--;
        if (attempt.transactional()) transacting--;
        Leg now = log.course().leg(attempt.leg.place, attempt.leg.index);
        if (now != null) now.running = null;
        if (log.lost()) attempt.rollBack();
        else if (attempt.connection() != null) transactions.add(attempt);
        else if (!attempt.rolledBack()) trials.ended(attempt);
    }

    StepContext context(Leg leg, Attempt.What what, int number, CallContext call) {
        boolean undo = what == Attempt.What.UNDO || what == Attempt.What.BLIND;
        return new StepContext(log.head(), leg, undo, number, call);
    }

    // --- waiting ---

    private boolean mayAct() {
        return berth.mayAct() && !berth.closing();
    }

    /** No action may begin now: the engine closes, or cannot say that it lives. */
    private Next paused() {
        if (!berth.closing()) return await(Long.MAX_VALUE);
        log.order(Logbook.Order.What.RELEASE, Logbook.CLOSING, null, null);
        return Next.AGAIN;
    }

    private Next waiting(long nanos, long nowMs) {
        if (berth.closing() && running == 0) return paused();
        long until = log.mayTurn() ? millisUntil(log.head().deadlineMs(), nowMs) : Long.MAX_VALUE;
        long pause = Math.min(nanos, until);
        if (running > 0 || pause <= TimeSource.nanos(berth.inlineWait())) return await(pause);
        log.order(Logbook.Order.What.RELEASE, Logbook.WAITING, null, null);
        return Next.AGAIN;
    }

    private boolean awaitsSignal() {
        for (Leg leg : log.course().open()) if (leg.place.node instanceof Node.Await) return true;
        return false;
    }

    private static long millisUntil(long ms, long nowMs) {
        long millis = ms - nowMs;
        return millis <= 0 ? 0 : millis >= Long.MAX_VALUE / 1_000_000 ? Long.MAX_VALUE : millis * 1_000_000;
    }

    private Next await(long nanos) {
        listening = running > 0 && awaitsSignal();
        parked = Thread.currentThread();
        try {
            if (!nudged && arrived.isEmpty()) berth.time().park(this, nanos);
        } finally {
            parked = null;
            listening = false;
        }
        if (Thread.interrupted()) nudged = true; // an interrupt of the engine's: look, and do not spin
        return Next.AGAIN;
    }
}
