// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Driver;
import dev.resilience.Failures;
import dev.resilience.Listeners;
import dev.resilience.Outcome;
import dev.resilience.RetryBudget;
import dev.resilience.Review;
import dev.resilience.Subscription;
import dev.resilience.Verdict;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Repeats a call that failed, a bounded number of times, with a pause before each repetition. For failures that pass by
 * themselves: a lost connection, a busy server, a lost race. Only for work that may be done twice. To answer sooner
 * rather than again use a hedge; to stop calling what keeps failing put a circuit breaker inside.
 *
 * {@snippet class="dev.resilience.retry.Snippets" region="retry"}
 *
 * <p><b>What is repeated:</b> outcomes that the classifier judges failures ({@link Builder#failures}, else the
 * pipeline's, else every exception). Never an {@link Error}, an interruption or a cancellation, and nothing of a call
 * that says {@link CallContext#once()}.
 *
 * <p><b>When the next attempt begins:</b> after max(backoff, hint), where the backoff is within its cap and the hint of a
 * server ({@link Builder#delayFrom}) or of a rejection ({@code retryAfter}) is a floor that the cap does not bound. A
 * pause that would reach the deadline of the call or {@link Builder#within} is not begun: the retry stops at once. So it
 * does when a rejection asks for more than min(remaining time, max(next delay, cap)), when a hint is above
 * {@link Builder#maxHint}, when the budget is used up, and when the call is cancelled.
 *
 * <p><b>What surfaces</b> when it stops: the last outcome if that is a value; else the last <em>real</em> exception, the
 * same instance, and only if there was none the last rejection. A {@link Stopped} that says why, and earlier failures,
 * are attached as suppressed: five at most in one instance, however many calls share it, and nothing to one that has
 * failed two attempts of the call. Values that nobody gets are closed if they are {@link AutoCloseable}.
 *
 * <p><b>Threads.</b> The blocking faces run every attempt, pause and listener on the caller's thread. On the async face
 * the first attempt starts on the caller's thread, one that follows without delay on the thread that completed the one
 * before, one after a delay on a worker of the pipeline; no thread waits. An interrupt in a pause ends the call with a
 * {@link dev.resilience.CallInterruptedException}, the flag set again. A future that is cancelled starts nothing more.
 *
 * <p><b>Cost.</b> When the first attempt succeeds: no allocation, no lock, and no clock unless {@code within} is set; a
 * budget adds one striped increment. Thread-safe; one instance serves any number of calls and pipelines.
 */
public final class Retry extends Driver {
    final Counts counts = new Counts();
    final Listeners<Consumer<? super Event>> retryListeners = new Listeners<>(this, "an onRetry listener");
    final Listeners<BiConsumer<? super Stopped, ? super Outcome<?>>> stopListeners =
            new Listeners<>(this, "an onStop listener");
    private final ReentrantLock reconfiguring = new ReentrantLock();
    private volatile Settings settings;

    private Retry(String name, Settings settings) {
        super(name);
        this.settings = settings;
    }

    /**
     * A retry with this many attempts and everything else by default, named {@code retry}.
     *
     * @param maxAttempts at least 1, the first included
     * @return a new retry
     * @throws IllegalArgumentException if the number is below 1
     */
    public static Retry of(int maxAttempts) {
        return builder("retry").maxAttempts(maxAttempts).build();
    }

    /**
     * A builder with the defaults: 3 attempts, exponential backoff from 100 ms by 2 with full jitter and cap 10 s.
     *
     * @param name for messages, logs and metrics
     * @return a new builder
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /**
     * Changes settings while running. What the function writes replaces the setting, all else stays; written hints
     * replace the former ones. Calls under way keep the settings they began with. The function runs on this thread,
     * outside any lock; concurrent changes of different settings all take effect.
     *
     * @param change gets an empty builder; its {@code build} is not called
     * @throws IllegalArgumentException naming every setting that is out of range; nothing has changed then
     */
    public void reconfigure(Consumer<? super Builder> change) {
        Builder builder = new Builder(name());
        change.accept(builder);
        builder.written.check(name());
        reconfiguring.lock();
        try {
            settings = settings.with(builder.written);
        } finally {
            reconfiguring.unlock();
        }
    }

    /**
     * What has happened so far.
     * @return the counters, read one after the other, not at one moment
     */
    public Snapshot snapshot() {
        return new Snapshot(counts);
    }

    /** {@return the budget in force, empty when there is none} */
    public Optional<RetryBudget> budget() {
        return Optional.ofNullable(settings.budget);
    }

    /**
     * Subscribes to the failed attempts that will be repeated: like {@link Builder#onRetry}, besides it.
     *
     * @param listener told before the pause, on the thread that ended the attempt; short and not blocking
     * @return a handle to end it
     */
    public Subscription onRetry(Consumer<? super Event> listener) {
        return retryListeners.add(Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Subscribes to the calls whose failure will surface: why there is no further attempt, and what surfaces. An outcome
     * that is no failure, and an exception that is never repeated, stop nothing.
     *
     * @param listener told on the thread that ended the last attempt, before anybody sees the outcome; not blocking
     * @return ends it
     */
    public Subscription onStop(BiConsumer<? super Stopped, ? super Outcome<?>> listener) {
        return stopListeners.add(Objects.requireNonNull(listener, "listener"));
    }

    @Override
    protected int attempts() {
        return settings.maxAttempts;
    }

    @Override
    protected void review(Review review) {
        settings.review(this, review);
    }

    @Override
    protected Map<String, String> settings() {
        return settings.described();
    }

    @Override
    protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
            throws Exception {
        Settings now = settings;
        long start = now.timed() ? next.time().nanoTime() : 0;
        T value;
        try {
            value = next.call(op, context.attempt(1));
        } catch (Exception thrown) {
            Trail trail = new Trail(this, now, next, context).since(start);
            Outcome<T> first = Outcome.failure(thrown);
            return repeat(op, trail, first, trail.judge(first));
        }
        Verdict verdict = judge(now, next, value, null);
        if (verdict == Verdict.FAILURE) {
            return repeat(op, new Trail(this, now, next, context).since(start), Outcome.success(value), verdict);
        }
        if (now.budget != null) now.budget.deposit();
        return value;
    }

    private static <T extends @Nullable Object> T repeat(
            ContextOp<T, ?> op, Trail trail, Outcome<T> first, Verdict verdict) {
        Outcome<T> last = first;
        boolean goesOn = trail.goesOn(last, verdict);
        while (goesOn && pause(trail)) {
            last = attempt(op, trail);
            goesOn = trail.goesOn(last, trail.judge(last));
        }
        return trail.surfaced(last).orElseThrow();
    }

    private static boolean pause(Trail trail) {
        // a pending interrupt ends any pause, also none: interruption is not repeated (L8)
        long nanos = Thread.currentThread().isInterrupted() ? Math.max(1, trail.delay()) : trail.delay();
        try {
            trail.next.pause(nanos, trail.context, trail.lastReal());
        } catch (RuntimeException interrupted) {
            throw trail.interrupted(interrupted);
        }
        return trail.resumes();
    }

    private static <T extends @Nullable Object> Outcome<T> attempt(ContextOp<T, ?> op, Trail trail) {
        try {
            return Outcome.success(trail.next.call(op, trail.context.attempt(trail.begin())));
        } catch (Exception thrown) {
            return Outcome.failure(thrown);
        }
    }

    @Override
    protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
            Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
        Settings now = settings;
        long start = now.timed() ? next.time().nanoTime() : 0;
        CompletionStage<T> first = next.callAsync(op, context.attempt(1));
        if (first instanceof CompletableFuture<T> done && done.isDone() && !done.isCompletedExceptionally()) {
            T value = done.join();
            Verdict verdict = judge(now, next, value, null);
            if (verdict == Verdict.FAILURE) {
                Trail trail = new Trail(this, now, next, context).since(start);
                return new StagedRetry<T>(op, trail).from(Outcome.success(value), verdict);
            }
            if (now.budget != null) now.budget.deposit();
            return first;
        }
        return new StagedRetry<T>(op, new Trail(this, now, next, context).since(start)).from(first);
    }

    /** No repeat after a classifier of its own that threw (S42). */
    Verdict judge(Settings now, Next next, @Nullable Object value, @Nullable Throwable thrown) {
        Failures own = now.failures;
        if (own == null) return next.judge(value, thrown);
        try {
            return own.judge(value, thrown);
        } catch (Throwable guest) {
            guest("the failures predicate", guest);
            return Verdict.SUCCESS;
        }
    }

    void guest(String what, Throwable thrown) {
        report(what, thrown);
    }

    /** Collects the settings of a {@link Retry}. Not thread-safe. */
    public static final class Builder {
        private final String name;
        private final Settings.Draft written = new Settings.Draft();

        private Builder(String name) {
            this.name = name;
        }

        /**
         * How often the work is tried at most.
         *
         * @param maxAttempts at least 1, the first included; 1 never repeats; default 3
         * @return this builder
         */
        public Builder maxAttempts(int maxAttempts) {
            written.maxAttempts = maxAttempts;
            return this;
        }

        /**
         * The pause before each repetition.
         *
         * @param backoff default exponential from 100 ms by 2, cap 10 s, full jitter
         * @return this builder
         */
        public Builder backoff(Backoff backoff) {
            written.backoff = Objects.requireNonNull(backoff, "backoff");
            return this;
        }

        /**
         * The time for all attempts and pauses together, from the entry into this retry: none starts at or after it, no
         * pause reaches it. An attempt that is running is not stopped; a timeout outside does that.
         *
         * @param total positive; default off
         * @return this builder
         */
        public Builder within(Duration total) {
            written.within = Objects.requireNonNull(total, "total");
            return this;
        }

        /**
         * What to repeat, instead of what the pipeline's classifier calls a failure. Rejections by inner policies are
         * repeated too, when their hints allow: add {@code butNot(RejectedException.class)} to be refused at once by a
         * limiter or a breaker. If a predicate throws, that is reported and the outcome not repeated.
         *
         * @param failures default the pipeline's
         * @return this builder
         */
        public Builder failures(Failures failures) {
            written.failures = Objects.requireNonNull(failures, "failures");
            return this;
        }

        /**
         * Reads out of a failed outcome how long to wait at least, such as {@code Retry-After}. Several may be given:
         * they are asked in the order written, the first whose type matches and that has an answer counts; without one
         * the outcome itself is asked if it is a {@link dev.resilience.RetryHint}. Up to 10 % is added at random, within
         * {@link #maxHint}. Zero and less is no wait; a function that throws is reported and has no answer.
         *
         * @param <C> the type
         * @param valueOrExceptionType what to look at, subtypes included; exceptions without the JDK's wrappers
         * @param hint runs on the thread that ended the attempt
         * @return this builder
         */
        public <C> Builder delayFrom(Class<C> valueOrExceptionType, Function<? super C, Optional<Duration>> hint) {
            written.hints.add(new Settings.Hint<>(
                    Objects.requireNonNull(valueOrExceptionType, "valueOrExceptionType"),
                    Objects.requireNonNull(hint, "hint")));
            return this;
        }

        /**
         * The longest hint that is waited for; above it the retry stops with the failure.
         *
         * @param maxHint zero or more; default 1 min
         * @return this builder
         */
        public Builder maxHint(Duration maxHint) {
            written.maxHint = Objects.requireNonNull(maxHint, "maxHint");
            return this;
        }

        /**
         * Bounds the repetitions of all calls together; share it among the policies that call the same dependency.
         *
         * @param budget default off
         * @return this builder
         */
        public Builder budget(RetryBudget budget) {
            written.budget = Objects.requireNonNull(budget, "budget");
            return this;
        }

        /**
         * Is told of each failed attempt that will be repeated, before the pause. Runs on the thread that ended the
         * attempt, with the call's captured context; what it throws is reported.
         *
         * @param listener short and not blocking; the latest given counts
         * @return this builder
         */
        public Builder onRetry(Consumer<? super Event> listener) {
            written.listener = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Makes an exception of a failed value that would be returned because there will be no further attempt. The
         * value is closed afterwards if it is {@link AutoCloseable}. If the function throws or answers null, that is
         * reported and the value returned.
         *
         * @param exception from the value; default off: the value is returned
         * @return this builder
         */
        public Builder exhausted(Function<? super @Nullable Object, ? extends RuntimeException> exception) {
            written.exhausted = Objects.requireNonNull(exception, "exception");
            return this;
        }

        /**
         * Where jitter comes from: for tests that want to know.
         *
         * @param random thread-safe; default {@link java.util.concurrent.ThreadLocalRandom}
         * @return this builder
         */
        public Builder random(RandomGenerator random) {
            written.random = Objects.requireNonNull(random, "random");
            return this;
        }

        /**
         * Makes the retry.
         *
         * @return a new retry
         * @throws IllegalArgumentException naming every setting that is out of range
         */
        public Retry build() {
            written.check(name);
            return new Retry(name, Settings.STANDARD.with(written));
        }
    }

    /** A failed attempt that will be repeated. */
    public static final class Event {
        private final int attempt;
        private final Outcome<?> outcome;
        private final long delay;

        Event(int attempt, Outcome<?> outcome, long delay) {
            this.attempt = attempt;
            this.outcome = outcome;
            this.delay = delay;
        }

        /**
         * Which attempt has failed.
         *
         * @return the number of the attempt that has just failed, counted from 1
         */
        public int attempt() {
            return attempt;
        }

        /**
         * How it failed.
         *
         * @return the exception or the failed value; a value that is {@link AutoCloseable} is closed after the listener
         */
        public Outcome<?> outcome() {
            return outcome;
        }

        /**
         * The pause that follows.
         *
         * @return zero or more
         */
        public Duration delay() {
            return Duration.ofNanos(delay);
        }

        /**
         * For logs.
         *
         * @return attempt, outcome and delay
         */
        @Override
        public String toString() {
            return "attempt " + attempt + " failed: " + outcome + ", next in " + delay();
        }
    }

    /**
     * Why a retry stopped: one of the suppressed of what surfaced. Never thrown; has no stack trace and no suppressed of
     * its own.
     *
     * {@snippet class="dev.resilience.retry.Snippets" region="stopped"}
     *
     */
    public static final class Stopped extends Exception {
        private static final long serialVersionUID = 1L;

        private final transient @Nullable Retry retry;
        /** Of the retry. */
        private final String name;
        /** Why it stopped. */
        private final Reason reason;
        /** How many there were. */
        private final int attempts;
        /** Nanoseconds that somebody asked for, if that was the reason. */
        private final long asked;
        /** Nanoseconds that were allowed then. */
        private final long most;

        Stopped(Trail trail, Reason reason, long asked, long most) {
            super(null, null, false, false);
            this.retry = trail.retry();
            this.name = trail.retry().name();
            this.reason = reason;
            this.attempts = trail.attempts();
            this.asked = asked;
            this.most = most;
        }

        /** Why there was no further attempt. */
        public enum Reason {
            /** There were {@code maxAttempts}. */
            ATTEMPTS,
            /** The call must not be attempted twice: {@link CallContext#once()}. */
            ONCE,
            /** The pause would have reached the deadline of the call or {@code within}. */
            DEADLINE,
            /** The retry budget was used up. */
            BUDGET,
            /** The server asked for more than {@code maxHint}. */
            HINT,
            /** A policy inside rejected for longer than is waited for, or rejections are not repeated. */
            REJECTED,
            /** The call was cancelled. */
            CANCELLED
        }

        /**
         * Finds the reason in what surfaced: the outermost retry's, if retries are nested.
         *
         * @param surfaced what a call threw
         * @return empty if no retry stopped it
         */
        public static Optional<Stopped> in(Throwable surfaced) {
            Stopped last = null;
            for (Throwable suppressed : surfaced.getSuppressed()) {
                if (suppressed instanceof Stopped stopped) last = stopped;
            }
            return Optional.ofNullable(last);
        }

        /**
         * Why.
         *
         * @return the reason
         */
        public Reason reason() {
            return reason;
        }

        /**
         * How many attempts there were.
         *
         * @return at least 1, rejected ones included
         */
        public int attempts() {
            return attempts;
        }

        /**
         * The reason in words, with its numbers; built on each call.
         *
         * @return the message
         */
        @Override
        public String getMessage() {
            String times = attempts == 1 ? "1 attempt" : attempts + " attempts";
            return "retry '" + name + "' stopped after " + times + ": " + Words.why(reason, asked, most);
        }

        boolean sameRetryIn(Throwable[] suppressed) {
            for (Throwable each : suppressed) {
                if (each instanceof Stopped other && other.retry == retry) return true;
            }
            return false;
        }
    }

    /** Counters of a retry at one look: for metrics and tests. */
    public static final class Snapshot {
        private final long retries;
        private final long recovered;
        private final Map<Stopped.Reason, Long> stopped;

        Snapshot(Counts counts) {
            retries = counts.retries.sum();
            recovered = counts.recovered.sum();
            stopped = counts.stopped();
        }

        /**
         * Attempts beyond the first.
         *
         * @return since the retry was made
         */
        public long retries() {
            return retries;
        }

        /**
         * Calls that succeeded after at least one failed attempt.
         *
         * @return since the retry was made
         */
        public long recovered() {
            return recovered;
        }

        /**
         * Calls whose failure surfaced.
         *
         * @param reason why there was no further attempt
         * @return since the retry was made
         */
        public long stopped(Stopped.Reason reason) {
            return stopped.getOrDefault(reason, 0L);
        }
    }
}
