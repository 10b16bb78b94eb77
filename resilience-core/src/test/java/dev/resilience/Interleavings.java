// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * All interleavings of a few actors on one shared state: depth first over the states, each visited once. A step is
 * atomic. A state in which nobody can go on and somebody has not ended is a deadlock; a state that is reached from
 * itself is a livelock; both are failures, so that what is searched to the end terminates.
 */
final class Interleavings {
    /** Returned by a step that cannot be taken in this state. It must not have changed it. */
    static final int BLOCKED = -1;

    private static final BigInteger UNDER_WAY = BigInteger.ONE.negate();

    /** What the actors share, as numbers, so that it can be copied and compared. */
    static final class State {
        final int[] vars;

        private State(int[] vars) {
            this.vars = vars;
        }
    }

    /** Changes the state and returns the number of the actor's next step, or BLOCKED. */
    interface Step {
        int take(State state);
    }

    /** The steps of an actor; each has one alternative or several. It has ended when it is beyond the last one. */
    static final class Actor {
        private final String name;
        private final List<List<Step>> steps = new ArrayList<>();

        Actor(String name) {
            this.name = name;
        }

        /** The number that the next step will have. */
        int here() {
            return steps.size();
        }

        Actor step(Step... alternatives) {
            steps.add(List.of(alternatives));
            return this;
        }
    }

    static final class Violation extends AssertionError {
        private static final long serialVersionUID = 1L;

        Violation(String what) {
            super(what);
        }
    }

    private final List<Actor> actors;
    private final Consumer<State> atEnd;
    private final Map<ByteBuffer, BigInteger> schedules = new HashMap<>();
    private final List<String> trace = new ArrayList<>();

    private Interleavings(List<Actor> actors, Consumer<State> atEnd) {
        this.actors = actors;
        this.atEnd = atEnd;
    }

    /** How much was searched: different states, and schedules that lead through them. */
    record Searched(int states, BigInteger schedules) {}

    /**
     * Searches everything.
     *
     * @throws Violation with the schedule that leads to it
     */
    static Searched search(int vars, Supplier<List<Actor>> actors, Consumer<State> atEnd) {
        Interleavings all = new Interleavings(actors.get(), atEnd);
        BigInteger found = all.visit(new State(new int[vars]), new int[all.actors.size()]);
        return new Searched(all.schedules.size(), found);
    }

    private BigInteger visit(State state, int[] at) {
        ByteBuffer key = key(state, at);
        BigInteger known = schedules.get(key);
        if (UNDER_WAY.equals(known)) throw violation("never ends");
        if (known != null) return known;
        schedules.put(key, UNDER_WAY);
        BigInteger sum = BigInteger.ZERO;
        for (int actor = 0; actor < at.length; actor++) sum = sum.add(advance(actor, state, at));
        if (sum.signum() == 0) {
            end(state, at);
            sum = BigInteger.ONE;
        }
        schedules.put(key, sum);
        return sum;
    }

    private BigInteger advance(int actor, State state, int[] at) {
        BigInteger sum = BigInteger.ZERO;
        List<List<Step>> steps = actors.get(actor).steps;
        if (at[actor] >= steps.size()) return sum;
        for (Step step : steps.get(at[actor])) {
            State next = new State(state.vars.clone());
            trace.add(actors.get(actor).name + at[actor]);
            int[] then = at.clone();
            then[actor] = attempt(step, next);
            if (then[actor] != BLOCKED) sum = sum.add(visit(next, then));
            trace.remove(trace.size() - 1);
        }
        return sum;
    }

    private int attempt(Step step, State next) {
        try {
            return step.take(next);
        } catch (Violation broken) {
            throw violation(broken.getMessage());
        }
    }

    private void end(State state, int[] at) {
        for (int actor = 0; actor < at.length; actor++) {
            if (at[actor] < actors.get(actor).steps.size()) {
                throw violation(actors.get(actor).name + " waits for ever at step " + at[actor]);
            }
        }
        try {
            atEnd.accept(state);
        } catch (Violation broken) {
            throw violation(broken.getMessage());
        }
    }

    private Violation violation(String what) {
        if (what.contains(" after ")) return new Violation(what);
        return new Violation(what + " after " + String.join(" ", trace) + " ");
    }

    private static ByteBuffer key(State state, int[] at) {
        ByteBuffer key = ByteBuffer.allocate(state.vars.length + at.length);
        Arrays.stream(state.vars).forEach(v -> key.put((byte) v));
        Arrays.stream(at).forEach(pc -> key.put((byte) pc));
        return key.flip();
    }
}
