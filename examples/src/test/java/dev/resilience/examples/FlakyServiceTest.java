// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static dev.resilience.examples.Script.step;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.resilience.http.RetryAfter;
import java.io.IOException;
import java.net.SocketException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class FlakyServiceTest {
    /** For who expects an answer: a host that does not give one is told by it, whatever the machine does meanwhile. */
    private static final int PATIENCE = 60_000;

    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @Test
    void a_healthy_host_answers_on_one_connection_again_and_again() throws Exception {
        try (FlakyService http = http(Phase.HEALTHY);
                FlakyService socket = socket(Phase.HEALTHY)) {
            for (int i = 0; i < 3; i++) {
                assertThat(send(http, PATIENCE).statusCode()).isEqualTo(200);
                assertThat(send(socket, PATIENCE).statusCode()).isEqualTo(200);
            }
            assertThat(http.seen("/test")).isEqualTo(3);
            assertThat(socket.seen("/test")).isEqualTo(3);
            assertThat(http.seen("/other")).isZero();
        }
    }

    @Test
    void a_host_that_is_down_says_500_and_nothing_else() throws Exception {
        try (FlakyService service = http(Phase.DOWN)) {
            for (int i = 0; i < 5; i++)
                assertThat(send(service, PATIENCE).statusCode()).isEqualTo(500);
        }
    }

    @Test
    void a_throttling_host_says_when_to_come_back() throws Exception {
        try (FlakyService http = http(Phase.THROTTLED);
                FlakyService socket = socket(Phase.THROTTLED)) {
            assertThat(RetryAfter.of(throttled(http))).hasValue(Duration.ofSeconds(1));
            assertThat(RetryAfter.of(throttled(socket))).hasValue(Duration.ofSeconds(1));
        }
    }

    /** On a busy machine a request may be given up before it has reached the host: the next one has more time. */
    @Test
    void a_hanging_host_never_answers() throws Exception {
        try (FlakyService service = http(Phase.HANGING)) {
            int asked = 0;
            for (int millis = 200; service.seen("/test") == 0 && millis <= PATIENCE; millis *= 2) {
                asked++;
                long begin = System.nanoTime();
                int patience = millis;
                assertThatExceptionOfType(IOException.class)
                        .isThrownBy(() -> send(service, patience))
                        .satisfies(thrown -> {
                            // the host closes what it has held for long enough, if the caller has not gone by then
                            if (System.nanoTime() - begin < FlakyService.HOLD_NANOS)
                                assertThat(thrown).isInstanceOf(HttpTimeoutException.class);
                        });
            }
            assertThat(service.seen("/test")).isBetween(1L, (long) asked);
        }
    }

    @Test
    void a_resetting_host_breaks_the_connection_after_the_request() throws Exception {
        try (FlakyService service = socket(Phase.RESETTING)) {
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> send(service, PATIENCE))
                    .havingRootCause()
                    .isInstanceOf(SocketException.class)
                    .withMessage("Connection reset");
            // once: the JDK's client has not repeated the request on its own
            assertThat(service.seen("/test")).isEqualTo(1);
        }
    }

    @Test
    void a_closed_host_is_not_there() throws Exception {
        FlakyService http = http(Phase.HEALTHY);
        FlakyService socket = socket(Phase.HEALTHY);
        http.close();
        socket.close();
        assertThatExceptionOfType(IOException.class).isThrownBy(() -> send(http, PATIENCE));
        assertThatExceptionOfType(IOException.class).isThrownBy(() -> send(socket, PATIENCE));
    }

    /** One request in five is answered 429: among 200 there is none with probability 10⁻²⁰. */
    private static HttpResponse<Void> throttled(FlakyService service) throws Exception {
        for (int i = 0; i < 200; i++) {
            HttpResponse<Void> response = send(service, PATIENCE);
            if (response.statusCode() == 429) return response;
        }
        throw new AssertionError("200 requests and no 429");
    }

    private static HttpResponse<Void> send(FlakyService service, int millis) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(service.at("/test"))
                .PUT(BodyPublishers.noBody())
                .timeout(Duration.ofMillis(millis))
                .build();
        return HTTP.send(request, BodyHandlers.discarding());
    }

    private static FlakyService http(Phase phase) throws IOException {
        return new HttpService("test", Script.of(Duration.ofSeconds(1), step(phase, 1)), new Stopwatch());
    }

    private static FlakyService socket(Phase phase) throws IOException {
        return new SocketService("test", Script.of(Duration.ofSeconds(1), step(phase, 1)), new Stopwatch());
    }
}
