// SPDX-License-Identifier: Apache-2.0
package dev.resilience.testkit.saga;

import dev.resilience.saga.Checkpoint;
import dev.resilience.saga.JournalEntry;
import dev.resilience.saga.SagaInstance;
import dev.resilience.saga.SagaRef;
import dev.resilience.saga.SagaReply;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What was seen of a run from outside the engine, in its order. */
sealed interface Event {
    /** {@return of which saga; null if of all or of nobody knows which} */
    @Nullable SagaRef saga();

    /** Whether it matters to who looks at that saga. */
    default boolean concerns(SagaRef ref) {
        SagaRef saga = saga();
        return saga == null || saga.equals(ref);
    }

    /** The store took a start. */
    record Started(Life by, SagaInstance head, List<JournalEntry> lines) implements Event {
        @Override
        public SagaRef saga() {
            return head.ref();
        }
    }

    /** The store took a checkpoint, whoever knows. */
    record Written(Life by, Checkpoint checkpoint) implements Event {
        @Override
        public SagaRef saga() {
            return checkpoint.ref();
        }
    }

    /** The store gave the saga to an engine. */
    record Claimed(Life by, SagaInstance head) implements Event {
        @Override
        public SagaRef saga() {
            return head.ref();
        }
    }

    /** A participant is called, on that thread. */
    record Call(@Nullable Life by, Thread on, Key key) implements Event {
        @Override
        public SagaRef saga() {
            return key.saga();
        }
    }

    /** A participant behind a proxy is called without a key of a saga. */
    record Keyless(Thread on, String call) implements Event {
        @Override
        public @Nullable SagaRef saga() {
            return null;
        }
    }

    /** A participant did something: the effect of a key, or its undoing. {@code times} counts this one. */
    record Effect(@Nullable Life by, Key key, int times) implements Event {
        @Override
        public SagaRef saga() {
            return key.saga();
        }
    }

    /** Somebody asked for the saga to be undone; the head of that moment. */
    record Cancelled(SagaRef saga, SagaReply reply, @Nullable SagaInstance head) implements Event {}

    /** Somebody sent the signal. */
    record Signalled(SagaRef saga, SagaReply reply, String name, long atMs) implements Event {}

    /** The store went back to what it was when so many commits were made. */
    record Lost(int commits) implements Event {
        @Override
        public @Nullable SagaRef saga() {
            return null;
        }
    }
}
