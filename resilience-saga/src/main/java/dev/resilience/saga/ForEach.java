// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Backoff;
import dev.resilience.saga.Saga.F3;
import dev.resilience.saga.Saga.F4;
import dev.resilience.saga.Saga.F5;
import dev.resilience.saga.Saga.F6;
import dev.resilience.saga.Saga.F7;
import dev.resilience.saga.Saga.Result;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A step for each element of a list: each element's call has a key, an outcome and, if it is compensatable, an undo of
 * its own. The list is made once, when the step before it is done, and kept in the journal. The result is the list of
 * the elements' results, in their order.
 *
 * @param <I> the saga's input
 * @param <E> an element; kept in the journal
 * @param <R> what the step returns for one element; kept in the journal
 * @param <SELF> the kind of step
 */
public abstract sealed class ForEach<I, E, R extends @Nullable Object, SELF extends ForEach<I, E, R, SELF>>
        extends Step<I, R, SELF> {
    ForEach(Steps<I> steps, StepDraft draft) {
        super(steps, draft);
    }

    /**
     * The elements.
     *
     * @param elements of the input; none is null
     * @return this
     */
    public SELF over(Function<? super I, ? extends List<E>> elements) {
        Objects.requireNonNull(elements, "elements");
        draft.elements(v -> elements.apply(Steps.input(v)));
        return self();
    }

    /**
     * The elements, of the result of an earlier step.
     *
     * @param <A> the first result's type
     * @param a the result it takes
     * @param elements of the input and that result; none is null
     * @return this
     */
    public <A extends @Nullable Object> SELF over(
            Result<A> a, BiFunction<? super I, ? super A, ? extends List<E>> elements) {
        Objects.requireNonNull(elements, "elements");
        draft.elements(v -> elements.apply(Steps.input(v), a.of(v)), a);
        return self();
    }

    /**
     * How many elements are called at once; 1 by default: one after the other.
     *
     * @param most at least 1
     * @return this
     */
    public SELF concurrency(int most) {
        draft.concurrency(most);
        return self();
    }

    /**
     * See {@link Step.Plain#atMostOnce()}.
     *
     * @return this
     */
    public SELF atMostOnce() {
        draft.atMostOnce();
        return self();
    }

    /**
     * What the step does for one element.
     *
     * @param body of the input, the element and the context
     * @return this
     */
    public SELF run(F3<? super I, ? super E, StepContext, ? extends R> body) {
        draft.body((v, e, c, tx) -> body.apply(Steps.input(v), Steps.cast(e), c));
        return self();
    }

    /**
     * The same, with the result of an earlier step.
     *
     * @param <A> the first result's type
     * @param a the first result it takes
     * @param body what it does, of the input and what else it takes
     * @return this
     */
    public <A extends @Nullable Object> SELF run(
            Result<A> a, F4<? super I, ? super E, ? super A, StepContext, ? extends R> body) {
        draft.body((v, e, c, tx) -> body.apply(Steps.input(v), Steps.cast(e), a.of(v), c), a);
        return self();
    }

    /**
     * The same, with the results of two earlier steps.
     *
     * @param <A> the first result's type
     * @param <B> the second result's type
     * @param a the first result it takes
     * @param b the second result it takes
     * @param body what it does, of the input and what else it takes
     * @return this
     */
    public <A extends @Nullable Object, B extends @Nullable Object> SELF run(
            Result<A> a, Result<B> b, F5<? super I, ? super E, ? super A, ? super B, StepContext, ? extends R> body) {
        draft.body((v, e, c, tx) -> body.apply(Steps.input(v), Steps.cast(e), a.of(v), b.of(v), c), a, b);
        return self();
    }

    /**
     * The same, with the results of three earlier steps.
     *
     * @param <A> the first result's type
     * @param <B> the second result's type
     * @param <C> the third result's type
     * @param a the first result it takes
     * @param b the second result it takes
     * @param c the third result it takes
     * @param body what it does, of the input and what else it takes
     * @return this
     */
    public <A extends @Nullable Object, B extends @Nullable Object, C extends @Nullable Object> SELF run(
            Result<A> a,
            Result<B> b,
            Result<C> c,
            F6<? super I, ? super E, ? super A, ? super B, ? super C, StepContext, ? extends R> body) {
        draft.body((v, e, x, tx) -> body.apply(Steps.input(v), Steps.cast(e), a.of(v), b.of(v), c.of(v), x), a, b, c);
        return self();
    }

    /**
     * The same, with the results of four earlier steps.
     *
     * @param <A> the first result's type
     * @param <B> the second result's type
     * @param <C> the third result's type
     * @param <D> the fourth result's type
     * @param a the first result it takes
     * @param b the second result it takes
     * @param c the third result it takes
     * @param d the fourth result it takes
     * @param body what it does, of the input and what else it takes
     * @return this
     */
    public <
                    A extends @Nullable Object,
                    B extends @Nullable Object,
                    C extends @Nullable Object,
                    D extends @Nullable Object>
            SELF run(
                    Result<A> a,
                    Result<B> b,
                    Result<C> c,
                    Result<D> d,
                    F7<? super I, ? super E, ? super A, ? super B, ? super C, ? super D, StepContext, ? extends R>
                            body) {
        draft.body(
                (v, e, x, tx) -> body.apply(Steps.input(v), Steps.cast(e), a.of(v), b.of(v), c.of(v), d.of(v), x),
                a,
                b,
                c,
                d);
        return self();
    }

    /**
     * Adds it to the saga, behind what was added before.
     *
     * @return its result, for later steps
     */
    public Result<List<R>> add() {
        return steps.add(draft);
    }

    /**
     * A step for each element that is undone, element by element, when the saga turns.
     *
     * @param <I> the saga's input
     * @param <E> an element
     * @param <R> what the step returns
     */
    public static final class Compensatable<I, E, R extends @Nullable Object>
            extends ForEach<I, E, R, Compensatable<I, E, R>> {
        Compensatable(Steps<I> steps, StepDraft draft) {
            super(steps, draft);
        }

        @Override
        Compensatable<I, E, R> self() {
            return this;
        }

        /**
         * What undoes one element.
         *
         * @param body of the input, the element, its result and the context
         * @return this
         */
        public Compensatable<I, E, R> undo(F4.Effect<? super I, ? super E, ? super R, StepContext> body) {
            draft.undo((v, e, r, c, tx) -> body.apply(Steps.input(v), Steps.cast(e), Steps.cast(r), c));
            return this;
        }

        /**
         * See {@link Step.Compensatable#undoRetry}.
         *
         * @param maxAttempts the first included, at least 1
         * @param backoff the pauses
         * @return this
         */
        public Compensatable<I, E, R> undoRetry(int maxAttempts, Backoff backoff) {
            draft.undoRetry(maxAttempts, backoff);
            return this;
        }

        /**
         * See {@link Step.Compensatable#probe}.
         *
         * @param probe of the input and the context; its key is that of the action
         * @return this
         */
        public Compensatable<I, E, R> probe(F3<? super I, ? super E, StepContext, ProbeResult<R>> probe) {
            draft.probe((v, e, c) -> probe.apply(Steps.input(v), Steps.cast(e), c));
            return this;
        }

        /**
         * See {@link Step.Compensatable#undoInDoubt}.
         *
         * @param body what it does, of the input and what else it takes
         * @return this
         */
        public Compensatable<I, E, R> undoInDoubt(F3.Effect<? super I, ? super E, StepContext> body) {
            draft.blind((v, e, r, c, tx) -> body.apply(Steps.input(v), Steps.cast(e), c));
            return this;
        }

        /**
         * It leaves nothing behind, so that nothing is undone: a read, a check.
         *
         * @return this
         */
        public Compensatable<I, E, R> harmless() {
            draft.harmless();
            return this;
        }
    }

    /**
     * A step for each element, behind the pivot. There is no undo of it.
     *
     * @param <I> the saga's input
     * @param <E> an element
     * @param <R> what the step returns
     */
    public static final class Retriable<I, E, R extends @Nullable Object> extends ForEach<I, E, R, Retriable<I, E, R>> {
        Retriable(Steps<I> steps, StepDraft draft) {
            super(steps, draft);
        }

        @Override
        Retriable<I, E, R> self() {
            return this;
        }
    }
}
