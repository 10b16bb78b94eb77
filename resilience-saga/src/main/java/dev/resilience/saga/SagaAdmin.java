// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What an operator does with sagas: look, and move those that cannot go on by themselves. Every verb says who and why;
 * both are a line of the saga's journal. A verb is one guarded write: it is done to the saga as the operator's engine
 * has just seen it, or to the newest state if that moved meanwhile and still allows the verb, or not at all.
 *
 * <p>A verb that the saga's state does not allow changes nothing and throws {@link IllegalStateException} with the
 * state, the reason and what would be allowed; of a saga that is not there, {@link IllegalArgumentException}. All
 * methods ask the store and throw {@link SagaStoreException} when it does not answer.
 *
 * <p>The saga need not be one that the operator's engine can run, except to {@link #resolve} and to {@link #skip}, which
 * need its definition and refuse without it ({@link IllegalStateException}). Of the others it goes on when an engine
 * that has a definition for its version takes it; while there is none, it waits and is counted in
 * {@link SagaEngine.Snapshot#unclaimable()}.
 *
 * {@snippet class="dev.resilience.saga.EngineSnippets" region="attention"}
 */
public interface SagaAdmin {
    /**
     * Sagas, by name and id.
     *
     * @param query which
     * @return their heads, at most {@link SagaQuery#limit()}
     */
    List<SagaInstance> list(SagaQuery query);

    /**
     * A saga.
     *
     * @param saga which
     * @return its head; empty if there is none, or it was purged
     */
    Optional<SagaInstance> get(SagaRef saga);

    /**
     * What happened to a saga.
     *
     * @param saga which
     * @return the lines of its journal, oldest first
     */
    List<JournalEntry> journal(SagaRef saga);

    /**
     * Lets a saga that needs attention go on where it stands, with fresh attempts: after what was broken is mended, or a
     * definition that fits is deployed. Of one that a newer release parked because it could not read it
     * ({@code UNREADABLE}, {@code DEFINITION_MISMATCH}), an engine that has only older definitions goes back to the newest
     * of them that its journal fits: a release is rolled back so.
     *
     * @param saga which
     * @param actor who says so
     * @param note why, for the audit
     */
    void retry(SagaRef saga, String actor, String note);

    /**
     * Says what became of a step that the engine cannot resolve, and lets the saga go on with it. While the saga goes
     * forward: of its open step, {@link Resolution#notDone()} of one before or at the pivot turns it. While it is undone:
     * of an action in doubt, or of a compensation that fails.
     *
     * @param saga which; needs attention
     * @param step the step's name, with {@code #n} the n-th element from 0 of a for-each step
     * @param resolution what was found
     * @param actor who says so
     * @param note how it was found out, for the audit
     */
    void resolve(SagaRef saga, String step, Resolution resolution, String actor, String note);

    /**
     * Goes on without a step: its action is not made and its result is what the operator says, or its compensation is
     * not made.
     *
     * @param saga which; needs attention
     * @param step the step's name, with {@code #n} of a for-each step
     * @param value what later steps see as its result, of the declared type; ignored for a compensation
     * @param actor who says so
     * @param note why, for the audit
     */
    void skip(SagaRef saga, String step, @Nullable Object value, String actor, String note);

    /**
     * Turns a saga that needs attention: everything that was done is undone. Not after, nor at, the pivot.
     *
     * @param saga which
     * @param actor who says so
     * @param note why, for the audit
     */
    void compensate(SagaRef saga, String actor, String note);

    /**
     * Gives a saga up that needs attention or is paused: nothing more is done or undone, and its lock key is free.
     *
     * @param saga which
     * @param actor who says so
     * @param note why, and who cleans up, for the audit
     */
    void abandon(SagaRef saga, String actor, String note);

    /**
     * Stops a saga: an attempt that is under way ends and is recorded, no other one is begun. It keeps its lock key.
     *
     * @param saga which; running or compensating
     * @param actor who says so
     * @param note why, for the audit
     */
    void pause(SagaRef saga, String actor, String note);

    /**
     * Lets a paused saga go on. Delays and timeouts that ended meanwhile are over.
     *
     * @param saga which
     * @param actor who says so
     * @param note why, for the audit
     */
    void resume(SagaRef saga, String actor, String note);

    /**
     * Removes sagas that ended long ago, with their journals: of all definitions that share the store, also of those that
     * this engine does not know. A start under the id of one that was removed starts
     * another saga, with other keys: keep them at least as long as participants remember keys and callers may repeat a
     * start.
     *
     * @param olderThan how long ago they ended at least, by the store's clock
     * @return how many were removed
     */
    long purge(Duration olderThan);
}
