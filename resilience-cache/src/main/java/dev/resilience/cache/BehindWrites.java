// SPDX-License-Identifier: Apache-2.0
package dev.resilience.cache;

import dev.resilience.TimeSource;
import dev.resilience.cache.DirtyMap.Awaited;
import dev.resilience.cache.DirtyMap.Batch;
import dev.resilience.cache.Writer.Change;
import java.time.Duration;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Write-behind: lets a {@link DirtyMap} decide, and moves what it has decided: one timer for the earliest deadline, which
 * hands over to the executor; the writer there; those who wait for room or for a flush.
 */
final class BehindWrites<K, V extends @Nullable Object> extends Writes<K, V> {
    /** Less would be a loop that burns a processor when a writer fails at once. */
    private static final long LEAST_PAUSE = 1_000_000;
    /** Whose writes this thread is starting: a write that ends at once is not continued in its own frame. */
    private static final ThreadLocal<@Nullable Object> DRAINING = new ThreadLocal<>();

    private final DirectWrite<K, V> direct;
    private final WriteBehind settings;
    private final Copies<K, V> copies;
    private final Told<K, V> told;
    private final DirtyMap<K, V> map;
    private final TimeSource time;
    private final Executor executor;
    /** Threads that wait for a write to end. */
    private final Queue<Thread> waiting = new ConcurrentLinkedQueue<>();

    private final ReentrantLock arming = new ReentrantLock();
    private TimeSource.@Nullable Timer timer;
    private long timerAt;
    /** The number of the latest timer. */
    private long armed;

    /** Who hears of writes; outside of locks. */
    interface Told<K, V extends @Nullable Object> {
        void written(List<Change<K, V>> changes);

        void writeFailed(List<Change<K, V>> changes, Throwable thrown, int failures);

        void writeLate(List<Change<K, V>> changes, long ageNanos);
    }

    BehindWrites(DirectWrite<K, V> direct, WriteBehind settings, Copies<K, V> copies, Told<K, V> told) {
        this.direct = direct;
        this.settings = settings;
        this.copies = copies;
        this.told = told;
        this.time = direct.time();
        Executor own = settings.executor();
        this.executor = time.watched(own == null ? Hands.loads() : own);
        this.map = new DirtyMap<>(settings, copies::kill);
    }

    @Override
    void put(K key, V value) {
        change(key, value, copies.prepare(key, value));
    }

    @Override
    void remove(K key) {
        change(key, null, null);
    }

    /** The order of S20: dirty map, load under way, store. */
    private void change(K key, @Nullable V value, @Nullable Object copy) {
        Change<K, V> change = map.put(key, value, copy, time.nanoTime());
        if (change == null) change = withoutRoom(key, value, copy);
        try {
            if (change != null) publish(change, copy);
        } finally {
            drain(); // it is accepted, whatever the store does
        }
    }

    private void publish(Change<K, V> change, @Nullable Object copy) {
        try {
            copies.publish(change.key(), copy);
        } finally {
            map.published(change);
        }
    }

    /** Null: it has been written through. */
    private @Nullable Change<K, V> withoutRoom(K key, @Nullable V value, @Nullable Object copy) {
        if (map.isRefusing()) throw closed();
        return switch (settings.whenFull()) {
            case REJECT -> throw full("");
            case BLOCK -> blocked(key, value, copy);
            case WRITE_THROUGH -> through(key, value, copy);
        };
    }

    private Change<K, V> blocked(K key, @Nullable V value, @Nullable Object copy) {
        Room room = new Room(key, value, copy);
        boolean there = await(room, time.nanoTime() + settings.maxWaitNanos());
        if (map.isRefusing() && room.change == null) throw closed();
        if (!there && Thread.currentThread().isInterrupted())
            throw direct.interrupted(
                    "the change was not accepted: the thread was interrupted while it waited for room");
        if (room.change == null) throw full(" for " + Duration.ofNanos(settings.maxWaitNanos()));
        return room.change;
    }

    /** Asks for room each time. */
    private final class Room implements BooleanSupplier {
        private final K key;
        private final @Nullable V value;
        private final @Nullable Object copy;

        @Nullable
        Change<K, V> change;

        Room(K key, @Nullable V value, @Nullable Object copy) {
            this.key = key;
            this.value = value;
            this.copy = copy;
        }

        @Override
        public boolean getAsBoolean() {
            change = map.put(key, value, copy, time.nanoTime());
            return change != null || map.isRefusing();
        }
    }

    private @Nullable Change<K, V> through(K key, @Nullable V value, @Nullable Object copy) {
        for (; ; ) {
            Batch<K, V> batch = map.takeOver(key, value, copy, time.nanoTime());
            if (batch != null) {
                writeThrough(batch, copy);
                return null;
            }
            Change<K, V> change = map.put(key, value, copy, time.nanoTime());
            if (change != null) return change;
            if (map.isRefusing()) throw closed();
        }
    }

    private void writeThrough(Batch<K, V> batch, @Nullable Object copy) {
        Change<K, V> change = batch.changes.get(0);
        direct.write(change, thrown -> {
            try {
                map.end(batch, thrown == null, DirtyMap.GIVE_UP, time.nanoTime());
                if (thrown == null) publish(change, copy);
                else copies.drop(change.key());
            } finally {
                wake();
                drain();
            }
        });
    }

