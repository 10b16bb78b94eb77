// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.saga.SagaStore.Loaded;
import dev.resilience.saga.SagaStore.Signal;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One saga of a {@link MemoryStore}: its state is one immutable object that is replaced as a whole, so that every write
 * is atomic and nobody waits for anybody.
 */
final class MemorySaga {
    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(MemorySaga.class, "state", State.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final byte[] input;
    final String inputHash;
    final byte @Nullable [] context;
    private volatile State state;

    MemorySaga(SagaStore.Start start) {
        this.input = start.input();
        this.inputHash = start.inputHash();
        this.context = start.context();
        this.state = new State(start.head(), Lines.of(null, start.entries()), List.of());
    }

    /**
     * @param journal newest first
     * @param signals oldest first
     */
    record State(SagaInstance head, @Nullable Lines journal, List<Signal> signals) {
        State with(SagaInstance head) {
            return new State(head, journal, signals);
        }
    }

    /** A journal that shares what came before: appending a line costs one object however long it is. */
    record Lines(@Nullable Lines before, JournalEntry last, int size) {
        static Lines of(@Nullable Lines before, JournalEntry line) {
            return new Lines(before, line, before == null ? 1 : before.size + 1);
        }

        static @Nullable Lines of(@Nullable Lines before, List<JournalEntry> more) {
            Lines lines = before;
            for (JournalEntry line : more) lines = of(lines, line);
            return lines;
        }

        List<JournalEntry> oldestFirst() {
            JournalEntry[] all = new JournalEntry[size];
            for (Lines lines = this; lines != null; lines = lines.before) all[lines.size - 1] = lines.last;
            return List.of(all);
        }
    }

    State state() {
        return state;
    }

    SagaInstance head() {
        return state.head;
    }

    /** Replaces the state that was seen by the next one, unless it is another one by now. */
    boolean replace(State seen, State next) {
        return STATE.compareAndSet(this, seen, next);
    }

    /** The state after {@code change} was done to whatever was there; {@code change} answers its argument to change nothing. */
    @SuppressWarnings("ReferenceEquality") // a state is what compare-and-set compares
    Change change(UnaryOperator<State> change) {
        for (; ; ) {
            State seen = state;
            State next = change.apply(seen);
            if (next == seen || replace(seen, next)) return new Change(seen, next);
        }
    }

    record Change(State before, State after) {
        @SuppressWarnings("ReferenceEquality") // as above
        boolean made() {
            return before != after;
        }
    }

    Loaded loaded(State at) {
        List<JournalEntry> entries = at.journal == null ? List.of() : at.journal.oldestFirst();
        return new Loaded(at.head, input, context, entries, at.signals);
    }

    static State written(State seen, Checkpoint write) {
        JournalEntry only = write.only();
        Lines journal = only == null ? Lines.of(seen.journal, write.entries()) : Lines.of(seen.journal, only);
        return new State(write.after(seen.head), journal, seen.signals);
    }

    static State signalled(State seen, Signal signal) {
        for (Signal old : seen.signals)
            if (old.name().equals(signal.name()) && old.key().equals(signal.key())) return seen;
        List<Signal> more = new ArrayList<>(seen.signals);
        more.add(signal);
        SagaInstance.Builder next = woken(seen.head, signal.atMs());
        return new State(next.sealed(), seen.journal, List.copyOf(more));
    }

    /** One who parks it must see that something came; one whom nobody runs is due now. */
    static SagaInstance.Builder woken(SagaInstance head, long nowMs) {
        SagaInstance.Builder next = head.but().sig(head.sig() + 1);
        return head.owner() == null ? next.wakeMs(Math.min(head.wakeMs(), nowMs)) : next;
    }
}
