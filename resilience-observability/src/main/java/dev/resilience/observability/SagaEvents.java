// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Subscription;
import dev.resilience.saga.JournalEntry.Phase;
import dev.resilience.saga.SagaEngine;
import dev.resilience.saga.SagaListener;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaStatus;
import dev.resilience.saga.StepOutcome;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Puts what sagas do into JDK Flight Recorder, with {@link PolicyEvents}.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="sagas"}
 *
 * <table>
 * <caption>Events, all in the category "Resilience", with saga (the definition) and sagaId</caption>
 * <tr><th>name</th><th>fields</th></tr>
 * <tr><td>{@code dev.resilience.SagaStep}</td><td>step, phase, outcome, took</td></tr>
 * <tr><td>{@code dev.resilience.SagaRetry}</td><td>step, attempt, delay, failure (a class), local: a policy here refused,
 * and the step was not called</td></tr>
 * <tr><td>{@code dev.resilience.SagaTurn}</td><td>step, reason, parked: it is not undone but left to a person</td></tr>
 * <tr><td>{@code dev.resilience.SagaEnd}</td><td>outcome, took</td></tr>
 * <tr><td>{@code dev.resilience.SagaTakeover}</td><td>from, claims, lost: it was taken from this engine</td></tr>
 * <tr><td>{@code dev.resilience.SagaFlush}</td><td>checkpoints, took; of the journal, no saga's</td></tr>
 * </table>
 *
 * <p>Off until a recording enables them, and free until then. An event is written when the fact is durable; {@code took}
 * ends there. Inputs, results and the texts of exceptions are in no event.
 *
 * <p>Of its own, so that {@code PolicyEvents} does without the module {@code resilience-saga}; this needs it.
 */
@SuppressWarnings("exports") // who has no sagas must not need their module
public final class SagaEvents {
    private SagaEvents() {}

    /**
     * Records what the sagas of an engine do. One that is bound twice is recorded once.
     *
     * @param events with what they are recorded
     * @param engine the engine
     * @return ends this binding; so does closing {@code events}
     * @throws IllegalStateException when {@code events} is closed
     */
    public static Subscription bind(PolicyEvents events, SagaEngine engine) {
        Objects.requireNonNull(engine, "engine");
        return Objects.requireNonNull(events, "events").bind(engine, throttle -> engine.onEvent(new Ear()));
    }

    /** Hears one engine. */
    private record Ear() implements SagaListener {
        @Override
        public void step(SagaRef saga, String step, Phase phase, StepOutcome outcome, Duration lasted) {
            SagaFlight.step(saga, step, Policies.lower(phase), Policies.lower(outcome), lasted);
        }

        @Override
        public void retried(SagaRef saga, String step, int attempt, Throwable thrown, Duration delay) {
            SagaFlight.retry(saga, step, attempt, thrown, delay, false);
        }

        @Override
        public void rejectedLocally(SagaRef saga, String step, Throwable thrown, Duration delay) {
            SagaFlight.retry(saga, step, 0, thrown, delay, true);
        }

        @Override
        public void turned(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
            SagaFlight.turn(saga, reason, step, false);
        }

        @Override
        public void parked(SagaRef saga, String reason, @Nullable String step, @Nullable String text) {
            SagaFlight.turn(saga, reason, step, true);
        }

        @Override
        public void ended(SagaRef saga, SagaStatus status, Duration lasted) {
            SagaFlight.end(saga, Policies.lower(status), lasted);
        }

        @Override
        public void takenOver(SagaRef saga, @Nullable String from, int claims) {
            SagaFlight.takeover(saga, from, claims, false);
        }

        @Override
        public void fenced(SagaRef saga) {
            SagaFlight.takeover(saga, null, 0, true);
        }

        @Override
        public void flushed(int checkpoints, Duration lasted) {
            SagaFlight.flush(checkpoints, lasted);
        }
    }
}
