// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A policy that <em>drives</em> the call: runs what is inside it never, once, or several times, now or later. Retry,
 * timeout and hedge are drivers. Compare {@link Gate}, which only admits and learns; most extensions are gates.
 *
 * <p><b>For implementers:</b> one blocking body and one staged body, and pure code between them that decides. The op is
 * handed on untouched to {@link Next}, so nothing is composed per call. Keep no state of a call in the driver: it is
 * shared by all calls. One that repeats asks {@link CallContext#repeatable()} first.
 */
public abstract non-sealed class Driver extends Policy {
    private final LongAdder timeouts = new LongAdder();

    /**
     * For implementers.
     *
     * @param name names the driver in messages and metrics
     */
    protected Driver(String name) {
        super(name, self -> new Node.DriverNode((Driver) self, Node.END, Link.alone(TimeSource.system())));
    }

    /**
     * Drives a blocking call, on the caller's thread.
     *
     * @param <T> the type of the value
     * @param next the inner policies, ending in the user's code
     * @param op handed on to {@code next}
     * @param context handed on, or a child of it
     * @return what the call returns
     * @throws Exception what the call throws: the same instance that came from {@code next}, or one of the library's
     */
    protected abstract <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
            throws Exception;

    /**
     * Drives a staged call. Must not block. When {@link CallContext#cancelled()} turns true, what it waits for through
     * {@link Next} ends at once with a {@link java.util.concurrent.CancellationException}; start nothing more then.
     *
     * @param <T> the type of the value
     * @param next the inner policies, ending in the user's code
     * @param op handed on to {@code next}
     * @param context handed on, or a child of it
     * @return a stage that completes
     */
    protected abstract <T extends @Nullable Object> CompletionStage<T> driveAsync(
            Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context);

    /**
     * How often a part of a call ended with a {@link TimeoutExceededException} in this driver's name:
     * {@link Next#callWithin}, {@link Next#callDetached} and {@link Next#callAsyncWithin} count it before it surfaces.
     *
     * @return since the driver was made
     */
    protected final long timeouts() {
        return timeouts.sum();
    }

    /**
     * A part of a call has run out of time, in this driver's name. On the blocking faces the exception is about to be
     * thrown, on the asynchronous ones the future has completed, so that nothing here delays it. What it throws is
     * reported. Does nothing unless overridden.
     *
     * @param thrown what the call ends with
     */
    protected void timedOut(TimeoutExceededException thrown) {}

    // --- for the root package ---

    @Override
    final TimeSource clock() {
        return TimeSource.system();
    }

    final void countTimeout() {
        timeouts.increment();
    }

    /** {@link #timedOut}; never throws. */
    final void tellTimeout(TimeoutExceededException thrown) {
        try {
            timedOut(thrown);
        } catch (Throwable broken) {
            report("timedOut", broken);
        }
    }

    /**
     * One of several attempts of a call that run at the same time. Made by {@link Next#branch} and
     * {@link Next#branchAsync}. When the call around it is cancelled, so is the branch.
     *
     * @param <T> the type of the value
     */
    public static final class Branch<T extends @Nullable Object> {
        private final CompletableFuture<T> stage;
        private final CallScope<T> scope;

        Branch(CompletableFuture<T> stage, CallScope<T> scope) {
            this.stage = stage;
            this.scope = scope;
        }

        /**
         * The attempt's end.
         *
         * @return completes when the attempt does, without wrappers; never when it was cancelled by {@link #cancel()}
         */
        public CompletionStage<T> stage() {
            return stage;
        }

        /**
         * Gives the attempt up: its stage, wait or thread is cancelled, gates inside settle it as ignored, and a value
         * that comes late is closed if it is {@link AutoCloseable}. Does nothing when it has ended.
         */
        public void cancel() {
            scope.giveUp();
        }
    }

    /**
     * The inner policies of a driver, linked when the pipeline is built, and what a driver needs to wait. Immutable and
     * thread-safe.
     */
    public static final class Next {
        private final Driver driver;
        private final Node inner;
        private final Link link;
        private final Origin origin;

        Next(Driver driver, Node inner, Link link) {
            this.driver = driver;
            this.inner = inner;
            this.link = link;
            this.origin = new Origin(driver.name(), link.pipeline(), driver);
        }

        /**
         * Calls the inner policies on this thread.
         *
         * @param <T> the type of the value
         * @param op as handed to the driver
         * @param context of this attempt
         * @return what came out
         * @throws Exception what came out
         */
        public <T extends @Nullable Object> T call(ContextOp<T, ?> op, CallContext context) throws Exception {
            return inner.call(op, context);
        }

        /**
         * Starts the inner policies' staged call.
         *
         * @param <T> the type of the value
         * @param op as handed to the driver
         * @param context of this attempt
         * @return never null; what {@code op} threw is a failed stage. Its exceptions may be wrapped by stages in
         *     between: look through {@code CompletionException}
         */
        public <T extends @Nullable Object> CompletionStage<T> callAsync(
                ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            return inner.callAsync(op, context);
        }

        /**
         * {@link #call} that is interrupted when its time has passed (semantics S33). The deadline is visible inside.
         * An interrupt by this method never leaks past it and never arrives late; nobody else's is lost unless the time
         * did pass. The call returns when the inner code does.
         *
         * @param <T> the type of the value
         * @param op as handed to the driver
         * @param context of this attempt
         * @param nanos from now; zero or negative: nothing is run
         * @param interrupting false only tells {@link CallContext#cancelled()} at the deadline
         * @return what came out in time
         * @throws TimeoutExceededException in this driver's name, when it did not end in time
         * @throws Exception what came out in time
         */
        public <T extends @Nullable Object> T callWithin(
                ContextOp<T, ?> op, CallContext context, long nanos, boolean interrupting) throws Exception {
            return Timed.blocking(this, op, context, nanos, interrupting);
        }

        /**
         * {@link #call} on a worker's thread, left behind when its time has passed: returns at the deadline whatever the
         * code does. What it returns later is discarded.
         *
         * @param <T> the type of the value
         * @param op as handed to the driver
         * @param context of this attempt
         * @param nanos from now; zero or negative: nothing is run
         * @param abandoned counts the attempts left behind that still run
         * @return what came out in time
         * @throws TimeoutExceededException in this driver's name, when it did not end in time
         * @throws CallInterruptedException when this thread was interrupted, or the call cancelled, while it waited
         * @throws Exception what came out in time
         */
        public <T extends @Nullable Object> T callDetached(
                ContextOp<T, ?> op, CallContext context, long nanos, LongAdder abandoned) throws Exception {
            return Timed.detached(this, op, context, nanos, abandoned);
        }

        /**
         * {@link #callAsync} that completes when its time has passed, even if the inner stage never does.
         *
         * @param <T> the type of the value
         * @param op as handed to the driver
         * @param context of this attempt
         * @param nanos from now; zero or negative: nothing is started
         * @param cancelStage false for ops that hand out shared stages: they are neither cancelled nor their late values
         *     closed
         * @param abandoned counts the stages left behind that have not completed
         * @return fails with {@link TimeoutExceededException} in this driver's name at the deadline
         */
        public <T extends @Nullable Object> CompletionStage<T> callAsyncWithin(
                ContextOp<? extends CompletionStage<T>, ?> op,
                CallContext context,
                long nanos,
                boolean cancelStage,
                LongAdder abandoned) {
            return Timed.staged(this, op, context, nanos, cancelStage, abandoned);
        }

        /**
         * Starts a staged call of the inner policies that can be cancelled by itself, beside others of the same call.
         *
         * @param <T> the type of the value
         * @param op as handed to the driver
         * @param context of this attempt
         * @return the attempt, under way
         */
        public <T extends @Nullable Object> Branch<T> branchAsync(
                ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            return Branches.staged(this, op, context);
        }

        /**
         * Starts a blocking call of the inner policies on a worker, that can be cancelled by itself, beside others of the
         * same call. Cancelling interrupts its thread.
         *
         * @param <T> the type of the value
         * @param op as handed to the driver
         * @param context of this attempt
         * @return the attempt, under way
         */
        public <T extends @Nullable Object> Branch<T> branch(ContextOp<T, ?> op, CallContext context) {
            return Branches.blocking(this, op, context);
        }

        /**
         * Waits on this thread for a stage.
         *
         * @param <T> the type of the value
         * @param stage its end is waited for; it is not cancelled when the wait ends before
         * @param context the wait ends when it is cancelled
         * @return the stage's value
         * @throws CallInterruptedException when the thread was interrupted (the flag stays set), or the call cancelled
         * @throws Exception what the stage failed with, without wrappers
         */
        public <T extends @Nullable Object> T await(CompletableFuture<T> stage, CallContext context) throws Exception {
            return Branches.await(this, stage, context);
        }

        /**
         * Waits on this thread, for the delay between two attempts.
         *
         * @param nanos zero or negative returns at once
         * @param context the wait ends when it is cancelled
         * @param lastFailure becomes the cause of what this throws; null for none
         * @throws CallInterruptedException when the thread was interrupted (the flag is set again), or the call cancelled
         */
        public void pause(long nanos, CallContext context, @Nullable Throwable lastFailure) {
            Pauses.blocking(this, nanos, context, lastFailure);
        }

        /**
         * Waits without a thread.
         *
         * @param nanos zero or negative is complete at once
         * @param context the wait ends when it is cancelled
         * @return completes on a worker when the time has passed; its future may be cancelled by a driver that needs the
         *     delay no longer; completes with a
         *     {@link java.util.concurrent.CancellationException} when the call is cancelled before
         */
        public CompletionStage<@Nullable Void> pauseAsync(long nanos, CallContext context) {
            return nanos <= 0 ? CompletableFuture.completedFuture(null) : Pauses.staged(this, nanos, context);
        }

        /**
         * What the pipeline's classifier says of an outcome, for a driver that has none of its own. A rejection is a
         * failure here unless the classifier excludes it: a driver may repeat it.
         *
         * @param value the value, when {@code thrown} is null
         * @param thrown the exception, null for a value
         * @return the verdict; never throws
         */
        public Verdict judge(@Nullable Object value, @Nullable Throwable thrown) {
            Failures classifier = link.failures();
            if (thrown == null && !classifier.judgesValues()) return Verdict.SUCCESS;
            return classifier.judge(value, thrown, driver);
        }

        /**
         * Tells the timed parts around this attempt what failed in it: a {@link TimeoutExceededException} thrown later
         * carries the last such failure as its cause. Costs a field write for each enclosing timeout.
         *
         * @param context of the attempt
         * @param failure a real failure, no rejection or cancellation
         */
        public void failed(CallContext context, Throwable failure) {
            Cancellation scope = context.scope();
            if (scope != null) scope.failed(Objects.requireNonNull(failure, "failure"));
        }

        /**
         * Closes a result that nobody will get, when it is {@link AutoCloseable}. What {@code close} throws is reported.
         *
         * @param value the result
         */
        public void discard(@Nullable Object value) {
            Discarded.close(value);
        }

        /**
         * Runs a guest, such as a listener, on this thread with the call's captured context in place. What it throws is
         * reported.
         *
         * @param context of the call
         * @param what the guest, as in "an onRetry listener"
         * @param guest the user's code
         */
        public void tell(CallContext context, String what, Runnable guest) {
            Captures.guest(driver, context, what, guest);
        }

        /**
         * The pipeline's clock.
         *
         * @return the one source of time, waiting and scheduling
         */
        public TimeSource time() {
            return link.time();
        }

        /**
         * Where attempts run that must leave the caller's thread.
         *
         * @return the pipeline's executor; never refuses
         */
        public Executor workers() {
            return link.workers();
        }

        Driver driver() {
            return driver;
        }

        Origin origin() {
            return origin;
        }
    }
}
