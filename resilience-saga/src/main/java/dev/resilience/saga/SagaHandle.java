// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A saga that was started, whoever runs it. Holding one costs nothing until it is waited for; letting go of it changes
 * nothing for the saga. All methods may be called by any thread.
 *
 * {@snippet class="dev.resilience.saga.EngineSnippets" region="start"}
 *
 * @param <O> the saga's output
 */
public interface SagaHandle<O extends @Nullable Object> {
    /**
     * Which saga.
     *
     * @return its name and id
     */
    SagaRef ref();

    /**
     * The id that its starter chose.
     *
     * @return the id within the definition's name
     */
    default String id() {
        return ref().id();
    }

    /**
     * Waits until the saga has ended or needs attention; what it then came to.
     *
     * @param max how long at most; zero only looks
     * @return {@link SagaOutcome.StillRunning} if it has neither ended nor been parked by then
     * @throws InterruptedException if the waiting thread is interrupted; the saga goes on
     * @throws SagaStoreException if the store does not answer at the end of the wait
     * @throws IllegalStateException if it is not there by then: it was purged or never started, or the transaction that
     *     starts it is not committed; at once if the saga's own code would wait for it, in a step for instance
     */
    SagaOutcome<O> await(Duration max) throws InterruptedException;

    /**
     * What the saga comes to, without holding a thread: completes when it has ended or needs attention, on a thread of
     * the engine's executor; with {@link SagaOutcome.StillRunning} when this engine is closed before.
     *
     * @return a future of the caller's own: cancelling it changes nothing for the saga or for others
     */
    CompletableFuture<SagaOutcome<O>> completion();

    /**
     * Where it stands now: asks the store.
     *
     * @return its state
     * @throws IllegalStateException if it is not there: it was purged or never started, or the transaction that starts
     *     it is not committed
     */
    SagaStatus status();
}
