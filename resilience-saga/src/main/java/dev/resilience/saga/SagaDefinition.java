// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.saga.Saga.F1;
import dev.resilience.saga.Saga.F2;
import dev.resilience.saga.Saga.F3;
import dev.resilience.saga.Saga.F4;
import dev.resilience.saga.Saga.F5;
import dev.resilience.saga.Saga.F6;
import dev.resilience.saga.Saga.Result;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A saga while it is written: {@link Saga#define} begins it; {@code returns(..)} or {@link #build()} end it, and refuse
 * what is wrong, all of it in one message. Not safe for several threads.
 *
 * @param <I> the saga's input
 */
public final class SagaDefinition<I> extends Steps<I> {
    final String name;
    final int version;
    final Type<I> input;
    /** Everything that was begun, in order: what is not added was forgotten. */
    final List<Part> begun = new ArrayList<>();

    int since = 1;

    @Nullable
    Duration deadline;

    @Nullable
    Function<Object, String> lockKey;

    private boolean closed;

    SagaDefinition(String name, int version, Type<I> input) {
        this.name = name;
        this.version = version;
        this.input = input;
    }

    @Override
    SagaDefinition<I> home() {
        return this;
    }

    void open() {
        if (closed) throw new IllegalStateException("saga '" + name + "' is defined; its steps cannot change any more");
    }

    /**
     * The oldest version whose sagas this definition may run on with; 1 by default. What those have in their journals
     * must fit: the same names and kinds in the same order as far as they got, else they are parked.
     *
     * @param oldest from 1 up to this version
     * @return this
     */
    public SagaDefinition<I> since(int oldest) {
        touch();
        since = oldest;
        return this;
    }

    /**
     * How long a saga may take from its start until its pivot begins; none by default. Then it turns. Measured on the
     * store's clock; undoing has no deadline.
     *
     * @param most more than zero
     * @return this
     */
    public SagaDefinition<I> deadline(Duration most) {
        touch();
        deadline = Objects.requireNonNull(most, "deadline");
        return this;
    }

    /**
     * What no two live sagas may hold at once: a second {@code start} with the same key is refused with
     * {@code SagaLockedException}. The key is held over all definitions, until the saga ends, also while it is parked.
     *
     * @param key of the input, such as {@code "customer:" + in.customerId()}; up to 200 characters
     * @return this
     */
    public SagaDefinition<I> lockKey(Function<? super I, String> key) {
        touch();
        Objects.requireNonNull(key, "key");
        lockKey = input -> key.apply(cast(input));
        return this;
    }

    /**
     * The step that decides: once it is done, nothing before it is ever undone, and what follows is called until it
     * succeeds. One at most.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> Step.Pivot<I, R> pivot(String name, Class<R> result) {
        return pivot(name, Type.of(result));
    }

    /**
     * The same, returning something with type arguments.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> Step.Pivot<I, R> pivot(String name, Type<R> result) {
        return new Step.Pivot<>(this, pivotDraft(name, result, false));
    }

    /**
     * The step that decides, in the journal's own database.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> TxStep.Pivot<I, R> txPivot(String name, Class<R> result) {
        return txPivot(name, Type.of(result));
    }

    /**
     * The same, returning something with type arguments.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> TxStep.Pivot<I, R> txPivot(String name, Type<R> result) {
        return new TxStep.Pivot<>(this, pivotDraft(name, result, true));
    }

    private StepDraft pivotDraft(String name, Type<?> result, boolean transactional) {
        return begun(new StepDraft(Objects.requireNonNull(name, "name"), Node.Kind.PIVOT, result, transactional));
    }

    /**
     * Ends the definition of a saga that returns nothing.
     *
     * @return the saga
     * @throws IllegalArgumentException if anything is wrong with it: all of it in one message
     */
    @SuppressWarnings("NullAway") // a lambda's null is not taken for the result's type argument
    public Saga<I, @Nullable Void> build() {
        return made(values -> null);
    }

    /**
     * Ends the definition.
     *
     * @param <O> what the saga returns
     * @param output what the saga returns, of its input. Called when the saga completes, and again by whoever asks for
     *     its output later: pure
     * @return the saga
     * @throws IllegalArgumentException if anything is wrong with the definition: all of it in one message
     */
    public <O extends @Nullable Object> Saga<I, O> returns(F1<? super I, ? extends O> output) {
        return made(v -> output.apply(input(v)));
    }

    /**
     * The same, of the input and the result of a step.
     *
     * @param <O> what the saga returns
     * @param <A> the first result's type
     * @param a the first result it takes
     * @param output what the saga returns: pure
     * @return the saga
     */
    public <O extends @Nullable Object, A extends @Nullable Object> Saga<I, O> returns(
            Result<A> a, F2<? super I, ? super A, ? extends O> output) {
        return made(v -> output.apply(input(v), a.of(v)), a);
    }

    /**
     * The same, of the input and the results of two steps.
     *
     * @param <O> what the saga returns
     * @param <A> the first result's type
     * @param <B> the second result's type
     * @param a the first result it takes
     * @param b the second result it takes
     * @param output what the saga returns: pure
     * @return the saga
     */
    public <O extends @Nullable Object, A extends @Nullable Object, B extends @Nullable Object> Saga<I, O> returns(
            Result<A> a, Result<B> b, F3<? super I, ? super A, ? super B, ? extends O> output) {
        return made(v -> output.apply(input(v), a.of(v), b.of(v)), a, b);
    }

    /**
     * The same, of the input and the results of three steps.
     *
     * @param <O> what the saga returns
     * @param <A> the first result's type
     * @param <B> the second result's type
     * @param <C> the third result's type
     * @param a the first result it takes
     * @param b the second result it takes
     * @param c the third result it takes
     * @param output what the saga returns: pure
     * @return the saga
     */
    public <
                    O extends @Nullable Object,
                    A extends @Nullable Object,
                    B extends @Nullable Object,
                    C extends @Nullable Object>
            Saga<I, O> returns(
                    Result<A> a,
                    Result<B> b,
                    Result<C> c,
                    F4<? super I, ? super A, ? super B, ? super C, ? extends O> output) {
        return made(v -> output.apply(input(v), a.of(v), b.of(v), c.of(v)), a, b, c);
    }

    /**
     * The same, of the input and the results of four steps.
     *
     * @param <O> what the saga returns
     * @param <A> the first result's type
     * @param <B> the second result's type
     * @param <C> the third result's type
     * @param <D> the fourth result's type
     * @param a the first result it takes
     * @param b the second result it takes
     * @param c the third result it takes
     * @param d the fourth result it takes
     * @param output what the saga returns: pure
     * @return the saga
     */
    public <
                    O extends @Nullable Object,
                    A extends @Nullable Object,
                    B extends @Nullable Object,
                    C extends @Nullable Object,
                    D extends @Nullable Object>
            Saga<I, O> returns(
                    Result<A> a,
                    Result<B> b,
                    Result<C> c,
                    Result<D> d,
                    F5<? super I, ? super A, ? super B, ? super C, ? super D, ? extends O> output) {
        return made(v -> output.apply(input(v), a.of(v), b.of(v), c.of(v), d.of(v)), a, b, c, d);
    }

    /**
     * The same, of the input and the results of five steps.
     *
     * @param <O> what the saga returns
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
     * @param output what the saga returns: pure
     * @return the saga
     */
    public <
                    O extends @Nullable Object,
                    A extends @Nullable Object,
                    B extends @Nullable Object,
                    C extends @Nullable Object,
                    D extends @Nullable Object,
                    E extends @Nullable Object>
            Saga<I, O> returns(
                    Result<A> a,
                    Result<B> b,
                    Result<C> c,
                    Result<D> d,
                    Result<E> e,
                    F6<? super I, ? super A, ? super B, ? super C, ? super D, ? super E, ? extends O> output) {
        return made(v -> output.apply(input(v), a.of(v), b.of(v), c.of(v), d.of(v), e.of(v)), a, b, c, d, e);
    }

    private <O extends @Nullable Object> Saga<I, O> made(F1<Node.Values, @Nullable Object> output, Result<?>... taken) {
        open();
        Saga<I, O> saga = new Saga<>(new Assembly(this, List.of(taken)).plan(output));
        closed = true;
        return saga;
    }

    @Override
    public String toString() {
        return "definition of saga '" + name + "' version " + version;
    }
}
