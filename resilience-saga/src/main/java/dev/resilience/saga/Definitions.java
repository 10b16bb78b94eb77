// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

import dev.resilience.TimeSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The definitions of an engine, by name and version, ready to be walked. */
final class Definitions {
    private final Map<String, TreeMap<Integer, Chart>> byName = new HashMap<>();
    private final Map<Saga<?, ?>, Chart> bySaga = new HashMap<>();
    private final List<SagaStore.Supported> supported = new ArrayList<>();

    /** Of sagas that were checked: no two of one name and version. */
    Definitions(Collection<Saga<?, ?>> sagas, TimeSource time) {
        for (Saga<?, ?> saga : sagas) {
            Plan plan = saga.plan;
            if (bySaga.containsKey(saga)) continue;
            Chart chart = new Chart(plan, time);
            bySaga.put(saga, chart);
            byName.computeIfAbsent(plan.name(), name -> new TreeMap<>()).put(plan.version(), chart);
            supported.add(new SagaStore.Supported(plan.name(), plan.since(), plan.version()));
        }
    }

    /** What a saga is started with. */
    Chart of(Saga<?, ?> saga) {
        Chart chart = bySaga.get(saga);
        if (chart != null) return chart;
        Plan plan = saga.plan;
        throw new IllegalArgumentException("saga '" + plan.name() + "' version " + plan.version()
                + " is not registered with this engine" + known(plan.name())
                + "; give the very definition to SagaEngine.Builder.register that is started");
    }

    private String known(String name) {
        TreeMap<Integer, Chart> versions = byName.get(name);
        if (versions == null) return ", which has " + (byName.isEmpty() ? "none" : byName.keySet());
        return ", which has another one of version " + versions.keySet();
    }

    /**
     * What runs a saga that was written last by {@code version}: that version, else the lowest newer one that takes it on.
     */
    @Nullable
    Chart select(String name, int version) {
        TreeMap<Integer, Chart> versions = byName.get(name);
        if (versions == null) return null;
        for (Chart chart : versions.tailMap(version).values()) {
            Plan plan = chart.plan();
            if (plan.version() == version || plan.since() <= version) return chart;
        }
        return null;
    }

    /** Every version of a name, newest first. */
    Collection<Chart> versions(String name) {
        TreeMap<Integer, Chart> versions = byName.get(name);
        return versions == null ? List.of() : versions.descendingMap().values();
    }

    Set<String> names() {
        return Set.copyOf(byName.keySet());
    }

    /** What may be claimed. A version that is supported always has a chart. */
    List<SagaStore.Supported> supported() {
        return supported;
    }
}
