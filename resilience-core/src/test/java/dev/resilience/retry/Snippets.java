// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import dev.resilience.Backoff;
import dev.resilience.Failures;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** What the Javadoc and the pages about retry show, compiled. */
final class Snippets {
    private Snippets() {}

    interface Gateway {
        String charge(String order) throws IOException;
    }

    /** A response with a hint. */
    interface Reply {
        int status();

        Optional<Duration> retryAfter();
    }

    static String retry(Gateway gateway, String order) throws IOException {
        // @start region="retry"
        Retry retry = Retry.builder("payments")
                .maxAttempts(3)
                .backoff(Backoff.exponential(ofMillis(100)).cap(ofSeconds(2)).fullJitter())
                .budget(RetryBudget.of(0.2))
                .build();
        Pipeline payments = Pipeline.of(retry, Timeout.of(ofSeconds(2))); // each attempt has 2 s
        String receipt = payments.call(() -> gateway.charge(order));
        // @end
        return receipt;
    }

    static Backoff backoff() {
        // @start region="backoff"
        Backoff calls = Backoff.exponential(ofMillis(100)).cap(ofSeconds(10)).fullJitter(); // a retry's default
        Backoff polling = Backoff.constant(ofSeconds(1)).jitter(0.1); // 0.9 s to 1.1 s
        Backoff conflicts = Backoff.none(); // at once
        // @end
        return calls.equals(polling) ? conflicts : calls;
    }

    static void budget() {
        // @start region="budget"
        RetryBudget budget = RetryBudget.of(0.2); // one retry for five calls, and ten a second in any case
        Retry reads = Retry.builder("reads").budget(budget).build();
        Retry writes = Retry.builder("writes").budget(budget).build();
        // @end
        reads.describe();
        writes.describe();
    }

    static boolean stopped(Pipeline payments, Gateway gateway, String order) {
        // @start region="stopped"
        try {
            payments.call(() -> gateway.charge(order));
        } catch (IOException e) {
            return Retry.Stopped.in(e)
                    .map(why -> why.reason() == Retry.Stopped.Reason.BUDGET)
                    .orElse(false);
        }
        // @end
        return false;
    }

    static Retry hints() {
        // @start region="hints"
        Retry http = Retry.builder("http")
                .failures(Failures.standard().orResult(Reply.class, r -> r.status() == 429 || r.status() >= 500))
                .delayFrom(Reply.class, Reply::retryAfter) // asked for 30 s: not earlier, whatever the cap
                .exhausted(reply -> new IllegalStateException("still failing: " + reply))
                .build();
        // @end
        return http;
    }
}
