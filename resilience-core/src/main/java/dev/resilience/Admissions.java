// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Waiting at a gate: on the caller's thread, or as a stage that holds none. */
final class Admissions {
    private Admissions() {}

    static CallInterruptedException cancelled(String when, @Nullable Throwable lastFailure) {
        return new CallInterruptedException("the call was cancelled " + when, lastFailure, true);
    }

    /** After an answer other than a permit: waits on this thread, or throws the rejection. */
    static long notAtOnce(Gate gate, CallContext context, long answer) {
        if (answer != Gate.WAIT) throw gate.rejected(context, answer);
        TimeSource time = gate.time();
        Thread me = Thread.currentThread();
        Waiter waiter = new Waiter(context, time, deadline(gate, context), () -> time.unpark(me));
        Cancellation scope = context.scope();
        if (scope != null) scope.onCancel(waiter, () -> time.unpark(me));
        try {
            return await(gate, waiter);
        } finally {
            if (scope != null) scope.removeActions(waiter);
        }
    }

    private static long deadline(Gate gate, CallContext context) {
        long own = Deadline.point(gate.time().nanoTime(), gate.maxWaitNanos(context));
        if (!context.hasDeadline()) return own;
        long theirs = context.deadlineOn(gate.time());
        return theirs - own < 0 ? theirs : own;
    }

    private static long await(Gate gate, Waiter waiter) {
        try {
            gate.enqueue(waiter);
        } catch (Throwable broken) {
            if (waiter.leave()) throw broken;
            gate.report("enqueue", broken); // it answered first: the answer counts
        }
        boolean interrupted = false;
        try {
            while (!waiter.answered()) {
                interrupted |= Thread.interrupted();
                long left = waiter.deadline() - gate.time().nanoTime();
                boolean gone = (interrupted || left <= 0 || waiter.context().cancelled()) && waiter.leave();
                if (gone) throw left(gate, waiter, interrupted);
                if (!waiter.answered()) park(gate, waiter, left);
            }
            if (waiter.refused()) throw gate.rejected(waiter.context(), waiter.answer());
            if (interrupted) Thread.currentThread().interrupt(); // it ends a grant for later, too
            pauseAfterGrant(gate, waiter);
            return waiter.answer();
        } finally {
            if (interrupted) Thread.currentThread().interrupt();
        }
    }

    private static RuntimeException left(Gate gate, Waiter waiter, boolean interrupted) {
        gate.abandonedBy(waiter);
        CallContext context = waiter.context();
        if (interrupted) return interruptedWaiting(gate, lastFailure(context));
        if (context.cancelled()) return cancelled("while it waited at " + gate.title(), lastFailure(context));
        return gate.rejected(context, Gate.WAITED);
    }

    private static CallInterruptedException interruptedWaiting(Gate gate, @Nullable Throwable lastFailure) {
        return new CallInterruptedException("interrupted while waiting at " + gate.title(), lastFailure);
    }

    private static @Nullable Throwable lastFailure(CallContext context) {
        Cancellation scope = context.scope();
        return scope == null ? null : scope.lastFailure();
    }

    /** A grant for later: the permit is held already, so whoever leaves now settles it as ignored. */
    private static void pauseAfterGrant(Gate gate, Waiter waiter) {
        long left;
        while ((left = waiter.pauseNanos()) > 0) {
            boolean interrupted = Thread.interrupted();
            if (interrupted || waiter.context().cancelled()) {
                ignore(gate, waiter.answer());
                if (interrupted) Thread.currentThread().interrupt();
                throw interrupted
                        ? interruptedWaiting(gate, lastFailure(waiter.context()))
                        : cancelled("while it waited at " + gate.title(), lastFailure(waiter.context()));
            }
            park(gate, waiter, left);
        }
    }

