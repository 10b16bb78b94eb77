// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Subscription;
import dev.resilience.saga.SagaEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Shows sagas in {@link PolicyMetrics}: for each definition how many start and end and how long their steps take, for the
 * engine how many run, how many wait for a person, and how its heartbeat and its journal do. The number of series depends
 * on the definitions, not on the sagas.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="sagas"}
 *
 * <p>Counters count what happens on this engine, from the first binding on. {@code attention} and {@code unclaimable} are
 * of the whole store, as every engine sees them, and are looked up once a minute. Policies that steps run through are
 * bound as such.
 *
 * <p>Of its own, so that {@code PolicyMetrics} does without the module {@code resilience-saga}; this needs it.
 */
@SuppressWarnings("exports") // who has no sagas must not need their module
public final class SagaMetrics {
    private SagaMetrics() {}

    /**
     * Shows an engine and the sagas that are registered with it, each under its definition's name. One that is bound twice
     * counts once; definitions of one name on two engines share their rows.
     *
     * @param metrics the registry's one place where policies are bound
     * @param name of the engine's own rows; two engines of one name share them
     * @param engine the engine
     * @return takes out what only this binding has put in; so does closing {@code metrics}, and closing the engine does
     *     not
     * @throws IllegalArgumentException when the registry has one of the meters already, from somebody else; nothing is
     *     bound then
     * @throws IllegalStateException when {@code metrics} is closed
     */
    public static Subscription bind(PolicyMetrics metrics, String name, SagaEngine engine) {
        Objects.requireNonNull(metrics, "metrics");
        Objects.requireNonNull(name, "name");
        SagaTally tally = SagaTally.of(Objects.requireNonNull(engine, "engine"));
        List<PolicyMetrics.Row> rows = new ArrayList<>();
        rows.add(new PolicyMetrics.Row(name, engine, Sagas.ENGINE));
        rows.add(new PolicyMetrics.Row(name, tally.journal(), Sagas.JOURNAL));
        for (String saga : engine.snapshot().sagas()) {
            rows.add(new PolicyMetrics.Row(saga, tally.definition(saga), Sagas.DEFINITION));
        }
        return metrics.bind(rows, () -> tally.listen(engine));
    }
}
