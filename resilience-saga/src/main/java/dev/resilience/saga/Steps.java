// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.saga.Saga.Result;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where steps are added, in the order in which they shall run: a {@link SagaDefinition} or a {@link Fork.Branch}. Each
 * verb takes a name that is unique in the saga, over all branches; the journal and the keys have it, so a name never
 * changes its meaning.
 *
 * @param <I> the saga's input
 */
public abstract sealed class Steps<I> permits SagaDefinition, Fork.Branch {
    private final List<Part> parts = new ArrayList<>();

    Steps() {}

    abstract SagaDefinition<I> home();

    /**
     * A step that is undone when the saga turns; only before the pivot.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> Step.Compensatable<I, R> step(String name, Class<R> result) {
        return step(name, Type.of(result));
    }

    /**
     * The same, returning something with type arguments.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> Step.Compensatable<I, R> step(String name, Type<R> result) {
        return new Step.Compensatable<>(this, draft(name, Node.Kind.COMPENSATABLE, result, false));
    }

    /**
     * A step behind the pivot: called until it succeeds. In a saga without a {@code pivot} the first retriable step is
     * the pivot.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> Step.Retriable<I, R> retriable(String name, Class<R> result) {
        return retriable(name, Type.of(result));
    }

    /**
     * The same, returning something with type arguments.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> Step.Retriable<I, R> retriable(String name, Type<R> result) {
        return new Step.Retriable<>(this, draft(name, Node.Kind.RETRIABLE, result, false));
    }

    /**
     * A step in the journal's own database that is undone when the saga turns; only before the pivot.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> TxStep.Compensatable<I, R> txStep(String name, Class<R> result) {
        return txStep(name, Type.of(result));
    }

    /**
     * The same, returning something with type arguments.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> TxStep.Compensatable<I, R> txStep(String name, Type<R> result) {
        return new TxStep.Compensatable<>(this, draft(name, Node.Kind.COMPENSATABLE, result, true));
    }

    /**
     * A step in the journal's own database, behind the pivot.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> TxStep.Retriable<I, R> txRetriable(String name, Class<R> result) {
        return txRetriable(name, Type.of(result));
    }

    /**
     * The same, returning something with type arguments.
     *
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <R extends @Nullable Object> TxStep.Retriable<I, R> txRetriable(String name, Type<R> result) {
        return new TxStep.Retriable<>(this, draft(name, Node.Kind.RETRIABLE, result, true));
    }

    /**
     * A step for each element of a list, undone element by element when the saga turns; only before the pivot.
     *
     * @param <E> an element
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param element what the list has
     * @param result what is returned for one element
     * @return the step, to be said and added
     */
    public <E, R extends @Nullable Object> ForEach.Compensatable<I, E, R> forEach(
            String name, Class<E> element, Class<R> result) {
        return forEach(name, Type.of(element), Type.of(result));
    }

    /**
     * The same, of types with arguments.
     *
     * @param <E> an element
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param element what the list has
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <E, R extends @Nullable Object> ForEach.Compensatable<I, E, R> forEach(
            String name, Type<E> element, Type<R> result) {
        StepDraft draft = draft(name, Node.Kind.COMPENSATABLE, result, false);
        return new ForEach.Compensatable<>(this, draft.each(element));
    }

    /**
     * A step for each element of a list, behind the pivot.
     *
     * @param <E> an element
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param element what the list has
     * @param result what is returned for one element
     * @return the step, to be said and added
     */
    public <E, R extends @Nullable Object> ForEach.Retriable<I, E, R> forEachRetriable(
            String name, Class<E> element, Class<R> result) {
        return forEachRetriable(name, Type.of(element), Type.of(result));
    }

    /**
     * The same, of types with arguments.
     *
     * @param <E> an element
     * @param <R> what the step returns
     * @param name 1 to 120 characters, unique in the saga
     * @param element what the list has
     * @param result what it returns
     * @return the step, to be said and added
     */
    public <E, R extends @Nullable Object> ForEach.Retriable<I, E, R> forEachRetriable(
            String name, Type<E> element, Type<R> result) {
        StepDraft draft = draft(name, Node.Kind.RETRIABLE, result, false);
        return new ForEach.Retriable<>(this, draft.each(element));
    }

