// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A saga's definition: its steps, how each is undone, what it returns. It is data, checked as a whole when it is made;
 * an engine walks it. Immutable; register one with every engine that shall run it.
 *
 * {@snippet class="dev.resilience.saga.DefinitionSnippets" region="define"}
 *
 * @param <I> what a saga is started with
 * @param <O> what it returns
 */
@SuppressWarnings("UnusedTypeParameter") // they tie start and handle to the definition
public final class Saga<I, O extends @Nullable Object> {
    final Plan plan;

    Saga(Plan plan) {
        this.plan = plan;
    }

    /**
     * Begins a definition.
     *
     * @param <I> the saga's input
     * @param name of the saga, 1 to 100 characters, in the journal and in every key: never change it
     * @param version from 1; raise it when steps change. An engine runs a saga with the definition of its version
     * @param input what a saga is started with; kept in the journal
     * @return where steps are added
     */
    public static <I> SagaDefinition<I> define(String name, int version, Class<I> input) {
        return define(name, version, Type.of(input));
    }

    /**
     * Begins a definition whose input has type arguments.
     *
     * @param <I> the saga's input
     * @param name of the saga, 1 to 100 characters, in the journal and in every key: never change it
     * @param version from 1; raise it when steps change
     * @param input what a saga is started with; kept in the journal
     * @return where steps are added
     */
    public static <I> SagaDefinition<I> define(String name, int version, Type<I> input) {
        return new SagaDefinition<>(
                Objects.requireNonNull(name, "name"), version, Objects.requireNonNull(input, "input"));
    }

    /**
     * As defined.
     *
     * @return the name
     */
    public String name() {
        return plan.name();
    }

    /**
     * As defined.
     *
     * @return the version
     */
    public int version() {
        return plan.version();
    }

    /**
     * Every step in order with its kind, what undoes it and its settings: for logs and for people.
     *
     * @return several lines, the last one ended as well
     */
    public String describe() {
        return Drawing.text(plan);
    }

    /**
     * The same as a Mermaid flowchart, to be pasted into a page.
     *
     * @return several lines, the last one ended as well
     */
    public String mermaid() {
        return Drawing.mermaid(plan);
    }

    /** The steps in one line. */
    @Override
    public String toString() {
        return Drawing.line(plan);
    }

    /**
     * What a step will have returned, as an argument of later steps. It exists only once its step is added, so nothing
     * uses a result that is not there yet.
     *
     * @param <R> what the step returns
     */
    public static final class Result<R extends @Nullable Object> {
        final SagaDefinition<?> home;
        final String step;

        Result(SagaDefinition<?> home, String step) {
            this.home = home;
            this.step = step;
        }

        @SuppressWarnings({"unchecked", "NullAway"}) // the type and its nullness are those of the step of that name
        R of(Node.Values values) {
            return (R) values.result(step);
        }

        /**
         * The name of its step.
         *
         * @return as given to the definition
         */
        public String step() {
            return step;
        }

        @Override
        public String toString() {
            return "result of '" + step + "'";
        }
    }

    /**
     * A function of one argument that may throw.
     *
     * @param <A> the first argument
     * @param <R> what it returns
     */
    @FunctionalInterface
    public interface F1<A extends @Nullable Object, R extends @Nullable Object> {
        /**
         * Runs it.
         *
         * @param a the first argument
         * @return its result
         * @throws Exception what it may
         */
        R apply(A a) throws Exception;
    }

    /**
     * A function of two arguments that may throw.
     *
     * @param <A> the first argument
     * @param <B> the second argument
     * @param <R> what it returns
     */
    @FunctionalInterface
    public interface F2<A extends @Nullable Object, B extends @Nullable Object, R extends @Nullable Object> {
        /**
         * Runs it.
         *
         * @param a the first argument
         * @param b the second argument
         * @return its result
         * @throws Exception what it may
         */
        R apply(A a, B b) throws Exception;

        /**
         * The same without a result.
         *
         * @param <A> the first argument
         * @param <B> the second argument
         */
        @FunctionalInterface
        interface Effect<A extends @Nullable Object, B extends @Nullable Object> {
            /**
             * Runs it.
             *
             * @param a the first argument
             * @param b the second argument
             * @throws Exception what it may
             */
            void apply(A a, B b) throws Exception;
        }
    }

