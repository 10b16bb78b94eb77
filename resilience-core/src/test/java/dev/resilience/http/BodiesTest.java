// SPDX-License-Identifier: Apache-2.0
package dev.resilience.http;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Pipeline;
import dev.resilience.Policy;
import dev.resilience.Reported;
import dev.resilience.TimeoutExceededException;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.hedge.Hedge;
import dev.resilience.http.ResilientHttpClientTest.Face;
import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What becomes of bodies that nobody gets, and of exchanges that nobody waits for. */
class BodiesTest {
    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final HttpRequest STUB =
            HttpRequest.newBuilder(URI.create("http://stub/")).build();

    private final ManualTime time = ManualTime.create();
    private final Bulkhead inside =
            Bulkhead.builder("inside").maxConcurrent(10).timeSource(time).build();
    private final StubClient stub = new StubClient();

    /** A body that can be closed. */
    private static final class Closed implements AutoCloseable {
        final AtomicInteger closes = new AtomicInteger();

        @Override
        public void close() {
            closes.incrementAndGet();
        }
    }

    /** Bodies that exist before their bytes do. */
    static Stream<Arguments> streaming() {
        BodyHandler<?> lazy = info -> BodySubscribers.mapping(BodySubscribers.ofInputStream(), in -> lazily(in));
        List<Arguments> all = new ArrayList<>();
        for (Face face : Face.values()) {
            all.add(Arguments.of("an InputStream", BodyHandlers.ofInputStream(), face));
            all.add(Arguments.of("a Stream of lines", BodyHandlers.ofLines(), face));
            all.add(Arguments.of("a Publisher", BodyHandlers.ofPublisher(), face));
            all.add(Arguments.of("a Supplier that will read", lazy, face));
        }
        return all.stream();
    }

