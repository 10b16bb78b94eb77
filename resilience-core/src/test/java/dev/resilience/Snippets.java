// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** The snippets that the Javadoc of this package shows; compiled here. */
final class Snippets {
    private static final CallContext.Attribute<String> TENANT = CallContext.Attribute.of("tenant");

    private Snippets() {}

    interface Gateway {
        String charge(String order) throws IOException;

        String charge(String order, Deadline deadline) throws IOException;

        CompletionStage<String> chargeAsync(String order);

        List<String> offers() throws IOException;

        void close();
    }

    interface Response {
        int status();
    }

    static String pipeline(Gateway gateway, String order) throws IOException {
        // @start region="pipeline"
        Pipeline payments = Pipeline.of(
                Timeout.of(ofSeconds(5)), // for everything
                Retry.of(3),
                Timeout.of(ofSeconds(1))); // for each attempt

        String receipt = payments.call(() -> gateway.charge(order)); // throws what charge throws
        Outcome<String> outcome = payments.outcome(() -> gateway.charge(order)); // throws nothing
        CompletionStage<String> later = payments.callAsync(() -> gateway.chargeAsync(order));
        // @end
        return receipt + outcome + later;
    }

    static String context(Pipeline payments, Gateway gateway, String order) throws IOException {
        // @start region="context"
        CallContext request = CallContext.of(TENANT, "acme").within(ofMillis(800));
        String receipt = payments.call(request, c -> gateway.charge(order, c.deadline()));
        // @end
        return receipt;
    }

    static Gateway proxy(Pipeline payments, Gateway gateway) {
        // @start region="proxy"
        Pipeline once = Pipeline.of(Timeout.of(ofSeconds(5))); // a charge must not be repeated
        Gateway safe = payments.proxy(Gateway.class)
                .method("charge", once)
                .unprotected("close")
                .build(gateway);
        // @end
        return safe;
    }

    static String once(Pipeline payments, Gateway gateway, String order) throws IOException {
        // @start region="once"
        String receipt = payments.call(CallContext.root().once(), c -> gateway.charge(order));
        // @end
        return receipt;
    }

    // @start region="hint"
    static final class ThrottledException extends RuntimeException implements RetryHint {
        private static final long serialVersionUID = 1L;

        @Override
        public Optional<Duration> retryAfter() {
            return Optional.of(ofSeconds(30));
        }
    }
    // @end

    static Failures failures() {
        // @start region="failures"
        Failures failures = Failures.on(IOException.class)
                .butNot(FileNotFoundException.class)
                .orResult(Response.class, r -> r.status() >= 500);
        // @end
        return failures;
    }

    static List<String> fallback(Pipeline shop, Gateway gateway, List<String> yesterdays) throws IOException {
        // @start region="fallback"
        TypedPipeline<List<String>> offers = shop.fallback(Fallback.<List<String>>from(failed -> yesterdays));
        List<String> shown = offers.call(() -> gateway.offers());
        // @end
        return shown;
    }

    static List<String> keyed(String host, Gateway gateway) throws IOException {
        // @start region="keyed"
        Keyed<String, Pipeline> hosts = Keyed.builder()
                .maxKeys(1_000)
                .build(name ->
                        Pipeline.of(Bulkhead.builder(name).maxConcurrent(10).build()));
        List<String> offers = hosts.get(host).call(() -> gateway.offers());
        // @end
        return offers;
    }

    static Keyed<String, Pipeline> tenants() {
        // @start region="keyed-overflow"
        Keyed<String, Pipeline> tenants = Keyed.builder()
                .maxKeys(500)
                .idle(Duration.ofMinutes(30))
                .build(
                        name -> Pipeline.of(
                                CircuitBreaker.of(name),
                                Bulkhead.builder(name).maxConcurrent(10).build()),
                        () -> Pipeline.of(
                                CircuitBreaker.of("other tenants"),
                                Bulkhead.builder("other tenants")
                                        .maxConcurrent(20)
                                        .build()));
        // @end
        return tenants;
    }

    static void permit(Gate breaker, Gateway gateway, String order) {
        // @start region="permit"
        Permit permit = breaker.admit(); // throws when it refuses
        gateway.chargeAsync(order).whenComplete(permit::settle);
        // @end
    }

    // @start region="own-gate"
    /** Refuses calls while the dependency is under maintenance. */
    static final class MaintenanceGate extends Gate {
        private volatile Deadline until;

        MaintenanceGate(String name, TimeSource time) {
            super(name, time);
            until = Deadline.after(Duration.ZERO, time);
        }

        void begin(Duration length) {
            until = Deadline.after(length, time());
        }

        @Override
        protected long tryAdmit(CallContext context, long now) {
            Duration left = until.remaining(); // one look: the refusal and its hint agree
            return left.isZero() ? 0 : refused(left.toNanos()); // 0 is a permit with nothing in it
        }

        @Override
        protected void settle(
                long permit,
                long admittedAt,
                long now,
                Verdict verdict,
                @Nullable Object value,
                @Nullable Throwable thrown) {
            // nothing to give back, nothing to learn
        }
    }
    // @end
}
