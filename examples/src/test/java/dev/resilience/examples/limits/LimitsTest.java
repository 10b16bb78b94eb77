// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples.limits;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class LimitsTest {
    private final ManualTime time = ManualTime.create();

    @Test
    void a_user_is_refused_with_the_fields_and_served_when_they_say_so() throws Exception {
        try (LimitedApi api = new LimitedApi(time)) {
            Client client = new Client(api, "a");
            for (int i = 0; i < 5; i++)
                assertThat(client.send("/search").statusCode()).isEqualTo(200);
            HttpResponse<Void> refused = client.send("/search");
            assertThat(refused.statusCode()).isEqualTo(429);
            HttpHeaders told = refused.headers();
            assertThat(told.firstValue("Retry-After")).contains("1");
            assertThat(told.firstValue("RateLimit-Policy")).contains("\"user\";q=5;w=1, \"endpoint\";q=200;w=1");
            assertThat(told.firstValue("RateLimit").orElseThrow()).startsWith("\"user\";r=0;t=1, \"endpoint\";r=195;");
            assertThat(new Client(api, "b").send("/search").statusCode())
                    .as("another user")
                    .isEqualTo(200);
            time.advance(Duration.ofSeconds(1));
            assertThat(client.send("/search").statusCode()).isEqualTo(200);
            assertThat(client.silent()).isZero();
        }
    }

    @Test
    void an_endpoint_has_a_limit_for_all_users() throws Exception {
        try (LimitedApi api = new LimitedApi(time)) {
            assertThat(new Client(api, "a").send("/report").statusCode()).isEqualTo(200);
            assertThat(new Client(api, "b").send("/report").statusCode()).isEqualTo(200);
            HttpResponse<Void> third = new Client(api, "c").send("/report");
            assertThat(third.statusCode()).isEqualTo(429);
            assertThat(third.headers().firstValue("RateLimit-Policy").orElseThrow())
                    .contains("\"report\";q=2;w=1");
        }
    }

    @Test
    void an_obedient_client_is_served_at_the_second_asking() throws Exception {
        ManualTime moving = ManualTime.autoAdvancing();
        try (LimitedApi api = new LimitedApi(moving)) {
            Client client = new Client(api, "a");
            for (int i = 0; i < 40; i++) {
                assertThat(client.call(Client.obedience(moving), i % 4 == 3 ? "/report" : "/search"))
                        .isTrue();
            }
            assertThat(client.served()).isEqualTo(40);
            assertThat(client.refused()).isPositive();
        }
    }

    @Test
    void the_example_holds_its_invariants_and_says_so() throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        assertThat(Main.run(new PrintStream(printed, true, StandardCharsets.UTF_8), 4))
                .isZero();
        assertThat(printed.toString(StandardCharsets.UTF_8)).contains("0 twice in a row", "all invariants held");
    }

    @Test
    void a_broken_invariant_is_told() throws Exception {
        try (LimitedApi api = new LimitedApi(time)) {
            Client served = new Client(api, "greedy");
            for (int i = 0; i < 5; i++) served.send("/search");
            Client nobody = new Client(api, "obedient");
            assertThat(Main.broken(nobody, served, 1, 1, -0.5))
                    .containsExactly(
                            "who obeyed was refused twice in a row, 1 times",
                            "who obeyed was served 0 of 1",
                            "who did not obey was served 5, bound 2.5");
        }
    }
}
