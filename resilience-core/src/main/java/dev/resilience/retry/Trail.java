// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import dev.resilience.CallContext;
import dev.resilience.Driver;
import dev.resilience.Outcome;
import dev.resilience.RejectedException;
import dev.resilience.RetryBudget;
import dev.resilience.RetryHint;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.Verdict;
import dev.resilience.retry.Retry.Stopped;
import dev.resilience.retry.Retry.Stopped.Reason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** The failed attempts of one call, and whether there will be another. Both faces ask it; it waits for nothing. */
/* Implementation notes: the decision table is in docs/internals/retry.md.
 *
 * I1 attempt counts outcomes seen; goesOn() is called once for each, resumes() or abandoned() once for each true answer.
 * I2 receipt is that of a withdrawal until the attempt it paid for has run or cannot run any more, else zero: never
 *    lost, never given back twice.
 * I3 one thread at a time; the faces hand it over with their own happens-before edges.
 */
final class Trail {
    final Driver.Next next;
    final CallContext context;
    private final Retry retry;
    private final Settings settings;
    private long start;

    private int attempt;
    private long previousBackoff;
    private long delay;
    private long receipt;
    private boolean reached;
    private boolean closed;
    private @Nullable Stopped stopped;

    private final List<Throwable> failures = new ArrayList<>(2);
    private @Nullable Throwable lastReal;
    private @Nullable Throwable lastRejection;
    private boolean shared;

    Trail(Retry retry, Settings settings, Driver.Next next, CallContext context) {
        this.retry = retry;
        this.settings = settings;
        this.next = next;
        this.context = context;
    }

    /** When the call began: what {@code within} counts from. */
    Trail since(long nanoTime) {
        start = nanoTime;
        return this;
    }

    /** Nanoseconds to pause after {@link #goesOn} said so. */
    long delay() {
        return delay;
    }

    /** The next attempt begins: its number. */
    int begin() {
        retry.counts.retries.increment();
        return attempt + 1;
    }

    Verdict judge(Outcome<?> outcome) {
        return retry.judge(settings, next, value(outcome), thrown(outcome));
    }

    /** Learns what came of an attempt. False: {@link #surfaced} is what the call ends with. */
    boolean goesOn(Outcome<?> outcome, Verdict verdict) {
        attempt++;
        closed = false;
        Throwable thrown = thrown(outcome);
        Throwable real = unwrapped(thrown);
        boolean rejected = real instanceof RejectedException;
        account(rejected);
        if (real instanceof Error || (verdict != Verdict.FAILURE && !rejected)) return false;
        if (thrown != null) note(thrown, rejected);
        stopped = verdict == Verdict.FAILURE
                ? stop(real, real == null ? value(outcome) : real)
                : stopped(Reason.REJECTED);
        if (stopped != null) return false;
        announce(outcome);
        closed = value(outcome) instanceof AutoCloseable;
        if (closed) next.discard(value(outcome)); // before the pause: it may hold a connection
        return true;
    }

    /** The pause is over. False: too late, {@link #surfaced} is what the call ends with. */
    boolean resumes() {
        if (context.cancelled()) return abandoned();
        if (remaining() > 0) return true;
        giveBack();
        stopped = stopped(Reason.DEADLINE, delay, 0);
        return false;
    }

    /** The call was cancelled in the pause. Always false, as {@link #resumes} then is. */
    boolean abandoned() {
        giveBack();
        stopped = stopped(Reason.CANCELLED);
        return false;
    }

    /** The pause was interrupted: what the call ends with. */
    RuntimeException interrupted(RuntimeException byPause) {
        giveBack();
        Suppression.attach(byPause, null, failures);
        return byPause;
    }

    /** The last failure that was no rejection: the cause of what interrupts a pause. */
    @Nullable
    Throwable lastReal() {
        return lastReal;
    }

