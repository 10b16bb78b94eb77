// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.Description;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Makes a {@link Plan} of what was written, or says everything that is wrong with it (L11). */
final class Assembly {
    private final SagaDefinition<?> definition;
    private final List<Saga.Result<?>> returned;
    private final List<String> problems = new ArrayList<>();

    /** The step from which on nothing is undone: the pivot, or the first retriable step of a saga without one. */
    private @Nullable Part decisive;

    Assembly(SagaDefinition<?> definition, List<Saga.Result<?>> returned) {
        this.definition = definition;
        this.returned = returned;
    }

    Plan plan(Saga.F1<Node.Values, @Nullable Object> output) {
        head();
        parts();
        decisive = decisive();
        order(definition.parts(), false);
        Set<String> seen = results(definition.parts(), new HashSet<>());
        uses("returns(..)", returned, seen);
        if (!problems.isEmpty())
            throw new IllegalArgumentException("saga '" + definition.name + "': " + String.join("; ", problems));
        return new Plan(
                definition.name,
                definition.version,
                definition.since,
                definition.input,
                definition.nodes(decisive),
                output,
                new Plan.Rules(definition.deadline, definition.lockKey));
    }

    private void head() {
        Names.saga(problems, definition.name);
        if (definition.version < 1) problems.add("version must be at least 1, was " + definition.version);
        if (definition.since < 1 || definition.since > Math.max(1, definition.version))
            problems.add("since must be from 1 to the version (" + definition.version + "), was " + definition.since);
        Part.positive(problems, "deadline", definition.deadline);
        if (definition.parts().isEmpty() && definition.begun.isEmpty()) problems.add("it has no step");
    }

    /** Each by itself, in the order in which they were begun. */
    private void parts() {
        Set<String> names = new HashSet<>();
        Set<String> reported = new HashSet<>();
        for (Part part : definition.begun) {
            Names.step(problems, part.what, part.name);
            if (!names.add(part.name) && reported.add(part.name))
                problems.add(
                        "the name '" + part.name + "' is there twice; names are unique in a saga, over all branches");
            if (!part.added()) problems.add(forgotten(part));
            part.checkLife(problems);
            part.check(problems);
        }
    }

    private static String forgotten(Part part) {
        return part instanceof Part.Forking
                ? part.who() + " is not joined; call join() when its branches are written"
                : part.who() + " was never added; end it with add()";
    }

    private @Nullable Part decisive() {
        StepDraft pivot = null;
        for (Part part : definition.parts()) {
            if (!(part instanceof StepDraft step) || step.kind != Node.Kind.PIVOT) continue;
            if (pivot == null) pivot = step;
            else
                problems.add(step.who() + " is a second pivot, after '" + pivot.name + "'; a saga has one at most:"
                        + " what follows it is retriable");
        }
        return pivot != null ? pivot : firstRetriable(definition.parts(), false);
    }

    private @Nullable Part firstRetriable(List<Part> parts, boolean inBranch) {
        for (Part part : parts) {
            if (part instanceof StepDraft step && step.kind == Node.Kind.RETRIABLE) {
                if (inBranch || !step.plain())
                    problems.add(step.who() + " needs a pivot before it: it is"
                            + (inBranch ? " in a branch" : " conditional or a for-each step")
                            + ", so it cannot decide for the saga itself");
                return step;
            }
            if (!(part instanceof Part.Forking fork)) continue;
            for (Fork.Branch<?> branch : fork.branches) {
                Part found = firstRetriable(branch.parts(), true);
                if (found != null) return found;
            }
        }
        return null;
    }

    /** C* [P R*], and waits anywhere; returns whether the decisive step has been passed. */
    private boolean order(List<Part> parts, boolean passed) {
        for (Part part : parts) {
            if (part == decisive) {
                passed = true;
            } else if (part instanceof StepDraft step) {
                kind(step, passed);
            } else if (part instanceof Part.Forking fork) {
                boolean any = passed;
                for (Fork.Branch<?> branch : fork.branches) any |= order(branch.parts(), passed);
                passed = any;
            } else {
                waits(part, passed);
            }
        }
        return passed;
    }

    private void kind(StepDraft step, boolean passed) {
        if (decisive == null) return;
        if (passed && step.kind == Node.Kind.COMPENSATABLE)
            problems.add(step.who() + " stands behind " + decisive.who()
                    + ", from which on nothing is undone; make it retriable, or move it before");
        if (!passed && step.kind == Node.Kind.RETRIABLE)
            problems.add(step.who() + " stands before " + decisive.who()
                    + " and could not be undone; make it a step with an undo or harmless(), or move it behind");
    }

    private void waits(Part part, boolean passed) {
        if (part instanceof Part.Waiting wait && wait.timeout == null) {
            if (passed) problems.add(wait.who() + " has no timeout; behind the pivot nothing else ends it");
            else if (definition.deadline == null)
                problems.add(wait.who() + " has no timeout and the saga no deadline; one of them must end it");
        }
        if (part instanceof Part.Pause pause
                && !passed
                && definition.deadline != null
                && pause.duration.compareTo(definition.deadline) >= 0)
            problems.add(pause.who() + " of " + pause.text() + " does not fit into the deadline of "
                    + Description.text(definition.deadline) + "; the saga would always turn");
    }

    /** Whether each part's results are there when it runs; returns what is there behind them. */
    private Set<String> results(List<Part> parts, Set<String> there) {
        Set<String> seen = new HashSet<>(there);
        for (Part part : parts) {
            uses(part.who(), part.uses, seen);
            if (part instanceof Part.Forking fork) {
                Set<String> joined = new HashSet<>();
                for (Fork.Branch<?> branch : fork.branches) joined.addAll(results(branch.parts(), seen));
                seen.addAll(joined);
            } else {
                seen.add(part.name);
            }
        }
        return seen;
    }

    private void uses(String who, Iterable<Saga.Result<?>> taken, Set<String> there) {
        for (Saga.Result<?> result : taken) {
            if (result.home != definition)
                problems.add(who + " takes the result of '" + result.step + "' of another definition ("
                        + result.home.name + " version " + result.home.version + ")");
            else if (!there.contains(result.step))
                problems.add(who + " takes the result of '" + result.step
                        + "', which is not there by then: it is in another branch, or its fork is not joined before");
        }
    }
}
