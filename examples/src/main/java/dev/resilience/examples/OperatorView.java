// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.RejectedException;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;
import dev.resilience.observability.PolicyMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * What an operator would have seen: the metrics of the guarded hosts, as a registry has them, when their breakers
 * changed, and what the last one who was refused was told.
 */
final class OperatorView implements AutoCloseable {
    /** Of each host: breakers of a run of minutes flap, and the beginning tells the story. */
    private static final int MOST_CHANGES = 6;

    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final PolicyMetrics metrics = PolicyMetrics.on(registry);
    private final List<Guarded> watched = new ArrayList<>();
    private final Queue<Change> changes = new ConcurrentLinkedQueue<>();
    private final Map<String, RejectedException> refused = new ConcurrentHashMap<>();

    /** From now on. The listeners go with the policies that they listen to, the metrics with {@link #close()}. */
    void watch(Guarded caller, Stopwatch watch) {
        String host = caller.host().name();
        metrics.bind(caller.pipeline());
        caller.breaker().onTransition(change -> changes.add(new Change(watch.elapsed(), host, change)));
        caller.breaker().onRejection(rejection -> refused.put(host, rejection));
        watched.add(caller);
    }

    /** When whose breaker changed, and how. */
    private record Change(long at, String host, Transition how) {
        String line() {
            return String.format(Locale.ROOT, "%9s  %-7s %-9s %s", Text.of(at), host, words(how.to()), how.reason());
        }
    }

    private static String words(State state) {
        return state.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("What an operator sees:");
        lines.add(String.format(
                Locale.ROOT,
                "%-7s %-9s %6s %8s %8s %8s %9s %7s %8s %9s",
                "policy",
                "state",
                "opened",
                "refused",
                "failures",
                "retries",
                "recovered",
                "gave up",
                "timeouts",
                "abandoned"));
        for (Guarded caller : watched) lines.add(row(caller.host().name()));
        lines.addAll(changes());
        for (Guarded caller : watched) {
            RejectedException last = refused.get(caller.host().name());
            if (last != null) lines.add("last refusal: " + last.getMessage());
        }
        return lines;
    }

    private String row(String name) {
        long recovered = count("resilience.retry.ends", name, "outcome", "recovered");
        long ended = registry.find("resilience.retry.ends").tag("name", name).functionCounters().stream()
                .mapToLong(counter -> (long) counter.count())
                .sum();
        return String.format(
                Locale.ROOT,
                "%-7s %-9s %6d %8d %8d %8d %9d %7d %8d %9d",
                name,
                state(name),
                count("resilience.breaker.transitions", name, "state", "open"),
                count("resilience.breaker.rejected", name),
                count("resilience.breaker.failures", name),
                count("resilience.retry.retries", name),
                recovered,
                ended - recovered,
                count("resilience.timeout.fired", name),
                (long) registry.get("resilience.timeout.abandoned")
                        .tag("name", name)
                        .gauge()
                        .value());
    }

    private long count(String meter, String name, String... more) {
        return (long) registry.get(meter)
                .tag("name", name)
                .tags(more)
                .functionCounter()
                .count();
    }

    private String state(String name) {
        return registry.find("resilience.breaker.state").tag("name", name).gauges().stream()
                .filter(gauge -> gauge.value() == 1)
                .map(gauge -> String.valueOf(gauge.getId().getTag("state")).replace('_', '-'))
                .findFirst()
                .orElse("-");
    }

    /** In the order of time. */
    private List<String> changes() {
        Map<String, Integer> shown = new HashMap<>();
        List<String> lines = new ArrayList<>();
        int hidden = 0;
        for (Change change : changes) {
            if (shown.merge(change.host, 1, Integer::sum) <= MOST_CHANGES) lines.add(change.line());
            else hidden++;
        }
        if (hidden > 0) lines.add("           and " + hidden + " more changes like these");
        return lines;
    }

    @Override
    public void close() {
        metrics.close();
    }
}
