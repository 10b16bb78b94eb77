// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One guarded write to one saga: lines for its journal and its next head, taken together or not at all. Immutable.
 *
 * <p><b>Guard.</b> The saga's head must still have the owner, the fence, the {@code seq} and the status of
 * {@link #seen()}; with {@link #unlessCancelled()} no cancellation may be requested; with {@link #unlessSignalled()}
 * its {@code sig} must be the one seen. Otherwise nothing is written. Every condition is a column of the row that is
 * written: nothing else may be looked at. Because {@code seq} is in the guard and rises, writing it twice writes once.
 *
 * <p><b>Effect.</b> The head becomes {@link #next()}, but {@code seq} is one more than seen, and {@code sig} and
 * {@code cancelRequested} stay what they are in the store ({@link #raisesSig()} adds one to the first,
 * {@link #clearsCancel()} clears the second); the {@link #entries()} are appended.
 */
public final class Checkpoint {
    private final SagaInstance seen;
    private final SagaInstance next;
    private final boolean unlessCancelled;
    private final boolean unlessSignalled;
    private final boolean raisesSig;
    private final boolean clearsCancel;
    /** Most have one: no list is made of it before somebody asks for one. */
    private final @Nullable JournalEntry only;

    private final List<JournalEntry> others;

    private Checkpoint(Builder b) {
        this.seen = b.seen;
        SagaInstance.Builder changed = b.next;
        this.next = changed == null
                ? seen.after(b.atMs)
                : changed.seq(seen.seq() + 1).updatedMs(b.atMs).build();
        this.unlessCancelled = b.unlessCancelled;
        this.unlessSignalled = b.unlessSignalled;
        this.raisesSig = b.raisesSig;
        this.clearsCancel = b.clearsCancel;
        this.only = null;
        this.others = b.lines(this.next);
    }

    /** What a composition made, its lines numbered already. */
    Checkpoint(Composition made) {
        this.seen = made.seen();
        this.next = made.next();
        this.unlessCancelled = made.unlessCancelled;
        this.unlessSignalled = made.unlessSignalled;
        this.raisesSig = false;
        this.clearsCancel = made.clearsCancel;
        this.only = made.onlyLine();
        this.others = only == null ? made.lines() : List.of();
    }

    /**
     * A write that is accepted only while the saga is as {@code seen}, made at {@code atMs} of the store's clock.
     *
     * @param seen the head that its writer has seen
     * @param atMs now, on the store's clock
     * @return a builder
     */
    public static Builder on(SagaInstance seen, long atMs) {
        return new Builder(seen, atMs);
    }

    /** {@return which saga} */
    public SagaRef ref() {
        return seen.ref();
    }

    /** {@return the head that its writer has seen} */
    public SagaInstance seen() {
        return seen;
    }

    /** {@return the head that it is to have} */
    public SagaInstance next() {
        return next;
    }

    /** {@return whether a requested cancellation refuses it} */
    public boolean unlessCancelled() {
        return unlessCancelled;
    }

    /** {@return whether a signal that was not seen refuses it} */
    public boolean unlessSignalled() {
        return unlessSignalled;
    }

    /** {@return whether it adds one to {@link SagaInstance#sig()}} */
    public boolean raisesSig() {
        return raisesSig;
    }

    /** {@return whether it clears {@link SagaInstance#cancelRequested()}} */
    public boolean clearsCancel() {
        return clearsCancel;
    }

    /** {@return the lines to append} */
    public List<JournalEntry> entries() {
        return only == null ? others : List.of(only);
    }

    /** The line to append, if it is one alone that an engine composed; for who would need no list. */
    @Nullable
    JournalEntry only() {
        return only;
    }

    /**
     * Whether it may be written on {@code now}: the guard, for stores that decide in Java.
     *
     * @param now the head as it is now
     * @return whether it may be written
     */
    public boolean accepts(SagaInstance now) {
        return now.seq() == seen.seq()
                && now.fence() == seen.fence()
                && now.status() == seen.status()
                && Objects.equals(now.owner(), seen.owner())
                && now.incarnation().equals(seen.incarnation())
                && !(unlessCancelled && now.cancelRequested())
                && !(unlessSignalled && now.sig() != seen.sig());
    }

    /**
     * What {@code now} becomes by it: the effect on the head, for stores that decide in Java and for the writer.
     *
     * @param now the head as it is now
     * @return the next head
     */
    public SagaInstance after(SagaInstance now) {
        int sig = raisesSig ? now.sig() + 1 : now.sig();
        boolean cancelled = !clearsCancel && now.cancelRequested();
        if (next.sig() == sig && next.cancelRequested() == cancelled) return next;
        return next.but().sig(sig).cancelRequested(cancelled).sealed();
    }

    @Override
    public String toString() {
        return "checkpoint " + next + " " + entries();
    }

    /** Says a write. Not safe for several threads. */
    public static final class Builder {
        private final SagaInstance seen;
        private final long atMs;
        private SagaInstance.@Nullable Builder next;
        private JournalEntry.@Nullable Builder first;
        private @Nullable List<JournalEntry.Builder> more;
        private boolean unlessCancelled;
        private boolean unlessSignalled;
        private boolean raisesSig;
        private boolean clearsCancel;

        private Builder(SagaInstance seen, long atMs) {
            this.seen = Objects.requireNonNull(seen, "seen");
            this.atMs = atMs;
        }

        /**
         * The head that the saga is to have: change it here. It begins as the one seen. Who changes nothing does not
         * call it: what most checkpoints write costs no copy of the head then.
         *
         * @return this builder
         */
        public SagaInstance.Builder head() {
            SagaInstance.Builder head = next;
            if (head == null) {
                head = seen.but();
                next = head;
            }
            return head;
        }

        /**
         * Appends a line.
         *
         * @param entry the value
         * @return this builder
         */
        public Builder append(JournalEntry.Builder entry) {
            if (first == null) {
                first = entry;
            } else {
                if (more == null) more = new ArrayList<>(2);
                more.add(entry);
            }
            return this;
        }

        private List<JournalEntry> lines(SagaInstance head) {
            if (first == null) return List.of();
            JournalEntry line = first.at(head.seq(), 0, head.fence(), atMs);
            if (more == null) return List.of(line);
            List<JournalEntry> lines = new ArrayList<>(1 + more.size());
            lines.add(line);
            for (JournalEntry.Builder entry : more) lines.add(entry.at(head.seq(), lines.size(), head.fence(), atMs));
            return List.copyOf(lines);
        }

        /**
         * See {@link Checkpoint#unlessCancelled()}.
         *
         * @return this builder
         */
        public Builder unlessCancelled() {
            this.unlessCancelled = true;
            return this;
        }

        /**
         * See {@link Checkpoint#unlessSignalled()}.
         *
         * @return this builder
         */
        public Builder unlessSignalled() {
            this.unlessSignalled = true;
            return this;
        }

        /**
         * See {@link Checkpoint#raisesSig()}.
         *
         * @return this builder
         */
        public Builder raisesSig() {
            this.raisesSig = true;
            return this;
        }

        /**
         * See {@link Checkpoint#clearsCancel()}.
         *
         * @return this builder
         */
        public Builder clearsCancel() {
            this.clearsCancel = true;
            return this;
        }

        /** {@return the write as said so far} */
        public Checkpoint build() {
            return new Checkpoint(this);
        }
    }
}
