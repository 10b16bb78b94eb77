// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.time.Duration;
import java.util.List;

/** What a host does when, as shares of the whole run: the same script fits into four seconds and into an hour. */
final class Script {
    /**
     * A part of the script.
     *
     * @param phase how the host behaves
     * @param share for how much of the run
     */
    record Step(Phase phase, double share) {}

    private final long length;
    private final List<Step> steps;

    private Script(long length, List<Step> steps) {
        this.length = length;
        this.steps = steps;
    }

    static Script of(Duration length, Step... steps) {
        double sum = List.of(steps).stream().mapToDouble(Step::share).sum();
        if (Math.abs(sum - 1) > 1e-9) throw new IllegalArgumentException("shares must add up to 1, was " + sum);
        return new Script(length.toNanos(), List.of(steps));
    }

    static Step step(Phase phase, double share) {
        return new Step(phase, share);
    }

    Phase at(long elapsed) {
        double end = 0;
        for (Step step : steps) {
            end += step.share * length;
            if (elapsed < end) return step.phase;
        }
        return steps.get(steps.size() - 1).phase;
    }

    /** When the outage begins: every script has exactly one. */
    long outageBegins() {
        return (long) (length * sharesBefore(firstOutage()));
    }

    long outageEnds() {
        return (long) (length * sharesBefore(firstOutage() + 1));
    }

    Phase outage() {
        return steps.get(firstOutage()).phase;
    }

    private int firstOutage() {
        for (int i = 0; i < steps.size(); i++) {
            if (steps.get(i).phase.outage) return i;
        }
        throw new IllegalStateException("a script without an outage shows nothing");
    }

    private double sharesBefore(int step) {
        return steps.subList(0, step).stream().mapToDouble(Step::share).sum();
    }
}
