// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Backoff;
import dev.resilience.Policy;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** One place of a {@link Plan}. Names are unique in a plan, over all branches. */
sealed interface Node {
    /** Its name in the journal. */
    String name();

    /** What a step may do to the saga. The letter is in the journal: a later definition is held to it. */
    enum Kind {
        COMPENSATABLE('C'),
        PIVOT('P'),
        RETRIABLE('R');

        final char code;

        Kind(char code) {
            this.code = code;
        }
    }

    /** What bodies see: the input and the results of steps that are done. */
    interface Values {
        Object input();

        /**
         * The decoded result of the step of that name; its presence is validated when the plan is made. Of a conditional
         * step and of an optional wait an Optional, of a for-each step a list.
         */
        @Nullable
        Object result(String step);
    }

    /** The action of a step. {@code element} is one of a for-each step's, {@code tx} a transactional step's. */
    @FunctionalInterface
    interface Body {
        @Nullable
        Object run(Values values, @Nullable Object element, StepContext context, @Nullable Connection tx)
                throws Exception;
    }

    /** The compensation of a step. {@code result} is the bare one; null where the step was in doubt and is undone blindly. */
    @FunctionalInterface
    interface Undo {
        void undo(
                Values values,
                @Nullable Object element,
                @Nullable Object result,
                StepContext context,
                @Nullable Connection tx)
                throws Exception;
    }

    /** Asks the participant what became of a key. */
    @FunctionalInterface
    interface Probe {
        ProbeResult<?> probe(Values values, @Nullable Object element, StepContext context) throws Exception;
    }

    /** How an action in doubt is resolved before it is undone. */
    enum InDoubt {
        /** Call it again with its key until it completes or is rejected. */
        RETRY,
        /** Ask {@link Code#probe()}. */
        PROBE,
        /** Undo by key, without a result. */
        UNDO,
        /** Nothing to undo. */
        HARMLESS,
        /** Never call it again, park: an operator resolves. */
        PARK
    }

    /** A step: called until its outcome is known. A pivot stands on the top level, is not conditional and is no for-each. */
    record Action(String name, Kind kind, Type<?> result, Code code, Rules rules) implements Node {}

    /**
     * A step for each element of a list that is made, and journaled, when its turn comes. The result is a list.
     *
     * @param each what is done with one element; its result type is that of one element; never conditional
     * @param element what is journaled
     * @param elements user code
     * @param concurrency how many elements are called at once
     */
    record Each(Action each, Type<?> element, Function<Values, List<?>> elements, int concurrency) implements Node {
        @Override
        public String name() {
            return each.name();
        }
    }

    /** Waits for a signal. {@code optional}: its result is an Optional, empty at the timeout, instead of a turn. */
    record Await(String name, Type<?> result, @Nullable Duration timeout, boolean optional) implements Node {}

    /** Waits. */
    record Delay(String name, Duration duration) implements Node {}

    /** Branches side by side; goes on when all are done. */
    record Fork(String name, List<Branch> branches) implements Node {}

    /** One branch of a fork. */
    record Branch(String name, List<Node> nodes) {}

    /**
     * User code of an action.
     *
     * @param body the action
     * @param undo of a step that is done; null of a pivot, a retriable and a harmless step
     * @param blind of a step in doubt, where {@code inDoubt} is UNDO
     * @param probe where {@code inDoubt} is PROBE
     * @param when whether the step takes place; null: always. A conditional step's result is an Optional
     * @param inDoubt its strategy; of a pivot and a retriable step RETRY or PARK
     */
    record Code(
            Body body,
            @Nullable Undo undo,
            @Nullable Undo blind,
            @Nullable Probe probe,
            @Nullable Predicate<Values> when,
            InDoubt inDoubt) {}

    /**
     * What an action is held to.
     *
     * @param action how often and after which pauses the action is tried
     * @param undo the same of the undo
     * @param attemptTimeout how long one attempt may take
     * @param resolveFor how long a doubt, a pivot, a retriable step or an undo may go on before the saga is parked
     * @param rejectsOn exceptions by which a participant says: no effect under this key
     * @param through policies around each attempt, outermost first
     * @param transactional body and undo run in the journal's transaction
     */
    record Rules(
            Budget action,
            Budget undo,
            Duration attemptTimeout,
            Duration resolveFor,
            List<Class<? extends Throwable>> rejectsOn,
            List<Policy> through,
            boolean transactional) {}

    /** Attempts and the pauses between them; {@code Integer.MAX_VALUE} attempts: as long as resolveFor lasts. */
    record Budget(int maxAttempts, Backoff backoff) {}
}
