// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import dev.resilience.CallContext;
import dev.resilience.Failures;
import dev.resilience.Keyed;
import dev.resilience.Pipeline;
import dev.resilience.retry.Retry;
import dev.resilience.standard.StandardPipeline;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.CompletableFuture;

/** The snippets that the Javadoc of this package and docs/guide/http.md show; compiled here. */
final class Snippets {
    private Snippets() {}

    static CompletableFuture<Integer> http(HttpRequest request) throws IOException, InterruptedException {
        // @start region="http"
        HttpClient http = ResilientHttpClient.of(HttpClient.newHttpClient(), StandardPipeline::of);

        HttpResponse<String> response = http.send(request, BodyHandlers.ofString()); // throws what send throws
        CompletableFuture<Integer> later =
                http.sendAsync(request, BodyHandlers.discarding()).thenApply(HttpResponse::statusCode);
        // @end
        return later.thenApply(status -> status + response.statusCode());
    }

    static Pipeline retryAfter() {
        // @start region="retry-after"
        Retry retry = Retry.builder("search")
                .delayFrom(HttpResponse.class, RetryAfter::of)
                .build();
        Pipeline search = Pipeline.builder("search")
                .policies(retry)
                .failures(ResilientHttpClient.failures())
                .build();
        // @end
        return search;
    }

    static ResilientHttpClient settings(HttpClient client) {
        // @start region="settings"
        ResilientHttpClient http = ResilientHttpClient.builder(client, StandardPipeline::of)
                .failures(Failures.on(IOException.class)
                        .orResult(HttpResponse.class, response -> response.statusCode() >= 500))
                .repeatable(request -> ResilientHttpClient.isRepeatable(request)
                        || request.uri().getPath().startsWith("/search")) // a POST that changes nothing
                .keyed(Keyed.builder().maxKeys(100))
                .build();
        // @end
        return http;
    }

    static HttpResponse<String> once(ResilientHttpClient http, HttpRequest delete)
            throws IOException, InterruptedException {
        // @start region="once"
        HttpResponse<String> response = http.send(CallContext.root().once(), delete, BodyHandlers.ofString());
        // @end
        return response;
    }

    static void operator(ResilientHttpClient http) {
        // @start region="operator"
        System.out.println(http.pipeline(URI.create("https://api.example.com")).describe());
        System.out.println(http.live().keySet());
        // @end
    }
}
