// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import org.jspecify.annotations.Nullable;

/** What an operator found out of a step that nobody else could tell: see {@link SagaAdmin#resolve}. Immutable. */
public final class Resolution {
    private static final Resolution NOT_DONE = new Resolution(false, false, null);
    private static final Resolution DONE = new Resolution(true, false, null);

    private final boolean done;
    private final boolean valued;
    private final @Nullable Object value;

    private Resolution(boolean done, boolean valued, @Nullable Object value) {
        this.done = done;
        this.valued = valued;
        this.value = value;
    }

    /**
     * The step's effect is there, and this is its result. Of an action only.
     *
     * @param result of the type that the definition declares for the step; null where that allows it
     * @return the finding
     */
    public static Resolution done(@Nullable Object result) {
        return new Resolution(true, true, result);
    }

    /**
     * It is done: of a compensation that somebody has made by hand, or of an action without a result. Of an open step that has one,
     * {@link #done(Object)} says which; this is refused. Of an action in doubt while the saga is undone, this lets its
     * compensation see no result.
     *
     * @return the finding
     */
    public static Resolution done() {
        return DONE;
    }

    /**
     * The step has no effect and never will have one under its key.
     *
     * @return the finding
     */
    public static Resolution notDone() {
        return NOT_DONE;
    }

    boolean isDone() {
        return done;
    }

    boolean hasValue() {
        return valued;
    }

    @Nullable
    Object value() {
        return value;
    }

    @Override
    public String toString() {
        return !done ? "not done" : valued ? "done: " + value : "done";
    }
}
