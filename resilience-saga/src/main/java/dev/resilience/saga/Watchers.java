// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Who waits for what sagas come to. Of those that run here the tenure tells; of all others one question to the store
 * for everybody, every half a second while anybody waits.
 */
final class Watchers {
    private static final long PERIOD = 500 * Nanos.MILLI;
    private static final int AT_ONCE = 1_000;
    /** Threads that make outputs of sagas that ended elsewhere: users' code, of which one may never come back (L5). */
    private static final int MAKERS = 8;

    private final Engine engine;
    private final TimeSource time;
    private final Map<SagaRef, Watch> watches = new ConcurrentHashMap<>();
    private final Rhythm rhythm;
    private final Queue<Runnable> outputs = new ConcurrentLinkedQueue<>();
    private final AtomicInteger makers = new AtomicInteger();

    Watchers(Engine engine) {
        this.engine = engine;
        this.time = engine.time;
        this.rhythm = new Rhythm("look for waiting handles", time, engine.hands.work, this::look);
    }

    /** All who wait for one saga. */
    static final class Watch {
        final SagaRef ref;
        final Chart chart;
        private final Queue<Thread> threads = new ConcurrentLinkedQueue<>();
        private final Queue<CompletableFuture<SagaOutcome<?>>> futures = new ConcurrentLinkedQueue<>();
        private volatile @Nullable SagaOutcome<?> outcome;
        private volatile @Nullable RuntimeException broken;
        private volatile SagaStatus last = SagaStatus.RUNNING;
        private final AtomicBoolean made = new AtomicBoolean();
        private int users; // changed within the map's compute only

        private Watch(SagaRef ref, Chart chart) {
            this.ref = ref;
            this.chart = chart;
        }

        /** What it came to; null: not yet. */
        @Nullable
        SagaOutcome<?> outcome() {
            RuntimeException thrown = broken;
            if (thrown != null) throw thrown;
            return outcome;
        }

        SagaStatus last() {
            return last;
        }
    }

    private Watch join(SagaRef ref, Chart chart) {
        Watch watch = watches.compute(ref, (key, there) -> {
            Watch one = there == null ? new Watch(ref, chart) : there;
            one.users++;
            return one;
        });
        if (!engine.berths.runs(ref)) rhythm.within(PERIOD);
        return watch;
    }

    private void leave(Watch watch) {
        watches.computeIfPresent(watch.ref, (key, there) -> {
            if (there != watch) return there;
            return --there.users == 0 ? null : there;
        });
    }

    /** Waits on the calling thread; null when the time is over before there is an outcome. */
    @Nullable
    SagaOutcome<?> await(SagaRef ref, Chart chart, long nanos) throws InterruptedException {
        long end = time.nanoTime() + Math.max(0, nanos); // the most negative of all would wrap round to for ever
        Watch watch = join(ref, chart);
        watch.threads.add(Thread.currentThread());
        try {
            if (!engine.berths.runs(ref)) lookPatiently(watch);
            for (; ; ) {
                SagaOutcome<?> outcome = watch.outcome();
                if (outcome != null) return outcome;
                if (Thread.interrupted()) throw new InterruptedException("interrupted while waiting for saga " + ref);
                long left = nanos == Long.MAX_VALUE ? nanos : end - time.nanoTime();
                if (left <= 0 || engine.closed()) return null;
                time.park(watch, left);
            }
        } finally {
            watch.threads.remove(Thread.currentThread());
            leave(watch);
        }
    }

    private void lookPatiently(Watch watch) {
        try {
            lookAt(List.of(watch));
        } catch (SagaStoreException away) {
            // the next look of all may have more luck
        }
    }

    /** A future of the caller's own. */
    @SuppressWarnings({"FutureReturnValueIgnored", "CollectionUndefinedEquality"
    }) // told when it ends; found by identity
    CompletableFuture<SagaOutcome<?>> future(SagaRef ref, Chart chart) {
        CompletableFuture<SagaOutcome<?>> future = new CompletableFuture<>();
        Watch watch = join(ref, chart);
        watch.futures.add(future);
        if (watch.outcome != null || watch.broken != null) complete(watch);
        else if (engine.closed()) stillRunning(watch, new AtomicInteger(), Thread.currentThread());
        else if (!engine.berths.runs(ref)) rhythm.within(0);
        future.whenComplete((outcome, thrown) -> {
            watch.futures.remove(future);
            leave(watch);
        });
        return future;
    }

    /** A saga has come to its outcome. */
    void settle(SagaRef ref, SagaOutcome<?> outcome) {
        Watch watch = watches.remove(ref);
        if (watch == null) return;
        watch.outcome = outcome;
        tell(watch);
    }