    /** A clock that throws must not leave a waiter behind whom a permit would be given in vain (L1). */
    private static void park(Gate gate, Waiter waiter, long nanos) {
        try {
            gate.time().park(gate, nanos);
        } catch (Throwable broken) {
            if (waiter.leave()) gate.abandonedBy(waiter);
            else if (waiter.answered() && !waiter.refused()) ignore(gate, waiter.answer());
            throw broken;
        }
    }

    private static void ignore(Gate gate, long permit) {
        long now = gate.timed() ? gate.time().nanoTime() : 0;
        gate.settled(permit, now, now, Verdict.IGNORED, null, null);
    }

    /** A permit by hand, without blocking. */
    static CompletableFuture<Permit> staged(Gate gate, CallContext context) {
        try {
            boolean timed = gate.timed();
            long at = now(gate, timed);
            long answer = gate.tryAdmit(context, at);
            if (answer >= 0) return CompletableFuture.completedFuture(permit(gate, context, answer, at, timed));
            if (answer != Gate.WAIT) return CompletableFuture.failedFuture(gate.rejected(context, answer));
            return new ByHand(gate, context, timed);
        } catch (Throwable broken) {
            return CompletableFuture.failedFuture(broken);
        }
    }

    private static long now(Gate gate, boolean timed) {
        return timed ? gate.time().nanoTime() : 0;
    }

    private static Permit permit(Gate gate, CallContext context, long permit, long at, boolean timed) {
        return new Permit(gate, context, new Permit.Admission(permit, at, timed));
    }

    /** The future of {@link Gate#admitAsync}: whoever ends it leaves the queue. */
    private static final class ByHand extends CompletableFuture<Permit> {
        ByHand(Gate gate, CallContext context, boolean timed) {
            Cancellation scope = new Cancellation(context.scope());
            Queued queued = new Queued(gate, context.scoped(scope), gate.time().watched(Workers.DEFAULT));
            Stages.onEnd(this, (permit, thrown) -> {
                if (scope.move(Cancellation.LIVE, Cancellation.FIRED)) scope.runActions();
            });
            Stages.onEnd(queued.enter(), (answer, wrapped) -> {
                scope.move(Cancellation.LIVE, Cancellation.DONE);
                scope.close();
                if (answer == null) completeExceptionally(Handles.unwrap(wrapped));
                else if (!complete(permit(gate, context, answer, now(gate, timed), timed))) ignore(gate, answer);
            });
        }
    }

    /** A call in a gate's queue that holds no thread. Completes with the permit. */
    static final class Queued extends CompletableFuture<Long> {
        private final Gate gate;
        private final Executor workers;
        private final Waiter waiter;
        private final AtomicBoolean over = new AtomicBoolean();
        /** Of the wait, and of the pause after a grant for later: one may be armed while the other is taken back. */
        private volatile TimeSource.@Nullable Timer waiting;

        private volatile TimeSource.@Nullable Timer pausing;
        private @Nullable Thread entering;
        private boolean answeredAtOnce;

        Queued(Gate gate, CallContext context, Executor workers) {
            this.gate = gate;
            this.workers = workers;
            this.waiter = new Waiter(context, gate.time(), deadline(gate, context), this::answered);
        }

        /** Takes its place. An answer that comes from within goes on on this thread, any other on a worker. */
        Queued enter() {
            entering = Thread.currentThread();
            try {
                gate.enqueue(waiter);
            } catch (Throwable broken) {
                if (waiter.leave()) completeExceptionally(broken);
                else gate.report("enqueue", broken);
            }
            entering = null;
            try {
                if (answeredAtOnce) proceedAtOnce();
                else if (waiter.waiting()) stay();
            } catch (Throwable noTimer) {
                fail(noTimer);
            }
            return this;
        }

        /** A clock or a timer that throws: the place in the queue or the permit goes back, and the call ends (L1, L6). */
        private void fail(Throwable broken) {
            if (waiter.leave()) {
                gate.abandonedBy(waiter);
            } else if (!over.compareAndSet(false, true)) {
                return;
            } else if (waiter.answered() && !waiter.refused()) {
                ignore(gate, waiter.answer());
            }
            settleDown(waiting, waiter);
            settleDown(pausing, this);
            completeExceptionally(broken);
        }

