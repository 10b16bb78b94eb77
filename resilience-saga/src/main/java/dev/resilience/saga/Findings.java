// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.saga.JournalEntry.Phase;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The journal's line that an operator's finding of a step becomes, or why it cannot be one. */
final class Findings {
    private final Engine engine;
    private final SagaStore.Loaded saga;
    private final SagaInstance head;
    private final String verb;
    private final Chart chart;
    private final Plan plan;

    Findings(Engine engine, SagaStore.Loaded saga, String verb) {
        this.engine = engine;
        this.saga = saga;
        this.head = saga.head();
        this.verb = verb;
        Chart chart = engine.definitions.select(head.ref().name(), head.version());
        if (chart == null)
            throw new IllegalStateException("saga " + head.ref() + ": version " + head.version()
                    + " of its definition is not registered with this engine; use one that has it");
        this.chart = chart;
        this.plan = chart.plan();
    }

    /** A step's name, and which element of it. */
    private record Place(String step, int index) {
        static Place of(String text) {
            int hash = text.lastIndexOf('#');
            if (hash < 0) return new Place(text, -1);
            try {
                return new Place(text.substring(0, hash), Integer.parseInt(text.substring(hash + 1)));
            } catch (NumberFormatException noNumber) {
                throw new IllegalArgumentException(
                        "step '" + text + "': after '#' stands the element's number, from 0");
            }
        }

        @Override
        public String toString() {
            return index < 0 ? step : step + "#" + index;
        }
    }

    private boolean undone() {
        return head.heldFrom() == SagaStatus.COMPENSATING;
    }

    JournalEntry.Builder resolved(String text, Resolution found) {
        Place place = Place.of(text);
        Node node = node(place);
        if (!undone()) return forward(place, node, found);
        if (line(place, Phase.UNDO) != null) throw refused(place, "it is undone already");
        StepOutcome action = known(place);
        if (action == null || action == StepOutcome.REJECTED || action == StepOutcome.SKIPPED)
            throw refused(place, "there is nothing of it to undo");
        if (action == StepOutcome.COMPLETED) {
            if (!found.isDone())
                throw refused(place, "its effect is there: retry its undo, or say done when it is unmade");
            return line(Phase.UNDO, place, node, StepOutcome.COMPLETED);
        }
        return line(Phase.RESOLUTION, place, node, found.isDone() ? StepOutcome.COMPLETED : StepOutcome.REJECTED)
                .payload(found.isDone() ? result(place, node, found.hasValue(), found.value()) : null);
    }

    private JournalEntry.Builder forward(Place place, Node node, Resolution found) {
        checkOpen(place);
        if (found.isDone() && !found.hasValue()) valueless(place, node);
        if (found.isDone())
            return line(Phase.ACTION, place, node, StepOutcome.COMPLETED)
                    .payload(result(place, node, found.hasValue(), found.value()));
        if (head.pivotPassed()) throw refused(place, "the pivot is done, so it has to be done: retry it, or skip it");
        return line(Phase.ACTION, place, node, StepOutcome.REJECTED);
    }

    /** An outcome of what is not open would make the journal one of no definition, for good. */
    private void checkOpen(Place place) {
        if (line(place, Phase.ACTION) != null) throw refused(place, "its outcome is recorded already (G4)");
        Course course = Course.of(chart, engine.codec, saga);
        if (course.mismatch() != null) throw refused(place, course.mismatch());
        Leg leg = course.leg(Objects.requireNonNull(chart.find(place.step)), place.index);
        if (leg == null || !course.open().contains(leg))
            throw refused(place, "it is not its turn; open: " + course.open());
    }

