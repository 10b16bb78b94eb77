// SPDX-License-Identifier: Apache-2.0
package com.acme.app;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.resilience.Backoff;
import dev.resilience.Failures;
import dev.resilience.Pipeline;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** T13 and T23 against a server that is busy at first. */
class HttpTasksTest {
    private final HttpClient http = HttpClient.newHttpClient();
    private final AtomicInteger busy = new AtomicInteger();
    private HttpServer server;
    private HttpRequest request;

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            boolean refuses = busy.getAndDecrement() > 0;
            if (refuses) exchange.getResponseHeaders().add("Retry-After-Millis", "20");
            exchange.sendResponseHeaders(refuses ? 429 : 200, -1);
            exchange.close();
        });
        server.start();
        String host = server.getAddress().getAddress().getHostAddress(); // "localhost" may have several
        request = HttpRequest.newBuilder(
                        URI.create("http://" + host + ":" + server.getAddress().getPort() + "/"))
                .build();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private final Retry retry = Retry.builder("http")
            .backoff(Backoff.none())
            .failures(Failures.on(IOException.class)
                    .orResult(HttpResponse.class, x -> x.statusCode() == 429 || x.statusCode() >= 500))
            .delayFrom(
                    HttpResponse.class,
                    x -> x.headers().firstValue("Retry-After-Millis").map(millis -> ofMillis(Long.parseLong(millis))))
            .build();

    @Test
    void t13_an_asynchronous_request_without_an_adapter() {
        Pipeline pipeline = Pipeline.of(retry, Timeout.of(ofMinutes(1)));
        busy.set(1);
        CompletableFuture<HttpResponse<Void>> response =
                pipeline.callAsync(() -> http.sendAsync(request, BodyHandlers.discarding()));
        assertThat(response).succeedsWithin(60, TimeUnit.SECONDS);
        assertThat(response.join().statusCode()).isEqualTo(200);
    }

    @Test
    void t23_the_servers_hint_is_waited_for() throws IOException, InterruptedException {
        busy.set(2);
        long start = System.nanoTime();
        HttpResponse<Void> response;
        try {
            response = retry.call(() -> http.send(request, BodyHandlers.discarding()));
        } catch (IOException | InterruptedException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(ofMillis(40));
    }
}
