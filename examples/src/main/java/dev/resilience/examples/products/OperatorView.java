// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

import dev.resilience.observability.CacheMetrics;
import dev.resilience.observability.PolicyMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.LongSupplier;

/** What an operator sees, from the registry's meters: a row for each part of the day, and the changes of the breaker. */
final class OperatorView implements AutoCloseable {
    private static final int MOST_CHANGES = 5;
    private static final String ROW = "%-9s %8s %7s %7s %7s %7s %7s %8s %8s";

    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final PolicyMetrics metrics = PolicyMetrics.on(registry);
    private final Queue<String> changes = new ConcurrentLinkedQueue<>();
    private final Ledger ledger;
    private final List<LongSupplier> columns;
    private final long[] before;

    OperatorView(Shop shop, Database database, Ledger ledger) {
        this.ledger = ledger;
        CacheMetrics.bind(metrics, shop.products());
        metrics.bind(shop.loads());
        shop.breaker()
                .onTransition(change -> changes.add(change.from() + " -> " + change.to() + ": " + change.reason()));
        columns = List.of(
                ledger::answers,
                ledger::stale,
                ledger::unavailable,
                () -> count("resilience.cache.hits", "products"),
                () -> count("resilience.cache.loads", "products", "outcome", "failure")
                        + count("resilience.cache.refreshes", "products", "outcome", "failure"),
                () -> count("resilience.breaker.rejected", "database"),
                () -> count("resilience.timeout.fired", "database"),
                database::queries);
        before = new long[columns.size()];
    }

    static String head() {
        return String.format(
                Locale.ROOT,
                ROW,
                "part",
                "answers",
                "stale",
                "503s",
                "hits",
                "failed",
                "refused",
                "timeouts",
                "queries");
    }

    /** What has come since the row before. */
    String row(String part) {
        Object[] cells = new Object[columns.size() + 1];
        cells[0] = part;
        for (int i = 0; i < before.length; i++) {
            long now = columns.get(i).getAsLong();
            cells[i + 1] = Long.toString(now - before[i]);
            before[i] = now;
        }
        return String.format(Locale.ROOT, ROW, cells);
    }

    List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                Locale.ROOT,
                "cache 'products': %d entries, %d loading, %d abandoned; the oldest answer was %.1f s old",
                level("resilience.cache.entries"),
                level("resilience.cache.loading"),
                level("resilience.cache.abandoned"),
                ledger.oldestMillis() / 1e3));
        changes.stream().limit(MOST_CHANGES).map(change -> "breaker " + change).forEach(lines::add);
        if (changes.size() > MOST_CHANGES) lines.add("and " + (changes.size() - MOST_CHANGES) + " more like these");
        return lines;
    }

    private long count(String meter, String name, String... more) {
        return (long) registry.get(meter)
                .tag("name", name)
                .tags(more)
                .functionCounter()
                .count();
    }

    private long level(String meter) {
        return (long) registry.get(meter).tag("name", "products").gauge().value();
    }

    @Override
    public void close() {
        metrics.close();
    }
}
