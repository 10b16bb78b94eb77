// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.observability.Series.Folding;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/** Meters of one name that belong together in a registry: all of them are there, or none. Not thread-safe. */
final class Meters {
    private static final System.Logger LOG = System.getLogger("dev.resilience");

    private final MeterRegistry registry;
    private final String name;
    private final List<Meter> mine = new ArrayList<>();
    private @Nullable Map<CallMeter.End, Timer> timers;

    Meters(MeterRegistry registry, String name) {
        this.registry = registry;
        this.name = name;
    }

    <P, S> void show(Group<P, S> group) {
        List<Series<S>> rows = group.kind().series();
        for (int i = 0; i < rows.size(); i++) {
            int row = i;
            show(group.kind().meter(rows.get(i)), rows.get(i), () -> group.read(row));
        }
    }

    /** The registry keeps what it reads from weakly where it can: what is read must hang on the function. */
    void show(String meter, Series<?> row, DoubleSupplier value) {
        Tags tags = tags(row.tag());
        free(meter, tags);
        if (row.counts()) {
            mine.add(FunctionCounter.builder(meter, value, v -> value.getAsDouble())
                    .tags(tags)
                    .description(row.about())
                    .baseUnit(row.folding() == Folding.TIME ? "seconds" : null)
                    .register(registry));
        } else {
            mine.add(Gauge.builder(meter, value, DoubleSupplier::getAsDouble)
                    .strongReference(true)
                    .tags(tags)
                    .description(row.about())
                    .baseUnit(row.folding() == Folding.LONGEST ? "seconds" : null)
                    .register(registry));
        }
    }

    /** Timers for the ends of calls, made when first wanted. */
    Map<CallMeter.End, Timer> timers() {
        Map<CallMeter.End, Timer> known = timers;
        if (known != null) return known;
        Map<CallMeter.End, Timer> made = new EnumMap<>(CallMeter.End.class);
        for (CallMeter.End end : CallMeter.End.values()) {
            Tags tags = tags(new Series.Tag("outcome", Policies.lower(end)));
            free("resilience.calls.duration", tags);
            Timer timer = Timer.builder("resilience.calls.duration")
                    .tags(tags)
                    .description("How long calls took")
                    .register(registry);
            mine.add(timer);
            made.put(end, timer);
        }
        timers = made;
        return made;
    }

    /** A timer; the one that is here already if it was asked for before. */
    Timer timer(String meter, String about, Tags more) {
        Tags tags = Tags.of("name", name).and(more);
        Meter known = mine(meter, tags);
        if (known != null) return (Timer) known;
        free(meter, tags);
        Timer made = Timer.builder(meter).tags(tags).description(about).register(registry);
        mine.add(made);
        return made;
    }

    /** How many at a time; the one that is here already if it was asked for before. */
    DistributionSummary summary(String meter, String about) {
        Tags tags = Tags.of("name", name);
        Meter known = mine(meter, tags);
        if (known != null) return (DistributionSummary) known;
        free(meter, tags);
        DistributionSummary made =
                DistributionSummary.builder(meter).tags(tags).description(about).register(registry);
        mine.add(made);
        return made;
    }

    private @Nullable Meter mine(String meter, Tags tags) {
        for (Meter each : mine) {
            if (each.getId().getName().equals(meter)
                    && Tags.of(each.getId().getTagsAsIterable()).equals(tags)) return each;
        }
        return null;
    }

    private Tags tags(Series.@Nullable Tag tag) {
        Tags tags = Tags.of("name", name);
        return tag == null ? tags : tags.and(tag.key(), tag.value());
    }

    /** A registry answers with the meter that is there already: it would show somebody else's numbers. */
    private void free(String meter, Tags tags) {
        if (registry.find(meter).tags(tags).meter() == null) return;
        throw new IllegalArgumentException("policy metrics: " + meter + " with " + tags
                + " must be free in the registry, was taken; use one PolicyMetrics for all policies of a registry,"
                + " or give the policy another name");
    }

    /** All of them, whatever the registry's listeners throw, which are told after each. */
    void remove() {
        for (Meter meter : mine) {
            try {
                registry.remove(meter);
            } catch (Throwable broken) {
                report(meter, broken);
            }
        }
        mine.clear();
    }

    private static void report(Meter meter, Throwable broken) {
        try {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "policy metrics: taking out " + meter.getId() + " threw " + broken,
                    broken);
        } catch (Throwable alsoBroken) {
            // A logger that throws leaves nobody to tell; the other meters must go all the same.
        }
    }
}
