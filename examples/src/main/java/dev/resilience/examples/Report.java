// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.examples.Stats.Ending;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToLongFunction;

/** The table at the end: each host without and with protection, and all of them together. */
final class Report {
    private static final double[] PERCENTILES = {0.5, 0.9, 0.99};

    private Report() {}

    static List<String> table(List<Caller> callers) {
        List<String> lines = new ArrayList<>();
        lines.add(heading());
        for (Caller caller : callers) lines.add(row(caller.host().name(), caller.client(), List.of(caller)));
        for (String client : List.of("bare", "guarded")) {
            lines.add(row("all", client, with(callers, client)));
        }
        lines.add(rejections(callers));
        return lines;
    }

    private static String heading() {
        StringBuilder line = new StringBuilder(
                String.format(Locale.ROOT, "%-7s %-8s %7s %8s", "host", "client", "calls", "attempts"));
        for (Ending ending : columns()) line.append(String.format(Locale.ROOT, " %9s", ending.words));
        for (double share : PERCENTILES) line.append(String.format(Locale.ROOT, " %8s", "p" + Math.round(share * 100)));
        return line.append(String.format(Locale.ROOT, " %8s", "max")).toString();
    }

    private static String row(String host, String client, List<Caller> callers) {
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT,
                "%-7s %-8s %7d %8d",
                host,
                client,
                sum(callers, Stats::calls),
                sum(callers, Stats::attempts)));
        for (Ending ending : columns()) {
            line.append(String.format(Locale.ROOT, " %9d", sum(callers, stats -> stats.count(ending))));
        }
        Histogram latencies = new Histogram();
        callers.forEach(caller -> latencies.addAll(caller.stats().latencies()));
        boolean any = latencies.count() > 0;
        for (double share : PERCENTILES) {
            line.append(String.format(Locale.ROOT, " %8s", any ? Text.of(latencies.percentile(share)) : "-"));
        }
        return line.append(String.format(Locale.ROOT, " %8s", any ? Text.of(latencies.max()) : "-"))
                .toString();
    }

    private static String rejections(List<Caller> callers) {
        Map<String, Long> sums = new TreeMap<>();
        for (Caller caller : callers) {
            caller.stats()
                    .rejections()
                    .forEach((kind, count) ->
                            sums.put(kind + " '" + caller.host().name() + "'", count));
        }
        List<String> words = new ArrayList<>();
        sums.forEach((policy, count) -> words.add(policy + " " + count));
        return "rejected by: " + (words.isEmpty() ? "nobody" : String.join(", ", words));
    }

    /** What nobody expects has no column: it fails the run. */
    private static List<Ending> columns() {
        return List.of(Ending.OK, Ending.ERROR, Ending.BROKEN, Ending.TIMED_OUT, Ending.REJECTED);
    }

    private static List<Caller> with(List<Caller> callers, String client) {
        return callers.stream().filter(c -> c.client().equals(client)).toList();
    }

    private static long sum(List<Caller> callers, ToLongFunction<Stats> number) {
        return callers.stream().mapToLong(c -> number.applyAsLong(c.stats())).sum();
    }
}
