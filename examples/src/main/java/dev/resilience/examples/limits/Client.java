// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.limits;

import dev.resilience.Failures;
import dev.resilience.Outcome;
import dev.resilience.Pipeline;
import dev.resilience.TimeSource;
import dev.resilience.ratelimit.RateLimitHeaders;
import dev.resilience.retry.Retry;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/** Calls the API as one user. An obedient one waits as long as it is told to, and is then served. */
final class Client {
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final LimitedApi api;
    private final String user;
    private final AtomicInteger served = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicInteger silent = new AtomicInteger();

    Client(LimitedApi api, String user) {
        this.api = api;
        this.user = user;
    }

    /** A retry that asks again once, when the server has said that it may. */
    static Pipeline obedience(TimeSource time) {
        Retry retry = Retry.builder("api")
                .maxAttempts(2)
                .failures(Failures.standard().orResult(HttpResponse.class, response -> response.statusCode() == 429))
                .delayFrom(HttpResponse.class, Client::retryAfter)
                .build();
        return Pipeline.builder("obedience").policies(retry).timeSource(time).build();
    }

    private static Optional<Duration> retryAfter(HttpResponse<?> response) {
        String value = response.headers().firstValue("Retry-After").orElse(null);
        return RateLimitHeaders.retryAfter(value, Instant.now());
    }

    /** False when it was refused twice in a row. */
    boolean call(Pipeline obedience, String path) {
        Outcome<HttpResponse<Void>> outcome = obedience.outcome(() -> send(path));
        return outcome instanceof Outcome.Success<HttpResponse<Void>> success
                && success.value().statusCode() == 200;
    }

    HttpResponse<Void> send(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(api.uri(path))
                .header("X-User", user)
                .timeout(Duration.ofSeconds(10))
                .build();
        HttpResponse<Void> response = http.send(request, HttpResponse.BodyHandlers.discarding());
        (response.statusCode() == 200 ? served : refused).incrementAndGet();
        boolean told = response.headers().firstValue("RateLimit").isPresent()
                && response.headers().firstValue("RateLimit-Policy").isPresent()
                && response.headers().firstValue("Retry-After").isPresent() == (response.statusCode() == 429);
        if (!told) silent.incrementAndGet();
        return response;
    }

    int served() {
        return served.get();
    }

    int refused() {
        return refused.get();
    }

    /** Answers that did not tell what they should. */
    int silent() {
        return silent.get();
    }
}
