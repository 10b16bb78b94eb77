// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaReply;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What was seen of a run from outside the engine, in its order. */
sealed interface Event {
    /** The store took a start. */
    record Started(Life by, SagaInstance head, List<JournalEntry> lines) implements Event {}

    /** The store took a checkpoint, whoever knows. */
    record Written(Life by, Checkpoint checkpoint) implements Event {}

    /** The store gave the saga to an engine. */
    record Claimed(Life by, SagaInstance head) implements Event {}

    /** A participant is called. */
    record Call(@Nullable Life by, Key key) implements Event {}

    /** A participant behind a proxy is called without a key of the saga. */
    record Keyless(String call) implements Event {}

    /** A participant did something: the effect of a key, or its undoing. {@code times} counts this one. */
    record Effect(@Nullable Life by, Key key, int times) implements Event {}

    /** Somebody asked for the saga to be undone; the head of that moment. */
    record Cancelled(SagaReply reply, @Nullable SagaInstance head) implements Event {}
}