    private void fail(Watch watch, RuntimeException thrown) {
        if (!watches.remove(watch.ref, watch)) return;
        watch.broken = thrown;
        tell(watch);
    }

    private void tell(Watch watch) {
        watch.threads.forEach(time::unpark);
        complete(watch);
    }

    /** Off the thread that ran the saga: what users hang on their futures takes the time it takes. */
    private void complete(Watch watch) {
        if (watch.futures.isEmpty()) return;
        RuntimeException thrown = watch.broken;
        SagaOutcome<?> outcome = watch.outcome;
        for (CompletableFuture<SagaOutcome<?>> future : watch.futures) {
            onItsOwn(() -> {
                if (thrown != null) future.completeExceptionally(thrown);
                else if (outcome != null) future.complete(outcome);
            });
        }
    }

    /** What hangs on one future may never end: no other one waits for it. */
    private void onItsOwn(Runnable completion) {
        try {
            engine.hands.work.execute(completion);
        } catch (RejectedExecutionException closed) {
            completion.run();
        }
    }

    /** A saga that ran here does not any more, and has not come to its outcome. */
    void moved(SagaRef ref) {
        if (!watches.isEmpty() && watches.containsKey(ref)) rhythm.within(PERIOD);
    }

    private long look() {
        List<Watch> elsewhere = new ArrayList<>();
        for (Watch watch : watches.values()) if (!engine.berths.runs(watch.ref)) elsewhere.add(watch);
        if (elsewhere.isEmpty()) return Rhythm.NEVER;
        try {
            for (int i = 0; i < elsewhere.size(); i += AT_ONCE)
                lookAt(elsewhere.subList(i, Math.min(i + AT_ONCE, elsewhere.size())));
        } catch (SagaStoreException away) {
            return PERIOD; // who waits, waits on
        }
        return watches.isEmpty() ? Rhythm.NEVER : PERIOD;
    }

    private void lookAt(List<Watch> some) {
        for (SagaInstance head :
                engine.store.heads(some.stream().map(watch -> watch.ref).toList())) {
            Watch watch = watches.get(head.ref());
            if (watch == null) continue;
            watch.last = head.status();
            if (head.status() == SagaStatus.COMPLETED) made(watch, head);
            else if (Outcomes.settled(head)) settled(watch, head);
        }
    }

    private void settled(Watch watch, SagaInstance head) {
        boolean again = true;
        try {
            SagaOutcome<?> outcome = engine.outcomes.of(head, watch.chart);
            if (outcome != null) settle(head.ref(), outcome);
            again = outcome == null;
        } catch (SagaStoreException away) {
            // the next look asks for it again
        } catch (RuntimeException unreadable) {
            again = false;
            fail(watch, unreadable);
        } finally {
            if (again) watch.made.set(false);
        }
    }

    /** Not by whoever looks: the others' outcomes must not wait for what this saga returns. */
    private void made(Watch watch, SagaInstance head) {
        if (!watch.made.compareAndSet(false, true)) return;
        outputs.add(() -> settled(watch, head));
        maker();
    }

    private void maker() {
        for (int now = makers.get(); now < MAKERS; now = makers.get()) {
            if (!makers.compareAndSet(now, now + 1)) continue;
            try {
                engine.hands.work.execute(this::makeOutputs);
            } catch (RejectedExecutionException closed) {
                makers.decrementAndGet(); // who waits is told that it goes on
            }
            return;
        }
    }

    private void makeOutputs() {
        try {
            for (Runnable one = outputs.poll(); one != null; one = outputs.poll()) one.run();
        } finally {
            makers.decrementAndGet();
            if (!outputs.isEmpty()) maker(); // came between the last poll and now
        }
    }

    /** The engine is closed: nobody waits in vain (L6). */
    void close(long nanos) {
        rhythm.close(nanos);
        Thread closer = Thread.currentThread();
        AtomicInteger left = new AtomicInteger();
        for (Watch watch : watches.values()) {
            watch.threads.forEach(time::unpark);
            stillRunning(watch, left, closer);
        }
        Pause.until(time, this, nanos, () -> left.get() == 0);
    }

    private void stillRunning(Watch watch, AtomicInteger left, Thread told) {
        for (CompletableFuture<SagaOutcome<?>> future : watch.futures) {
            left.incrementAndGet();
            onItsOwn(() -> {
                future.complete(new SagaOutcome.StillRunning<>(watch.last));
                if (left.decrementAndGet() == 0) time.unpark(told);
            });
        }
    }
}
