// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Blocking work on another thread, as a stage. Cancelling it interrupts that thread while, and only while, it runs. */
final class Offload<T extends @Nullable Object> extends CompletableFuture<T> implements Runnable {
    private static final int NEW = 0;
    private static final int RUNNING = 1;
    private static final int LEFT = 2;
    private static final VarHandle BEGUN = Handles.field(MethodHandles.lookup(), Offload.class, "begun", int.class);

    @SuppressWarnings("unused") // through BEGUN
    private volatile int begun;

    /** Null when there is nothing to run any more: the executor's queue must not keep the user's lambda alive (L13). */
    private @Nullable Task<T> task;

    private volatile InterruptScope.@Nullable OfWorker running;

    /** Set while the executor is asked: one that runs the work right there returns no stage that could be cancelled. */
    private @Nullable Thread starter = Thread.currentThread();

    private record Task<T extends @Nullable Object>(ContextOp<? extends T, ?> op, CallContext context) {}

    private Offload(Task<T> task) {
        this.task = task;
    }

    static <T extends @Nullable Object> Offload<T> start(
            Policy owner, Executor executor, ContextOp<? extends T, ?> op, CallContext context) {
        Offload<T> work = new Offload<>(new Task<>(op, context));
        try {
            executor.execute(work);
        } catch (Throwable refused) {
            work.completeExceptionally(new ExecutorRefusedException(owner, refused));
        }
        work.starter = null;
        return work;
    }

    @Override
    public void run() {
        Task<T> mine = task;
        task = null;
        if (mine == null || isDone()) return;
        InterruptScope.Stack stack = InterruptScope.stack();
        Cancellation outside = mine.context.scope();
        InterruptScope.OfWorker scope = new InterruptScope.OfWorker(outside, stack);
        Cancellation inline = starter == Thread.currentThread() ? outside : null;
        if (inline != null) inline.onCancel(scope, () -> leaveBehind(scope, Runnable::run));
        running = scope;
        T value = null;
        Throwable thrown = null;
        boolean begun = BEGUN.compareAndSet(this, NEW, RUNNING);
        try {
            if (begun) value = apply(mine.op, mine.context.scoped(scope));
        } catch (Throwable t) {
            thrown = t;
        }
        if (scope.end(stack) != Cancellation.DONE) scope.abandoned(-1);
        running = null;
        if (inline != null) inline.removeActions(scope);
        if (!begun) return; // left before
        if (thrown != null) completeExceptionally(thrown);
        else if (!complete(value)) Discarded.close(value);
    }

    private static <T extends @Nullable Object> T apply(ContextOp<? extends T, ?> op, CallContext inside)
            throws Exception {
        Runnable undo = Captures.restore(inside);
        try {
            return op.apply(inside);
        } finally {
            Captures.undo(undo);
        }
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        return leave(Runnable::run);
    }

    /** Cancels it, with the user's onCancel actions run by {@code guests}. False when it has ended. */
    boolean leave(Executor guests) {
        InterruptScope.OfWorker scope = BEGUN.compareAndSet(this, NEW, LEFT) ? null : running;
        if (scope != null) scope.abandoned(+1); // before anybody sees the end, and settles by it
        boolean first = super.cancel(true);
        if (first) task = null;
        if (scope != null && first) interrupt(scope, guests);
        else if (scope != null) scope.abandoned(-1);
        return first;
    }

    private static void leaveBehind(InterruptScope.OfWorker scope, Executor guests) {
        scope.abandoned(+1);
        interrupt(scope, guests);
    }

    /** Has been counted as left behind, and is so until its thread says that it has ended. */
    private static void interrupt(InterruptScope.OfWorker scope, Executor guests) {
        if (!scope.fire()) {
            scope.abandoned(-1);
            return;
        }
        scope.leaveHeld();
        if (scope.hasActions()) guests.execute(scope::runActions);
    }

    /** Rejected by the executor: the user's code did not run. */
    private static final class ExecutorRefusedException extends RejectedException {
        private static final long serialVersionUID = 1L;

        ExecutorRefusedException(Policy owner, Throwable refused) {
            super(owner, Gate.refused(0), refused);
        }

        @Override
        public String getMessage() {
            return policy().title() + ": the executor refused the attempt: " + getCause();
        }
    }
}
