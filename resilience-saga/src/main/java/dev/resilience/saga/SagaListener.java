// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Hears what sagas do on this engine; all methods do nothing by default. Called by the threads that run sagas and by
 * the engine's own, outside locks; what a listener throws is reported to {@code System.Logger} and changes nothing.
 */
public interface SagaListener {
    /**
     * A saga was started here (its start is durable).
     *
     * @param saga which saga
     */
    default void started(SagaRef saga) {}

    /**
     * It ended: COMPLETED, COMPENSATED or ABANDONED. {@code lasted} from its start, by the store's clock.
     *
     * @param saga which saga
     * @param status how it ended
     * @param lasted how long it took, by the clock of this engine or of the store
     */
    default void ended(SagaRef saga, SagaStatus status, Duration lasted) {}

    /**
     * It was parked in NEEDS_ATTENTION, and why.
     *
     * @param saga which saga
     * @param reason a word of the engine's, such as {@code REJECTED}
     * @param step which step; null if none of them is meant
     * @param text what was thrown, for people; null if nothing was
     */
    default void parked(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {}

    /**
     * It turned: from here on it is undone.
     *
     * @param saga which saga
     * @param reason a word of the engine's, such as {@code REJECTED}
     * @param step which step; null if none of them is meant
     * @param text what was thrown, for people; null if nothing was
     */
    default void turned(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {}

    /**
     * The outcome of a step's action or (phase UNDO, RESOLUTION) of what undoes or resolves it is durable.
     *
     * @param saga which saga
     * @param step which step; null if none of them is meant
     * @param phase what was done: ACTION, UNDO or RESOLUTION
     * @param outcome what is known now
     * @param lasted how long it took, by the clock of this engine or of the store
     */
    default void step(SagaRef saga, String step, JournalEntry.Phase phase, StepOutcome outcome, Duration lasted) {}

    /**
     * An attempt failed and another one will be made.
     *
     * @param saga which saga
     * @param step which step; null if none of them is meant
     * @param attempt which attempt it was, from 1
     * @param thrown what it threw
     * @param delay when the next one is made, from now
     */
    default void retried(SagaRef saga, String step, int attempt, Throwable thrown, Duration delay) {}

    /**
     * A local rejection (breaker, limiter): the step was not called.
     *
     * @param saga which saga
     * @param step which step; null if none of them is meant
     * @param thrown what it threw
     * @param delay when the next one is made, from now
     */
    default void rejectedLocally(SagaRef saga, String step, Throwable thrown, Duration delay) {}

    /**
     * It was taken over from an engine that is dead.
     *
     * @param saga which saga
     * @param from its former owner; null if that is not known
     * @param claims how often it was claimed from dead owners since its last checkpoint
     */
    default void takenOver(SagaRef saga, @Nullable String from, int claims) {}

    /**
     * A write was refused: another engine owns the saga now.
     *
     * @param saga which saga
     */
    default void fenced(SagaRef saga) {}

    /**
     * An operator's verb.
     *
     * @param saga which saga
     * @param verb which verb
     * @param actor who
     * @param note why
     */
    default void operated(SagaRef saga, String verb, String actor, String note) {}

    /**
     * The journal wrote {@code checkpoints} at once.
     *
     * @param checkpoints how many were written together
     * @param lasted how long it took, by the clock of this engine or of the store
     */
    default void flushed(int checkpoints, Duration lasted) {}

    /**
     * How late a heartbeat was, measured from when it was due.
     *
     * @param late how late it was
     * @param succeeded whether the store took it
     */
    default void beat(Duration late, boolean succeeded) {}
}
