// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** A part of a call that runs as a stage: the whole of an asynchronous call, or a timed attempt of it. */
final class CallScope<T extends @Nullable Object> extends Cancellation
        implements BiConsumer<T, @Nullable Throwable>, TimeSource.Timer {
    private final CompletableFuture<T> out;
    private final Origin origin;
    private final TimeSource time;
    private final @Nullable LongAdder abandoned;
    private final boolean shared;
    private long startedAt;
    private long nanos;
    private volatile TimeSource.@Nullable Timer timer;
    /** What listeners of its end find in place; null when nothing was captured. */
    private @Nullable CallContext carried;

    CallScope(
            @Nullable Cancellation parent,
            CompletableFuture<T> out,
            Origin origin,
            TimeSource time,
            @Nullable LongAdder abandoned,
            boolean shared) {
        super(parent);
        this.shared = shared;
        this.out = out;
        this.origin = origin;
        this.time = time;
        this.abandoned = abandoned;
    }

    /** The part ends at this time at the latest. Before the work begins, which may block before it has a stage. */
    void endAfter(long start, long allowed) {
        startedAt = start;
        nanos = allowed;
        timer = armed();
    }

    /** For its listeners, before it can end. */
    void carry(CallContext context) {
        if (context.captured() != null) carried = context;
    }

    /** And otherwise with this stage. */
    void follow(CompletionStage<T> stage) {
        CompletableFuture<T> done = Stages.done(stage);
        if (done != null) {
            Throwable thrown = Stages.thrown(done);
            accept(thrown == null ? done.getNow(null) : null, thrown);
        } else {
            Stages.onEnd(stage, this);
        }
    }

    /** On the system's clock the part is its own entry in the wheel: nothing is allocated, the clock is not read. */
    private TimeSource.Timer armed() {
        if (!(time instanceof SystemTimeSource system)) {
            return time.schedule(this, nanos);
        }
        system.arm(this, startedAt, nanos);
        return this;
    }

    /** The timer's end, when the part is its own entry in the wheel. */
    @Override
    public boolean cancel() {
        return time instanceof SystemTimeSource system && system.cancel(this);
    }

    private void disarm() {
        TimeSource.Timer armed = timer;
        if (armed != null) armed.cancel();
    }

    @Override
    public void accept(@Nullable T value, @Nullable Throwable wrapped) {
        if (!move(LIVE, DONE)) {
            if (wrapped == null && !shared) Discarded.close(value);
            if (phase() == FIRING) timedOut(); // what is inside has unwound: nothing more to wait for
            return;
        }
        disarm();
        close();
        finish(value, Handles.unwrapOrNull(wrapped));
    }

    @SuppressWarnings("NullAway") // value is T whenever thrown is null
    private void finish(@Nullable T value, @Nullable Throwable thrown) {
        if (out instanceof CallFuture<T> face) face.finish(value, thrown, shared);
        else Stages.complete(out, value, thrown);
    }

    /** Timer thread: only compares, sets and hands over (S38). */
    @Override
    public void run() {
        if (move(LIVE, FIRING)) Workers.handOff(time, this::expire);
    }

    private void expire() {
        runActions();
        close();
        timedOut();
    }

    /** Once, by whoever comes first. The owner counts before anybody sees the end, and its listeners delay nobody. */
    private void timedOut() {
        if (!move(FIRING, FIRED)) return;
        Duration elapsed = Duration.ofNanos(time.nanoTime() - startedAt);
        TimeoutExceededException late =
                new TimeoutExceededException(origin, Duration.ofNanos(nanos), elapsed, lastFailure());
        Driver driver = abandoned != null && origin.owner() instanceof Driver timed
                ? timed
                : null; // else the context's deadline
        if (driver != null) driver.countTimeout();
        finish(null, late);
        if (driver != null) tell(driver, late);
    }

    private void tell(Driver driver, TimeoutExceededException late) {
        CallContext context = carried;
        Runnable undo = context == null ? null : Captures.restore(context);
        driver.tellTimeout(late);
        Captures.undo(undo);
    }

    /** The caller gave up: everything inside is told on this thread. */
    void giveUp() {
        if (!move(LIVE, FIRED)) return;
        disarm();
        runActions();
        close();
    }

    @Override
    void abandoned(int delta) {
        if (abandoned != null) abandoned.add(delta);
        super.abandoned(delta);
    }
}
