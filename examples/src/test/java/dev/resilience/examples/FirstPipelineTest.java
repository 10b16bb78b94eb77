// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static dev.resilience.examples.Script.step;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The guide's code does what the guide says; that it is the guide's, the gates see. */
class FirstPipelineTest {
    private final FirstPipeline client = new FirstPipeline();

    @Test
    void a_healthy_host_is_called_on_every_face() throws Exception {
        try (FlakyService service = service(Phase.HEALTHY)) {
            URI article = service.at("/article");
            assertThat(client.level(article).statusCode()).isEqualTo(200);
            assertThat(client.levelInWords(article)).isEmpty(); // the host answers without a body
            assertThat(client.levelAsync(article).get(10, TimeUnit.SECONDS).statusCode())
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
