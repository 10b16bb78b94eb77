// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Permit;
import dev.resilience.breaker.CircuitBreaker.State;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletionStage;

/** What the Javadoc of this package shows; compiled, so that it stays right. */
final class Snippets {
    interface Gateway {
        String charge(String order) throws IOException;

        CompletionStage<String> chargeAsync(String order);
    }

    private Snippets() {}

    static String breaker(Gateway gateway, String order) throws IOException {
        // @start region="breaker"
        CircuitBreaker breaker = CircuitBreaker.builder("payments")
                .window(Window.calls(100).minimumCalls(20))
                .failureRate(0.5)
                .slowCalls(Duration.ofSeconds(1), 0.8)
                .openFor(Duration.ofSeconds(5))
                .build();
        String receipt = breaker.call(() -> gateway.charge(order));
        // @end
        return receipt;
    }

    static void byHand(CircuitBreaker breaker, Gateway gateway, String order) {
        // @start region="by-hand"
        Permit permit = breaker.admit(); // throws CircuitOpenException
        gateway.chargeAsync(order).whenComplete(permit::settle);
        // @end
    }

    static void listen(CircuitBreaker breaker, Runnable page) {
        // @start region="listen"
        breaker.onTransition(transition -> {
            if (transition.to() == State.OPEN) page.run();
        });
        // @end
    }
}
