// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import dev.resilience.CallContext;
import dev.resilience.Failures;
import dev.resilience.Keyed;
import dev.resilience.Pipeline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Predicate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * The JDK's HTTP client with a pipeline around each request, one pipeline for each host: a host that fails opens its own
 * breaker and fills its own bulkhead. It <em>is</em> an {@link HttpClient}, so whatever takes one can be given this.
 *
 * {@snippet class="dev.resilience.http.Snippets" region="http"}
 *
 * <p><b>Which pipeline.</b> That of the request's origin: scheme, host and port, in lower case, the port only where it is
 * not the scheme's own, as in {@code https://api.example.com}. Made by the given function when the origin is first
 * called, and kept as {@link Keyed} keeps it. A redirect that the client follows to another host is part of the call and
 * counts for the host that was asked; with {@link HttpClient.Redirect#NEVER} each hop is a call of your own.
 *
 * <p><b>What is a failure</b> for the policies of that pipeline that have no classifier of their own: {@link #failures()},
 * or what {@link Builder#failures} says. The response of a call that fails to the end is returned like any other, as the
 * client itself would.
 *
 * <p><b>What is repeated</b> by retries and hedges: requests that {@link #isRepeatable} or {@link Builder#repeatable}
 * says may be. All others have one attempt, through the same breaker, bulkhead and timeout
 * ({@link CallContext#once()}). {@code Retry-After}, in seconds or as a date, is a floor of a retry's delay; see
 * {@link RetryAfter}. The JDK's client repeats some requests by itself, unseen by any policy: GET and HEAD when a kept
 * connection turns out to be closed. The system property {@code jdk.httpclient.disableRetryConnect} turns off the one
 * for connecting; leave {@code jdk.httpclient.enableAllMethodRetry} unset.
 *
 * <p><b>Bodies.</b> The body of a response that nobody gets is given up, whatever it is: of an attempt that is repeated,
 * that lost a race, that came after a timeout or a cancellation. Its stream is closed and its connection freed, HTTP/1.1
 * closes it. A call is over when the body handler has its result: with {@code ofString} when all is read, with
 * {@code ofInputStream}, {@code ofLines} or {@code ofPublisher} when the headers are there. <em>What you read then is
 * beyond every timeout and breaker</em>; read whole bodies where that matters. {@code ofFile} does not truncate: give it
 * {@code TRUNCATE_EXISTING}, or a shorter answer is followed by the rest of a longer one that was discarded.
 *
 * <p><b>Exceptions</b> are those of the client, the same instance ({@link IOException}, {@link InterruptedException});
 * beside them {@link dev.resilience.RejectedException}, {@link dev.resilience.TimeoutExceededException} and
 * {@link dev.resilience.CallInterruptedException}, all unchecked. On {@code sendAsync} all of them are in the future, but
 * a request without a host and what the function that makes pipelines throws.
 *
 * <p><b>Threads.</b> As the client and the pipeline have them: {@code send} blocks the calling thread, which may be a
 * virtual one; {@code sendAsync} holds no thread. Cancelling its future, or completing it, cancels the exchange. Costs
 * beside the pipeline's a look-up and a few objects for each request. Thread-safe. Owns nothing: closing it, on JDKs
 * where a client can be closed, does nothing; close the client that it was given.
 */
// More public methods than a type should have: all but eight are HttpClient's.
@SuppressWarnings("exports") // who uses it needs java.net.http, and is to say so: see docs/adr/0001
public final class ResilientHttpClient extends HttpClient {
    private static final Set<String> IDEMPOTENT = Set.of("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE");
    private static final Failures FAILURES = Failures.on(IOException.class, UncheckedIOException.class)
            .orResult(HttpResponse.class, ResilientHttpClient::isFailure)
            .ignoring(thrown -> thrown instanceof IllegalArgumentException || thrown instanceof SecurityException);

    private final HttpClient client;
    private final Keyed<String, Pipeline> pipelines;
    private final Predicate<? super HttpRequest> repeatable;

    private ResilientHttpClient(Builder builder, Keyed<String, Pipeline> pipelines) {
        this.client = builder.client;
        this.repeatable = builder.repeatable;
        this.pipelines = pipelines;
    }

    /**
     * A client with everything else by default.
     *
     * @param client sends the requests
     * @param pipeline makes the pipeline of an origin, such as {@code StandardPipeline::of}
     * @return a client without a pipeline yet
     */
    public static ResilientHttpClient of(HttpClient client, Function<? super String, Pipeline> pipeline) {
        return builder(client, pipeline).build();
    }

    /**
     * For another classifier, other requests to repeat, other bounds of how many pipelines are kept.
     *
     * @param client sends the requests
     * @param pipeline makes the pipeline of an origin
     * @return the builder
     */
    public static Builder builder(HttpClient client, Function<? super String, Pipeline> pipeline) {
        return new Builder(Objects.requireNonNull(client, "client"), Objects.requireNonNull(pipeline, "pipeline"));
    }

    /**
     * The classifier for HTTP. Failures are: {@link IOException}, which timeouts of the client are too; the status 408
     * (request timeout), 425 (too early), 429 (too many requests) and 500 to 599 except 501 (not implemented) and 505
     * (version not supported), which would be the same again. With every other status, 404 for instance, the host has
     * answered: a success for a breaker, and no reason to repeat. A request that the client refuses to send, with an
     * {@link IllegalArgumentException} or a {@link SecurityException}, is ignored.
     *
     * @return the one instance
     */
    public static Failures failures() {
        return FAILURES;
    }

    private static boolean isFailure(HttpResponse<?> response) {
        int status = response.statusCode();
        return switch (status) {
            case 408, 425, 429 -> true;
            case 501, 505 -> false;
            default -> status >= 500 && status < 600;
        };
    }

    /**
     * What is repeated unless {@link Builder#repeatable} says otherwise. The request must be idempotent: GET, HEAD, PUT,
     * DELETE, OPTIONS and TRACE are (RFC 9110 §9.2.2), every other with a header {@code Idempotency-Key} is. And its body
     * must have a length that is known in advance: what has not, such as {@code ofInputStream}, may be a stream that is
     * empty the second time, and would silently be sent so. The client refuses a body that does not have its length.
     *
     * @param request the request
     * @return whether it may be sent twice
     */
    public static boolean isRepeatable(HttpRequest request) {
        return isIdempotent(request)
                && request.bodyPublisher()
                        .map(body -> body.contentLength() >= 0)
                        .orElse(true);
    }

    private static boolean isIdempotent(HttpRequest request) {
        return IDEMPOTENT.contains(request.method())
                || request.headers()
                        .firstValue("Idempotency-Key")
                        .filter(key -> !key.isBlank())
                        .isPresent();
    }

    /**
     * Sends a request, protected, and waits for its response.
     *
     * @param <T> the type of the body
     * @param request sent once for each attempt
     * @param handler asked for each response
     * @return the response of the last attempt, the client's own
     * @throws IOException as the client does
     * @throws InterruptedException as the client does; an interrupt in a wait of the pipeline is a
     *     {@link dev.resilience.CallInterruptedException}
     * @throws IllegalArgumentException as the client does, and for a URI without a host
     * @throws dev.resilience.RejectedException when a policy refused and nothing else had failed before
     * @throws dev.resilience.TimeoutExceededException when a timeout policy's time passed
     */
    @Override
    public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler)
            throws IOException, InterruptedException {
        return send(CallContext.root(), request, handler);
    }

    /**
     * {@link #send(HttpRequest, BodyHandler)} with attributes, a deadline, or {@link CallContext#once()} from the caller.
     *
     * @param <T> the type of the body
     * @param context as in {@link dev.resilience.Policy#call(CallContext, dev.resilience.ContextOp)}
     * @param request sent once for each attempt
     * @param handler asked for each response
     * @return the response of the last attempt, the client's own
     * @throws IOException as the client does
     * @throws InterruptedException as the client does
     */
    public <T> HttpResponse<T> send(CallContext context, HttpRequest request, BodyHandler<T> handler)
            throws IOException, InterruptedException {
        Objects.requireNonNull(request, "request");
        Objects.requireNonNull(handler, "handler");
        return pipeline(request.uri())
                .<Reply<T>>outcome(entered(context, request), attempt -> exchange(request, handler))
                .orElseThrow()
                .response();
    }

    private <T> Reply<T> exchange(HttpRequest request, BodyHandler<T> handler)
            throws IOException, InterruptedException {
        Transfer<T> transfer = new Transfer<>(handler);
        boolean sent = false;
        try {
            Reply<T> reply = new Reply<>(client.send(request, transfer), transfer);
            sent = true;
            return reply;
        } finally {
            if (!sent) transfer.discard(); // an interrupt may have kept a response from us that is there
        }
    }

    /**
     * Starts a request, protected. Never blocks.
     *
     * @param <T> the type of the body
     * @param request sent once for each attempt
     * @param handler asked for each response
     * @return completes with the response of the last attempt, the client's own; cancelling it cancels the exchange
     * @throws IllegalArgumentException for a URI without a host
     */
    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(HttpRequest request, BodyHandler<T> handler) {
        return sendAsync(CallContext.root(), request, handler);
    }

    /**
     * {@link #sendAsync(HttpRequest, BodyHandler)} with attributes, a deadline, or {@link CallContext#once()} from the
     * caller.
     *
     * @param <T> the type of the body
     * @param context as in {@link dev.resilience.Policy#callAsync(CallContext, dev.resilience.ContextOp)}
     * @param request sent once for each attempt
     * @param handler asked for each response
     * @return completes with the response of the last attempt, the client's own; cancelling it cancels the exchange
     * @throws IllegalArgumentException for a URI without a host
     */
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(
            CallContext context, HttpRequest request, BodyHandler<T> handler) {
        return started(context, request, handler, transfer -> client.sendAsync(request, transfer));
    }

    /**
     * {@link #sendAsync(HttpRequest, BodyHandler)} with what the server pushes. Pushed responses go to their handler as
     * they come, those of attempts that are discarded too; they are not protected.
     *
     * @param <T> the type of the body
     * @param request sent once for each attempt
     * @param handler asked for each response
     * @param pushes handed to the client for each attempt; may be null
     * @return completes with the response of the last attempt, the client's own; cancelling it cancels the exchange
     * @throws IllegalArgumentException for a URI without a host
     */
    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(
            HttpRequest request, BodyHandler<T> handler, @Nullable PushPromiseHandler<T> pushes) {
        return started(CallContext.root(), request, handler, transfer -> client.sendAsync(request, transfer, pushes));
    }

    private <T> CompletableFuture<HttpResponse<T>> started(
            CallContext context,
            HttpRequest request,
            BodyHandler<T> handler,
            Function<Transfer<T>, CompletableFuture<HttpResponse<T>>> start) {
        Objects.requireNonNull(request, "request");
        Objects.requireNonNull(handler, "handler");
        return Answer.of(pipeline(request.uri()).<Reply<T>>callAsync(entered(context, request), attempt -> {
            Transfer<T> transfer = new Transfer<>(handler);
            return new Sending<>(start.apply(transfer), transfer).begun();
        }));
    }

    private CallContext entered(CallContext context, HttpRequest request) {
        Objects.requireNonNull(context, "context");
        return Guests.test(repeatable, request) ? context : context.once();
    }

    /**
     * The pipeline that protects what is sent to a URI's origin, made if there is none: for a look at its state, or for
     * work of your own that should share it. Ask for it each time; it may be replaced when it has been idle.
     *
     * @param uri any URI of the origin; its path does not matter
     * @return the pipeline that was made for it, in one that adds the classifier
     * @throws IllegalArgumentException when it has no scheme or no host
     */
    public Pipeline pipeline(URI uri) {
        return pipelines.get(Origin.of(Objects.requireNonNull(uri, "uri")));
    }

    /**
     * The origins that have a pipeline now, for an operator's view.
     *
     * @return a copy, from origin to pipeline
     */
    public Map<String, Pipeline> live() {
        return pipelines.live();
    }

    /**
     * What keeps the pipelines: for metrics, log and events of all hosts, those to come too, and for changing settings at
     * run time. Its keys are origins; {@link #pipeline} makes them from a URI.
     *
     * @return the same one at each call
     */
    public Keyed<String, Pipeline> keyed() {
        return pipelines;
    }

    /**
     * That of the client.
     *
     * @return as the client says
     */
    @Override
    public Optional<CookieHandler> cookieHandler() {
        return client.cookieHandler();
    }

    /**
     * That of the client.
     *
     * @return as the client says
     */
    @Override
    public Optional<Duration> connectTimeout() {
        return client.connectTimeout();
    }

    /**
     * That of the client. See above for whose pipeline a redirect counts.
     *
     * @return as the client says
     */
    @Override
    public Redirect followRedirects() {
        return client.followRedirects();
    }

    /**
     * That of the client.
     *
     * @return as the client says
     */
    @Override
    public Optional<ProxySelector> proxy() {
        return client.proxy();
    }

    /**
     * That of the client.
     *
     * @return as the client says
     */
    @Override
    public SSLContext sslContext() {
        return client.sslContext();
    }

    /**
     * That of the client.
     *
     * @return as the client says
     */
    @Override
    public SSLParameters sslParameters() {
        return client.sslParameters();
    }

    /**
     * That of the client.
     *
     * @return as the client says
     */
    @Override
    public Optional<Authenticator> authenticator() {
        return client.authenticator();
    }

    /**
     * That of the client.
     *
     * @return as the client says
     */
    @Override
    public Version version() {
        return client.version();
    }

    /**
     * That of the client.
     *
     * @return as the client says
     */
    @Override
    public Optional<Executor> executor() {
        return client.executor();
    }

    /**
     * That of the client: web sockets are not protected.
     *
     * @return as the client says
     */
    @Override
    public WebSocket.Builder newWebSocketBuilder() {
        return client.newWebSocketBuilder();
    }

    /**
     * For logs.
     *
     * @return the client and how many pipelines are kept
     */
    @Override
    public String toString() {
        return "ResilientHttpClient[" + client + ", " + pipelines + "]";
    }

    /** Builds a {@link ResilientHttpClient}. Not thread-safe. */
    public static final class Builder {
        private final HttpClient client;
        private final Function<? super String, Pipeline> pipeline;
        private Failures failures = FAILURES;
        private Predicate<? super HttpRequest> repeatable = ResilientHttpClient::isRepeatable;
        private Keyed.Builder keyed = Keyed.builder();

        private Builder(HttpClient client, Function<? super String, Pipeline> pipeline) {
            this.client = client;
            this.pipeline = pipeline;
        }

        /**
         * The classifier of the policies that have none of their own, and whose pipeline has none. Default:
         * {@link ResilientHttpClient#failures()}.
         *
         * @param failures values are {@link HttpResponse}
         * @return this
         */
        public Builder failures(Failures failures) {
            this.failures = Objects.requireNonNull(failures, "failures");
            return this;
        }

        /**
         * Which requests retries and hedges may send more than once. Default: {@link ResilientHttpClient#isRepeatable}.
         *
         * @param repeatable runs on the calling thread; what it throws is reported and means false
         * @return this
         */
        public Builder repeatable(Predicate<? super HttpRequest> repeatable) {
            this.repeatable = Objects.requireNonNull(repeatable, "repeatable");
            return this;
        }

        /**
         * How many pipelines are kept, and for how long. Default: {@link Keyed#builder()}, 10,000 that are forgotten
         * after 10 minutes without use.
         *
         * @param bounds its clock should be that of the pipelines
         * @return this
         */
        public Builder keyed(Keyed.Builder bounds) {
            this.keyed = Objects.requireNonNull(bounds, "bounds");
            return this;
        }

        /**
         * Makes the client.
         *
         * @return a client without a pipeline yet
         * @throws IllegalArgumentException naming every bound that is out of range
         */
        public ResilientHttpClient build() {
            Failures judge = failures;
            Function<? super String, Pipeline> maker = pipeline;
            return new ResilientHttpClient(this, keyed.build(origin -> classified(maker, origin, judge)));
        }

        private static Pipeline classified(Function<? super String, Pipeline> maker, String origin, Failures failures) {
            Pipeline made = Objects.requireNonNull(maker.apply(origin), "the pipeline function returned null");
            return Pipeline.builder(made.name())
                    .policies(made)
                    .failures(failures)
                    .onWarning(saidBefore -> {}) // by the pipeline's own builder
                    .build();
        }
    }
}