    /** Null: go on after {@link #delay}. The budget comes last, so that nothing else that stops spends a token. */
    private @Nullable Stopped stop(@Nullable Throwable real, @Nullable Object subject) {
        if (context.cancelled()) return stopped(Reason.CANCELLED);
        if (!context.repeatable()) return stopped(Reason.ONCE);
        if (attempt >= settings.maxAttempts) return stopped(Reason.ATTEMPTS, attempt, settings.maxAttempts);
        previousBackoff = settings.backoff.delayNanos(attempt, previousBackoff, settings.random());
        delay = previousBackoff;
        long remaining = remaining();
        Stopped tooLong = heed(real, subject, remaining);
        if (tooLong != null) return tooLong;
        if (delay >= remaining) return stopped(Reason.DEADLINE, delay, Math.max(0, remaining));
        RetryBudget budget = settings.budget;
        if (budget == null) return null;
        receipt = budget.withdraw();
        return receipt != 0 ? null : stopped(Reason.BUDGET);
    }

    /** What the server or a rejecting policy asked for is a floor of the delay, or too much. */
    private @Nullable Stopped heed(@Nullable Throwable real, @Nullable Object subject, long remaining) {
        if (real instanceof RejectedException rejection) {
            long after = rejection.retryAfter().map(TimeSource::nanos).orElse(0L);
            long most = Math.min(remaining, Math.max(delay, settings.longestDelay()));
            most = Math.min(most, settings.maxHint);
            if (after > most) return stopped(Reason.REJECTED, after, most);
            delay = Math.max(delay, floor(after, remaining));
        }
        long hint = hint(subject);
        if (hint > settings.maxHint) return stopped(Reason.HINT, hint, settings.maxHint);
        delay = Math.max(delay, floor(hint, remaining));
        return null;
    }

    private long hint(@Nullable Object subject) {
        for (Settings.Hint<?> hint : settings.hints) {
            try {
                Duration asked = hint.of(subject);
                if (asked != null) return Math.max(0, TimeSource.nanos(asked));
            } catch (Throwable guest) {
                retry.guest("the delayFrom function for " + hint.name(), guest);
            }
        }
        return subject instanceof RetryHint known ? hint(known) : 0;
    }

    private long hint(RetryHint known) {
        try {
            return known.retryAfter().map(TimeSource::nanos).orElse(0L);
        } catch (Throwable guest) {
            retry.guest("retryAfter of a RetryHint", guest);
            return 0;
        }
    }

    /**
     * A little more than was asked for, as far as it fits: those who were all told the same must not all come at once.
     */
    private long floor(long hint, long remaining) {
        long most = Math.min(settings.maxHint, remaining - 1);
        long room = Math.min(hint / 10, most - hint);
        if (room <= 0) return hint;
        try {
            return hint + Math.min(room, Math.max(0, (long) (settings.random().nextDouble() * (room + 1))));
        } catch (Throwable guest) {
            retry.guest("the random generator", guest);
            return hint;
        }
    }

    private long remaining() {
        long remaining = context.remainingNanos();
        return settings.timed()
                ? Math.min(remaining, settings.within - (next.time().nanoTime() - start))
                : remaining;
    }

    /**
     * A locally rejected attempt neither deposits nor withdraws: it never reached the dependency. The one that reaches it
     * first deposits, whatever its number, and those after it pay.
     */
    private void account(boolean rejected) {
        RetryBudget budget = settings.budget;
        if (budget == null) return;
        if (rejected || !reached) giveBack();
        if (!rejected && !reached) budget.deposit();
        reached |= !rejected;
        receipt = 0;
    }

    private void giveBack() {
        if (settings.budget != null) settings.budget.restore(receipt);
        receipt = 0;
    }

    private void note(Throwable thrown, boolean rejected) {
        boolean seen = thrown == lastReal || thrown == lastRejection || Suppression.contains(failures, thrown);
        if (rejected) {
            lastRejection = thrown;
            if (lastReal == null) shared = seen;
        } else if (lastReal == null || !context.cancelled()) {
            lastReal = thrown;
            shared = seen;
            next.failed(context, thrown);
        } // else what a cancelled attempt threw: the cancellation, not why the call was failing
        if (failures.size() > Suppression.MOST) failures.remove(0);
        failures.add(thrown);
    }

