// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.products;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.resilience.Backoff;
import dev.resilience.Pipeline;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.Window;
import dev.resilience.cache.CacheLoadException;
import dev.resilience.cache.LoadingCache;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * The product service: {@code GET /products/<id>} answers from the cache, and tells how old the answer is and whether it
 * is past its time; {@code POST} to a product or to {@code /categories/<name>} changes the database, then the cache;
 * {@code DELETE} is somebody else's word that a product has changed.
 */
final class Shop implements AutoCloseable {
    /** For how long a product is fresh. */
    static final Duration TTL = Duration.ofMillis(300);

    private final TimeSource time;
    private final Database database;
    private final CircuitBreaker breaker = CircuitBreaker.builder("database")
            .window(Window.calls(20).minimumCalls(5))
            .openFor(Duration.ofMillis(300))
            .probes(1)
            .build();
    private final Pipeline loads = Pipeline.of(
            Retry.builder("database")
                    .maxAttempts(2)
                    .backoff(Backoff.exponential(Duration.ofMillis(10)).fullJitter())
                    .build(),
            breaker,
            Timeout.of("database", Duration.ofMillis(250)));

    private final LoadingCache<String, @Nullable Product> products;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newFixedThreadPool(8);

    Shop(Database database, TimeSource time) throws IOException {
        this.time = time;
        this.database = database;
        products = cache(database);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
        server.createContext("/products/", exchange -> serve(exchange, this::product));
        server.createContext("/categories/", exchange -> serve(exchange, this::category));
        server.setExecutor(threads);
        server.start();
    }

    @SuppressWarnings("NullAway") // the loader answers null for what is not there
    private LoadingCache<String, @Nullable Product> cache(Database database) {
        return LoadingCache.<String, @Nullable Product>builder("products", database::find)
                .maxEntries(1_000)
                .ttl(TTL) // fresh; less up to a tenth, so that not all expire together
                .jitter(0.1)
                .staleWhileRevalidate(Duration.ofMillis(500)) // then old at once, and asked for again behind it
                .staleIfError(Duration.ofHours(1)) // then old if the database does not answer,
                .softDeadline(Duration.ofMillis(50)) // or not soon enough
                .tags((id, product) -> product == null ? List.of() : List.of(product.category()))
                .through(loads)
                .build();
    }

    LoadingCache<String, @Nullable Product> products() {
        return products;
    }

    Pipeline loads() {
        return loads;
    }

    CircuitBreaker breaker() {
        return breaker;
    }

    URI uri(String path) {
        String host = server.getAddress().getAddress().getHostAddress();
        return URI.create("http://" + (host.contains(":") ? "[" + host + "]" : host) + ":"
                + server.getAddress().getPort() + path);
    }

    /** Answers with a status and in headers; the JDK's server sends small bodies late. */
    private interface Endpoint {
        int answer(String method, String name, Headers headers);
    }

    private static void serve(HttpExchange exchange, Endpoint endpoint) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            String name = path.substring(path.lastIndexOf('/') + 1);
            int status = endpoint.answer(exchange.getRequestMethod(), name, exchange.getResponseHeaders());
            exchange.sendResponseHeaders(status, -1);
        }
    }

    private int product(String method, String id, Headers headers) {
        return switch (method) {
            case "POST" -> change(id, headers);
            case "DELETE" -> forget(id);
            default -> read(id, headers);
        };
    }

    private int read(String id, Headers headers) {
        try {
            Product product = products.get(id);
            if (product == null) return 404;
            long age = time.nanoTime() - product.readAt();
            headers.set("Version", Integer.toString(product.version()));
            headers.set("Age-Millis", Long.toString(age / 1_000_000));
            headers.set("Stale", Boolean.toString(age >= TTL.toNanos()));
            return 200;
        } catch (CacheLoadException unknown) {
            headers.set("Reason", String.valueOf(unknown.getCause()));
            return 503;
        }
    }

    /** First the source, then the cache. */
    private int change(String id, Headers headers) {
        int version = database.change(id);
        if (version == 0) return 404;
        products.invalidate(id);
        headers.set("Version", Integer.toString(version));
        return 200;
    }

    private int forget(String id) {
        products.invalidate(id);
        return 204;
    }

    private int category(String method, String category, Headers headers) {
        if (!method.equals("POST")) return 405;
        database.of(category).forEach(id -> headers.add("Changed", id + "=" + database.change(id)));
        products.invalidateTag(category); // all of them, however many
        return 200;
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
        products.close();
    }
}