    private CacheWriteException full(String waited) {
        return new CacheWriteException(
                direct.title() + " rejected a change: " + settings.maxDirty() + " keys wait to be written" + waited
                        + ", as many as maxDirty allows",
                null,
                true);
    }

    private IllegalStateException closed() {
        return new IllegalStateException(direct.title() + " is closed: it takes no more changes");
    }

    @Override
    @Nullable
    Change<K, V> dirty(K key) {
        return map.read(key);
    }

    @Override
    boolean flush(Duration timeout) {
        long deadline = time.nanoTime() + Math.min(TimeSource.nanos(timeout), Long.MAX_VALUE / 4);
        Deque<Awaited<K, V>> awaited = map.hurry(time.nanoTime());
        drain();
        await(() -> map.allWritten(awaited) || map.isStopped(), deadline);
        return map.allWritten(awaited);
    }

    @Override
    List<Change<K, V>> close(Duration timeout) {
        Objects.requireNonNull(timeout, "timeout");
        if (map.refuse()) wake();
        try {
            if (!map.isStopped()) flush(timeout);
        } catch (RuntimeException | Error broken) {
            Guest.threw(
                    direct.title(), "the executor or the timer of its writes", broken); // what is left is worth more
        }
        List<Change<K, V>> left = map.stop();
        wake(); // others who wait for a flush: nothing is started any more
        arm();
        return left;
    }

    @Override
    int dirtyKeys() {
        return map.size();
    }

    @Override
    int lateWrites() {
        return map.late();
    }

    /** Whether it has become true by then; an interrupt ends the wait and stays set. */
    private boolean await(BooleanSupplier done, long deadline) {
        if (done.getAsBoolean()) return true;
        Thread me = Thread.currentThread();
        waiting.add(me);
        try {
            while (!done.getAsBoolean()) {
                long left = deadline - time.nanoTime();
                if (left <= 0 || me.isInterrupted()) return false;
                time.park(this, left);
            }
            return true;
        } finally {
            waiting.remove(me);
        }
    }

    /** All: who was woken and has left could not pass it on. */
    private void wake() {
        for (Thread each : waiting) time.unpark(each);
    }

    /** Starts what is due and has a place, tells what is late, and sets the timer for what comes next. */
    private void drain() {
        Object outer = DRAINING.get();
        if (outer == this) return;
        DRAINING.set(this);
        try {
            for (Batch<K, V> late = map.overdue(time.nanoTime()); late != null; late = map.overdue(time.nanoTime()))
                told.writeLate(late.changes, late.ageNanos(time.nanoTime()));
            for (Batch<K, V> next = map.take(time.nanoTime()); next != null; next = map.take(time.nanoTime()))
                start(next);
        } finally {
            if (outer == null) DRAINING.remove();
            else DRAINING.set(outer);
        }
        arm();
    }

    private void start(Batch<K, V> batch) {
        Hands.execute(executor, () -> write(batch), refused -> ended(batch, refused));
    }

    private void write(Batch<K, V> batch) {
        try {
            CompletionStage<?> stage =
                    Objects.requireNonNull(direct.writer().writeAll(batch.changes), "the writer's stage");
            CompletionStage<?> unused = stage.whenComplete((nothing, thrown) -> ended(batch, thrown));
        } catch (Throwable thrown) {
            if (thrown instanceof InterruptedException) Thread.currentThread().interrupt();
            ended(batch, thrown);
        }
    }

    private void ended(Batch<K, V> batch, @Nullable Throwable thrown) {
        int failures = batch.failures() + 1;
        long pause = thrown == null ? 0 : pause(batch, failures);
        if (!map.end(batch, thrown == null, pause, time.nanoTime())) return;
        wake();
        if (thrown == null) told.written(batch.changes);
        else told.writeFailed(batch.changes, DirectWrite.cause(thrown), failures);
        drain();
    }

    private long pause(Batch<K, V> batch, int failures) {
        long pause = settings.backoff().delayNanos(failures, batch.pause(), ThreadLocalRandom.current());
        return Math.min(Math.max(pause, LEAST_PAUSE), Long.MAX_VALUE / 4);
    }

    /** One timer, for the earliest time at which there is something to do; none when there is nothing. */
    private void arm() {
        arming.lock();
        try {
            long now = time.nanoTime();
            long in = map.nextIn(now);
            boolean wanted = in != Long.MAX_VALUE;
            if (timer != null && wanted && timerAt - (now + in) <= 0) return; // fires in time
            if (timer != null) timer.cancel();
            timer = null; // also if there will be no other: the next change tries again
            long number = ++armed;
            if (wanted) timer = time.schedule(() -> fire(number), in);
            timerAt = now + in;
        } finally {
            arming.unlock();
        }
    }

    /** On the timer's thread, which runs no user code (L6): a drain may, when the executor runs tasks at once. */
    private void fire(long number) {
        Hands.handOver(time, () -> {
            disarm(number);
            drain();
        });
    }

    private void disarm(long number) {
        arming.lock();
        try {
            if (number == armed) timer = null;
        } finally {
            arming.unlock();
        }
    }
}
