// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;

/** A client whose exchanges end when the test says so, in the order that the test wants. */
final class StubClient extends HttpClient {
    /** One exchange. One that is not obedient ignores a cancel, as when the response is on its way already. */
    static final class Exchange<T> {
        final CompletableFuture<HttpResponse<T>> future = new CompletableFuture<>() {
            @Override
            public boolean cancel(boolean mayInterruptIfRunning) {
                cancels++;
                return obedient && super.cancel(mayInterruptIfRunning);
            }
        };
        final Source source = new Source();
        final BodyHandler<T> handler;
        BodySubscriber<T> subscriber;
        boolean obedient = true;
        int cancels;

        Exchange(BodyHandler<T> handler) {
            this.handler = handler;
        }

        /** The response comes, with the body that the handler makes. */
        void respond(int status, String... namesAndValues) {
            BodySubscriber<T> made = handler.apply(info(status, namesAndValues));
            subscriber = made;
            made.onSubscribe(source);
            made.getBody().thenAccept(body -> future.complete(response(status, body, namesAndValues)));
        }

        /** The body has come to its end. */
        void end() {
            subscriber.onComplete();
        }
    }

    /** Where a body comes from. */
    static final class Source implements Flow.Subscription {
        volatile boolean cancelled;

        @Override
        public void request(long n) {}

        @Override
        public void cancel() {
            cancelled = true;
        }
    }

    final List<Exchange<?>> exchanges = new CopyOnWriteArrayList<>();
    boolean obedient = true;

    static <T> HttpResponse<T> response(int status, T body, String... namesAndValues) {
        Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (int i = 0; i < namesAndValues.length; i += 2) {
            headers.computeIfAbsent(namesAndValues[i], n -> new ArrayList<>()).add(namesAndValues[i + 1]);
        }
        return new StubResponse<>(status, body, HttpHeaders.of(headers, (name, value) -> true));
    }

    static HttpResponse.ResponseInfo info(int status, String... namesAndValues) {
        HttpResponse<?> head = response(status, "", namesAndValues);
        return new HttpResponse.ResponseInfo() {
            @Override
            public int statusCode() {
                return status;
            }

            @Override
            public HttpHeaders headers() {
                return head.headers();
            }

            @Override
            public Version version() {
                return Version.HTTP_1_1;
            }
        };
    }

    private record StubResponse<T>(int statusCode, T body, HttpHeaders headers) implements HttpResponse<T> {
        @Override
        public HttpRequest request() {
            return HttpRequest.newBuilder(uri()).build();
        }

        @Override
        public Optional<HttpResponse<T>> previousResponse() {
            return Optional.empty();
        }

        @Override
        public Optional<SSLSession> sslSession() {
            return Optional.empty();
        }

        @Override
        public URI uri() {
            return URI.create("http://stub/");
        }

        @Override
        public Version version() {
            return Version.HTTP_1_1;
        }
    }

    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(HttpRequest request, BodyHandler<T> handler) {
        Exchange<T> exchange = new Exchange<>(handler);
        exchange.obedient = obedient;
        exchanges.add(exchange);
        return exchange.future;
    }

    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(
            HttpRequest request, BodyHandler<T> handler, PushPromiseHandler<T> pushes) {
        if (pushes == null) throw new AssertionError("not handed on");
        return sendAsync(request, handler);
    }

    @Override
    public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler) throws InterruptedException {
        CompletableFuture<HttpResponse<T>> future = sendAsync(request, handler);
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    @Override
    public Optional<CookieHandler> cookieHandler() {
        return Optional.empty();
    }

    @Override
    public Optional<Duration> connectTimeout() {
        return Optional.of(Duration.ofSeconds(7));
    }

    @Override
    public Redirect followRedirects() {
        return Redirect.ALWAYS;
    }

    @Override
    public Optional<ProxySelector> proxy() {
        return Optional.empty();
    }

    @Override
    public SSLContext sslContext() {
        throw new UnsupportedOperationException("sslContext");
    }

    @Override
    public SSLParameters sslParameters() {
        throw new UnsupportedOperationException("sslParameters");
    }

    @Override
    public Optional<Authenticator> authenticator() {
        return Optional.empty();
    }

    @Override
    public Version version() {
        return Version.HTTP_2;
    }

    @Override
    public Optional<Executor> executor() {
        return Optional.of(Runnable::run);
    }

    @Override
    public WebSocket.Builder newWebSocketBuilder() {
        throw new UnsupportedOperationException("newWebSocketBuilder");
    }
}
