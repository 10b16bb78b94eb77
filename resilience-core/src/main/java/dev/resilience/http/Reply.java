// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import dev.resilience.RetryHint;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLSession;

/**
 * A response on its way through a pipeline: policies close it when they discard it, and a retry asks it when to come
 * again. Classifiers and listeners see a response like any other; the caller gets the client's own.
 */
final class Reply<T> implements HttpResponse<T>, AutoCloseable, RetryHint {
    private final HttpResponse<T> response;
    private final Transfer<T> transfer;

    Reply(HttpResponse<T> response, Transfer<T> transfer) {
        this.response = response;
        this.transfer = transfer;
    }

    /** What the client gave. */
    HttpResponse<T> response() {
        return response;
    }

    @Override
    public void close() {
        transfer.discard();
    }

    @Override
    public Optional<Duration> retryAfter() {
        return RetryAfter.of(response);
    }

    @Override
    public int statusCode() {
        return response.statusCode();
    }

    @Override
    public HttpRequest request() {
        return response.request();
    }

    @Override
    public Optional<HttpResponse<T>> previousResponse() {
        return response.previousResponse();
    }

    @Override
    public HttpHeaders headers() {
        return response.headers();
    }

    @Override
    public T body() {
        return response.body();
    }

    @Override
    public Optional<SSLSession> sslSession() {
        return response.sslSession();
    }

    @Override
    public URI uri() {
        return response.uri();
    }

    @Override
    public HttpClient.Version version() {
        return response.version();
    }

    @Override
    public String toString() {
        return response.toString();
    }
}