    /**
     * Branches side by side; {@link Fork#join()} gives them their place.
     *
     * @param name 1 to 120 characters, unique in the saga
     * @return where branches are begun
     */
    public Fork<I> fork(String name) {
        return new Fork<>(this, begun(new Part.Forking(Objects.requireNonNull(name, "name"))));
    }

    /**
     * Waits for a signal, without a thread and over restarts. A signal that came before is there already.
     *
     * @param <R> what the signal brings
     * @param name of the signal, 1 to 120 characters, unique in the saga
     * @param signal what it brings
     * @return the wait, to be said and added
     */
    public <R extends @Nullable Object> Await<R> await(String name, Class<R> signal) {
        return await(name, Type.of(signal));
    }

    /**
     * The same, bringing something with type arguments.
     *
     * @param <R> what the signal brings
     * @param name 1 to 120 characters, unique in the saga
     * @param signal what it brings
     * @return the wait, to be said and added
     */
    public <R extends @Nullable Object> Await<R> await(String name, Type<R> signal) {
        Objects.requireNonNull(signal, "signal");
        return new Await<>(this, begun(new Part.Waiting(Objects.requireNonNull(name, "name"), signal)));
    }

    /**
     * Waits, without a thread and over restarts; measured on the store's clock from when the step before it is done.
     *
     * @param name 1 to 120 characters, unique in the saga
     * @param duration more than zero
     */
    public void delay(String name, Duration duration) {
        Objects.requireNonNull(duration, "duration");
        addPart(begun(new Part.Pause(Objects.requireNonNull(name, "name"), duration)));
    }

    // ---- what the builders hand in

    private StepDraft draft(String name, Node.Kind kind, Type<?> result, boolean transactional) {
        return begun(new StepDraft(Objects.requireNonNull(name, "name"), kind, result, transactional));
    }

    final <P extends Part> P begun(P part) {
        touch();
        home().begun.add(part);
        return part;
    }

    /** Before every change. */
    void touch() {
        home().open();
    }

    final <R extends @Nullable Object> Result<R> add(Part part) {
        addPart(part);
        return new Result<>(home(), part.name);
    }

    final void addPart(Part part) {
        touch();
        if (!part.added()) parts.add(part);
        part.add();
    }

    final List<Part> parts() {
        return Collections.unmodifiableList(parts);
    }

    final List<Node> nodes(@Nullable Part pivot) {
        List<Node> nodes = new ArrayList<>();
        for (Part part : parts) nodes.add(part.node(part == pivot));
        return List.copyOf(nodes);
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // the engine decoded it by the definition's type
    static <I> I input(Node.Values values) {
        return (I) values.input();
    }

    @SuppressWarnings({"unchecked", "NullAway", "TypeParameterUnusedInFormals"}) // decoded by the step's type
    static <T extends @Nullable Object> T cast(@Nullable Object value) {
        return (T) value;
    }

    static Connection tx(@Nullable Connection tx) {
        if (tx == null) throw new IllegalStateException("a transactional step was run without a transaction");
        return tx;
    }

    /**
     * A signal while its waiting is written. End it with {@link #add()} or {@link #addOptional()}.
     *
     * @param <R> what the signal brings; kept in the journal
     */
    public static final class Await<R extends @Nullable Object> {
        private final Steps<?> steps;
        private final Part.Waiting draft;

        Await(Steps<?> steps, Part.Waiting draft) {
            this.steps = steps;
            this.draft = draft;
        }

        /**
         * How long it is waited for. Required, unless the saga has a deadline and this is before the pivot: nothing waits
         * for ever.
         *
         * @param most more than zero
         * @return this
         */
        public Await<R> timeout(Duration most) {
            draft.touch();
            draft.timeout = Objects.requireNonNull(most, "timeout");
            return this;
        }

        /**
         * Adds it: at the timeout the saga turns (behind the pivot: is parked).
         *
         * @return its result, for later steps
         */
        public Result<R> add() {
            return steps.add(draft);
        }

        /**
         * Adds it: at the timeout the saga goes on with an empty result.
         *
         * @return its result, for later steps
         */
        public Result<Optional<R>> addOptional() {
            draft.touch();
            draft.optional = true;
            return steps.add(draft);
        }
    }
}
