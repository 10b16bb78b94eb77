// SPDX-License-Identifier: Apache-2.0
package dev.resilience.timeout;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import dev.resilience.Pipeline;
import dev.resilience.TimeoutExceededException;
import dev.resilience.retry.Retry;
import java.io.IOException;

/** What the Javadoc and the page about the timeout show, compiled. */
final class Snippets {
    private Snippets() {}

    interface Gateway {
        String charge(String order) throws IOException;
    }

    static String timeout(Gateway gateway, String order) throws IOException {
        // @start region="timeout"
        Timeout all = Timeout.of(ofSeconds(2));
        Timeout each = Timeout.of(ofMillis(500));
        Pipeline payments = Pipeline.of(all, Retry.of(3), each);
        try {
            return payments.call(() -> gateway.charge(order));
        } catch (TimeoutExceededException late) {
            return "later, after " + late.elapsed();
        }
        // @end
    }
}
