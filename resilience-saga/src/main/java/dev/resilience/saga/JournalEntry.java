// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One line of a saga's journal: appended by a {@link Checkpoint}, never changed. Immutable.
 *
 * <p>{@link #payload()} is what the engine's codec made of a result; do not write into the array.
 */
public final class JournalEntry {
    /** What a line tells. */
    public enum Phase {
        /** The outcome of a step's action; of an awaited signal; of a delay that is over. */
        ACTION('A'),
        /** The outcome of a step's undo. */
        UNDO('U'),
        /** What became known of an action that was in doubt. */
        RESOLUTION('R'),
        /** Something waits until {@link JournalEntry#dueMs()}: a delay, a signal's timeout, a next attempt, a doubt. */
        DUE('D'),
        /** Whether a conditional step takes place. */
        DECISION('W'),
        /** The elements of a for-each step. */
        ITEMS('L'),
        /** From here on the saga is undone. */
        TURN('T'),
        /** It was parked: {@link SagaStatus#NEEDS_ATTENTION}. */
        PARKED('P'),
        /** What an operator did. */
        OPERATOR('O');

        private final char code;

        Phase(char code) {
            this.code = code;
        }

        /** {@return the letter in the database} */
        public char code() {
            return code;
        }

        /**
         * The phase of a {@link #code()}.
         *
         * @param code the letter
         * @return the phase
         */
        public static Phase of(char code) {
            for (Phase phase : values()) if (phase.code == code) return phase;
            throw new IllegalArgumentException("no phase of a journal has the code " + code);
        }
    }

    private final long seq;
    private final int ord;
    private final String step;
    private final int index;
    private final Phase phase;
    private final @Nullable StepOutcome outcome;
    private final char kind;
    private final byte @Nullable [] payload;
    private final @Nullable Rest rest;
    private final long fence;
    private final long atMs;

    /** What the outcome of a step that was done does not have: most lines are such. */
    private record Rest(@Nullable String text, @Nullable String note, int attempts, long dueMs) {
        static @Nullable Rest of(@Nullable String text, @Nullable String note, int attempts, long dueMs) {
            boolean nothing = text == null && note == null && attempts == 0 && dueMs == SagaInstance.NEVER;
            return nothing ? null : new Rest(text, note, attempts, dueMs);
        }
    }

    private JournalEntry(Builder b, long seq, int ord, long fence, long atMs) {
        this.seq = seq;
        this.ord = ord;
        this.step = b.step;
        this.index = b.index;
        this.phase = b.phase;
        this.outcome = b.outcome;
        this.kind = b.kind;
        this.payload = b.payload;
        this.rest = Rest.of(b.text, b.note, b.attempts, b.dueMs);
        this.fence = fence;
        this.atMs = atMs;
    }

    /** The line of an outcome, made without a builder: what every step writes. */
    JournalEntry(Done done, SagaInstance seen, int ord, long atMs) {
        this.seq = seen.seq() + 1;
        this.ord = ord;
        this.step = done.place.name();
        this.index = done.index;
        this.phase = done.phase;
        this.outcome = done.outcome;
        this.kind = done.place.letter;
        this.payload = done.payload;
        this.rest = Rest.of(done.text, done.note, 0, SagaInstance.NEVER);
        this.fence = seen.fence();
        this.atMs = atMs;
    }

    /**
     * A line of the saga as a whole has the empty name as its step.
     *
     * @param phase what it tells
     * @param step the step, or the empty name
     * @return a builder
     */
    public static Builder of(Phase phase, String step) {
        return new Builder(phase, step);
    }

    /** {@return the checkpoint that appended it: {@link SagaInstance#seq()} after it} */
    public long seq() {
        return seq;
    }

    /** {@return its place in its checkpoint, from 0} */
    public int ord() {
        return ord;
    }

    /**
     * The step's name; empty for the saga as a whole.
     *
     * @return a name, or the empty text
     */
    public String step() {
        return step;
    }

    /**
     * Which element of a for-each step, from 0; -1 for every other.
     *
     * @return from 0, or -1
     */
    public int index() {
        return index;
    }

    /** {@return what it tells} */
    public Phase phase() {
        return phase;
    }

    /**
     * What is known of the step; only where the phase has an outcome.
     *
     * @return the outcome, or null
     */
    public @Nullable StepOutcome outcome() {
        return outcome;
    }

    /**
     * What the step was when this was written, as a letter of the engine's; a later definition is held to it.
     *
     * @return a letter, or a blank
     */
    public char kind() {
        return kind;
    }

    /** {@return the encoded result, decision or elements} */
    public byte @Nullable [] payload() {
        return payload;
    }

    /** {@return the cause, for people} */
    public @Nullable String text() {
        return rest == null ? null : rest.text;
    }

    /** {@return A word of the engine's: why it turned or was parked, a signal's key, an operator's verb} */
    public @Nullable String note() {
        return rest == null ? null : rest.note;
    }

    /** {@return how many attempts were made before a durable wait} */
    public int attempts() {
        return rest == null ? 0 : rest.attempts;
    }

    /**
     * When a wait ends, on the store's clock; {@link SagaInstance#NEVER} otherwise.
     *
     * @return milliseconds since 1970, or {@link SagaInstance#NEVER}
     */
    public long dueMs() {
        return rest == null ? SagaInstance.NEVER : rest.dueMs;
    }

    /** {@return the fence of who wrote it} */
    public long fence() {
        return fence;
    }

    /** {@return when it was written, on the store's clock} */
    public long atMs() {
        return atMs;
    }

    /** The line without what codecs and people wrote: neither {@link #payload()} nor {@link #text()}. */
    @Override
    public String toString() {
        int attempts = attempts();
        String note = note();
        return seq + "." + ord + " " + phase + " " + step + (index < 0 ? "" : "#" + index)
                + (outcome == null ? "" : " " + outcome) + (note == null ? "" : " " + note)
                + (attempts == 0 ? "" : attempts == 1 ? " after 1 attempt" : " after " + attempts + " attempts");
    }

    /** Says a line before its checkpoint numbers it. Not safe for several threads. */
    public static final class Builder {
        private final Phase phase;
        private final String step;
        private int index = -1;
        private @Nullable StepOutcome outcome;
        private char kind = ' ';
        private byte @Nullable [] payload;
        private @Nullable String text;
        private @Nullable String note;
        private int attempts;
        private long dueMs = SagaInstance.NEVER;

        private Builder(Phase phase, String step) {
            this.phase = Objects.requireNonNull(phase, "phase");
            this.step = Objects.requireNonNull(step, "step");
        }

        /**
         * See {@link JournalEntry#index()}.
         *
         * @param index the value
         * @return this builder
         */
        public Builder index(int index) {
            this.index = index;
            return this;
        }

        /**
         * See {@link JournalEntry#outcome()}.
         *
         * @param outcome the value
         * @return this builder
         */
        public Builder outcome(@Nullable StepOutcome outcome) {
            this.outcome = outcome;
            return this;
        }

        @Nullable
        StepOutcome outcome() {
            return outcome;
        }

        /**
         * See {@link JournalEntry#kind()}.
         *
         * @param kind the value
         * @return this builder
         */
        public Builder kind(char kind) {
            this.kind = kind;
            return this;
        }

        /**
         * See {@link JournalEntry#payload()}.
         *
         * @param payload the value
         * @return this builder
         */
        public Builder payload(byte @Nullable [] payload) {
            this.payload = payload;
            return this;
        }

        /**
         * See {@link JournalEntry#text()}.
         *
         * @param text the value
         * @return this builder
         */
        public Builder text(@Nullable String text) {
            this.text = text;
            return this;
        }

        /**
         * See {@link JournalEntry#note()}.
         *
         * @param note the value
         * @return this builder
         */
        public Builder note(@Nullable String note) {
            this.note = note;
            return this;
        }

        /**
         * See {@link JournalEntry#attempts()}.
         *
         * @param attempts the value
         * @return this builder
         */
        public Builder attempts(int attempts) {
            this.attempts = attempts;
            return this;
        }

        /**
         * See {@link JournalEntry#dueMs()}.
         *
         * @param dueMs the value
         * @return this builder
         */
        public Builder dueMs(long dueMs) {
            this.dueMs = dueMs;
            return this;
        }

        /**
         * For stores that read a line, and for the checkpoint that numbers one.
         *
         * @param seq the checkpoint's number
         * @param ord its place in the checkpoint
         * @param fence of who wrote it
         * @param atMs now, on the store's clock
         * @return the line
         */
        public JournalEntry at(long seq, int ord, long fence, long atMs) {
            return new JournalEntry(this, seq, ord, fence, atMs);
        }
    }
}
