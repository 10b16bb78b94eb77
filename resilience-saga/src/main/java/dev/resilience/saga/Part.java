// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Description;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One place of a definition while it is written: becomes a {@link Node} when all of it is known to be right. */
abstract sealed class Part permits StepDraft, Part.Waiting, Part.Pause, Part.Forking {
    final String what;
    final String name;
    /** The results it takes. */
    final Set<Saga.Result<?>> uses = new LinkedHashSet<>();

    private boolean added;
    private boolean changedLate;
    private boolean addedTwice;

    Part(String what, String name) {
        this.what = what;
        this.name = name;
    }

    /** What is wrong with it by itself. */
    abstract void check(List<String> problems);

    abstract Node node(boolean asPivot);

    /** As messages call it. */
    final String who() {
        return what + " '" + name + "'";
    }

    /** Before every setting: one that came after {@code add()} would be lost. */
    final void touch() {
        if (added) changedLate = true;
    }

    final boolean added() {
        return added;
    }

    final void add() {
        if (added) addedTwice = true;
        added = true;
    }

    final void checkLife(List<String> problems) {
        String last = this instanceof Forking ? "join()" : "add()";
        if (addedTwice) problems.add(who() + " was added twice; call " + last + " once, as the last");
        if (changedLate) problems.add(who() + " was changed after " + last + "; it is the last call");
    }

    static void positive(List<String> problems, String what, @Nullable Duration duration) {
        if (duration != null && (duration.isNegative() || duration.isZero()))
            problems.add(what + " must be more than zero, was " + duration);
    }

    /** Waits for a signal. */
    static final class Waiting extends Part {
        final Type<?> result;

        @Nullable
        Duration timeout;

        boolean optional;

        Waiting(String name, Type<?> result) {
            super("await", name);
            this.result = result;
        }

        @Override
        void check(List<String> problems) {
            positive(problems, who() + ": timeout", timeout);
            if (optional && timeout == null)
                problems.add(who() + ": addOptional() needs a timeout; without one it is never empty");
        }

        @Override
        Node node(boolean asPivot) {
            return new Node.Await(name, result, timeout, optional);
        }
    }

    /** Waits. */
    static final class Pause extends Part {
        final Duration duration;

        Pause(String name, Duration duration) {
            super("delay", name);
            this.duration = duration;
        }

        @Override
        void check(List<String> problems) {
            positive(problems, who() + ": its duration", duration);
        }

        @Override
        Node node(boolean asPivot) {
            return new Node.Delay(name, duration);
        }

        String text() {
            return Description.text(duration);
        }
    }

    /** Branches side by side. */
    static final class Forking extends Part {
        final List<Fork.Branch<?>> branches = new ArrayList<>();

        Forking(String name) {
            super("fork", name);
        }

        @Override
        void check(List<String> problems) {
            if (branches.isEmpty()) problems.add(who() + " has no branch; begin some with branch(name)");
            Set<String> names = new LinkedHashSet<>();
            for (Fork.Branch<?> branch : branches) {
                Names.step(problems, "branch", branch.name);
                if (!names.add(branch.name)) problems.add(who() + " has two branches '" + branch.name + "'");
                if (branch.parts().isEmpty())
                    problems.add(who() + ": branch '" + branch.name + "' has no step; leave it out");
            }
        }

        @Override
        Node node(boolean asPivot) {
            List<Node.Branch> made = new ArrayList<>();
            for (Fork.Branch<?> branch : branches) made.add(new Node.Branch(branch.name, branch.nodes(null)));
            return new Node.Fork(name, List.copyOf(made));
        }
    }
}
