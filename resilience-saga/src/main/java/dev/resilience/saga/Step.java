// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Backoff;
import dev.resilience.Policy;
import dev.resilience.saga.Saga.F2;
import dev.resilience.saga.Saga.F3;
import dev.resilience.saga.Saga.F4;
import dev.resilience.saga.Saga.F5;
import dev.resilience.saga.Saga.F6;
import dev.resilience.saga.Saga.F7;
import dev.resilience.saga.Saga.Result;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A step while it is written; what all kinds have in common. End it with {@code add()}.
 *
 * <p>Its code is called at least once and may be called again, by another engine too, after an attempt of which nobody
 * knows what became: always with the same {@link StepContext#key()}. The participant makes one effect of them.
 *
 * @param <I> the saga's input
 * @param <R> what the step returns; kept in the journal
 * @param <SELF> the kind of step
 */
// longer than 400 lines: six arities and three kinds, told apart by their types, are one thing
public abstract sealed class Step<I, R extends @Nullable Object, SELF extends Step<I, R, SELF>>
        permits Step.Plain, TxStep, ForEach {
    final Steps<I> steps;
    final StepDraft draft;

    Step(Steps<I> steps, StepDraft draft) {
        this.steps = steps;
        this.draft = draft;
    }

    abstract SELF self();

    /**
     * Exceptions by which the participant says: there is no effect under this key, and there will be none, earlier
     * attempts included. The saga turns (behind the pivot: is parked). Everything else that is thrown says nothing of
     * what was done. {@link StepRejectedException} says it without being named here.
     *
     * @param types and what is derived of them
     * @return this
     */
    @SafeVarargs
    public final SELF rejectsOn(Class<? extends Throwable>... types) {
        for (Class<? extends Throwable> type : types) draft.rejectsOn(type);
        return self();
    }

    /**
     * How often, and after which pauses, the action is called while its outcome is unknown. By default a compensatable
     * step is called 3 times (200 ms doubling up to 5 s, full jitter), then the saga turns; a pivot and a retriable one
     * is called as long as {@link #resolveFor} lasts (200 ms doubling up to 5 min, full jitter), then the saga is
     * parked. A call that a policy of ours refused counts as none.
     *
     * @param maxAttempts the first included, at least 1
     * @param backoff the pauses; those above the engine's {@code inlineWait} are durable
     * @return this
     */
    public SELF retry(int maxAttempts, Backoff backoff) {
        draft.retry(maxAttempts, backoff);
        return self();
    }

    /**
     * How long one attempt, of the action or of its undo, may take; 30 s by default. Its thread is interrupted then, and
     * what became of the effect is unknown.
     *
     * @param most more than zero
     * @return this
     */
    public SELF attemptTimeout(Duration most) {
        draft.attemptTimeout(most);
        return self();
    }

    /**
     * How long a doubt, a pivot, a retriable step or an undo may go on before the saga is parked for an operator; 24 h
     * by default.
     *
     * @param most more than zero
     * @return this
     */
    public SELF resolveFor(Duration most) {
        draft.resolveFor(most);
        return self();
    }

    /**
     * Calls the participant through a policy: a breaker, a limiter, a bulkhead, a pipeline. Several stand in the order in
     * which they are said, the first outermost. A rejection of theirs says only that this attempt did not run: it is
     * tried again after {@code retryAfter()}, and spends no attempt.
     *
     * @param policy shared with whoever else calls that participant
     * @return this
     */
    public SELF through(Policy policy) {
        draft.through(policy);
        return self();
    }

    final Result<R> added() {
        return steps.add(draft);
    }

    final Result<Optional<R>> addedWhen(Predicate<? super I> takesPlace) {
        Objects.requireNonNull(takesPlace, "takesPlace");
        draft.when(values -> takesPlace.test(Steps.input(values)));
        return steps.add(draft);
    }

    final <A extends @Nullable Object> Result<Optional<R>> addedWhen(
            Result<A> a, BiPredicate<? super I, ? super A> takesPlace) {
        Objects.requireNonNull(takesPlace, "takesPlace");
        draft.when(values -> takesPlace.test(Steps.input(values), a.of(values)), a);
        return steps.add(draft);
    }

    /**
     * A step that is one call of a participant.
     *
     * @param <I> the saga's input
     * @param <R> what the step returns
     * @param <SELF> the kind of step
     */
    public abstract static sealed class Plain<I, R extends @Nullable Object, SELF extends Plain<I, R, SELF>>
            extends Step<I, R, SELF> permits Compensatable, Pivot, Retriable {
        Plain(Steps<I> steps, StepDraft draft) {
            super(steps, draft);
        }

        /**
         * What the step does.
         *
         * @param body of the input and the context; what it returns must be something the engine's codec can carry
         * @return this
         */
        public SELF run(F2<? super I, StepContext, ? extends R> body) {
            draft.body((v, e, c, tx) -> body.apply(Steps.input(v), c));
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
                Result<A> a, F3<? super I, ? super A, StepContext, ? extends R> body) {
            draft.body((v, e, c, tx) -> body.apply(Steps.input(v), a.of(v), c), a);
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
                Result<A> a, Result<B> b, F4<? super I, ? super A, ? super B, StepContext, ? extends R> body) {
            draft.body((v, e, c, tx) -> body.apply(Steps.input(v), a.of(v), b.of(v), c), a, b);
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
                F5<? super I, ? super A, ? super B, ? super C, StepContext, ? extends R> body) {
            draft.body((v, e, x, tx) -> body.apply(Steps.input(v), a.of(v), b.of(v), c.of(v), x), a, b, c);
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
                        F6<? super I, ? super A, ? super B, ? super C, ? super D, StepContext, ? extends R> body) {
            draft.body((v, e, x, tx) -> body.apply(Steps.input(v), a.of(v), b.of(v), c.of(v), d.of(v), x), a, b, c, d);
            return self();
        }

        /**
         * The same, with the results of five earlier steps.
         *
         * @param <A> the first result's type
         * @param <B> the second result's type
         * @param <C> the third result's type
         * @param <D> the fourth result's type
         * @param <E> the fifth result's type
         * @param a the first result it takes
         * @param b the second result it takes
         * @param c the third result it takes
         * @param d the fourth result it takes
         * @param e the fifth result it takes
         * @param body what it does, of the input and what else it takes
         * @return this
         */
        public <
                        A extends @Nullable Object,
                        B extends @Nullable Object,
                        C extends @Nullable Object,
                        D extends @Nullable Object,
                        E extends @Nullable Object>
                SELF run(
                        Result<A> a,
                        Result<B> b,
                        Result<C> c,
                        Result<D> d,
                        Result<E> e,
                        F7<? super I, ? super A, ? super B, ? super C, ? super D, ? super E, StepContext, ? extends R>
                                body) {
            draft.body(
                    (v, el, x, tx) -> body.apply(Steps.input(v), a.of(v), b.of(v), c.of(v), d.of(v), e.of(v), x),
                    a,
                    b,
                    c,
                    d,
                    e);
            return self();
        }

        /**
         * For a participant that does not know keys: the action is called once. When its outcome is unknown, after a
         * timeout or a crash, the saga is parked and an operator says what became of it.
         *
         * @return this
         */
        public SELF atMostOnce() {
            draft.atMostOnce();
            return self();
        }
    }

    /**
     * A step that is undone when the saga turns.
     *
     * @param <I> the saga's input
     * @param <R> what the step returns
     */
    public static final class Compensatable<I, R extends @Nullable Object> extends Plain<I, R, Compensatable<I, R>> {
        Compensatable(Steps<I> steps, StepDraft draft) {
            super(steps, draft);
        }

        @Override
        Compensatable<I, R> self() {
            return this;
        }

        /**
         * What undoes it; called until it succeeds, see {@link #undoRetry}. Runs for a step that is done, and never for
         * one that was rejected or not reached.
         *
         * @param body of the input, the action's result and the context, whose key is the action's with {@code /undo}
         * @return this
         */
        public Compensatable<I, R> undo(F3.Effect<? super I, ? super R, StepContext> body) {
            draft.undo((v, e, r, c, tx) -> body.apply(Steps.input(v), Steps.cast(r), c));
            return this;
        }

        /**
         * How often, and after which pauses, the undo is called; by default as long as {@link #resolveFor} lasts (200 ms
         * doubling up to 5 min, full jitter), then the saga is parked.
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
         * When the saga turns while the outcome is unknown: asks the participant what became of the key, instead of
         * calling the action again (the default), until it knows.
         *
         * @param probe of the input and the context, whose key is the action's
         * @return this
         */
        public Compensatable<I, R> probe(F2<? super I, StepContext, ProbeResult<R>> probe) {
            draft.probe((v, e, c) -> probe.apply(Steps.input(v), c));
            return this;
        }

        /**
         * When the saga turns while the outcome is unknown: undoes by key alone, instead of calling the action again (the
         * default). The participant must bear that the action never happened, and must refuse it when it comes late.
         * Without an {@link #undo} of its own this undoes a step that is done as well.
         *
         * @param body of the input and the context: {@link StepContext#actionKey()} is what was called
         * @return this
         */
        public Compensatable<I, R> undoInDoubt(F2.Effect<? super I, StepContext> body) {
            draft.blind((v, e, r, c, tx) -> body.apply(Steps.input(v), c));
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
         * Adds it as a step that takes place only under a condition: asked once, when the step before it is done, and
         * kept in the journal.
         *
         * @param takesPlace of the input
         * @return empty if it did not take place, or returned null
         */
        public Result<Optional<R>> addWhen(Predicate<? super I> takesPlace) {
            return addedWhen(takesPlace);
        }

        /**
         * The same, of the input and the result of an earlier step.
         *
         * @param <A> the first result's type
         * @param a the result it takes
         * @param takesPlace asked once
         * @return empty if it did not take place, or returned null
         */
        public <A extends @Nullable Object> Result<Optional<R>> addWhen(
                Result<A> a, BiPredicate<? super I, ? super A> takesPlace) {
            return addedWhen(a, takesPlace);
        }
    }

    /**
     * The step that decides: once it is done, nothing before it is ever undone. There is no undo of it.
     *
     * @param <I> the saga's input
     * @param <R> what the step returns
     */
    public static final class Pivot<I, R extends @Nullable Object> extends Plain<I, R, Pivot<I, R>> {
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
     * A step behind the pivot: called until it succeeds. There is no undo of it.
     *
     * @param <I> the saga's input
     * @param <R> what the step returns
     */
    public static final class Retriable<I, R extends @Nullable Object> extends Plain<I, R, Retriable<I, R>> {
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
         * Adds it as a step that takes place only under a condition: asked once, and kept in the journal.
         *
         * @param takesPlace of the input
         * @return empty if it did not take place, or returned null
         */
        public Result<Optional<R>> addWhen(Predicate<? super I> takesPlace) {
            return addedWhen(takesPlace);
        }

        /**
         * The same, of the input and the result of an earlier step.
         *
         * @param <A> the first result's type
         * @param a the result it takes
         * @param takesPlace asked once
         * @return empty if it did not take place, or returned null
         */
        public <A extends @Nullable Object> Result<Optional<R>> addWhen(
                Result<A> a, BiPredicate<? super I, ? super A> takesPlace) {
            return addedWhen(a, takesPlace);
        }
    }
}
