// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Parts of a call with a time of their own: the bodies behind {@link Driver.Next}'s three timed calls. */
final class Timed {
    private Timed() {}

    @SuppressWarnings("NullAway") // value is T whenever thrown is null
    static <T extends @Nullable Object> T blocking(
            Driver.Next next, ContextOp<T, ?> op, CallContext context, long own, boolean interrupting)
            throws Exception {
        long nanos = Math.min(own, context.unenforcedNanos());
        if (nanos <= 0) throw late(next, nanos);
        TimeSource time = next.time();
        long start = time.nanoTime();
        InterruptScope.Stack stack = InterruptScope.stack();
        InterruptScope scope = new InterruptScope(context.scope(), stack, interrupting);
        TimeSource.Timer timer = null;
        T value = null;
        Throwable thrown = null;
        try {
            timer = scope.arm(time, start, nanos);
            value = next.call(op, within(context, scope, time, start, nanos, false));
        } catch (Throwable t) {
            thrown = t;
        }
        int phase = scope.end(stack);
        if (phase != Cancellation.DONE) return overtime(next, scope, phase, start, nanos, value, thrown);
        scope.disarm(time, timer);
        if (thrown != null) throw Handles.<RuntimeException>sneak(thrown);
        return value;
    }

    private static <T extends @Nullable Object> T overtime(
            Driver.Next next,
            InterruptScope scope,
            int phase,
            long start,
            long nanos,
            @Nullable T value,
            @Nullable Throwable thrown) {
        boolean strangers = phase == Cancellation.PASSED && Failures.isCancellation(thrown) && !isOurs(thrown);
        if (thrown != null && (strangers || thrown instanceof Error)) throw Handles.<RuntimeException>sneak(thrown);
        if (thrown == null) Discarded.close(value);
        throw expired(next, start, nanos, lastFailure(scope, thrown));
    }

    /** Set off by the word of a scope, not by the flag. */
    private static boolean isOurs(@Nullable Throwable thrown) {
        return thrown instanceof CallInterruptedException waited && waited.cancelled();
    }

    /** What failed really: not the interruption that we caused ourselves. */
    private static @Nullable Throwable lastFailure(Cancellation scope, @Nullable Throwable thrown) {
        if (thrown instanceof CallInterruptedException && thrown.getCause() != null) return thrown.getCause();
        boolean real = thrown != null && !Failures.isCancellation(thrown) && !(thrown instanceof RejectedException);
        return real ? thrown : scope.lastFailure();
    }

    static <T extends @Nullable Object> T detached(
            Driver.Next next, ContextOp<T, ?> op, CallContext context, long own, LongAdder abandoned) throws Exception {
        long nanos = Math.min(own, context.unenforcedNanos());
        if (nanos <= 0) throw late(next, nanos);
        TimeSource time = next.time();
        long start = time.nanoTime();
        Counted scope = new Counted(context.scope(), abandoned);
        CallContext inside = within(context, scope, time, start, nanos, false);
        Thread me = Thread.currentThread();
        Offload<T> work = Offload.start(next.driver(), next.workers(), c -> next.call(op, c), inside);
        scope.onCancel(work, () -> time.unpark(me));
        Stages.onEnd(work, (value, thrown) -> time.unpark(me));
        try {
            return await(next, work, scope, start, nanos);
        } finally {
            scope.move(Cancellation.LIVE, Cancellation.DONE);
            scope.removeActions(work);
            scope.close();
        }
    }

    private static <T extends @Nullable Object> T await(
            Driver.Next next, Offload<T> work, Counted scope, long start, long nanos) {
        TimeSource time = next.time();
        long until = Deadline.point(start, nanos);
        while (!work.isDone()) {
            long left = until - time.nanoTime();
            boolean interrupted = Thread.currentThread().isInterrupted();
            if (interrupted || left <= 0 || scope.cancelled()) {
                scope.move(Cancellation.LIVE, Cancellation.FIRED);
                if (!work.leave(task -> Workers.handOff(time, task))) break; // it ended first
                if (scope.hasActions()) Workers.handOff(time, scope::runActions);
                throw gaveUp(next, scope, interrupted, left <= 0, start, nanos);
            }
            time.park(next.driver(), left);
        }
        Throwable thrown = Stages.thrown(work);
        if (thrown != null) throw Handles.<RuntimeException>sneak(thrown);
        return work.getNow(null);
    }

    private static RuntimeException gaveUp(
            Driver.Next next, Cancellation scope, boolean interrupted, boolean late, long start, long nanos) {
        Throwable last = scope.lastFailure();
        String where = "a detached attempt of " + next.driver().title();
        if (interrupted) return new CallInterruptedException("interrupted while waiting for " + where, last);
        return late ? expired(next, start, nanos, last) : Admissions.cancelled("while it waited for " + where, last);
    }

    static <T extends @Nullable Object> CompletionStage<T> staged(
            Driver.Next next,
            ContextOp<? extends CompletionStage<T>, ?> op,
            CallContext context,
            long own,
            boolean cancelStage,
            LongAdder abandoned) {
        long nanos = Math.min(own, context.unenforcedNanos());
        if (nanos <= 0) return CompletableFuture.failedFuture(late(next, nanos));
        TimeSource time = next.time();
        long start = time.nanoTime();
        CompletableFuture<T> out = new CompletableFuture<>();
        CallScope<T> scope = new CallScope<>(
                context.scope(), out, next.origin(), time, abandoned, !cancelStage || context.sharedStage());
        CallContext inside = within(context, scope, time, start, nanos, !cancelStage);
        scope.carry(context);
        scope.endAfter(start, nanos);
        scope.follow(next.callAsync(op, inside));
        return out;
    }

    /** The context inside: the earlier deadline holds. */
    private static CallContext within(
            CallContext context, Cancellation scope, TimeSource time, long start, long nanos, boolean shared) {
        long until = Deadline.point(start, nanos);
        if (context.hasDeadline()) {
            long outer = context.deadlineOn(time);
            if (outer - until < 0) until = outer;
        }
        return context.scoped(scope, time, until, shared);
    }

    private static TimeoutExceededException late(Driver.Next next, long nanos) {
        return told(next, Duration.ofNanos(nanos), Duration.ZERO, null);
    }

    private static TimeoutExceededException expired(
            Driver.Next next, long start, long nanos, @Nullable Throwable lastFailure) {
        Duration elapsed = Duration.ofNanos(next.time().nanoTime() - start);
        return told(next, Duration.ofNanos(nanos), elapsed, lastFailure);
    }

    private static TimeoutExceededException told(
            Driver.Next next, Duration allowed, Duration elapsed, @Nullable Throwable lastFailure) {
        Driver driver = next.driver();
        TimeoutExceededException late = new TimeoutExceededException(next, allowed, elapsed, lastFailure);
        driver.countTimeout();
        driver.tellTimeout(late);
        return late;
    }

    /** A detached attempt's scope: counts what outlives it. */
    private static final class Counted extends Cancellation {
        private final LongAdder abandoned;

        Counted(@Nullable Cancellation parent, LongAdder abandoned) {
            super(parent);
            this.abandoned = abandoned;
        }

        @Override
        void abandoned(int delta) {
            abandoned.add(delta);
            super.abandoned(delta);
        }
    }
}
