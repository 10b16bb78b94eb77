// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.RetryBudget;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** The code of docs/guide/getting-started.md, which the gates compare with the page. */
final class FirstPipeline {
    private final HttpClient http = HttpClient.newHttpClient();

    private final CircuitBreaker breaker = CircuitBreaker.builder("stock")
            .failureRate(0.5)
            .openFor(Duration.ofSeconds(5))
            .build();
    private final Pipeline stock = Pipeline.builder("stock")
            .policies(
                    Timeout.of(Duration.ofSeconds(3)), // in all
                    Retry.builder("stock")
                            .maxAttempts(3)
                            .budget(RetryBudget.of(0.2))
                            .build(),
                    breaker,
                    Timeout.of(Duration.ofSeconds(1))) // for each attempt
            .failures(Failures.on(IOException.class)
                    .orResult(HttpResponse.class, response -> response.statusCode() >= 500))
            .build();

    Pipeline pipeline() {
        return stock;
    }

    HttpResponse<String> level(URI article) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(article).build();
        return stock.call(() -> http.send(request, BodyHandlers.ofString()));
    }

    String levelInWords(URI article) {
        HttpRequest request = HttpRequest.newBuilder(article).build();
        Outcome<HttpResponse<String>> outcome = stock.outcome(() -> http.send(request, BodyHandlers.ofString()));
        if (outcome.as(RejectedException.class).isPresent()) return "ask again later";
        return outcome.fold(HttpResponse::body, thrown -> "unknown");
    }

    CompletableFuture<HttpResponse<String>> levelAsync(URI article) {
        HttpRequest request = HttpRequest.newBuilder(article).build();
        return stock.callAsync(() -> http.sendAsync(request, BodyHandlers.ofString()));
    }

    void watch(Consumer<String> log) {
        log.accept(stock.describe().toString());
        breaker.onTransition(change -> log.accept("stock: " + change)); // CLOSED -> OPEN, and why
    }
}
