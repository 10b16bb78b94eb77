// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static dev.resilience.observability.Series.Folding.LONGEST;
import static dev.resilience.observability.Series.Folding.MOST;
import static dev.resilience.observability.Series.Folding.SUM;
import static dev.resilience.observability.Series.counter;
import static dev.resilience.observability.Series.gauge;

import dev.resilience.observability.SagaTally.Count;
import dev.resilience.observability.SagaTally.Definition;
import dev.resilience.observability.SagaTally.Journal;
import dev.resilience.saga.SagaEngine;
import java.util.List;

/** What is seen of sagas; loaded only by who binds an engine, for their module may not be there. */
final class Sagas {
    static final Kind<SagaEngine, SagaEngine.Snapshot> ENGINE = new Kind<>(
            "saga",
            SagaEngine.class,
            SagaEngine::snapshot,
            List.of(
                    gauge("active", SUM, "Sagas that run here now", SagaEngine.Snapshot::running),
                    gauge("limit", SUM, "How many may run here at once", SagaEngine.Snapshot::concurrency),
                    gauge(
                            "attention",
                            MOST,
                            "Sagas in the store that wait for a person",
                            SagaEngine.Snapshot::attention),
                    gauge(
                            "unclaimable",
                            MOST,
                            "Sagas in the store that are due and that this engine has no definition for",
                            SagaEngine.Snapshot::unclaimable),
                    gauge(
                            "lease.lag",
                            LONGEST,
                            "Age of the last heartbeat that the store has acknowledged",
                            now -> now.beatAge().toNanos() / 1e9)));

    /** Its numbers are its timers. */
    static final Kind<Journal, Journal> JOURNAL = new Kind<>("saga", Journal.class, journal -> journal, List.of());

    static final Kind<Definition, Definition> DEFINITION = new Kind<>(
            "saga",
            Definition.class,
            definition -> definition,
            List.of(
                    count("started", "Sagas that were started here", Count.STARTED),
                    ended("completed", Count.COMPLETED),
                    ended("compensated", Count.COMPENSATED),
                    ended("abandoned", Count.ABANDONED),
                    count("parked", "How often a saga was left to a person", Count.PARKED),
                    count("retries", "Attempts of steps beyond the first", Count.RETRIES),
                    count("in.doubt", "Steps of which nobody knew whether they had an effect", Count.IN_DOUBT),
                    count(
                            "local.rejections",
                            "How often a step was put off because a policy here refused it",
                            Count.REJECTED_LOCALLY),
                    count("takeovers", "Sagas that were taken over from dead engines", Count.TAKEOVERS),
                    count(
                            "fenced.writes",
                            "Writes that were refused because another engine owns the saga",
                            Count.FENCED)));

    private Sagas() {}

    private static Series<Definition> count(String name, String about, Count count) {
        return counter(name, about, definition -> definition.counted(count));
    }

    private static Series<Definition> ended(String outcome, Count count) {
        return count("ended", "Sagas that ended here, by how", count).tagged("outcome", outcome);
    }
}