        /** Only when the gate has noted the waiter: who leaves before would be abandoned first and enqueued then. */
        private void stay() {
            onCancel(waiter, () -> leave(null));
            long left = left();
            if (left < Long.MAX_VALUE >> 2 && !othersEndIt()) {
                waiting =
                        gate.time().schedule(() -> Workers.handOff(gate.time(), () -> leave(gate)), Math.max(0, left));
            }
            if (!waiter.waiting()) settleDown(waiting, waiter);
        }

        private long left() {
            return waiter.deadline() - gate.time().nanoTime();
        }

        /** The deadline is the call's and has a timer already; a second one would only race with it. */
        private boolean othersEndIt() {
            CallContext context = waiter.context();
            return context.enforced() && context.deadlineOn(gate.time()) == waiter.deadline();
        }

        private void onCancel(Object tag, Runnable action) {
            Cancellation scope = waiter.context().scope();
            if (scope != null) scope.onCancel(tag, action);
        }

        /** Takes back the timer, and what was to happen on a cancel. */
        private void settleDown(TimeSource.@Nullable Timer armed, Object tag) {
            if (armed != null) armed.cancel();
            Cancellation scope = waiter.context().scope();
            if (scope != null) scope.removeActions(tag);
        }

        /** {@code expired} is null for a cancelled call. */
        private void leave(@Nullable Gate expired) {
            if (!waiter.leave()) return;
            settleDown(waiting, waiter);
            gate.abandonedBy(waiter);
            if (expired == null) cancelled();
            else completeExceptionally(gate.rejected(waiter.context(), Gate.WAITED));
        }

        /** When it was the deadline, what ends the call can tell at which gate it stood. */
        private void cancelled() {
            Cancellation scope = waiter.context().scope();
            if (scope != null && left() <= 0) scope.failed(gate.rejected(waiter.context(), Gate.WAITED));
            completeExceptionally(new CancellationException());
        }

        private void answered() {
            if (Thread.currentThread() == entering) {
                answeredAtOnce = true;
                return;
            }
            try {
                proceed();
            } catch (Throwable noTimer) {
                fail(noTimer);
            }
        }

        private void proceed() {
            settleDown(waiting, waiter);
            long pause = pauseNanos();
            onCancel(this, this::giveBack); // whatever the executor does with what it is given
            if (pause > 0) pause(pause);
            else if (workers == Workers.DEFAULT) executeOrHandOver();
            else handOver(); // the user's may run it at once, and this thread stands in the gate
        }

        private void executeOrHandOver() {
            try {
                workers.execute(this::finish);
            } catch (Throwable noThreadLeft) {
                handOver();
            }
        }

        private void handOver() {
            Workers.handOff(gate.time(), () -> Workers.orHere(workers, this::finish));
        }

        private void proceedAtOnce() {
            long pause = pauseNanos();
            if (pause == 0) {
                finish();
                return;
            }
            onCancel(this, this::giveBack);
            pause(pause);
        }

        private long pauseNanos() {
            return waiter.refused() ? 0 : waiter.pauseNanos();
        }

        private void pause(long nanos) {
            pausing = gate.time().schedule(this::handOver, nanos);
            if (over.get()) settleDown(pausing, this);
        }

        /** Cancelled with the answer in hand. */
        private void giveBack() {
            if (!over.compareAndSet(false, true)) return;
            settleDown(pausing, this);
            if (!waiter.refused()) ignore(gate, waiter.answer());
            completeExceptionally(new CancellationException());
        }

        private void finish() {
            if (!over.compareAndSet(false, true)) return;
            settleDown(pausing, this);
            if (waiter.refused()) completeExceptionally(gate.rejected(waiter.context(), waiter.answer()));
            else complete(waiter.answer());
        }
    }
}
