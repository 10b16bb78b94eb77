// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Outcome;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Makes a saga's outcome of its head, and its output of its journal where it was completed elsewhere. */
final class Outcomes {
    private final Engine engine;

    Outcomes(Engine engine) {
        this.engine = engine;
    }

    /** Whether there is one: ended, or parked. */
    static boolean settled(SagaInstance head) {
        return head.status().ended() || head.status() == SagaStatus.NEEDS_ATTENTION;
    }

    /** What a run that is through came to; null if the saga goes on. */
    @Nullable
    SagaOutcome<?> of(SagaInstance head, Outcome<@Nullable Object> output) {
        if (!settled(head)) return null;
        if (head.status() != SagaStatus.COMPLETED) return uncompleted(head);
        if (output instanceof Outcome.Success<@Nullable Object> made)
            return new SagaOutcome.Completed<@Nullable Object>(made.value());
        return null; // whoever asks makes it again
    }

    /** What a saga came to, read from the store; null if it goes on, or is not there. */
    @Nullable
    SagaOutcome<?> of(SagaInstance head, Chart fallback) {
        if (!settled(head)) return null;
        if (head.status() != SagaStatus.COMPLETED) return uncompleted(head);
        Optional<SagaStore.Loaded> saga = engine.store.load(head.ref());
        if (saga.isEmpty()) return null;
        Chart chart = engine.definitions.select(head.ref().name(), head.version());
        Outcome<@Nullable Object> output = Runner.output(chart == null ? fallback : chart, saga.get(), engine.codec);
        if (output instanceof Outcome.Success<@Nullable Object> made)
            return new SagaOutcome.Completed<@Nullable Object>(made.value());
        Throwable thrown = ((Outcome.Failure<?>) output).thrown();
        if (thrown instanceof RuntimeException unchecked) throw unchecked;
        throw new IllegalStateException(
                "saga " + head.ref() + " is completed, but its output cannot be made again of its journal: "
                        + Guest.text(thrown),
                thrown);
    }

    private static SagaOutcome<?> uncompleted(SagaInstance head) {
        Why why = Why.of(head);
        if (head.status() == SagaStatus.COMPENSATED) return new SagaOutcome.Compensated<>(why);
        return new SagaOutcome.NeedsAttention<>(why, head.status() == SagaStatus.ABANDONED);
    }
}
