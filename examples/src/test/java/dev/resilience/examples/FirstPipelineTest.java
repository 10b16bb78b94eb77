// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static dev.resilience.examples.Script.step;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Policy;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The guide's code does what the guide says; that it is the guide's, the gates see. */
class FirstPipelineTest {
    private final FirstPipeline client = patient();

    /**
     * With minutes for the guide's seconds: those are for a host, and here the machine may stand still for longer. Then
     * an attempt would be repeated, or an open breaker would let probes through, and the counts would be others.
     */
    private static FirstPipeline patient() {
        FirstPipeline client = new FirstPipeline();
        for (Policy policy : client.pipeline().policies()) {
            if (policy instanceof Timeout timeout) timeout.reconfigure(t -> t.after(Duration.ofMinutes(2)));
            if (policy instanceof CircuitBreaker breaker) breaker.reconfigure(b -> b.openFor(Duration.ofHours(1)));
        }
        return client;
    }

    @Test
    void a_healthy_host_is_called_on_every_face() throws Exception {
        try (FlakyService service = service(Phase.HEALTHY)) {
            URI article = service.at("/article");
            assertThat(client.level(article).statusCode()).isEqualTo(200);
            assertThat(client.levelInWords(article)).isEmpty(); // the host answers without a body
            assertThat(client.levelAsync(article).get(60, TimeUnit.SECONDS).statusCode())
                    .isEqualTo(200);
            assertThat(service.seen("/article")).isEqualTo(3);
        }
    }

    @Test
    void a_host_that_is_down_opens_the_breaker_which_is_told_and_heard() throws Exception {
        List<String> log = new ArrayList<>();
        client.watch(log::add);
        assertThat(log).singleElement().asString().startsWith("Pipeline 'stock'");
        try (FlakyService service = service(Phase.DOWN)) {
            URI article = service.at("/article");
            String answer = "";
            // 20 outcomes fill the breaker's minimum; each call makes at least one, three while the budget lasts
            for (int i = 0; i < 21 && !answer.equals("ask again later"); i++) answer = client.levelInWords(article);
            assertThat(answer).isEqualTo("ask again later");
            assertThat(service.seen("/article")).isEqualTo(20);
        }
        assertThat(log).hasSize(2).last().asString().startsWith("stock: CLOSED -> OPEN");
    }

    private static FlakyService service(Phase phase) throws IOException {
        return new HttpService("guide", Script.of(Duration.ofSeconds(1), step(phase, 1)), new Stopwatch());
    }
}