    private void announce(Outcome<?> outcome) {
        var listener = settings.listener;
        if (listener == null && retry.retryListeners.isEmpty()) return;
        Retry.Event event = new Retry.Event(attempt, outcome, delay);
        next.tell(context, "an onRetry listener", () -> {
            retry.retryListeners.tell(each -> each.accept(event));
            if (listener != null) listener.accept(event);
        });
    }

    /** What the call ends with, given that the last attempt ended with this. */
    <T extends @Nullable Object> Outcome<T> surfaced(Outcome<T> last) {
        Throwable thrown = thrown(last);
        if (stopped == null) return answered(last, thrown);
        retry.counts.stopped(stopped.reason());
        Outcome<T> surfacing = surfacing(last, thrown, stopped);
        if (!retry.stopListeners.isEmpty()) tell(stopped, surfacing);
        return surfacing;
    }

    private <T extends @Nullable Object> Outcome<T> surfacing(
            Outcome<T> last, @Nullable Throwable thrown, Stopped why) {
        if (thrown == null && !closed) return exhausted(last, why);
        Throwable surfacing = lastReal != null ? lastReal : lastRejection;
        if (surfacing == null) surfacing = nothingLeft(why);
        if (!shared) Suppression.attach(surfacing, why, failures);
        return Outcome.failure(surfacing);
    }

    private void tell(Stopped why, Outcome<?> surfacing) {
        next.tell(context, "an onStop listener", () -> retry.stopListeners.tell(each -> each.accept(why, surfacing)));
    }

    private <T extends @Nullable Object> Outcome<T> answered(Outcome<T> last, @Nullable Throwable thrown) {
        if (thrown == null && attempt > 1) retry.counts.recovered.increment();
        if (thrown != null && !(unwrapped(thrown) instanceof Error)) Suppression.attach(thrown, null, failures);
        return last;
    }

    @SuppressWarnings("NullAway") // of JDK 25: takes the lower bound of "? super @Nullable Object" for not null
    private <T extends @Nullable Object> Outcome<T> exhausted(Outcome<T> last, Stopped why) {
        if (settings.exhausted == null) return last;
        Object value = value(last);
        RuntimeException made = null;
        try {
            made = settings.exhausted.apply(value);
            if (made == null) retry.guest("the exhausted function", new NullPointerException("it answered null"));
        } catch (Throwable guest) {
            retry.guest("the exhausted function", guest);
        }
        if (made == null) return last;
        next.discard(value);
        Suppression.attach(made, why, failures);
        return Outcome.failure(made);
    }

    /** Every attempt gave a value that has been closed, and the pause ended too late for another one. */
    private RuntimeException nothingLeft(Stopped why) {
        if (why.reason() == Reason.CANCELLED) return new CancellationException();
        Duration spent = Duration.ofNanos(settings.timed() ? next.time().nanoTime() - start : delay);
        Duration allowed = settings.timed() ? Duration.ofNanos(settings.within) : spent;
        return new TimeoutExceededException(next, allowed, spent, null);
    }

    private Stopped stopped(Reason reason) {
        return stopped(reason, 0, 0);
    }

    private Stopped stopped(Reason reason, long asked, long most) {
        return new Stopped(this, reason, asked, most);
    }

    Retry retry() {
        return retry;
    }

    /** How many attempts have ended. */
    int attempts() {
        return attempt;
    }

    static @Nullable Object value(Outcome<?> outcome) {
        return outcome instanceof Outcome.Success<?> success ? success.value() : null;
    }

    static @Nullable Throwable thrown(Outcome<?> outcome) {
        return outcome instanceof Outcome.Failure<?> failure ? failure.thrown() : null;
    }

    /** Without the JDK's wrappers, as the classifier sees it. */
    static @Nullable Throwable unwrapped(@Nullable Throwable thrown) {
        Throwable real = thrown;
        while (real instanceof CompletionException || real instanceof ExecutionException) {
            Throwable cause = real.getCause();
            if (cause == null) return real;
            real = cause;
        }
        return real;
    }
}
