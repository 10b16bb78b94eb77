// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Backoff;
import dev.resilience.saga.Saga.F3;
import dev.resilience.saga.Saga.F4;
import dev.resilience.saga.Saga.F5;
import dev.resilience.saga.Saga.F6;
import dev.resilience.saga.Saga.F7;
import dev.resilience.saga.Saga.Result;
import java.sql.Connection;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A step whose effect is in the journal's own database: made and journaled in one commit, exactly once. Needs an engine
 * on JDBC; refused at registration otherwise. Its code gets a connection in a transaction, and leaves commit, rollback
 * and close to the engine.
 *
 * <p>It does not share the journal's batches: one transaction of its own for each such step. While it runs in one
 * branch, what other branches have done waits to be written, and so does what would follow there: a saga that holds a
 * connection never asks for another one, so that no pool is too small. Keep it as short as any transaction.
 *
 * @param <I> the saga's input
 * @param <R> what the step returns; kept in the journal
 * @param <SELF> the kind of step
 */
public abstract sealed class TxStep<I, R extends @Nullable Object, SELF extends TxStep<I, R, SELF>>
        extends Step<I, R, SELF> {
    TxStep(Steps<I> steps, StepDraft draft) {
        super(steps, draft);
    }

    /**
     * What the step does.
     *
     * @param body of the input, the transaction's connection and the context
     * @return this
     */
    public SELF run(F3<? super I, Connection, StepContext, ? extends R> body) {
        draft.body((v, e, c, tx) -> body.apply(Steps.input(v), Steps.tx(tx), c));
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
            Result<A> a, F4<? super I, Connection, ? super A, StepContext, ? extends R> body) {
        draft.body((v, e, c, tx) -> body.apply(Steps.input(v), Steps.tx(tx), a.of(v), c), a);
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
            Result<A> a, Result<B> b, F5<? super I, Connection, ? super A, ? super B, StepContext, ? extends R> body) {
        draft.body((v, e, c, tx) -> body.apply(Steps.input(v), Steps.tx(tx), a.of(v), b.of(v), c), a, b);
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
            F6<? super I, Connection, ? super A, ? super B, ? super C, StepContext, ? extends R> body) {
        draft.body((v, e, x, tx) -> body.apply(Steps.input(v), Steps.tx(tx), a.of(v), b.of(v), c.of(v), x), a, b, c);
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
                    F7<? super I, Connection, ? super A, ? super B, ? super C, ? super D, StepContext, ? extends R>
                            body) {
        draft.body(
                (v, e, x, tx) -> body.apply(Steps.input(v), Steps.tx(tx), a.of(v), b.of(v), c.of(v), d.of(v), x),
                a,
                b,
                c,
                d);
        return self();
    }

    /**
     * A transactional step that is undone, in a transaction as well, when the saga turns.
     *
     * @param <I> the saga's input
     * @param <R> what the step returns
     */
    public static final class Compensatable<I, R extends @Nullable Object> extends TxStep<I, R, Compensatable<I, R>> {
        Compensatable(Steps<I> steps, StepDraft draft) {
            super(steps, draft);
        }

        @Override
        Compensatable<I, R> self() {
            return this;
        }

        /**
         * What undoes it, in the journal's transaction.
         *
         * @param body of the input, the transaction's connection, the action's result and the context
         * @return this
         */
        public Compensatable<I, R> undo(F4.Effect<? super I, Connection, ? super R, StepContext> body) {
            draft.undo((v, e, r, c, tx) -> body.apply(Steps.input(v), Steps.tx(tx), Steps.cast(r), c));
            return this;
        }

        /**
         * See {@link Step.Compensatable#undoRetry}.
         *
         * @param maxAttempts the first included, at least 1
         * @param backoff the pauses
         * @return this
         */
        public Compensatable<I, R> undoRetry(int maxAttempts, Backoff backoff) {
            draft.undoRetry(maxAttempts, backoff);
            return this;
        }

        /**
         * It leaves nothing behind, so that nothing is undone: a read, a check.
         *
         * @return this
         */
        public Compensatable<I, R> harmless() {
            draft.harmless();
            return this;
        }

        /**
         * Adds it to the saga, behind what was added before.
         *
         * @return its result, for later steps
         */
        public Result<R> add() {
            return added();
        }

        /**
         * See {@link Step.Compensatable#addWhen(Predicate)}.
         *
         * @param takesPlace asked once
         * @return its result, for later steps
         */
        public Result<Optional<R>> addWhen(Predicate<? super I> takesPlace) {
            return addedWhen(takesPlace);
        }

        /**
         * See {@link Step.Compensatable#addWhen(Result, BiPredicate)}.
         *
         * @param <A> the first result's type
         * @param a the first result it takes
         * @param takesPlace asked once
         * @return its result, for later steps
         */
        public <A extends @Nullable Object> Result<Optional<R>> addWhen(
                Result<A> a, BiPredicate<? super I, ? super A> takesPlace) {
            return addedWhen(a, takesPlace);
        }
    }

    /**
     * A transactional step that decides. There is no undo of it.
     *
     * @param <I> the saga's input
     * @param <R> what the step returns
     */
    public static final class Pivot<I, R extends @Nullable Object> extends TxStep<I, R, Pivot<I, R>> {
        Pivot(Steps<I> steps, StepDraft draft) {
            super(steps, draft);
        }

        @Override
        Pivot<I, R> self() {
            return this;
        }

        /**
         * Adds it to the saga, behind what was added before.
         *
         * @return its result, for later steps
         */
        public Result<R> add() {
            return added();
        }
    }

    /**
     * A transactional step behind the pivot. There is no undo of it.
     *
     * @param <I> the saga's input
     * @param <R> what the step returns
     */
    public static final class Retriable<I, R extends @Nullable Object> extends TxStep<I, R, Retriable<I, R>> {
        Retriable(Steps<I> steps, StepDraft draft) {
            super(steps, draft);
        }

        @Override
        Retriable<I, R> self() {
            return this;
        }

        /**
         * Adds it to the saga, behind what was added before.
         *
         * @return its result, for later steps
         */
        public Result<R> add() {
            return added();
        }

        /**
         * See {@link Step.Retriable#addWhen(Predicate)}.
         *
         * @param takesPlace asked once
         * @return its result, for later steps
         */
        public Result<Optional<R>> addWhen(Predicate<? super I> takesPlace) {
            return addedWhen(takesPlace);
        }

        /**
         * See {@link Step.Retriable#addWhen(Result, BiPredicate)}.
         *
         * @param <A> the first result's type
         * @param a the first result it takes
         * @param takesPlace asked once
         * @return its result, for later steps
         */
        public <A extends @Nullable Object> Result<Optional<R>> addWhen(
                Result<A> a, BiPredicate<? super I, ? super A> takesPlace) {
            return addedWhen(a, takesPlace);
        }
    }
}
