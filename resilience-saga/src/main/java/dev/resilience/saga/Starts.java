// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Starts of an engine: durable, once for each id, and run here at once if there is room. */
final class Starts {
    private final Engine engine;

    Starts(Engine engine) {
        this.engine = engine;
    }

    <O extends @Nullable Object> SagaHandle<O> start(Saga<?, O> saga, String id, Object input) {
        engine.checkOpen();
        Draft draft = draft(saga, id, input);
        Tenure tenure = place(draft.ref);
        SagaStore.Start start = draft.start(tenure != null);
        boolean launched = false;
        try {
            SagaStore.Started started = checked(draft, start, engine.journal.start(start));
            if (!started.created()) return new Handle<>(engine, draft.ref, draft.chart, engine.berths.of(draft.ref));
            engine.listener.started(draft.ref);
            if (tenure == null) engine.claims.soon();
            else {
                launched = true;
                tenure.launch(draft.chart, loaded(start));
            }
            return new Handle<>(engine, draft.ref, draft.chart, tenure);
        } finally {
            // also when its thread was torn out of here: a place that nobody runs would hide a stray
            if (tenure != null && !launched) engine.berths.forget(tenure);
        }
    }

    <O extends @Nullable Object> SagaHandle<O> start(Connection transaction, Saga<?, O> saga, String id, Object input)
            throws SQLException {
        engine.checkOpen();
        Draft draft = draft(saga, id, input);
        SagaStore.Start start = draft.start(false); // whoever sees it committed may run it (S7)
        SagaStore.Started started = checked(draft, start, engine.store.insert(transaction, start));
        if (started.created()) engine.listener.started(draft.ref);
        return new Handle<>(engine, draft.ref, draft.chart, null);
    }

    private @Nullable Tenure place(SagaRef ref) {
        if (!engine.lease.inTime() || !engine.berths.tryEnter()) return null;
        Tenure tenure = engine.berths.begin(ref);
        if (tenure == null) engine.berths.unenter();
        return tenure;
    }

    private static SagaStore.Loaded loaded(SagaStore.Start start) {
        return new SagaStore.Loaded(start.head(), start.input(), start.context(), start.entries(), List.of());
    }

    /** A start as it is to be written, whoever is to run it. */
    private final class Draft {
        final SagaRef ref;
        final Chart chart;
        final byte[] input;
        final @Nullable String lockKey;

        Draft(SagaRef ref, Chart chart, byte[] input, @Nullable String lockKey) {
            this.ref = ref;
            this.chart = chart;
            this.input = input;
            this.lockKey = lockKey;
        }

        SagaStore.Start start(boolean here) {
            ThreadLocalRandom random = ThreadLocalRandom.current();
            long now = engine.clock.nowMs();
            Duration deadline = chart.plan().rules().deadline();
            SagaInstance.Builder head = SagaInstance.builder(ref)
                    .incarnation(Fingerprint.incarnation(random.nextLong()))
                    .version(chart.plan().version())
                    .fence(random.nextLong(1L << 62))
                    .lockKey(lockKey)
                    .inPivot(chart.plan().pivot() == 0)
                    .startedMs(now)
                    .updatedMs(now);
            if (deadline != null) head.deadlineMs(StoreClock.plus(now, TimeSource.nanos(deadline) / Nanos.MILLI));
            if (here) head.owner(engine.lease.owner);
            else head.wakeMs(now);
            return new SagaStore.Start(
                    head.sealed(), input, Fingerprint.of(input), engine.carried.capture(ref), List.of());
        }
    }

    private Draft draft(Saga<?, ?> saga, String id, Object input) {
        Chart chart = engine.definitions.of(Objects.requireNonNull(saga, "saga"));
        SagaRef ref = new SagaRef(saga.name(), Objects.requireNonNull(id, "id"));
        Objects.requireNonNull(input, "input");
        byte[] bytes = Payloads.encode(
                engine, "saga " + ref + ": its input", chart.plan().input(), input);
        return new Draft(ref, chart, bytes, lockKey(chart.plan(), ref, input));
    }

    private static @Nullable String lockKey(Plan plan, SagaRef ref, Object input) {
        Function<Object, String> key = plan.rules().lockKey();
        if (key == null) return null;
        String made = key.apply(input);
        if (made == null || made.isEmpty() || made.length() > 200)
            throw new IllegalArgumentException("saga " + ref + ": its lock key must have 1 to 200 characters, "
                    + (made == null ? "was null" : "has " + made.length()));
        return made;
    }

    /** Refuses what is not the same start; knows its own whose first answer was lost. */
    private SagaStore.Started checked(Draft draft, SagaStore.Start start, SagaStore.Started started) {
        SagaInstance there = started.head();
        if (there == null) throw locked(draft, started);
        if (started.created()) return started;
        SagaInstance mine = start.head();
        if (there.incarnation().equals(mine.incarnation())
                && there.fence() == mine.fence()
                && Objects.equals(there.owner(), mine.owner())
                && there.seq() == mine.seq()) return new SagaStore.Started(there, started.inputHash(), true, null, 0);
        if (started.inputHash().equals(start.inputHash()) || same(draft)) return started;
        throw new SagaIdConflictException(draft.ref, there.status());
    }

    private static SagaLockedException locked(Draft draft, SagaStore.Started started) {
        return new SagaLockedException(
                draft.ref,
                Objects.requireNonNull(draft.lockKey, "a held lock key"),
                Objects.requireNonNull(started.lockHolder(), "the holder of a lock key"),
                started.lockSinceMs());
    }

    /** An input of an older version has other bytes: it is the same if it means the same today. */
    private boolean same(Draft draft) {
        Optional<SagaStore.Loaded> stored = engine.store.load(draft.ref);
        if (stored.isEmpty()) return false;
        Type<?> type = draft.chart.plan().input();
        try {
            byte[] today = again(type, stored.get().input());
            return today != null && Fingerprint.of(today).equals(Fingerprint.of(draft.input));
        } catch (RuntimeException unreadable) {
            return false;
        }
    }

    private <T extends @Nullable Object> byte @Nullable [] again(Type<T> type, byte[] bytes) {
        return engine.codec.encode(type, engine.codec.decode(type, bytes));
    }
}
