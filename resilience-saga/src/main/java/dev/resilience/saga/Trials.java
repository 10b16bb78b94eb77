// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Backoff;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** What the end of an attempt means: an outcome to be written, another attempt later, or the end of the budget. */
final class Trials {
    private final Logbook log;
    private final Berth berth;

    Trials(Logbook log, Berth berth) {
        this.log = log;
        this.berth = berth;
    }

    /** An attempt whose outcome is not in an open transaction. */
    void ended(Attempt attempt) {
        Leg leg = log.course().leg(attempt.leg.place, attempt.leg.index);
        if (leg == null) return;
        if (attempt.entered() && attempt.what == Attempt.What.ACTION) leg.entered = true;
        Throwable thrown = attempt.thrown();
        if (thrown == null) completed(attempt);
        else threw(attempt, leg, thrown);
    }

    private static Trial trial(Attempt attempt, Leg leg) {
        Trial trial = leg.trial;
        if (trial == null) leg.trial = trial = new Trial(attempt.number() - 1);
        return trial;
    }

    // --- a value ---

    /** Tells the outcome of an attempt that succeeded; false: its result has no bytes. */
    boolean completed(Attempt attempt) {
        Leg leg = Objects.requireNonNull(log.course().leg(attempt.leg.place, attempt.leg.index));
        switch (attempt.what) {
            case ACTION -> {
                return result(attempt, leg, attempt.value(), actionPhase(leg));
            }
            case PROBE -> {
                return probed(attempt, leg);
            }
            default -> log.tell(done(attempt, leg, JournalEntry.Phase.UNDO, StepOutcome.COMPLETED));
        }
        return true;
    }

    private JournalEntry.Phase actionPhase(Leg leg) {
        return log.course().turned() && leg.done != null ? JournalEntry.Phase.RESOLUTION : JournalEntry.Phase.ACTION;
    }

    private Done done(Attempt attempt, Leg leg, JournalEntry.Phase phase, StepOutcome outcome) {
        Done done = log.done(leg, phase, outcome);
        done.attempted = true;
        done.startedNanos = attempt.startedNanos();
        return done;
    }

    private boolean result(Attempt attempt, Leg leg, @Nullable Object value, JournalEntry.Phase phase) {
        Done done = done(attempt, leg, phase, StepOutcome.COMPLETED);
        try {
            done.payload = log.encoded(leg.place.requireAction().result(), value);
        } catch (Throwable broken) { // a codec of one's own may throw anything
            if (Guest.isOfJvm(broken)) broken(attempt, leg, broken);
            else unencodable(attempt, leg, phase, broken);
            return false;
        }
        done.held = Leg.held(value);
        log.tell(done);
        return true;
    }

    /** The effect is made, its result lost: calling again would give the same. */
    private void unencodable(Attempt attempt, Leg leg, JournalEntry.Phase phase, Throwable broken) {
        trial(attempt, leg).lastThrown = broken;
        if (phase == JournalEntry.Phase.ACTION) log.fail(Reasons.UNENCODABLE, leg.name(), broken);
        else park(Reasons.UNENCODABLE, leg, broken);
    }

    private boolean probed(Attempt attempt, Leg leg) {
        ProbeResult<?> answer = (ProbeResult<?>) attempt.value();
        ProbeResult.Answer known = answer == null ? ProbeResult.Answer.UNKNOWN : answer.answer();
        switch (known) {
            case COMPLETED -> {
                return result(attempt, leg, Objects.requireNonNull(answer).result(), JournalEntry.Phase.RESOLUTION);
            }
            case ABSENT -> log.tell(done(attempt, leg, JournalEntry.Phase.RESOLUTION, StepOutcome.REJECTED));
            case UNKNOWN -> unknown(attempt, leg, new IllegalStateException("the probe cannot tell yet"));
        }
        return true;
    }

    // --- an exception ---

    private void threw(Attempt attempt, Leg leg, Throwable thrown) {
        Course.UnreadableException unreadable = log.course().values().unreadable();
        if (unreadable != null) park(Reasons.UNREADABLE, leg, unreadable);
        else if (thrown instanceof RejectedException || !(attempt.entered() || attempt.what == Attempt.What.PROBE))
            refusedLocally(attempt, leg, thrown);
        else if (thrown instanceof Error) broken(attempt, leg, thrown);
        else if (attempt.what != Attempt.What.PROBE && rejects(leg.place.requireAction(), thrown))
            rejected(attempt, leg, thrown);
        else unknown(attempt, leg, thrown);
    }

    private static boolean rejects(Node.Action action, Throwable thrown) {
        if (thrown instanceof StepRejectedException) return true;
        for (Class<? extends Throwable> type : action.rules().rejectsOn()) if (type.isInstance(thrown)) return true;
        return false;
    }

