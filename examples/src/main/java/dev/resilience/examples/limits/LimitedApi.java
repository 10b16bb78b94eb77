// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.limits;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.resilience.TimeSource;
import dev.resilience.ratelimit.Decision;
import dev.resilience.ratelimit.KeyedRateLimiter;
import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimitHeaders;
import dev.resilience.ratelimit.RateLimiter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Answers 200, or 429 to who asks too often: each user has a limit, and each endpoint has one for all users. */
final class LimitedApi implements AutoCloseable {
    /** What each user may do. */
    static final Limit PER_USER = Limit.of(5, Duration.ofSeconds(1)).named("user");

    private final HttpServer server;
    private final ExecutorService threads = Executors.newFixedThreadPool(2);
    private final KeyedRateLimiter<String> users;
    private final KeyedRateLimiter<String> endpoints;

    LimitedApi(TimeSource time) throws IOException {
        users = RateLimiter.builder("user").limit(PER_USER).timeSource(time).keyed(10_000);
        endpoints = RateLimiter.builder("endpoint").timeSource(time).keyed(LimitedApi::perEndpoint, 100);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
        server.createContext("/", this::serve);
        server.setExecutor(threads);
        server.start();
    }

    private static Limit perEndpoint(String path) {
        return path.equals("/report")
                ? Limit.strict(2, Duration.ofSeconds(1), 2).named("report") // costly
                : Limit.of(200, Duration.ofSeconds(1)).named("endpoint");
    }

    URI uri(String path) {
        String host = server.getAddress().getAddress().getHostAddress();
        return URI.create("http://" + (host.contains(":") ? "[" + host + "]" : host) + ":"
                + server.getAddress().getPort() + path);
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            String user =
                    Objects.requireNonNullElse(exchange.getRequestHeaders().getFirst("X-User"), "nobody");
            String path = exchange.getRequestURI().getPath();
            Decision perUser = users.decide(user, 1);
            // who is refused as a user takes nothing from the others
            Decision perEndpoint = perUser.permitted() ? endpoints.decide(path, 1) : endpoints.peek(path, 1);
            RateLimitHeaders.of(perUser, perEndpoint).forEach(exchange.getResponseHeaders()::set);
            boolean served = perUser.permitted() && perEndpoint.permitted();
            exchange.sendResponseHeaders(served ? 200 : 429, -1);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
