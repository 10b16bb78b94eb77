// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit;

import dev.resilience.CallContext;
import dev.resilience.ContextOp;
import dev.resilience.Outcome;
import dev.resilience.Policy;
import dev.resilience.TimeSource;
import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** One call of a scenario: starts it on a thread of its own and moves the clock until it has ended. */
final class Performance {
    /** A call that needs more steps than this goes round in circles. */
    private static final int MOST_EVENTS = 100_000;

    private static final Executor PLATFORM = task -> daemon(task).start();
    private static final Executor VIRTUAL = Performance::startVirtual;

    final ManualTime time;
    final AtomicInteger started = new AtomicInteger();
    final AtomicInteger cancelled = new AtomicInteger();

    private final Face face;
    private final List<Attempt> script;
    private final Executor threads;
    private final Queue<CompletableFuture<?>> stages = new ConcurrentLinkedQueue<>();
    private final CompletableFuture<Ended> ended = new CompletableFuture<>();
    private volatile @Nullable Thread caller;
    private volatile @Nullable CompletableFuture<?> future;

    /** How and when, on the manual clock, the call ended. */
    record Ended(Outcome<@Nullable Object> outcome, long at) {}

    Performance(ManualTime time, Face face, List<Attempt> script) {
        this.time = time;
        this.face = face;
        this.script = script;
        this.threads = time.watched(PLATFORM);
    }

    Ended of(Policy policy, @Nullable CallContext context, @Nullable Duration givesUp) {
        TimeSource.Timer patience = givesUp == null ? null : time.schedule(this::giveUp, TimeSource.nanos(givesUp));
        Executor on = face == Face.VIRTUAL_THREAD ? time.watched(VIRTUAL) : threads;
        on.execute(() -> {
            caller = Thread.currentThread();
            start(policy, context == null ? CallContext.root() : context);
        });
        for (int events = 0; !restsEnded(); events++) {
            if (events == MOST_EVENTS || !time.advanceToNextEvent()) {
                throw stuck(events);
            }
        }
        if (patience != null) {
            patience.cancel();
        }
        checkNothingIsLeft();
        return ended.join();
    }

    /** Only the clock calls this, and it waits until the call has got as far as it can: the future is there. */
    private void giveUp() {
        CompletableFuture<?> started = future;
        Thread thread = caller;
        if (started != null) {
            started.cancel(true);
        } else if (thread != null) {
            thread.interrupt();
        }
    }

    private boolean restsEnded() {
        time.awaitRest();
        return ended.isDone();
    }

    // the future that is ignored is the dependent that takes down how the call ended; before JDK 22, NullAway cannot
    // see
    // that a type argument is nullable
    @SuppressWarnings("NullAway")
    private void start(Policy policy, CallContext context) {
        switch (face) {
            case CALL, VIRTUAL_THREAD -> {
                try {
                    end(policy.call(context, this::block), null);
                } catch (Throwable thrown) {
                    end(null, thrown);
                }
            }
            case OUTCOME -> {
                try {
                    end(policy.outcome(context, this::block));
                } catch (Throwable thrown) {
                    end(null, thrown);
                }
            }
            case SUBMIT -> watch(policy.<@Nullable Object>submit(threads, () -> block(context)));
            case COMPLETE_STAGE, LATER_STAGE -> {
                ContextOp<CompletableFuture<@Nullable Object>, RuntimeException> op = this::stage;
                watch(policy.<@Nullable Object>callAsync(context, op));
            }
        }
    }

    @SuppressWarnings({"FutureReturnValueIgnored", "NullAway"}) // as above
    private void watch(CompletableFuture<@Nullable Object> call) {
        future = call;
        call.whenComplete(this::end);
    }

    @SuppressWarnings("NullAway") // as above
    private void end(@Nullable Object value, @Nullable Throwable thrown) {
        end(thrown == null ? Outcome.<@Nullable Object>success(value) : Outcome.failure(thrown));
    }

    private void end(Outcome<@Nullable Object> outcome) {
        if (!ended.complete(new Ended(outcome, time.nanoTime()))) {
            throw new AssertionError("the call ended twice, now with " + outcome);
        }
    }

    private Attempt nextAttempt() {
        return script.get(Math.min(started.getAndIncrement(), script.size() - 1));
    }

    private @Nullable Object block(CallContext context) throws Exception {
        try {
            return nextAttempt().block(time);
        } catch (InterruptedException e) {
            cancelled.incrementAndGet();
            throw e;
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // the dependent that only counts
    private CompletableFuture<@Nullable Object> stage(CallContext context) {
        CompletableFuture<@Nullable Object> stage =
                nextAttempt().stage(time, face == Face.LATER_STAGE ? threads : null);
        stages.add(stage);
        stage.whenComplete((value, thrown) -> {
            if (stage.isCancelled()) {
                cancelled.incrementAndGet();
            }
        });
        return stage;
    }

    /** L13: what the attempts themselves still hold does not count, it is the user's. */
    private void checkNothingIsLeft() {
        int before = cancelled.get();
        stages.forEach(stage -> stage.cancel(false));
        cancelled.set(before);
        time.awaitRest();
        if (time.pendingTimers() + time.parkedThreads() > 0) {
            throw new AssertionError("L13: the call has ended and left something behind: " + time);
        }
    }

    private AssertionError stuck(int events) {
        String state = time.toString();
        Thread thread = caller;
        if (thread != null) {
            thread.interrupt();
        }
        stages.forEach(stage -> stage.cancel(false));
        return new AssertionError("the call does not end on the face '" + face + "': " + started + " attempts of "
                + script + " have started, " + events + " steps of the clock were made, nothing will happen any more: "
                + state + "; does the policy use the clock that the scenario hands to its maker?");
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task, "scenario");
        thread.setDaemon(true);
        return thread;
    }

    /** JDK 21 has them; the byte code is that of 17. */
    private static void startVirtual(Runnable task) {
        try {
            Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
        } catch (NoSuchMethodException | IllegalAccessException | InvocationTargetException e) {
            PLATFORM.execute(task);
        }
    }
}
