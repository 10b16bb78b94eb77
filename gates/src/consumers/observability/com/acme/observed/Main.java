// SPDX-License-Identifier: Apache-2.0
package com.acme.observed;

import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.observability.PolicyEvents;
import dev.resilience.observability.PolicyLog;
import dev.resilience.observability.PolicyMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

/** An application that watches a breaker where neither JFR nor another of our modules may be there. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        CircuitBreaker breaker = CircuitBreaker.of("consumer");
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        PolicyMetrics metrics = PolicyMetrics.on(registry);
        metrics.bind(breaker);
        PolicyLog log = PolicyLog.create();
        log.bind(breaker);
        breaker.forceOpen("maintenance");
        breaker.outcome(() -> 1);
        System.out.println("refused " + registry.get("resilience.breaker.rejected").functionCounter().count());
        try {
            PolicyEvents events = PolicyEvents.create();
            events.bind(breaker);
            breaker.reset();
            events.close();
            System.out.println("with a flight recorder");
        } catch (IllegalStateException without) {
            System.out.println(without.getMessage());
        }
        log.close();
        metrics.close();
        System.out.println("left " + registry.getMeters().size() + " with " + PolicyMetrics.class.getModule());
    }
}
