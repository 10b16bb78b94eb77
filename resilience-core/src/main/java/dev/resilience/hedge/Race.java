// SPDX-License-Identifier: Apache-2.0
package dev.resilience.hedge;

import dev.resilience.CallContext;
import dev.resilience.Driver;
import dev.resilience.RejectedException;
import dev.resilience.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** One call's attempts. The future is the call's outcome. */
/* Implementation notes (S39)
 * Under the lock: which attempts run, how the ended ones ended, whether the race is over. Starting, cancelling, judging
 * and completing happen outside of it. The race is over with the first success, with the last attempt's failure, or when
 * the call is given up; whoever finds it over cancels what it has just started.
 */
final class Race<T extends @Nullable Object> extends CompletableFuture<T> {
    private static final int MOST_SUPPRESSED = 5;
    private static final long FIRST = 0;

    private final Hedge hedge;
    private final Hedge.Settings settings;
    private final Driver.Next next;
    private final CallContext context;
    private final Function<CallContext, Driver.Branch<T>> starter;
    private final ReentrantLock lock = new ReentrantLock();

    private final List<Driver.Branch<T>> running = new ArrayList<>();
    private final List<Ended<T>> failures = new ArrayList<>();
    private int startedAttempts;
    private int unfinished;
    /** When the first attempt began, and whether it has failed. */
    private long firstAt;

    private boolean firstFailed;
    private boolean over;
    private @Nullable CompletionStage<?> pause;
    private boolean deposited;

    /** An attempt under way, and what a budget gave for it. */
    private record Begun(int number, long receipt) {}

    /** How an attempt failed: by exception, or by a value that is judged a failure. */
    private record Ended<T extends @Nullable Object>(
            int attempt, @Nullable T value, @Nullable Throwable thrown) {}

    Race(Hedge hedge, Driver.Next next, CallContext context, Function<CallContext, Driver.Branch<T>> starter) {
        this.hedge = hedge;
        this.settings = hedge.now();
        this.next = next;
        this.context = context;
        this.starter = starter;
    }

    CompletableFuture<T> start() {
        attempt(FIRST);
        schedule();
        return this;
    }

    private void attempt(long receipt) {
        int number = begin();
        if (number == 0) {
            settings.restore(receipt);
            return;
        }
        if (number > 1) hedge.countStarted();
        if (number == 1) firstAt = next.time().nanoTime(); // before there is anybody else
        Driver.Branch<T> branch = starter.apply(context.attempt(number));
        boolean late;
        lock.lock();
        try {
            late = over;
            if (!late) running.add(branch);
        } finally {
            lock.unlock();
        }
        if (late) branch.cancel();
        follow(branch, new Begun(number, receipt));
    }

