// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.Outcome;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Sends the requests of one client to one host and keeps the books. Whether they are protected is the client's affair. */
abstract sealed class Caller permits Bare, Guarded {
    /** Calls through the pipeline before the first one that counts. */
    static final int WARM_UPS = 2;

    private final Host host;
    private final HttpClient unprotected;
    private final HttpRequest request;
    private final Stopwatch watch;
    private final Stats stats = new Stats();

    /** Gives a request no timeout of its own with {@code Duration.ZERO}. */
    Caller(Host host, HttpClient unprotected, Duration requestTimeout, Stopwatch watch) {
        this.host = host;
        this.unprotected = unprotected;
        this.request = request(path(), requestTimeout);
        this.watch = watch;
    }

    /** A heading of the table. */
    abstract String client();

    /** What the requests are sent with. */
    HttpClient http() {
        return unprotected;
    }

    /** A call begins; the attempts of it are the client's affair too. */
    abstract void begins();

    final Host host() {
        return host;
    }

    final Stats stats() {
        return stats;
    }

    final String path() {
        return "/" + client();
    }

    /** One call, on this thread. */
    final void call() {
        Phase phase = host.service().phase();
        long begin = watch.elapsed();
        stats.started();
        begins();
        Outcome<HttpResponse<Void>> outcome = outcome(request);
        stats.ended(phase, watch.elapsed() - begin, outcome);
    }

    /** One call; the stage completes, without an exception, when the call has ended and is in the books. */
    final CompletionStage<?> callAsync() {
        Phase phase = host.service().phase();
        long begin = watch.elapsed();
        stats.started();
        begins();
        return http().sendAsync(request, BodyHandlers.discarding()).handle((response, thrown) -> {
            Outcome<HttpResponse<Void>> outcome = thrown == null ? Outcome.success(response) : Outcome.failure(thrown);
            stats.ended(phase, watch.elapsed() - begin, outcome);
            return outcome;
        });
    }

    /** One call that is in no books. */
    final Outcome<HttpResponse<Void>> unrecorded() {
        return outcome(request);
    }

    private Outcome<HttpResponse<Void>> outcome(HttpRequest sent) {
        try {
            return Outcome.success(http().send(sent, BodyHandlers.discarding()));
        } catch (Exception e) {
            return Outcome.failure(e);
        }
    }

    /** Loads classes and opens a connection, so that the first measured call is like the others. Not in the books. */
    void warmUp() throws IOException, InterruptedException {
        HttpRequest warm = request("/warm-up", Duration.ofSeconds(10));
        for (int i = 0; i < 5; i++) unprotected.send(warm, BodyHandlers.discarding()); // the first is the slowest
        Outcome<HttpResponse<Void>> unused = outcome(warm);
        CompletableFuture<HttpResponse<Void>> later = http().sendAsync(warm, BodyHandlers.discarding());
        later.exceptionally(tooCold -> null).join();
    }

    /** PUT may be repeated by us, and the JDK's client does not repeat it on its own: the attempts are countable. */
    private HttpRequest request(String path, Duration timeout) {
        HttpRequest.Builder builder =
                HttpRequest.newBuilder(host.service().at(path)).PUT(BodyPublishers.noBody());
        return timeout.isZero() ? builder.build() : builder.timeout(timeout).build();
    }
}