    /**
     * A function of three arguments that may throw.
     *
     * @param <A> the first argument
     * @param <B> the second argument
     * @param <C> the third argument
     * @param <R> what it returns
     */
    @FunctionalInterface
    public interface F3<
            A extends @Nullable Object,
            B extends @Nullable Object,
            C extends @Nullable Object,
            R extends @Nullable Object> {
        /**
         * Runs it.
         *
         * @param a the first argument
         * @param b the second argument
         * @param c the third argument
         * @return its result
         * @throws Exception what it may
         */
        R apply(A a, B b, C c) throws Exception;

        /**
         * The same without a result.
         *
         * @param <A> the first argument
         * @param <B> the second argument
         * @param <C> the third argument
         */
        @FunctionalInterface
        interface Effect<A extends @Nullable Object, B extends @Nullable Object, C extends @Nullable Object> {
            /**
             * Runs it.
             *
             * @param a the first argument
             * @param b the second argument
             * @param c the third argument
             * @throws Exception what it may
             */
            void apply(A a, B b, C c) throws Exception;
        }
    }

    /**
     * A function of four arguments that may throw.
     *
     * @param <A> the first argument
     * @param <B> the second argument
     * @param <C> the third argument
     * @param <D> the fourth argument
     * @param <R> what it returns
     */
    @FunctionalInterface
    public interface F4<
            A extends @Nullable Object,
            B extends @Nullable Object,
            C extends @Nullable Object,
            D extends @Nullable Object,
            R extends @Nullable Object> {
        /**
         * Runs it.
         *
         * @param a the first argument
         * @param b the second argument
         * @param c the third argument
         * @param d the fourth argument
         * @return its result
         * @throws Exception what it may
         */
        R apply(A a, B b, C c, D d) throws Exception;

        /**
         * The same without a result.
         *
         * @param <A> the first argument
         * @param <B> the second argument
         * @param <C> the third argument
         * @param <D> the fourth argument
         */
        @FunctionalInterface
        interface Effect<
                A extends @Nullable Object,
                B extends @Nullable Object,
                C extends @Nullable Object,
                D extends @Nullable Object> {
            /**
             * Runs it.
             *
             * @param a the first argument
             * @param b the second argument
             * @param c the third argument
             * @param d the fourth argument
             * @throws Exception what it may
             */
            void apply(A a, B b, C c, D d) throws Exception;
        }
    }

    /**
     * A function of five arguments that may throw.
     *
     * @param <A> the first argument
     * @param <B> the second argument
     * @param <C> the third argument
     * @param <D> the fourth argument
     * @param <E> the fifth argument
     * @param <R> what it returns
     */
    @FunctionalInterface
    public interface F5<
            A extends @Nullable Object,
            B extends @Nullable Object,
            C extends @Nullable Object,
            D extends @Nullable Object,
            E extends @Nullable Object,
            R extends @Nullable Object> {
        /**
         * Runs it.
         *
         * @param a the first argument
         * @param b the second argument
         * @param c the third argument
         * @param d the fourth argument
         * @param e the fifth argument
         * @return its result
         * @throws Exception what it may
         */
        R apply(A a, B b, C c, D d, E e) throws Exception;
    }

    /**
     * A function of six arguments that may throw.
     *
     * @param <A> the first argument
     * @param <B> the second argument
     * @param <C> the third argument
     * @param <D> the fourth argument
     * @param <E> the fifth argument
     * @param <F> the sixth argument
     * @param <R> what it returns
     */
    @FunctionalInterface
    public interface F6<
            A extends @Nullable Object,
            B extends @Nullable Object,
            C extends @Nullable Object,
            D extends @Nullable Object,
            E extends @Nullable Object,
            F extends @Nullable Object,
            R extends @Nullable Object> {
        /**
         * Runs it.
         *
         * @param a the first argument
         * @param b the second argument
         * @param c the third argument
         * @param d the fourth argument
         * @param e the fifth argument
         * @param f the sixth argument
         * @return its result
         * @throws Exception what it may
         */
        R apply(A a, B b, C c, D d, E e, F f) throws Exception;
    }

    /**
     * A function of seven arguments that may throw.
     *
     * @param <A> the first argument
     * @param <B> the second argument
     * @param <C> the third argument
     * @param <D> the fourth argument
     * @param <E> the fifth argument
     * @param <F> the sixth argument
     * @param <G> the seventh argument
     * @param <R> what it returns
     */
    @FunctionalInterface
    public interface F7<
            A extends @Nullable Object,
            B extends @Nullable Object,
            C extends @Nullable Object,
            D extends @Nullable Object,
            E extends @Nullable Object,
            F extends @Nullable Object,
            G extends @Nullable Object,
            R extends @Nullable Object> {
        /**
         * Runs it.
         *
         * @param a the first argument
         * @param b the second argument
         * @param c the third argument
         * @param d the fourth argument
         * @param e the fifth argument
         * @param f the sixth argument
         * @param g the seventh argument
         * @return its result
         * @throws Exception what it may
         */
        R apply(A a, B b, C c, D d, E e, F f, G g) throws Exception;
    }
}