    /** The participant refused: no effect under this key, earlier attempts included (S1). */
    private void rejected(Attempt attempt, Leg leg, Throwable thrown) {
        if (attempt.what != Attempt.What.ACTION) {
            park(Reasons.UNDO_REJECTED, leg, thrown);
            return;
        }
        JournalEntry.Phase phase = actionPhase(leg);
        if (phase == JournalEntry.Phase.ACTION && log.pivotPassed()) {
            park(Reasons.REJECTED, leg, thrown); // no outcome: an operator may have it called again
            return;
        }
        Done done = done(attempt, leg, phase, StepOutcome.REJECTED);
        done.text = Logbook.text(thrown);
        log.tell(done);
        if (phase == JournalEntry.Phase.ACTION)
            log.order(Logbook.Order.What.TURN, Reasons.REJECTED, leg.name(), done.text);
    }

    /** No call in this process any more: what broke here may work elsewhere, or kill the next one too. */
    private void broken(Attempt attempt, Leg leg, Throwable thrown) {
        Trial trial = trial(attempt, leg);
        trial.attempts++;
        trial.lastThrown = thrown;
        log.order(Logbook.Order.What.RELEASE, Logbook.ERROR, leg.name(), Logbook.text(thrown));
    }

    /** This attempt did not run: that says nothing of others, and spends none (S1). */
    private void refusedLocally(Attempt attempt, Leg leg, Throwable thrown) {
        Trial trial = trial(attempt, leg);
        trial.lastThrown = thrown;
        long hint = thrown instanceof RejectedException rejected
                ? rejected.retryAfter().map(TimeSource::nanos).orElse(0L)
                : 0L;
        int rejections = trial.rejections < Integer.MAX_VALUE ? ++trial.rejections : trial.rejections;
        long delay = Math.max(hint, pause(attempt, leg, trial, rejections));
        if (overdue(leg, delay)) usedUp(attempt, leg, thrown);
        else {
            waits(trial, delay);
            berth.listener().rejectedLocally(log.head().ref(), leg.name(), thrown, Duration.ofNanos(delay));
        }
    }

    private void unknown(Attempt attempt, Leg leg, Throwable thrown) {
        Trial trial = trial(attempt, leg);
        trial.lastThrown = thrown;
        trial.rejections = 0;
        if (trial.attempts < Integer.MAX_VALUE) trial.attempts++;
        long delay = pause(attempt, leg, trial, trial.attempts);
        if (trial.attempts >= maxAttempts(attempt, leg) || overdue(leg, delay)) {
            usedUp(attempt, leg, thrown);
            return;
        }
        waits(trial, delay);
        berth.listener().retried(log.head().ref(), leg.name(), attempt.number(), thrown, Duration.ofNanos(delay));
    }

    /** Its transaction could not be committed: an attempt like any other, or it would be made again for ever. */
    void undone(Attempt attempt, Throwable thrown) {
        Leg leg = log.course().leg(attempt.leg.place, attempt.leg.index);
        if (leg != null) unknown(attempt, leg, thrown);
    }

    private int maxAttempts(Attempt attempt, Leg leg) {
        if (leg.inDoubt() && attempt.what != Attempt.What.BLIND) return Integer.MAX_VALUE; // S1: until it is known
        return budget(attempt, leg).maxAttempts();
    }

    private static Node.Budget budget(Attempt attempt, Leg leg) {
        Node.Rules rules = leg.place.requireAction().rules();
        boolean undo = attempt.what == Attempt.What.UNDO || attempt.what == Attempt.What.BLIND;
        return undo ? rules.undo() : rules.action();
    }

    private static long pause(Attempt attempt, Leg leg, Trial trial, int count) {
        Backoff backoff = budget(attempt, leg).backoff();
        trial.previousDelay = backoff.delayNanos(count, trial.previousDelay, ThreadLocalRandom.current());
        return trial.previousDelay;
    }

    /** Whether the time in which it must be resolved is over before the next attempt: counted from durable lines (S10). */
    private boolean overdue(Leg leg, long delay) {
        long since = log.course().turned()
                ? log.course().undoSinceMs()
                : leg.sinceMs(log.head().startedMs());
        long limit = Leg.millis(leg.place.requireAction().rules().resolveFor());
        long passed = berth.nowMs() - since;
        return delay / 1_000_000 >= limit - passed;
    }

    private void waits(Trial trial, long delay) {
        trial.waits = true;
        trial.dueNanos = berth.time().nanoTime() + Math.min(delay, Long.MAX_VALUE >> 2); // L10
    }

    private void usedUp(Attempt attempt, Leg leg, Throwable thrown) {
        if (attempt.what == Attempt.What.UNDO || attempt.what == Attempt.What.BLIND) {
            park(Reasons.UNDO_FAILED, leg, thrown);
        } else if (leg.inDoubt()) park(Reasons.IN_DOUBT, leg, thrown);
        else if (leg.place.requireAction().code().inDoubt() == Node.InDoubt.PARK && log.touched(leg))
            park(Reasons.IN_DOUBT, leg, thrown);
        else if (log.mayTurn()) log.order(Logbook.Order.What.TURN, Reasons.EXHAUSTED, leg.name(), Logbook.text(thrown));
        else park(log.pivotPassed() ? Reasons.EXHAUSTED : Reasons.IN_DOUBT, leg, thrown);
    }

    private void park(String reason, Leg leg, Throwable thrown) {
        log.order(Logbook.Order.What.PARK, reason, leg.name(), Logbook.text(thrown));
    }
}
