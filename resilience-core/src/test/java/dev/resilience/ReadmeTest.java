// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.Window;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** The snippet of README.md, word for word, and that it does what the README says. */
class ReadmeTest {
    record Receipt(String order) {}

    interface Gateway {
        Receipt charge(String order) throws IOException;
    }

    @Test
    void the_snippet_of_the_readme_works() throws IOException {
        String order = "books";
        int[] attempts = {0};
        Gateway gateway = what -> {
            if (++attempts[0] == 1) throw new IOException("lost");
            return new Receipt(what);
        };

        CircuitBreaker breaker = CircuitBreaker.builder("payments")
                .window(Window.calls(100))
                .failureRate(0.5)
                .openFor(ofSeconds(5))
                .build();
        Retry retry = Retry.builder("payments")
                .maxAttempts(3)
                .backoff(Backoff.exponential(ofMillis(100)).cap(ofSeconds(2)).fullJitter())
                .build();
        Pipeline payments = Pipeline.of(
                retry, breaker, Timeout.of("payments", ofSeconds(2))); // retry( breaker( timeout( call ) ) )

        Receipt receipt = payments.call(() -> gateway.charge(order)); // throws what charge throws

        assertThat(receipt).isEqualTo(new Receipt("books"));
        // the second, or the third, should the machine stand still for the two seconds of the second
        assertThat(attempts[0]).isBetween(2, 3);
        assertThat(breaker.snapshot().calls()).isEqualTo(attempts[0]);
    }
}
