// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a saga came to, as data. Closed by meaning: exactly these four shapes, so that a {@code switch} over them is
 * exhaustive where the language has one, and {@link #fold} elsewhere.
 *
 * @param <O> the saga's output
 */
public sealed interface SagaOutcome<O extends @Nullable Object> {
    /**
     * Every step is done.
     *
     * @param <O> the saga's output
     */
    final class Completed<O extends @Nullable Object> implements SagaOutcome<O> {
        private final O value;

        Completed(O value) {
            this.value = value;
        }

        /**
         * The output.
         *
         * @return what the definition's {@code returns} made of the results; null of a definition without it
         */
        public O value() {
            return value;
        }

        @Override
        public String toString() {
            return "COMPLETED " + value;
        }
    }

    /**
     * Everything that was done is undone.
     *
     * @param <O> the saga's output
     */
    final class Compensated<O extends @Nullable Object> implements SagaOutcome<O> {
        private final Why why;

        Compensated(Why why) {
            this.why = why;
        }

        /**
         * Who turned it.
         *
         * @return the step at which it turned; where none did, the {@link #reason()}
         */
        public String rejectedBy() {
            return why.step() == null ? why.reason() : why.step();
        }

        /**
         * Why it turned.
         *
         * @return a word of the engine's: {@code REJECTED}, {@code EXHAUSTED}, {@code CANCELLED}, {@code DEADLINE}, …
         */
        public String reason() {
            return why.reason();
        }

        /**
         * What was thrown there, for people; the exception itself does not survive a crash.
         *
         * @return its text, null if nothing was thrown
         */
        public @Nullable String text() {
            return why.text();
        }

        @Override
        public String toString() {
            return "COMPENSATED " + why;
        }
    }

    /**
     * It cannot go on by itself and waits for an operator's verb of {@link SagaAdmin}; or an operator gave it up.
     *
     * @param <O> the saga's output
     */
    final class NeedsAttention<O extends @Nullable Object> implements SagaOutcome<O> {
        private final Why why;
        private final boolean abandoned;

        NeedsAttention(Why why, boolean abandoned) {
            this.why = why;
            this.abandoned = abandoned;
        }

        /**
         * Whether an operator gave it up: nothing more is done or undone.
         *
         * @return false while it waits for a verb
         */
        public boolean abandoned() {
            return abandoned;
        }

        /**
         * Why it was parked.
         *
         * @return a word of the engine's: {@code POISON}, {@code DEFINITION_MISMATCH}, {@code UNDO_FAILED}, …
         */
        public String reason() {
            return why.reason();
        }

        /**
         * At which step.
         *
         * @return its name, null if it was none
         */
        public @Nullable String step() {
            return why.step();
        }

        /**
         * What was thrown there, for people.
         *
         * @return its text, null if nothing was thrown
         */
        public @Nullable String text() {
            return why.text();
        }

        @Override
        public String toString() {
            return (abandoned ? "ABANDONED " : "NEEDS_ATTENTION ") + why;
        }
    }

    /**
     * Neither ended nor parked when the wait was over.
     *
     * @param <O> the saga's output
     */
    final class StillRunning<O extends @Nullable Object> implements SagaOutcome<O> {
        private final SagaStatus status;

        StillRunning(SagaStatus status) {
            this.status = status;
        }

        /**
         * Where it stood when it was last seen.
         *
         * @return RUNNING, COMPENSATING or PAUSED
         */
        public SagaStatus status() {
            return status;
        }

        @Override
        public String toString() {
            return "STILL " + status;
        }
    }

    /**
     * One answer for each shape.
     *
     * @param <T> the answer's type
     * @param completed of a completed saga's output
     * @param compensated of one that is undone
     * @param attention of one that is parked or abandoned
     * @param running of one that goes on
     * @return what the chosen function answers
     */
    default <T extends @Nullable Object> T fold(
            Function<? super O, ? extends T> completed,
            Function<? super Compensated<O>, ? extends T> compensated,
            Function<? super NeedsAttention<O>, ? extends T> attention,
            Function<? super StillRunning<O>, ? extends T> running) {
        if (this instanceof Completed<O> done) return completed.apply(done.value);
        if (this instanceof Compensated<O> undone) return compensated.apply(undone);
        if (this instanceof NeedsAttention<O> parked) return attention.apply(parked);
        return running.apply((StillRunning<O>) this);
    }

    /**
     * The output of a completed saga.
     *
     * @return {@link Completed#value()}
     * @throws NotCompletedException of every other shape, with the outcome in it
     */
    default O orElseThrow() {
        if (this instanceof Completed<O> done) return done.value;
        throw new NotCompletedException(this);
    }

    /** A saga's output was wanted that has none: it was undone, is parked, or goes on. */
    final class NotCompletedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final transient SagaOutcome<?> outcome;

        NotCompletedException(SagaOutcome<?> outcome) {
            super("the saga has no output: " + outcome);
            this.outcome = outcome;
        }

        /**
         * What it came to instead.
         *
         * @return the outcome; after deserialisation not available (null)
         */
        public SagaOutcome<?> outcome() {
            return outcome;
        }
    }
}
