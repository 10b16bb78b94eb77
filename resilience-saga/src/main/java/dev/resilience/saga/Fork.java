// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import java.util.Objects;

/**
 * Branches that run side by side: begin each with {@link #branch}, add its steps, and {@link #join} them all. The saga
 * goes on when every branch is done; when it turns, each branch is undone in reverse, side by side with the others.
 *
 * @param <I> the saga's input
 */
public final class Fork<I> {
    private final Steps<I> outer;
    private final Part.Forking draft;

    Fork(Steps<I> outer, Part.Forking draft) {
        this.outer = outer;
        this.draft = draft;
    }

    /**
     * Begins a branch.
     *
     * @param name unique in this fork
     * @return where its steps are added; they may take results from before the fork and of their own branch
     */
    public Branch<I> branch(String name) {
        draft.touch();
        Branch<I> branch = new Branch<>(outer.home(), draft, Objects.requireNonNull(name, "name"));
        draft.branches.add(branch);
        return branch;
    }

    /** Adds the fork to the saga: what is added from here on runs when all branches are done, and sees their results. */
    public void join() {
        outer.addPart(draft);
    }

    @Override
    public String toString() {
        return draft.who();
    }

    /**
     * One branch: the verbs of the saga itself but for the pivot, which no branch can be.
     *
     * @param <I> the saga's input
     */
    public static final class Branch<I> extends Steps<I> {
        final String name;
        private final SagaDefinition<I> home;
        private final Part.Forking fork;

        Branch(SagaDefinition<I> home, Part.Forking fork, String name) {
            this.home = home;
            this.fork = fork;
            this.name = name;
        }

        @Override
        SagaDefinition<I> home() {
            return home;
        }

        @Override
        void touch() {
            super.touch();
            fork.touch();
        }

        @Override
        public String toString() {
            return "branch '" + name + "' of " + fork.who();
        }
    }
}
