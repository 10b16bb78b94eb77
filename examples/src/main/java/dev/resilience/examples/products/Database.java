// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

import dev.resilience.TimeSource;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Products behind a connection that can be cut. Counts who asks for one product at the same time. */
final class Database {
    private static final int PRODUCTS = 20;
    private static final long LATENCY = TimeUnit.MILLISECONDS.toNanos(3);
    private static final long LOOK_AGAIN = TimeUnit.MILLISECONDS.toNanos(5);

    /** What it does with a query. */
    enum Manner {
        ANSWERS,
        /** At once. */
        REFUSES,
        /** Until the query is interrupted, or it has another manner. */
        HANGS
    }

    private final TimeSource time;
    private final Map<String, Row> rows = new TreeMap<>();
    private final LongAdder queries = new LongAdder();
    private volatile Manner manner = Manner.ANSWERS;

    /** One product. */
    private static final class Row {
        final String category;
        final AtomicInteger version = new AtomicInteger(1);
        final AtomicInteger queries = new AtomicInteger();
        final AtomicInteger mostQueries = new AtomicInteger();

        Row(String category) {
            this.category = category;
        }
    }

    Database(TimeSource time) {
        this.time = time;
        List<String> categories = List.of("tea", "coffee", "cocoa");
        for (int i = 0; i < PRODUCTS; i++) {
            rows.put(String.format("product-%02d", i), new Row(categories.get(i % categories.size())));
        }
    }

    void become(Manner next) {
        manner = next;
    }

    List<String> ids() {
        return List.copyOf(rows.keySet());
    }

    /** Null when there is none. */
    @Nullable
    Product find(String id) throws SQLException, InterruptedException {
        long readAt = time.nanoTime();
        queries.increment();
        Row row = rows.get(id);
        if (row == null) return null;
        row.mostQueries.accumulateAndGet(row.queries.incrementAndGet(), Math::max);
        try {
            connect();
            Product product = new Product(id, row.category, row.version.get(), readAt);
            pause(time.nanoTime(), LATENCY); // it may have changed when the answer arrives
            return product;
        } finally {
            row.queries.decrementAndGet();
        }
    }

    private void connect() throws SQLException, InterruptedException {
        Manner now = manner;
        if (now == Manner.ANSWERS) return;
        while (manner == Manner.HANGS) pause(time.nanoTime(), LOOK_AGAIN);
        throw new SQLException(now == Manner.HANGS ? "connection reset" : "connection refused");
    }

    private void pause(long from, long nanos) throws InterruptedException {
        for (long left = nanos; left > 0; left = nanos - (time.nanoTime() - from)) {
            time.park(this, left);
            if (Thread.interrupted()) throw new InterruptedException();
        }
    }

    /** One more price; its new version. */
    int change(String id) {
        Row row = rows.get(id);
        return row == null ? 0 : row.version.incrementAndGet();
    }

    /** The products of a category. */
    List<String> of(String category) {
        return rows.entrySet().stream()
                .filter(row -> row.getValue().category.equals(category))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** How many queries for this product ran at the same time, at most. */
    int mostQueriesAtOnce(String id) {
        Row row = rows.get(id);
        return row == null ? 0 : row.mostQueries.get();
    }

    long queries() {
        return queries.sum();
    }
}