    /** The attempt's number; 0 when the race is over. */
    private int begin() {
        lock.lock();
        try {
            if (over) return 0;
            unfinished++;
            return ++startedAttempts;
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // the consumer throws nothing
    private void follow(Driver.Branch<T> branch, Begun attempt) {
        branch.stage().whenComplete((value, wrapped) -> ended(attempt, value, unwrapped(wrapped)));
    }

    private static @Nullable Throwable unwrapped(@Nullable Throwable thrown) {
        return thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
    }

    private void ended(Begun attempt, @Nullable T value, @Nullable Throwable thrown) {
        account(attempt, thrown);
        if (thrown == null && next.judge(value, null) != Verdict.FAILURE) {
            win(attempt.number, value);
        } else {
            fail(new Ended<>(attempt.number, value, thrown));
        }
    }

    /** What was rejected locally has neither loaded the dependency nor learned from it. */
    private void account(Begun attempt, @Nullable Throwable thrown) {
        if (thrown instanceof RejectedException) settings.restore(attempt.receipt);
        else if (settings.budget() != null && firstToReachIt()) settings.deposit();
    }

    private boolean firstToReachIt() {
        lock.lock();
        try {
            boolean first = !deposited;
            deposited = true;
            return first;
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("NullAway") // value is T
    private void win(int number, @Nullable T value) {
        if (!end()) {
            next.discard(value);
            return;
        }
        if (!firstFailed) hedge.learn(next.time().nanoTime() - firstAt); // one that lost would have taken longer
        if (number > 1) hedge.countWon();
        cancelOthers();
        discardFailures(null);
        if (!complete(value)) next.discard(value);
    }

    private void fail(Ended<T> failure) {
        boolean last;
        boolean tooLate;
        lock.lock();
        try {
            unfinished--;
            tooLate = over;
            if (!over) {
                failures.add(failure);
                firstFailed |= failure.attempt == 1;
            }
            last = !over && (unfinished == 0 || isFatal(failure));
            over |= last;
        } finally {
            lock.unlock();
        }
        if (tooLate) next.discard(failure.value);
        if (!last) return;
        cancelOthers();
        surface(isFatal(failure) ? failure : first());
    }

    /** An Error of the first attempt comes out; one of a hedge must not beat a first attempt that may be healthy. */
    private static boolean isFatal(Ended<?> failure) {
        return failure.attempt == 1 && failure.thrown instanceof Error;
    }

    /** The first attempt's failure; a rejection of it gives way to a real failure of a hedge. */
    private Ended<T> first() {
        Ended<T> first = failures.get(0);
        for (Ended<T> each : failures) {
            boolean better = first.thrown instanceof RejectedException == each.thrown instanceof RejectedException
                    ? each.attempt < first.attempt
                    : first.thrown instanceof RejectedException;
            if (better) first = each;
        }
        return first;
    }

    @SuppressWarnings("NullAway") // value is T whenever thrown is null
    private void surface(Ended<T> failure) {
        discardFailures(failure);
        if (failure.thrown == null) {
            complete(failure.value);
            return;
        }
        int room =
                MOST_SUPPRESSED - failure.thrown.getSuppressed().length; // it may be one instance for all calls (L13)
        for (Ended<T> other : failures) {
            if (other.thrown == null || other.thrown == failure.thrown || --room < 0) continue;
            failure.thrown.addSuppressed(other.thrown);
        }
        completeExceptionally(failure.thrown);
    }

    @SuppressWarnings("ReferenceEquality") // the one that surfaces, not one that is equal to it
    private void discardFailures(@Nullable Ended<T> kept) {
        for (Ended<T> each : failures) {
            if (each.thrown == null && (kept == null || each.value != kept.value)) next.discard(each.value);
        }
    }

    /** True for the one that ends the race. After it the lists no longer change. */
    private boolean end() {
        lock.lock();
        try {
            boolean first = !over;
            over = true;
            return first;
        } finally {
            lock.unlock();
        }
    }

    /** The call has ended by other means, such as an interrupt of its thread: give everything up. */
    void over() {
        if (end()) cancelOthers();
    }

    private void cancelOthers() {
        CompletionStage<?> pending = pause;
        if (pending != null) pending.toCompletableFuture().cancel(false);
        for (Driver.Branch<T> branch : running) branch.cancel(); // nothing happens to those that have ended
    }

    /** Hedges that are due at once begin one after the other, those for later with a pause. */
    private void schedule() {
        long delay = nextIn();
        while (delay == 0 && hedge()) delay = nextIn();
        if (delay > 0) follow(paused(delay));
    }

    /** Nanoseconds until the next hedge; negative when there is to be none. */
    private long nextIn() {
        long delay = settings.delay().nanos();
        if (isDone() || delay >= context.remainingNanos() || delay == Long.MAX_VALUE) return -1;
        lock.lock();
        try {
            return over || startedAttempts > settings.maxHedges() ? -1 : delay;
        } finally {
            lock.unlock();
        }
    }

    private CompletionStage<?> paused(long delay) {
        CompletionStage<?> waiting = next.pauseAsync(delay, context);
        lock.lock();
        try {
            pause = waiting;
            if (over) waiting.toCompletableFuture().cancel(false);
        } finally {
            lock.unlock();
        }
        return waiting;
    }

    @SuppressWarnings("FutureReturnValueIgnored") // the consumer throws nothing
    private void follow(CompletionStage<?> waiting) {
        waiting.whenComplete((passed, cancelled) -> {
            if (cancelled == null && hedge()) schedule();
        });
    }

    /** Starts a hedge; false when none may start any more. */
    private boolean hedge() {
        lock.lock();
        try {
            // a failure of the first attempt starts no hedge, and only running attempts are worth hedging
            if (over || unfinished == 0) return false;
        } finally {
            lock.unlock();
        }
        if (context.remainingNanos() <= 0) return false;
        long receipt = settings.withdraw();
        if (receipt == 0) return false;
        attempt(receipt);
        return true;
    }
}
