// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Outcome;
import dev.resilience.TimeSource;
import dev.resilience.saga.SagaStore.Loaded;
import dev.resilience.saga.SagaStore.Start;
import dev.resilience.saga.SagaStore.Started;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An engine's way to its store: writes of many sagas together where that costs less, patient while the store cannot be
 * asked, and sure of what became of a write whose acknowledgement was lost (C5). Has no thread of its own; blocks its
 * callers, whose interrupts it keeps for later (L8). An {@code Error} out of the store unwinds.
 */
final class JournalWriter {
    private static final Batcher.Bounds BOUNDS = new Batcher.Bounds(128, 1 << 20, 4, 8);
    private static final long FIRST_PAUSE = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LONGEST_PAUSE = TimeUnit.SECONDS.toNanos(2);
    private static final long START_PATIENCE = TimeUnit.SECONDS.toNanos(5);
    /** So often a database may refuse what is in a write before its row is held for guilty: some seconds. */
    private static final int REFUSALS = 8;

    private static final long BETWEEN_WARNINGS = TimeUnit.MINUTES.toNanos(1);

    /** The database refuses a write for what is in it, again and again: patience is no cure. */
    static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        RefusedException(RuntimeException last) {
            super(last.getMessage(), last);
        }
    }

    private final SagaStore store;
    private final TimeSource time;
    private final BooleanSupplier givesUp;
    private final @Nullable Batcher<Checkpoint, Boolean> checkpoints;
    private final @Nullable Batcher<Start, Started> starts;
    private final Set<Thread> pausing = ConcurrentHashMap.newKeySet();
    private final AtomicLong warned;

    /**
     * @param givesUp whether to stop being patient, as an engine that closes; asked by every thread that pauses, also
     *     when {@link #look} is called
     */
    JournalWriter(SagaStore store, TimeSource time, SagaListener listener, BooleanSupplier givesUp) {
        this.store = store;
        this.time = time;
        this.givesUp = givesUp;
        this.warned = new AtomicLong(time.nanoTime() - BETWEEN_WARNINGS);
        if (store.batches()) {
            checkpoints = new Batcher<>(
                    new Batcher.Target<>(store::writeAll, Checkpoint::ref, JournalWriter::bytes),
                    BOUNDS,
                    time,
                    listener);
            starts = new Batcher<>(
                    new Batcher.Target<>(store::insertAll, s -> s.head().ref(), JournalWriter::bytes),
                    BOUNDS,
                    time,
                    listener);
        } else {
            checkpoints = null;
            starts = null;
        }
    }

    private static long bytes(Checkpoint checkpoint) {
        return bytes(checkpoint.entries());
    }

    private static long bytes(Start start) {
        return start.input().length + bytes(start.entries());
    }

    private static long bytes(List<JournalEntry> entries) {
        long bytes = 0;
        for (int i = 0; i < entries.size(); i++) {
            byte[] payload = entries.get(i).payload();
            if (payload != null) bytes += payload.length;
        }
        return bytes;
    }

    /**
     * Writes a checkpoint, for as long as it takes. False: its guard does not hold, and it is not in the journal.
     *
     * @throws SagaStoreException if it gives up: then it is not known
     * @throws RefusedException if it is not in the journal and never will be
     */
    boolean write(Checkpoint checkpoint) {
        Outcome<Boolean> written;
        if (checkpoints == null) { // the common case of a journal in memory: no answer is made of it
            try {
                return store.write(checkpoint);
            } catch (SagaStoreException e) {
                written = Outcome.failure(e);
            }
        } else written = tried(checkpoint);
        if (written instanceof Outcome.Success<Boolean> answer) return answer.value();
        Patience patience = new Patience();
        try {
            while (true) {
                patience.pause(failure(written), Long.MAX_VALUE);
                written = waits(written) ? alone(store::writeAll, checkpoint) : tried(checkpoint);
                if (written instanceof Outcome.Success<Boolean> answer) return answer.value() || isThere(checkpoint);
            }
        } finally {
            patience.end();
        }
    }

    private Outcome<Boolean> tried(Checkpoint checkpoint) {
        if (checkpoints != null) return checkpoints.write(checkpoint);
        try {
            return Outcome.success(store.write(checkpoint));
        } catch (SagaStoreException e) {
            return Outcome.failure(e);
        }
    }

    /**
     * Starts a saga; patient for some seconds only, because somebody waits for it. One that an earlier try of this call
     * has made counts as made.
     *
     * @throws SagaStoreException if it gives up: then it is not known
     */
    Started start(Start start) {
        Outcome<Started> started = tried(start);
        if (started instanceof Outcome.Success<Started> answer) return answer.value();
        Patience patience = new Patience();
        try {
            while (true) {
                patience.pause(failure(started), START_PATIENCE);
                started = waits(started) ? alone(store::insertAll, start) : tried(start);
                if (started instanceof Outcome.Success<Started> answer) return own(start, answer.value());
            }
        } finally {
            patience.end();
        }
    }

    private Outcome<Started> tried(Start start) {
        if (starts != null) return starts.write(start);
        try {
            return Outcome.success(store.insert(start));
        } catch (SagaStoreException e) {
            return Outcome.failure(e);
        }
    }

    /** Whether somebody holds a lock that this write needs: those that it would be written with are not to wait for him. */
    private static boolean waits(Outcome<?> written) {
        return failure(written).getCause() instanceof SQLException sql && SqlFault.waits(sql);
    }

    private static <E, A> Outcome<A> alone(Function<List<E>, List<Outcome<A>>> write, E entry) {
        try {
            return write.apply(List.of(entry)).get(0);
        } catch (SagaStoreException e) {
            return Outcome.failure(e);
        }
    }

    private static Started own(Start start, Started found) {
        SagaInstance head = found.head();
        if (head == null || !head.incarnation().equals(start.head().incarnation())) return found;
        return new Started(head, found.inputHash(), true, null, 0);
    }

    /** Reads all of a saga, for as long as it takes; see {@link SagaStore#loadSettled}. */
    Optional<Loaded> load(SagaRef ref, boolean settled) {
        return patiently(() -> settled ? store.loadSettled(ref) : store.load(ref));
    }

    /** Asks the store for as long as it takes. */
    <T> T patiently(Supplier<T> question) {
        Patience patience = new Patience();
        try {
            while (true) {
                try {
                    return question.get();
                } catch (SagaStoreException e) {
                    patience.pause(e, Long.MAX_VALUE);
                }
            }
        } finally {
            patience.end();
        }
    }

    /** Lets everybody who pauses look whether to give up. */
    void look() {
        pausing.forEach(time::unpark);
    }

    /**
     * Whether the journal has this checkpoint. Its guard has failed since, so no earlier try of it can still succeed:
     * sequence, fence and {@code sig} only rise. Who else writes with this owner and fence writes other lines.
     */
    private boolean isThere(Checkpoint checkpoint) {
        Optional<Loaded> loaded = load(checkpoint.ref(), false);
        return loaded.isPresent() && has(loaded.get(), checkpoint);
    }

    /** Whether this checkpoint is among what was read, whoever wrote after it. */
    static boolean has(Loaded loaded, Checkpoint checkpoint) {
        SagaInstance head = loaded.head();
        if (!head.incarnation().equals(checkpoint.seen().incarnation())
                || head.seq() < checkpoint.next().seq()) return false;
        List<JournalEntry> there = loaded.entries().stream()
                .filter(e -> e.seq() == checkpoint.next().seq())
                .toList();
        List<JournalEntry> own = checkpoint.entries();
        if (own.isEmpty()) // a write of the head alone: a claim leaves both as they are
        return head.seq() == checkpoint.next().seq()
                    && head.status() == checkpoint.next().status()
                    && head.updatedMs() == checkpoint.next().updatedMs();
        if (there.size() != own.size()) return false;
        for (int i = 0; i < own.size(); i++) if (!same(own.get(i), there.get(i))) return false;
        return true;
    }

    private static boolean same(JournalEntry a, JournalEntry b) {
        return a.ord() == b.ord()
                && a.step().equals(b.step())
                && a.index() == b.index()
                && a.phase() == b.phase()
                && a.outcome() == b.outcome()
                && a.fence() == b.fence()
                && a.atMs() == b.atMs()
                && Arrays.equals(a.payload(), b.payload());
    }

    private static RuntimeException failure(Outcome<?> outcome) {
        return (RuntimeException) ((Outcome.Failure<?>) outcome).thrown();
    }

    /** Data and constraints: what says something of this row alone. A schema that does not fit is every saga's trouble. */
    static boolean blamesRow(RuntimeException failed) {
        if (!(failed.getCause() instanceof SQLException sql) || SqlFault.of(sql) != SqlFault.ROW) return false;
        SQLException told = sql.getSQLState() == null && sql.getNextException() != null ? sql.getNextException() : sql;
        String state = String.valueOf(told.getSQLState());
        return state.startsWith("22") || state.startsWith("23") || state.startsWith("44");
    }

    /** One caller's tries and pauses. */
    private final class Patience {
        private final long began = time.nanoTime();
        private boolean interrupted = Thread.interrupted();
        private int tries;
        private int refusals;

        /** Waits before the next try, or throws what failed: what is no matter of patience, or if it gives up. */
        void pause(RuntimeException failed, long most) {
            if (!(failed instanceof SagaStoreException)) throw failed;
            tries++;
            refusals = blamesRow(failed) ? refusals + 1 : 0;
            if (refusals == 0) warn(failed);
            if (refusals >= REFUSALS) throw most == Long.MAX_VALUE ? new RefusedException(failed) : failed;
            long longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE << Math.min(tries - 1, 10));
            long pause = longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2 + 1);
            long now = time.nanoTime();
            if (most != Long.MAX_VALUE && now - began + pause > most) throw failed;
            Thread self = Thread.currentThread();
            pausing.add(self);
            try {
                for (long left = pause; left > 0; left = pause - (time.nanoTime() - now)) {
                    if (givesUp.getAsBoolean()) throw failed;
                    time.park(JournalWriter.this, left);
                    if (Thread.interrupted()) interrupted = true;
                }
            } finally {
                pausing.remove(self);
            }
        }

        private void warn(RuntimeException failed) {
            long last = warned.get();
            long now = time.nanoTime();
            if (tries < 3 || now - last < BETWEEN_WARNINGS || !warned.compareAndSet(last, now)) return;
            Guest.warn("the journal of sagas cannot be asked; trying again: " + Guest.text(failed), failed);
        }

        void end() {
            if (interrupted) Thread.currentThread().interrupt();
        }
    }
}
