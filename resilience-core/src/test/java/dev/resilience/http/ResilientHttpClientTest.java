// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Failures;
import dev.resilience.Keyed;
import dev.resilience.Pipeline;
import dev.resilience.RejectedException;
import dev.resilience.Reported;
import dev.resilience.TimeoutExceededException;
import dev.resilience.Verdict;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.CircuitOpenException;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.retry.Retry.Stopped;
import dev.resilience.standard.StandardPipeline;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A real client, and the JDK's own server on the loopback. Bodies that stream are in {@code BodiesTest}. */
class ResilientHttpClientTest {
    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "server");
        thread.setDaemon(true);
        return thread;
    });
    private final AtomicInteger seen = new AtomicInteger();
    private final Map<String, CircuitBreaker> breakers = new ConcurrentHashMap<>();
    private final List<Retry.Event> retries = new CopyOnWriteArrayList<>();
    private HttpServer server;
    /** The status of the n-th answer, counted from 1. */
    private volatile IntFunction<Integer> status = n -> 200;
    /** Empty: none. */
    private volatile String retryAfter = "";

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = exchange.getRequestBody().readAllBytes();
            int number = seen.incrementAndGet();
            if (!retryAfter.isEmpty()) exchange.getResponseHeaders().set("Retry-After", retryAfter);
            exchange.sendResponseHeaders(status.apply(number), 0);
            exchange.getResponseBody().write(("answer " + number + " to " + new String(body)).getBytes());
        }
    }

    private URI uri() {
        return URI.create("http://" + server.getAddress().getAddress().getHostAddress() + ":"
                + server.getAddress().getPort() + "/path");
    }

    private HttpRequest get() {
        return HttpRequest.newBuilder(uri()).build();
    }

    private HttpRequest.Builder post() {
        return HttpRequest.newBuilder(uri()).POST(BodyPublishers.ofString("order"));
    }

    /** The faces of a client. */
    enum Face {
        SEND {
            @Override
            <T> HttpResponse<T> send(ResilientHttpClient http, HttpRequest request, HttpResponse.BodyHandler<T> handler)
                    throws Exception {
                return http.send(request, handler);
            }
        },
        SEND_ASYNC {
            @Override
            <T> HttpResponse<T> send(ResilientHttpClient http, HttpRequest request, HttpResponse.BodyHandler<T> handler)
                    throws Exception {
                return got(http.sendAsync(request, handler));
            }
        },
        WITH_PUSHES {
            @Override
            <T> HttpResponse<T> send(ResilientHttpClient http, HttpRequest request, HttpResponse.BodyHandler<T> handler)
                    throws Exception {
                return got(http.sendAsync(request, handler, null));
            }
        };

        abstract <T> HttpResponse<T> send(
                ResilientHttpClient http, HttpRequest request, HttpResponse.BodyHandler<T> handler) throws Exception;

        static <T> T got(CompletableFuture<T> future) throws Exception {
            try {
                return future.get(60, TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof Exception cause) throw cause;
                throw e;
            }
        }

        String text(ResilientHttpClient http, HttpRequest request) throws Exception {
            HttpResponse<String> response = send(http, request, BodyHandlers.ofString());
            return response.statusCode() + " " + response.body();
        }
    }

    /** retry( breaker( call ) ) without delays; the breaker opens at the third failure in a row. */
    private Pipeline threeAttempts(String origin) {
        CircuitBreaker breaker = CircuitBreaker.builder(origin)
                .consecutiveFailures(3)
                .openFor(ofMinutes(10)) // longer than a retry waits for it
                .build();
        breakers.put(origin, breaker);
        Retry retry = Retry.builder(origin)
                .backoff(Backoff.none())
                .onRetry(retries::add)
                .build();
        return Pipeline.builder(origin)
                .policies(retry, breaker)
                .onWarning(warning -> {}) // of a breaker without a timeout inside
                .build();
    }

    private ResilientHttpClient http() {
        return ResilientHttpClient.of(CLIENT, this::threeAttempts);
    }

    private CircuitBreaker breaker() {
        return breakers.get(Origin.of(uri()));
    }

    @ParameterizedTest
    @EnumSource
    void a_host_that_is_well_is_asked_once(Face face) throws Exception {
        ResilientHttpClient http = ResilientHttpClient.of(
                CLIENT,
                origin -> StandardPipeline.builder(origin)
                        .timeout(ofMinutes(2)) // a busy machine is not what is tested
                        .attemptTimeout(ofMinutes(1))
                        .build());
        assertThat(face.text(http, post().build())).isEqualTo("200 answer 1 to order");
        assertThat(seen).hasValue(1);
    }

    @ParameterizedTest
    @EnumSource
    void what_fails_for_a_moment_is_repeated(Face face) throws Exception {
        status = n -> n < 3 ? 503 : 200;
        assertThat(face.text(http(), get())).isEqualTo("200 answer 3 to ");
        assertThat(retries).hasSize(2).extracting(e -> e.outcome().toString()).allMatch(text -> text.contains("503"));
    }

    @ParameterizedTest
    @EnumSource
    void what_fails_for_good_is_returned_as_the_client_would(Face face) throws Exception {
        status = n -> 500;
        assertThat(face.text(http(), get())).isEqualTo("500 answer 3 to ");
        assertThat(seen).hasValue(3);
    }

    @ParameterizedTest
    @EnumSource
    void the_response_is_the_clients_own(Face face) throws Exception {
        HttpResponse<String> response = face.send(http(), get(), BodyHandlers.ofString());
        assertThat(response).isNotInstanceOf(AutoCloseable.class);
        assertThat(response.getClass().getPackageName()).startsWith("jdk.");
        assertThat(response.uri()).isEqualTo(uri());
    }

    @ParameterizedTest
    @EnumSource
    void a_post_has_one_attempt_through_the_same_breaker(Face face) throws Exception {
        status = n -> 503;
        ResilientHttpClient http = http();
        for (int i = 1; i <= 3; i++) {
            assertThat(face.text(http, post().build())).isEqualTo("503 answer " + i + " to order");
        }
        assertThatThrownBy(() -> face.text(http, post().build())).isInstanceOf(CircuitOpenException.class);
        assertThat(seen).hasValue(3);
        assertThat(retries).isEmpty();
        // and what may be repeated is refused by it too
        assertThatThrownBy(() -> face.text(http, get())).isInstanceOf(CircuitOpenException.class);
    }

    @ParameterizedTest
    @EnumSource
    void a_post_with_an_idempotency_key_is_repeated(Face face) throws Exception {
        status = n -> n < 3 ? 503 : 200;
        HttpRequest request = post().header("Idempotency-Key", "order-1").build();
        assertThat(face.text(http(), request)).isEqualTo("200 answer 3 to order");
    }

    @ParameterizedTest
    @CsvSource({
        "GET, true",
        "HEAD, true",
        "PUT, true",
        "DELETE, true",
        "OPTIONS, true",
        "TRACE, true",
        "POST, false",
        "PATCH, false",
        "get, false",
        "PROPFIND, false"
    })
    void idempotent_methods_are_repeatable(String method, boolean repeatable) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri()).method(method, BodyPublishers.noBody());
        assertThat(ResilientHttpClient.isRepeatable(request.build())).isEqualTo(repeatable);
        assertThat(ResilientHttpClient.isRepeatable(
                        request.copy().header("idempotency-KEY", "1").build()))
                .isTrue();
        assertThat(ResilientHttpClient.isRepeatable(
                        request.copy().header("Idempotency-Key", " ").build()))
                .isEqualTo(repeatable);
    }

    @Test
    void a_body_that_may_be_gone_the_second_time_is_not_repeated() throws Exception {
        InputStream once = InputStream.nullInputStream();
        HttpRequest stream = HttpRequest.newBuilder(uri())
                .PUT(BodyPublishers.ofInputStream(() -> once))
                .build();
        HttpRequest publisher = HttpRequest.newBuilder(uri())
                .PUT(BodyPublishers.fromPublisher(BodyPublishers.ofString("body")))
                .build();
        HttpRequest sized = HttpRequest.newBuilder(uri())
                .PUT(BodyPublishers.fromPublisher(BodyPublishers.ofString("body"), 4))
                .build();
        assertThat(ResilientHttpClient.isRepeatable(stream)).isFalse();
        assertThat(ResilientHttpClient.isRepeatable(publisher)).isFalse();
        assertThat(ResilientHttpClient.isRepeatable(sized)).isTrue();

        status = n -> 503;
        http().send(stream, BodyHandlers.ofString());
        assertThat(seen).hasValue(1);
    }

    @ParameterizedTest
    @EnumSource
    void the_user_may_say_what_is_repeated(Face face) throws Exception {
        status = n -> 503;
        ResilientHttpClient http = ResilientHttpClient.builder(CLIENT, this::threeAttempts)
                .repeatable(request -> request.method().equals("POST"))
                .build();
        face.text(http, post().build());
        assertThat(seen).hasValue(3);
        breaker().reset();
        face.text(http, get());
        assertThat(seen).hasValue(4);
    }

    @Test
    void a_predicate_that_throws_is_reported_and_means_no() throws Exception { // L5
        status = n -> 503;
        ResilientHttpClient http = ResilientHttpClient.builder(CLIENT, this::threeAttempts)
                .repeatable(request -> {
                    throw new IllegalStateException("broken");
                })
                .build();
        try (Reported reported = new Reported()) {
            assertThat(http.send(get(), BodyHandlers.ofString()).statusCode()).isEqualTo(503);
            assertThat(reported.messages())
                    .containsExactly("http: the repeatable predicate threw java.lang.IllegalStateException: broken");
        }
        assertThat(seen).hasValue(1);
    }

    @Test
    void a_caller_may_say_that_one_attempt_is_all() throws Exception {
        status = n -> 503;
        CallContext once = CallContext.root().once();
        assertThat(http().send(once, get(), BodyHandlers.ofString()).statusCode())
                .isEqualTo(503);
        assertThat(Face.got(http().sendAsync(once, get(), BodyHandlers.ofString()))
                        .statusCode())
                .isEqualTo(503);
        assertThat(seen).hasValue(2);
    }

    @Test
    void a_request_that_must_not_be_repeated_is_not_hedged() throws Exception {
        ResilientHttpClient http = ResilientHttpClient.of(CLIENT, origin -> Pipeline.of(Hedge.after(Duration.ZERO)));
        http.send(post().build(), BodyHandlers.ofString());
        Face.got(http.sendAsync(post().build(), BodyHandlers.ofString()));
        assertThat(seen).hasValue(2);
    }

    @ParameterizedTest
    @CsvSource({
        "200, SUCCESS", "301, SUCCESS", "304, SUCCESS", "400, SUCCESS", "401, SUCCESS", "404, SUCCESS", "409, SUCCESS",
        "408, FAILURE", "425, FAILURE", "429, FAILURE", "500, FAILURE", "501, SUCCESS", "502, FAILURE", "503, FAILURE",
        "504, FAILURE", "505, SUCCESS", "507, FAILURE", "599, FAILURE", "600, SUCCESS", "999, SUCCESS"
    })
    void a_status_is_judged_by_whether_asking_again_can_help(int code, Verdict verdict) {
        assertThat(ResilientHttpClient.failures().judge(StubClient.response(code, "body"), null))
                .isEqualTo(verdict);
    }

    @Test
    void an_exception_is_judged_by_whether_the_host_is_to_blame() {
        Failures http = ResilientHttpClient.failures();
        assertThat(http.judge(null, new ConnectException())).isEqualTo(Verdict.FAILURE);
        assertThat(http.judge(null, new HttpTimeoutException("late"))).isEqualTo(Verdict.FAILURE);
        assertThat(http.judge(null, new UncheckedIOException(new IOException())))
                .isEqualTo(Verdict.FAILURE);
        assertThat(http.judge(null, new IllegalArgumentException("not sent"))).isEqualTo(Verdict.IGNORED);
        assertThat(http.judge(null, new SecurityException("not sent"))).isEqualTo(Verdict.IGNORED);
        assertThat(http.judge(null, new IllegalStateException("a body handler's")))
                .isEqualTo(Verdict.SUCCESS);
        assertThat(http.judge(null, new InterruptedException())).isEqualTo(Verdict.IGNORED);
    }

    @Test
    void what_the_host_answered_keeps_its_breaker_closed() throws Exception {
        status = n -> 404;
        ResilientHttpClient http = http();
        for (int i = 0; i < 10; i++) http.send(get(), BodyHandlers.ofString());
        assertThat(seen).hasValue(10);
        assertThat(breaker().snapshot().state()).isEqualTo(CircuitBreaker.State.CLOSED);
    }

    @Test
    void a_classifier_of_the_pipeline_wins_and_one_of_the_builder_is_the_default() throws Exception {
        status = n -> 404;
        Failures notFound = Failures.on(IOException.class).orResult(HttpResponse.class, r -> r.statusCode() == 404);
        Retry retry = Retry.builder("r").backoff(Backoff.none()).build();
        ResilientHttpClient byPipeline = ResilientHttpClient.of(
                CLIENT,
                origin -> Pipeline.builder(origin)
                        .policies(retry)
                        .failures(notFound)
                        .build());
        ResilientHttpClient byBuilder = ResilientHttpClient.builder(CLIENT, origin -> Pipeline.of(retry))
                .failures(notFound)
                .build();
        byPipeline.send(get(), BodyHandlers.ofString());
        assertThat(seen).hasValue(3);
        byBuilder.send(get(), BodyHandlers.ofString());
        assertThat(seen).hasValue(6);
    }

    @Test
    void a_host_that_fails_leaves_the_others_alone() throws Exception {
        status = n -> 503;
        ResilientHttpClient http = http();
        http.send(get(), BodyHandlers.ofString());
        assertThatThrownBy(() -> http.send(get(), BodyHandlers.ofString())).isInstanceOf(CircuitOpenException.class);
        try (Host other = new Host((number, connection) -> Host.say(connection, 200, "well"))) {
            HttpRequest request = HttpRequest.newBuilder(other.uri()).build();
            assertThat(http.send(request, BodyHandlers.ofString()).body()).isEqualTo("well");
            assertThat(http.live()).containsOnlyKeys(Origin.of(uri()), Origin.of(other.uri()));
        }
    }

    @Test
    void one_origin_has_one_pipeline_however_it_is_spelled() {
        ResilientHttpClient http = http();
        Pipeline pipeline = http.pipeline(URI.create("http://Example.com/a"));
        assertThat(http.pipeline(URI.create("HTTP://user@EXAMPLE.COM:80/b?c"))).isSameAs(pipeline);
        assertThat(http.pipeline(URI.create("https://example.com/a"))).isNotSameAs(pipeline);
        assertThat(pipeline.name()).isEqualTo("http://example.com");
        assertThat(http.live()).containsOnlyKeys("http://example.com", "https://example.com");
        assertThat(http.keyed().live()).isEqualTo(http.live());
        assertThat(http.toString()).contains("keys=2/10000");
    }

    @Test
    void pipelines_are_bounded() { // L13
        ResilientHttpClient http = ResilientHttpClient.builder(CLIENT, this::threeAttempts)
                .keyed(Keyed.builder().maxKeys(2))
                .build();
        for (int i = 0; i < 10; i++) http.pipeline(URI.create("http://host-" + i));
        assertThat(http.live()).hasSize(2);
        assertThat(http.pipeline(URI.create("http://host-8"))).isSameAs(http.pipeline(URI.create("http://host-9")));
    }

    @ParameterizedTest
    @EnumSource
    void seconds_of_retry_after_are_a_floor_of_the_delay(Face face) throws Exception {
        status = n -> n == 1 ? 429 : 200;
        retryAfter = "7";
        ManualTime time = ManualTime.create();
        ResilientHttpClient http = ResilientHttpClient.of(
                CLIENT,
                origin -> Pipeline.builder(origin)
                        .policies(Retry.builder(origin)
                                .backoff(Backoff.constant(ofMillis(10)))
                                .onRetry(retries::add)
                                .build())
                        .timeSource(time)
                        .build());
        CompletableFuture<String> call = CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return face.text(http, get());
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                },
                threads);
        Host.await("a pause", () -> time.nextEventIn().isPresent());
        assertThat(time.nextEventIn().orElseThrow()).isBetween(ofSeconds(7), ofMillis(7_700)); // S37
        assertThat(retries).singleElement().extracting(Retry.Event::attempt).isEqualTo(1);
        assertThat(seen).hasValue(1);
        time.advance(ofSeconds(8));
        assertThat(call.get(60, TimeUnit.SECONDS)).isEqualTo("200 answer 2 to ");
        assertThat(time.pendingTimers()).isZero(); // L13
    }

    @ParameterizedTest
    @EnumSource
    void a_date_of_retry_after_too_far_ahead_ends_the_call(Face face) throws Exception {
        status = n -> 503;
        retryAfter = "Fri, 31 Dec 9999 23:59:59 GMT";
        List<Retry> made = new CopyOnWriteArrayList<>();
        ResilientHttpClient http = ResilientHttpClient.of(CLIENT, origin -> {
            made.add(Retry.of(3));
            return Pipeline.of(made.get(0));
        });
        assertThat(face.text(http, get())).isEqualTo("503 answer 1 to ");
        assertThat(made.get(0).snapshot().stopped(Stopped.Reason.HINT)).isEqualTo(1);
    }

    @Test
    void a_date_of_retry_after_that_has_passed_is_no_wait() throws Exception {
        status = n -> n == 1 ? 503 : 200;
        retryAfter = "Sun, 06 Nov 1994 08:49:37 GMT";
        assertThat(http().send(get(), BodyHandlers.ofString()).statusCode()).isEqualTo(200);
        assertThat(retries).singleElement().extracting(Retry.Event::delay).isEqualTo(Duration.ZERO);
    }

    @ParameterizedTest
    @EnumSource
    void what_the_client_throws_comes_out_as_it_is(Face face) throws Exception { // L9
        InetAddress loopback = InetAddress.getLoopbackAddress();
        try (Socket taken = new Socket()) { // a port that nobody else can listen on, and we do not
            taken.bind(new InetSocketAddress(loopback, 0));
            URI nobody = URI.create("http://" + loopback.getHostAddress() + ":" + taken.getLocalPort());
            Throwable thrown = catchThrowable(
                    () -> face.text(http(), HttpRequest.newBuilder(nobody).build()));
            assertThat(thrown).isExactlyInstanceOf(ConnectException.class);
            assertThat(Stopped.in(thrown)).map(Stopped::attempts).contains(3);
            assertThat(retries).hasSize(2);
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_timeout_of_the_request_is_a_failure_like_any_other(Face face) throws Exception {
        try (Host host = new Host((number, connection) -> Host.hold(connection))) {
            HttpRequest request =
                    HttpRequest.newBuilder(host.uri()).timeout(ofMillis(50)).build();
            assertThatThrownBy(() -> face.text(http(), request)).isInstanceOf(HttpTimeoutException.class);
            assertThat(host.requests()).hasSizeLessThanOrEqualTo(3);
            Host.await("every exchange is given up", () -> host.open() == 0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_connection_that_is_reset_is_tried_again(Face face) throws Exception {
        try (Host host = new Host(
                (number, connection) -> number < 3 ? Host.reset(connection) : Host.say(connection, 200, "well"))) {
            // the client itself never repeats a PUT
            HttpRequest request = HttpRequest.newBuilder(host.uri())
                    .PUT(BodyPublishers.ofString("x"))
                    .build();
            assertThat(face.text(http(), request)).isEqualTo("200 well");
            assertThat(host.requests()).hasSize(3);
        }
    }

    @Test
    void a_deadline_of_the_caller_bounds_the_call() throws Exception { // L14
        ManualTime time = ManualTime.create();
        ResilientHttpClient http = ResilientHttpClient.of(
                CLIENT, origin -> Pipeline.builder(origin).timeSource(time).build());
        try (Host host = new Host((number, connection) -> Host.hold(connection))) {
            HttpRequest request = HttpRequest.newBuilder(host.uri()).build();
            CompletableFuture<HttpResponse<String>> call =
                    http.sendAsync(CallContext.root().within(ofSeconds(3)), request, BodyHandlers.ofString());
            Host.await("the request", () -> !host.requests().isEmpty());
            time.advance(ofSeconds(3));
            assertThatThrownBy(() -> Face.got(call)).isInstanceOf(TimeoutExceededException.class);
            Host.await("the exchange is given up", () -> host.open() == 0); // L7
        }
        assertThatThrownBy(() -> http.send(CallContext.root().within(Duration.ZERO), get(), BodyHandlers.ofString()))
                .isInstanceOf(TimeoutExceededException.class);
        assertThat(seen).hasValue(0);
    }

    @Test
    void a_rejection_of_a_bulkhead_is_told_with_the_origin() throws Exception {
        Bulkhead full = Bulkhead.builder("http://full").maxConcurrent(1).build();
        ResilientHttpClient http = ResilientHttpClient.of(CLIENT, origin -> Pipeline.of(full));
        var permit = full.admit();
        assertThatThrownBy(() -> http.send(get(), BodyHandlers.ofString()))
                .isInstanceOf(RejectedException.class)
                .hasMessageContaining("http://full");
        permit.success();
        assertThat(http.send(get(), BodyHandlers.ofString()).statusCode()).isEqualTo(200);
        assertThat(full.inFlight()).isZero(); // L1
    }

    @Test
    void everything_else_is_the_clients() throws Exception {
        StubClient stub = new StubClient();
        ResilientHttpClient http = ResilientHttpClient.of(stub, StandardPipeline::of);
        assertThat(http.cookieHandler()).isEmpty();
        assertThat(http.connectTimeout()).contains(ofSeconds(7));
        assertThat(http.followRedirects()).isEqualTo(HttpClient.Redirect.ALWAYS);
        assertThat(http.proxy()).isEmpty();
        assertThat(http.authenticator()).isEmpty();
        assertThat(http.version()).isEqualTo(HttpClient.Version.HTTP_2);
        assertThat(http.executor()).isPresent();
        assertThatThrownBy(http::sslContext).hasMessage("sslContext");
        assertThatThrownBy(http::sslParameters).hasMessage("sslParameters");
        assertThatThrownBy(http::newWebSocketBuilder).hasMessage("newWebSocketBuilder");
        CompletableFuture<HttpResponse<String>> call = http.sendAsync(
                get(), BodyHandlers.replacing("pushed"), (first, push, acceptor) -> acceptor.apply(null));
        stub.exchanges.get(0).respond(200);
        stub.exchanges.get(0).end();
        assertThat(Face.got(call).body()).isEqualTo("pushed");
    }

    @Test
    void closing_it_where_clients_can_be_closed_leaves_the_client_open() throws Exception {
        ResilientHttpClient http = http();
        Object client = http; // closeable since Java 21
        if (client instanceof AutoCloseable closeable) closeable.close();
        assertThat(http.send(get(), BodyHandlers.ofString()).statusCode()).isEqualTo(200);
        assertThat(CLIENT.send(get(), BodyHandlers.ofString()).statusCode()).isEqualTo(200);
    }

    @Test
    void bad_configuration_is_refused() { // L11
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ResilientHttpClient.builder(CLIENT, StandardPipeline::of)
                        .keyed(Keyed.builder().maxKeys(0).idle(Duration.ZERO))
                        .build())
                .withMessage("keyed: maxKeys must be at least 1, was 0; idle must be positive, was PT0S");
        assertThatNullPointerException()
                .isThrownBy(() -> ResilientHttpClient.of(null, StandardPipeline::of))
                .withMessage("client");
        assertThatNullPointerException()
                .isThrownBy(() -> ResilientHttpClient.of(CLIENT, null))
                .withMessage("pipeline");
        ResilientHttpClient.Builder builder = ResilientHttpClient.builder(CLIENT, StandardPipeline::of);
        assertThatNullPointerException()
                .isThrownBy(() -> builder.failures(null))
                .withMessage("failures");
        assertThatNullPointerException()
                .isThrownBy(() -> builder.repeatable(null))
                .withMessage("repeatable");
        assertThatNullPointerException().isThrownBy(() -> builder.keyed(null)).withMessage("bounds");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void null_is_refused_by_name_before_anything_is_sent(boolean async) {
        ResilientHttpClient http = http();
        assertThatNullPointerException()
                .isThrownBy(() -> {
                    if (async) http.sendAsync(null, BodyHandlers.ofString());
                    else http.send(null, BodyHandlers.ofString());
                })
                .withMessage("request");
        assertThatNullPointerException()
                .isThrownBy(() -> {
                    if (async) http.sendAsync(get(), null);
                    else http.send(get(), null);
                })
                .withMessage("handler");
        assertThatNullPointerException()
                .isThrownBy(() -> {
                    if (async) http.sendAsync((CallContext) null, get(), BodyHandlers.ofString());
                    else http.send(null, get(), BodyHandlers.ofString());
                })
                .withMessage("context");
        assertThatNullPointerException().isThrownBy(() -> http.pipeline(null)).withMessage("uri");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> http.pipeline(URI.create("mailto:somebody")))
                .withMessage("the URI must have a scheme and a host, was mailto:somebody");
    }

    @Test
    void what_makes_pipelines_may_fail_and_is_asked_again() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        ResilientHttpClient http = ResilientHttpClient.of(CLIENT, origin -> {
            if (asked.incrementAndGet() == 1) throw new IllegalStateException("no pipeline for " + origin);
            return Pipeline.of();
        });
        assertThatThrownBy(() -> http.send(get(), BodyHandlers.ofString()))
                .hasMessage("no pipeline for " + Origin.of(uri()));
        assertThat(http.send(get(), BodyHandlers.ofString()).statusCode()).isEqualTo(200);
    }
}