    private static Supplier<byte[]> lazily(InputStream in) {
        return () -> {
            try (in) {
                return in.readAllBytes();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        };
    }

    @ParameterizedTest(name = "{0}, {2}")
    @MethodSource("streaming")
    <T> void a_discarded_body_without_end_frees_its_connection(String name, BodyHandler<T> handler, Face face)
            throws Exception {
        ResilientHttpClient http = ResilientHttpClient.of(
                CLIENT,
                origin -> Pipeline.of(
                        Retry.builder(origin).backoff(Backoff.none()).build()));
        try (Host host = new Host((number, connection) ->
                number < 3 ? Host.sayForEver(connection, 503) : Host.say(connection, 200, "well"))) {
            HttpRequest request = HttpRequest.newBuilder(host.uri()).build();
            HttpResponse<T> response = face.send(http, request, handler);
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(host.requests()).hasSize(3);
            Host.await("the first two connections are closed", () -> host.open() <= 1);
            if (response.body() instanceof InputStream in) {
                assertThat(new String(in.readAllBytes())).isEqualTo("well"); // what is handed out is not touched
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void discarded_attempts_leave_no_connection_behind(Face face) throws Exception { // L13
        ResilientHttpClient http = ResilientHttpClient.of(
                CLIENT,
                origin -> Pipeline.of(
                        Retry.builder(origin).backoff(Backoff.none()).build()));
        try (Host host = new Host((number, connection) ->
                number % 3 == 0 ? Host.say(connection, 200, "well") : Host.sayForEver(connection, 503))) {
            HttpRequest request = HttpRequest.newBuilder(host.uri()).build();
            for (int i = 0; i < 20; i++) {
                try (InputStream body =
                        face.send(http, request, BodyHandlers.ofInputStream()).body()) {
                    assertThat(new String(body.readAllBytes())).isEqualTo("well");
                }
            }
            assertThat(host.requests()).hasSize(60);
            Host.await("forty connections are closed", () -> host.open() <= 1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_attempt_that_times_out_gives_its_exchange_up(Face face) throws Exception { // L7
        ResilientHttpClient http = ResilientHttpClient.of(
                CLIENT,
                origin -> Pipeline.builder(origin)
                        .policies(inside, Timeout.of(ofSeconds(3)))
                        .timeSource(time)
                        .build());
        try (Host host = new Host((number, connection) -> Host.hold(connection))) {
            HttpRequest request = HttpRequest.newBuilder(host.uri()).build();
            CompletableFuture<Throwable> thrown =
                    elsewhere(() -> face.send(http, request, BodyHandlers.ofInputStream()));
            Host.await("the request", () -> !host.requests().isEmpty());
            time.advance(ofSeconds(3));
            assertThat(thrown.get(60, TimeUnit.SECONDS)).isInstanceOf(TimeoutExceededException.class);
            Host.await("the connection is closed", () -> host.open() == 0);
        }
        assertThat(inside.inFlight()).isZero(); // L1
        assertThat(time.pendingTimers()).isZero(); // L13
    }

    @Test
    void cancelling_the_future_cancels_the_exchange() throws Exception { // L7
        ResilientHttpClient http = ResilientHttpClient.of(CLIENT, origin -> Pipeline.of(inside));
        try (Host host = new Host((number, connection) -> Host.hold(connection))) {
            HttpRequest request = HttpRequest.newBuilder(host.uri()).build();
            CompletableFuture<HttpResponse<String>> cancelled = http.sendAsync(request, BodyHandlers.ofString());
            CompletableFuture<HttpResponse<String>> completed = http.sendAsync(request, BodyHandlers.ofString());
            Host.await("the requests", () -> host.requests().size() == 2);
            cancelled.cancel(false);
            completed.completeExceptionally(new IOException("no longer wanted"));
            Host.await("the connections are closed", () -> host.open() == 0);
        }
        assertThat(inside.inFlight()).isZero(); // L1
    }

    @Test
    void an_interrupted_sender_cancels_the_exchange() throws Exception { // L7, L8
        ResilientHttpClient http = ResilientHttpClient.of(CLIENT, origin -> Pipeline.of(inside));
        try (Host host = new Host((number, connection) -> Host.hold(connection))) {
            HttpRequest request = HttpRequest.newBuilder(host.uri()).build();
            CompletableFuture<Thread> sender = new CompletableFuture<>();
            CompletableFuture<Throwable> thrown = elsewhere(() -> {
                sender.complete(Thread.currentThread());
                return http.send(request, BodyHandlers.ofString());
            });
            Host.await("the request", () -> !host.requests().isEmpty());
            sender.join().interrupt();
            assertThat(thrown.get(60, TimeUnit.SECONDS)).isExactlyInstanceOf(InterruptedException.class);
            Host.await("the connection is closed", () -> host.open() == 0);
        }
        assertThat(inside.inFlight()).isZero(); // L1
    }

    private interface Sends {
        Object send() throws Exception;
    }

    /** What it throws on a thread of its own. */
    private static CompletableFuture<Throwable> elsewhere(Sends sends) {
        CompletableFuture<Throwable> thrown = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                thrown.completeExceptionally(new AssertionError("it answered " + sends.send()));
            } catch (Throwable t) {
                thrown.complete(t);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thrown;
    }

    // --- with a client whose exchanges the test ends ---

    private static BodyHandler<Closed> closeable(Closed... bodies) {
        AtomicInteger next = new AtomicInteger();
        return info -> new Ready<>(bodies[next.getAndIncrement()]);
    }

    /** A body that is there before its bytes are. */
    private static final class Ready<T> implements HttpResponse.BodySubscriber<T> {
        private final CompletableFuture<T> body;

        Ready(T body) {
            this.body = CompletableFuture.completedFuture(body);
        }

        @Override
        public CompletionStage<T> getBody() {
            return body;
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {}

        @Override
        public void onNext(List<ByteBuffer> bytes) {}

        @Override
        public void onError(Throwable thrown) {}

        @Override
        public void onComplete() {}
    }

    private ResilientHttpClient through(Policy... policies) {
        return ResilientHttpClient.of(
                stub,
                origin -> Pipeline.builder(origin)
                        .policies(policies)
                        .timeSource(time)
                        .executor(Runnable::run)
                        .build());
    }

    @Test
    void a_body_that_can_be_closed_is_closed_once_when_its_attempt_is_repeated() {
        Closed first = new Closed();
        Closed second = new Closed();
        CompletableFuture<HttpResponse<Closed>> call =
                through(Retry.builder("r").backoff(Backoff.none()).build()).sendAsync(STUB, closeable(first, second));
        stub.exchanges.get(0).respond(503);
        stub.exchanges.get(1).respond(200);
        assertThat(call.join().body()).isSameAs(second);
        assertThat(first.closes).hasValue(1);
        assertThat(second.closes).hasValue(0);
        assertThat(stub.exchanges.get(0).source.cancelled).isTrue();
        assertThat(stub.exchanges.get(1).source.cancelled).isFalse();
    }

    @Test
    void a_response_after_the_timeout_is_closed() {
        stub.obedient = false;
        Closed late = new Closed();
        CompletableFuture<HttpResponse<Closed>> call =
                through(Timeout.of(ofSeconds(1))).sendAsync(STUB, closeable(late));
        time.advance(ofSeconds(1));
        assertThatThrownBy(() -> Face.got(call)).isInstanceOf(TimeoutExceededException.class);
        assertThat(stub.exchanges.get(0).cancels).isEqualTo(1);
        stub.exchanges.get(0).respond(200);
        assertThat(late.closes).hasValue(1);
        assertThat(stub.exchanges.get(0).source.cancelled).isTrue();
        assertThat(time.pendingTimers()).isZero(); // L13
    }

    @Test
    void a_response_after_a_cancel_is_closed() {
        stub.obedient = false;
        Closed late = new Closed();
        CompletableFuture<HttpResponse<Closed>> call = through().sendAsync(STUB, closeable(late));
        assertThat(call.cancel(true)).isTrue();
        assertThat(stub.exchanges.get(0).cancels).isEqualTo(1);
        stub.exchanges.get(0).respond(200);
        assertThat(late.closes).hasValue(1);
        assertThat(call).isCancelled();
    }

    @Test
    void the_loser_of_a_hedge_is_closed() {
        stub.obedient = false;
        Closed winner = new Closed();
        Closed loser = new Closed();
        CompletableFuture<HttpResponse<Closed>> call =
                through(Hedge.after(ofMillis(10))).sendAsync(STUB, closeable(winner, loser));
        time.advance(ofMillis(10));
        stub.exchanges.get(1).respond(200); // the handler's first body
        assertThat(call.join().body()).isSameAs(winner);
        assertThat(stub.exchanges.get(0).cancels).isEqualTo(1);
        stub.exchanges.get(0).respond(200);
        assertThat(loser.closes).hasValue(1);
        assertThat(winner.closes).hasValue(0);
    }

    @Test
    void a_response_that_is_left_behind_by_a_blocking_call_is_closed() throws Exception {
        Closed late = new Closed();
        Timeout detached = Timeout.builder("t").after(ofMinutes(1)).detached().build();
        ResilientHttpClient http = ResilientHttpClient.of(
                stub,
                origin -> Pipeline.builder(origin)
                        .policies(detached)
                        .timeSource(time)
                        .build());
        stub.obedient = false;
        BodyHandler<Closed> handler = info -> new Ready<>(late);
        CompletableFuture<Throwable> thrown = elsewhere(() -> http.send(STUB, handler));
        Host.await("the request", () -> !stub.exchanges.isEmpty());
        time.advance(ofMinutes(1));
        assertThat(thrown.get(60, TimeUnit.SECONDS)).isInstanceOf(TimeoutExceededException.class);
        stub.exchanges.get(0).respond(200); // before or after the sender notices its interrupt
        Host.await("the body is closed", () -> late.closes.get() == 1);
    }

    @Test
    void what_closing_throws_is_reported_and_changes_nothing() { // L5
        AutoCloseable broken = () -> {
            throw new IOException("cannot close");
        };
        CompletableFuture<HttpResponse<AutoCloseable>> call = through(
                        Retry.builder("r").backoff(Backoff.none()).build())
                .sendAsync(STUB, info -> new Ready<>(broken));
        try (Reported reported = new Reported()) {
            stub.exchanges.get(0).respond(503);
            assertThat(reported.messages())
                    .containsExactly("http: closing a discarded body threw java.io.IOException: cannot close");
        }
        assertThat(stub.exchanges.get(0).source.cancelled).isTrue();
        stub.exchanges.get(1).respond(200);
        assertThat(call.join().body()).isSameAs(broken);
    }

    @Test
    void a_context_is_seen_by_the_policies() throws Exception {
        CallContext.Attribute<Long> weight = CallContext.Attribute.of("weight");
        Bulkhead weighed = Bulkhead.builder("weighed")
                .maxConcurrent(10)
                .weight(context -> Math.toIntExact(context.get(weight, 1L)))
                .timeSource(time)
                .build();
        CompletableFuture<HttpResponse<String>> call =
                through(weighed).sendAsync(CallContext.of(weight, 7L), STUB, BodyHandlers.ofString());
        assertThat(weighed.inFlight()).isEqualTo(7);
        stub.exchanges.get(0).respond(200);
        stub.exchanges.get(0).end();
        assertThat(Face.got(call).statusCode()).isEqualTo(200);
        assertThat(weighed.inFlight()).isZero(); // L1
    }

    // --- every order of what can happen to a body ---

    @Test
    void in_whatever_order_things_happen_a_discarded_body_is_given_up_once() { // L1
        for (List<String> order : permutations(List.of("getBody", "onSubscribe", "discard", "discard again"))) {
            Closed body = new Closed();
            StubClient.Source source = new StubClient.Source();
            Transfer<Closed> transfer = new Transfer<>(info -> new Ready<>(body));
            HttpResponse.BodySubscriber<Closed> subscriber = transfer.apply(null);
            for (String step : order) {
                switch (step) {
                    case "getBody" -> subscriber.getBody();
                    case "onSubscribe" -> subscriber.onSubscribe(source);
                    default -> transfer.discard();
                }
            }
            assertThat(body.closes).as(order.toString()).hasValue(1);
            assertThat(source.cancelled).as(order.toString()).isTrue();
        }
    }

    @Test
    void a_transfer_that_is_discarded_before_there_is_a_response_gives_the_body_up() {
        Closed body = new Closed();
        Transfer<Closed> transfer = new Transfer<>(info -> new Ready<>(body));
        transfer.discard();
        HttpResponse.BodySubscriber<Closed> subscriber = transfer.apply(null);
        subscriber.getBody();
        assertThat(body.closes).hasValue(1);
    }

    @Test
    void a_body_that_is_not_there_yet_is_left_to_its_exchange() {
        StubClient.Source source = new StubClient.Source();
        Transfer<String> transfer = new Transfer<>(BodyHandlers.ofString());
        HttpResponse.BodySubscriber<String> subscriber = transfer.apply(StubClient.info(200));
        CompletionStage<String> body = subscriber.getBody();
        subscriber.onSubscribe(source);
        transfer.discard();
        assertThat(source.cancelled).isFalse();
        subscriber.onError(new IOException("cancelled"));
        assertThat(body.toCompletableFuture()).isCompletedExceptionally();
    }

    @Test
    void a_body_that_has_all_its_bytes_is_only_closed() {
        Closed body = new Closed();
        StubClient.Source source = new StubClient.Source();
        Transfer<Closed> transfer = new Transfer<>(info -> new Ready<>(body));
        HttpResponse.BodySubscriber<Closed> subscriber = transfer.apply(null);
        subscriber.getBody();
        subscriber.onSubscribe(source);
        subscriber.onNext(List.of());
        subscriber.onComplete();
        transfer.discard();
        assertThat(body.closes).hasValue(1);
        assertThat(source.cancelled).isFalse();
    }

    @Test
    void two_threads_give_a_body_up_once() throws Exception {
        for (int round = 0; round < 500; round++) {
            Closed body = new Closed();
            StubClient.Source source = new StubClient.Source();
            Transfer<Closed> transfer = new Transfer<>(info -> new Ready<>(body));
            Thread owner = new Thread(transfer::discard);
            owner.start();
            HttpResponse.BodySubscriber<Closed> subscriber = transfer.apply(null);
            subscriber.getBody();
            subscriber.onSubscribe(source);
            owner.join();
            assertThat(body.closes).hasValue(1);
            assertThat(source.cancelled).isTrue();
        }
    }

    private static <T> List<List<T>> permutations(List<T> items) {
        if (items.isEmpty()) return List.of(Collections.emptyList());
        List<List<T>> all = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            List<T> rest = new ArrayList<>(items);
            T first = rest.remove(i);
            for (List<T> tail : permutations(rest)) {
                List<T> whole = new ArrayList<>(List.of(first));
                whole.addAll(tail);
                all.add(whole);
            }
        }
        return all;
    }
}
