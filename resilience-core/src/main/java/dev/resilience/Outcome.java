// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What came of a call, as data: a value or an exception. {@link Policy#outcome(Op)} returns it instead of throwing.
 *
 * <p>Closed by meaning: exactly these two shapes, for ever, so a {@code switch} over them is exhaustive. An outcome says
 * nothing about whether the exception counts as a failure; that is a {@link Verdict}.
 *
 * @param <T> the type of the value
 */
public sealed interface Outcome<T extends @Nullable Object> {
    /**
     * A value.
     *
     * @param <T> its type
     * @param value the value, which may be null where {@code T} allows it
     */
    record Success<T extends @Nullable Object>(T value) implements Outcome<T> {}

    /**
     * An exception. A class and not a record, because the exception of a rejection is only made when somebody asks for
     * it: rejecting through {@link Policy#outcome(Op)} costs one small object.
     *
     * @param <T> the type that the value would have had
     */
    final class Failure<T extends @Nullable Object> implements Outcome<T> {
        private static final VarHandle THROWN =
                Handles.field(MethodHandles.lookup(), Failure.class, "thrown", Throwable.class);

        private final @Nullable Gate gate;
        private final @Nullable CallContext context;
        private final long refusal;
        private volatile @Nullable Throwable thrown;

        Failure(Throwable thrown) {
            this.gate = null;
            this.context = null;
            this.refusal = 0;
            this.thrown = thrown;
        }

        Failure(Gate gate, CallContext context, long refusal) {
            this.gate = gate;
            this.context = context;
            this.refusal = refusal;
        }

        /**
         * The exception, the same instance at every call. For a rejection it is made at the first call, with the
         * gate's numbers of that moment.
         *
         * @return what a throwing face would have thrown
         */
        public Throwable thrown() {
            Throwable known = thrown;
            return known != null ? known : make();
        }

        private Throwable make() {
            Throwable made = Objects.requireNonNull(gate).explained(Objects.requireNonNull(context), refusal);
            THROWN.compareAndSet(this, null, made);
            return Objects.requireNonNull(thrown);
        }

        /**
         * For logs.
         *
         * @return the exception in words
         */
        @Override
        public String toString() {
            return "Failure[" + thrown() + "]";
        }
    }

    /**
     * An outcome with a value.
     *
     * @param <T> its type
     * @param value the value
     * @return the outcome
     */
    static <T extends @Nullable Object> Outcome<T> success(T value) {
        return new Success<>(value);
    }

    /**
     * An outcome with an exception.
     *
     * @param <T> the type that the value would have had
     * @param thrown the exception
     * @return the outcome
     */
    static <T extends @Nullable Object> Outcome<T> failure(Throwable thrown) {
        return new Failure<>(Objects.requireNonNull(thrown, "thrown"));
    }

    /**
     * Whether there is a value.
     *
     * @return true for {@link Success}
     */
    default boolean succeeded() {
        return this instanceof Success;
    }

    /**
     * The value, or the exception thrown as it is: a checked one too, though the signature does not say so.
     *
     * @return the value
     */
    default T orElseThrow() {
        if (this instanceof Success<T> success) return success.value();
        throw Handles.<RuntimeException>sneak(((Failure<T>) this).thrown());
    }

    /**
     * The value, or another one.
     *
     * @param other returned when there is an exception
     * @return the value or {@code other}
     */
    default T orElse(T other) {
        return this instanceof Success<T> success ? success.value() : other;
    }

    /**
     * One function for each shape.
     *
     * @param <R> the type of the result
     * @param value applied to a value
     * @param thrown applied to an exception
     * @return what the function returned
     */
    default <R extends @Nullable Object> R fold(
            Function<? super T, ? extends R> value, Function<? super Throwable, ? extends R> thrown) {
        if (this instanceof Success<T> success) return value.apply(success.value());
        return thrown.apply(((Failure<T>) this).thrown());
    }

    /**
     * The value or the exception, when it is of that type.
     *
     * @param <C> the type looked for
     * @param valueOrExceptionType its class
     * @return empty when what is inside is of another type, or is null
     */
    default <C> Optional<C> as(Class<C> valueOrExceptionType) {
        Object inside = this instanceof Success<T> success ? success.value() : ((Failure<T>) this).thrown();
        return valueOrExceptionType.isInstance(inside)
                ? Optional.of(valueOrExceptionType.cast(inside))
                : Optional.empty();
    }
}
