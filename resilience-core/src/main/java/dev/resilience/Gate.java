// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A policy that <em>admits</em> a call or rejects it, and learns the outcome: breakers, bulkheads, limiters. Compare
 * {@link Driver}, which drives the call.
 *
 * <p><b>For users</b> a gate has the faces of every {@link Policy}, and {@link #admit()} for event loops.
 *
 * <p><b>For implementers</b> this is the SPI; everything that they write is protected, so users of a breaker never see
 * it. The built-in gates use nothing else. The protocol:
 *
 * <ol>
 *   <li>{@link #tryAdmit} answers a permit (at least 0, 63 bits of the gate's own: a generation, a slot, a weight), a
 *       {@linkplain #refused refusal} that carries the hint of the very look that refused, or {@link #WAIT}.
 *   <li>After {@code WAIT}, {@link #enqueue} takes a {@link Waiter}, looks again so that no wake-up is lost, and answers
 *       it now or later. A caller that gives up is announced by {@link #abandon}; when an answer crosses with it the
 *       answer counts and the permit is used or settled as ignored.
 *   <li>{@link #settle} is called exactly once for every permit (L1), whatever happens inside: value, exception,
 *       {@link Error}, rejection by an inner policy, cancellation.
 * </ol>
 *
 * <p>The start time stays in the caller's frame and the permit is a number, so a call through a gate allocates nothing.
 * The hooks are called by many threads at once, never under a lock of the library. What they throw on admission reaches
 * the caller; what {@code settle} throws is reported and changes nothing.
 *
 * <p>The verdict that {@code settle} gets: ignored when the call was cancelled from outside (the caller's cancel, an
 * outer timeout, a lost race), whatever came out; ignored for a rejection by an inner policy; else what the gate's own
 * {@link #failures()}, or the pipeline's classifier, says of it.
 *
 * <p>The smallest gate:
 *
 * {@snippet class="dev.resilience.Snippets" region="own-gate"}
 *
 * <p>Its refusal reads {@code maintenance gate 'eu-west' rejected the call; retry after 12 s}. Override
 * {@link #rejection} to say why, {@link #settings()} to be seen in {@link #describe()}, and {@link #forgettable} not to
 * be forgotten by a {@link Keyed} registry meanwhile.
 */
public abstract non-sealed class Gate extends Policy {
    /** Answer of {@link #tryAdmit}: not now, but {@link #enqueue} will take a waiter. */
    protected static final long WAIT = Long.MIN_VALUE;

    /**
     * Handed to {@link #rejection} when a call waited in the gate's queue until its longest wait or its deadline was
     * over. Has no hint.
     */
    protected static final long WAITED = Long.MIN_VALUE + 1;

    private final TimeSource time;
    private volatile long abandonedLease;
    private final LongAdder rejected = new LongAdder();

    @SuppressWarnings("this-escape") // only named in reports, never called before it is complete
    private final Listeners<RejectionListener> rejectionListeners = new Listeners<>(this, "a rejection listener");

    /**
     * For implementers.
     *
     * @param name names the gate in messages and metrics
     * @param time the clock of everything in this gate
     */
    protected Gate(String name, TimeSource time) {
        super(name, self -> new GateNode((Gate) self, Node.END, Link.alone(time)));
        this.time = time;
    }

    /**
     * Answer of {@link #tryAdmit}: refused. Carries the hint, so that the refusal and its numbers come from one look at
     * the state.
     *
     * @param retryAfterNanos when to try again, in nanoseconds; zero or negative when unknown
     * @return a negative number other than {@link #WAIT} and {@link #WAITED}
     */
    protected static long refused(long retryAfterNanos) {
        return ~Math.min(Math.max(0, retryAfterNanos), Long.MAX_VALUE - 2);
    }

    /**
     * The hint inside a refusal.
     *
     * @param refusal from {@link #refused}
     * @return nanoseconds, 0 when unknown
     */
    protected static long retryAfterNanos(long refusal) {
        return refusal == WAITED ? 0 : ~refusal;
    }

    /**
     * Takes a permit by hand. Waits like a call would, on the calling thread, where the gate has a queue.
     *
     * @return the permit, to be settled exactly once by the caller
     * @throws RejectedException when the gate refuses
     * @throws CallInterruptedException when interrupted while waiting; the flag is set again
     */
    public final Permit admit() {
        return admit(CallContext.root());
    }

    /**
     * {@link #admit()} with a context: its deadline bounds the wait, its attributes may carry weight or priority.
     *
     * @param context the context
     * @return the permit, to be settled exactly once by the caller
     * @throws RejectedException when the gate refuses
     * @throws CallInterruptedException when interrupted or cancelled while waiting
     */
    public final Permit admit(CallContext context) {
        CallContext entered = Objects.requireNonNull(context, "context").enter(time);
        boolean timed = timed();
        long at = timed ? time.nanoTime() : 0;
        long permit = tryAdmit(entered, at);
        if (permit < 0) {
            permit = Admissions.notAtOnce(this, entered, permit);
            at = timed ? time.nanoTime() : 0; // admitted after the wait
        }
        return new Permit(this, entered, new Permit.Admission(permit, at, timed));
    }

    /**
     * Takes a permit by hand without ever blocking.
     *
     * @param context its deadline bounds the wait
     * @return completes with the permit on the calling thread or on a worker; fails with {@link RejectedException} when
     *     the gate refuses; cancelling it leaves the queue
     */
    public final CompletableFuture<Permit> admitAsync(CallContext context) {
        CallContext entered = Objects.requireNonNull(context, "context").enter(time);
        return Admissions.staged(this, entered);
    }

    /**
     * How many calls this gate has refused, on all faces and by hand, at once or after a wait. A counter: one striped
     * increment for each refusal, nothing for an admission.
     *
     * @return since the gate was built
     */
    public final long rejected() {
        return rejected.sum();
    }

    /**
     * Subscribes to the refusals to come. Without a listener a refusal costs one volatile read more.
     *
     * @param listener told on the thread that was refused, outside of locks, before the refusal surfaces; short and not
     *     blocking; what it throws is reported and changes nothing
     * @return a handle to end it
     */
    public final Subscription onRejection(RejectionListener listener) {
        return rejectionListeners.add(Objects.requireNonNull(listener, "listener"));
    }

    /** Told of a gate's refusals: for logs, traces, and recordings. To count them there is {@link #rejected()}. */
    @FunctionalInterface
    public interface RejectionListener {
        /**
         * Whether it wants to be told of the refusal that is about to be made. An {@link Outcome} needs no exception
         * until somebody looks at it; one is made for listeners only when one of them says yes.
         *
         * @return true unless overridden
         */
        default boolean listening() {
            return true;
        }

        /**
         * A call was refused. Not told when {@link #listening()} said no.
         *
         * @param rejection what the caller gets: who, why, when to try again
         */
        void rejected(RejectedException rejection);
    }

    /**
     * The gate's clock.
     *
     * @return as given to the constructor
     */
    protected final TimeSource time() {
        return time;
    }

    /**
     * Whether {@code now} and {@code admittedAt} are wanted. The caller then reads the clock once on the way in and once
     * on the way out; otherwise both are 0. May change while calls run; a call keeps what it saw on admission.
     *
     * @return false unless overridden
     */
    protected boolean timed() {
        return false;
    }

    /**
     * The gate's own classifier.
     *
     * @return null, unless overridden, for the pipeline's
     */
    protected @Nullable Failures failures() {
        return null;
    }

    /**
     * How long a waiter may stand in this gate's queue, whatever its context's deadline.
     *
     * @param context of the call that is about to wait
     * @return nanoseconds; {@link Long#MAX_VALUE} unless overridden
     */
    protected long maxWaitNanos(CallContext context) {
        return Long.MAX_VALUE;
    }

    /**
     * For gates that bound what really runs: from now on the permit of a call is held while attempts of it that were left
     * behind (by an asynchronous or detached timeout, as the losers of a hedge) still run, though not longer than this
     * after it would have been settled otherwise. {@link #settle} comes later then, and without the call's value or
     * exception. Calls under way keep what they began with. A call costs some objects while this is on.
     *
     * @param nanos the longest that a permit is kept; zero, as it is unless called, to settle it at once
     */
    protected final void holdAbandoned(long nanos) {
        abandonedLease = Math.max(0, nanos);
    }

    /**
     * Admits or refuses. Must not block and, on the way to an admission, should not allocate.
     *
     * @param context the call's context
     * @param now the clock when {@link #timed()}, else 0
     * @return a permit of at least 0, {@link #refused}, or {@link #WAIT}
     */
    protected abstract long tryAdmit(CallContext context, long now);

    /**
     * Learns the outcome of an admitted call. Called exactly once per permit. Must not block.
     *
     * @param permit as admitted
     * @param admittedAt the clock at admission when {@link #timed()} said so then, else 0
     * @param now the clock when {@link #timed()} said so at admission, else 0
     * @param verdict what counts
     * @param value the value, when {@code thrown} is null
     * @param thrown the exception without the JDK's wrappers, null for a value
     */
    protected abstract void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown);

    /**
     * Makes the exception of a refusal. Called when somebody wants it: at once by the throwing faces, perhaps much later
     * and on another thread for an {@link Outcome}.
     *
     * @param context the refused call's context
     * @param refusal as answered
     * @return a fresh exception
     */
    protected RejectedException rejection(CallContext context, long refusal) {
        return new RejectedException(this, refusal, null);
    }

    /**
     * Takes a waiter into the queue and looks again, so that no wake-up is lost between {@link #tryAdmit} and here. May
     * answer it at once. Only gates that answer {@link #WAIT} need it.
     *
     * @param waiter answered once, from any thread
     */
    protected void enqueue(Waiter waiter) {
        throw new UnsupportedOperationException(describe() + " answered WAIT but has no queue");
    }

    /**
     * A waiter has gone (timed out, interrupted, cancelled) without an answer: forget it, and look whether the next one
     * can go on.
     *
     * @param waiter as enqueued
     */
    protected void abandon(Waiter waiter) {}

    /**
     * Whether a registry of gates per key may forget this instance: no permit or waiter, nothing remembered that would
     * change a later answer.
     *
     * @param now the gate's clock
     * @return true unless overridden
     */
    protected boolean forgettable(long now) {
        return true;
    }

    // --- for the root package ---

    @Override
    final TimeSource clock() {
        return time;
    }

    final long abandonedLease() {
        return abandonedLease;
    }

    /** Counts a refusal, tells of it, and makes its exception. Never throws, never null: a call that waits for it must end. */
    final RejectedException rejected(CallContext context, long refusal) {
        rejected.increment();
        RejectedException made = explained(context, refusal);
        if (somebodyListens()) tell(context, made);
        return made;
    }

    /** {@link #rejected(CallContext, long)} whose exception is made when somebody asks for it. */
    final <T extends @Nullable Object> Outcome<T> refusedOutcome(CallContext context, long refusal) {
        rejected.increment();
        if (!somebodyListens()) return new Outcome.Failure<>(this, context, refusal);
        RejectedException made = explained(context, refusal);
        tell(context, made);
        return Outcome.failure(made);
    }

    private void tell(CallContext context, RejectedException made) {
        Runnable undo = Captures.restore(context);
        rejectionListeners.tell(listener -> {
            if (listener.listening()) listener.rejected(made);
        });
        Captures.undo(undo);
    }

    private boolean somebodyListens() {
        return rejectionListeners.any(RejectionListener::listening);
    }

    /** {@link #rejection}; never throws, never null. */
    final RejectedException explained(CallContext context, long refusal) {
        try {
            return Objects.requireNonNull(rejection(context, refusal), "rejection");
        } catch (Throwable broken) {
            report("rejection", broken);
            return new RejectedException(this, refusal, null);
        }
    }

    final void abandonedBy(Waiter waiter) {
        try {
            abandon(waiter);
        } catch (Throwable broken) {
            report("abandon", broken);
        }
    }

    /** The verdict for {@link #settle}; {@code thrown} without the JDK's wrappers. Never throws. */
    final Verdict verdict(Failures defaults, CallContext context, @Nullable Object value, @Nullable Throwable thrown) {
        if (context.cancelled() || thrown instanceof RejectedException) return Verdict.IGNORED;
        Failures classifier = classifier(defaults);
        if (thrown == null && !classifier.judgesValues()) return Verdict.SUCCESS;
        return classifier.judge(value, thrown, this);
    }

    private Failures classifier(Failures defaults) {
        try {
            Failures own = failures();
            return own == null ? defaults : own;
        } catch (Throwable broken) {
            report("failures", broken);
            return defaults;
        }
    }

    /** {@link #settle}; never throws. */
    final void settled(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        try {
            settle(permit, admittedAt, now, verdict, value, thrown);
        } catch (Throwable broken) {
            report("settle", broken);
        }
    }
}