    JournalEntry.Builder skipped(String text, @Nullable Object value) {
        Place place = Place.of(text);
        Node node = node(place);
        if (!undone()) {
            checkOpen(place);
            return line(Phase.ACTION, place, node, StepOutcome.SKIPPED).payload(result(place, node, true, value));
        }
        if (line(place, Phase.UNDO) != null) throw refused(place, "it is undone already");
        StepOutcome action = known(place);
        if (action == StepOutcome.COMPLETED) return line(Phase.UNDO, place, node, StepOutcome.SKIPPED);
        if (action == StepOutcome.IN_DOUBT) return line(Phase.RESOLUTION, place, node, StepOutcome.SKIPPED);
        throw refused(place, "there is nothing of it to undo");
    }

    /** What the finding does to the head beside its line: of the pivot, and of what stands before it. */
    void settle(String text, JournalEntry.Builder line, Checkpoint.Builder write) {
        if (undone() || plan.pivot() < 0 || head.pivotPassed()) return;
        String step = Place.of(text).step;
        if (step.equals(plan.nodes().get(plan.pivot()).name())) {
            write.head().inPivot(false);
            if (line.outcome() == StepOutcome.REJECTED) return;
            write.head().pivotPassed(true);
            write.clearsCancel(); // the pivot wins (S3)
        } else if (plan.pivot() > 0) {
            Node before = plan.nodes().get(plan.pivot() - 1);
            // of a fork this may be one branch of several: then the pivot is held for begun too early, never too late
            if (before instanceof Node.Fork || before.name().equals(step))
                write.head().inPivot(true);
        }
    }

    private Node node(Place place) {
        Node node = plan.find(place.step);
        if (node == null || node instanceof Node.Fork)
            throw new IllegalArgumentException("saga " + head.ref() + " has no step '" + place.step + "'; it has "
                    + plan.index().keySet());
        if (node instanceof Node.Each != place.index >= 0)
            throw new IllegalArgumentException("saga " + head.ref() + ": step '" + place.step
                    + (place.index < 0
                            ? "' is one for each element: say which as '" + place.step + "#0'"
                            : "' has no elements: leave out '#" + place.index + "'"));
        return node;
    }

    /** What is known of its action now. */
    private @Nullable StepOutcome known(Place place) {
        JournalEntry resolution = line(place, Phase.RESOLUTION);
        if (resolution != null) return resolution.outcome();
        JournalEntry action = line(place, Phase.ACTION);
        return action == null ? null : action.outcome();
    }

    private @Nullable JournalEntry line(Place place, Phase phase) {
        JournalEntry found = null;
        for (JournalEntry entry : saga.entries())
            if (entry.phase() == phase
                    && entry.index() == place.index
                    && entry.step().equals(place.step)) found = entry;
        return found;
    }

    private static JournalEntry.Builder line(Phase phase, Place place, Node node, StepOutcome outcome) {
        return JournalEntry.of(phase, place.step)
                .index(place.index)
                .outcome(outcome)
                .kind(kind(node))
                .note("OPERATOR");
    }

    static char kind(Node node) {
        if (node instanceof Node.Action action) return action.kind().code;
        if (node instanceof Node.Each each) return each.each().kind().code;
        return node instanceof Node.Await ? 'S' : 'D';
    }

    /** Later steps see the result: one that was merely not thought of would be a null there. */
    private void valueless(Place place, Node node) {
        if (node instanceof Node.Delay || (node instanceof Node.Await await && await.optional())) return;
        Type<?> type = type(node);
        if (type.raw() == Void.class || type.raw() == Optional.class) return;
        throw refused(
                place, "it has a result that later steps see: say done(..) with the " + type + " that it answered");
    }

    private static Type<?> type(Node node) {
        if (node instanceof Node.Action action) return action.result();
        return node instanceof Node.Each each ? each.each().result() : ((Node.Await) node).result();
    }

    private byte @Nullable [] result(Place place, Node node, boolean given, @Nullable Object value) {
        if (!given || node instanceof Node.Delay) return null;
        return Payloads.encodeNullable(engine, "saga " + head.ref() + ": the result of " + place, type(node), value);
    }

    private IllegalStateException refused(Place place, String why) {
        return Operator.refused(head, verb + " " + Objects.requireNonNull(place), why);
    }
}
