// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Keyed;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.Subscription;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.cache.LoadingCache;
import dev.resilience.http.ResilientHttpClient;
import dev.resilience.ratelimit.KeyedRateLimiter;
import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimiter;
import dev.resilience.retry.Retry;
import dev.resilience.saga.Saga;
import dev.resilience.saga.SagaEngine;
import dev.resilience.standard.StandardPipeline;
import dev.resilience.timeout.Timeout;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import javax.sql.DataSource;
import jdk.jfr.Recording;
import org.slf4j.Logger;

/** Code that the Javadoc and docs/observability.md show. */
final class Snippets {
    private Snippets() {}

    static PolicyMetrics metrics(MeterRegistry registry, Pipeline payments) {
        // @start region="metrics"
        PolicyMetrics metrics = PolicyMetrics.on(registry); // one for the registry

        Subscription shown = metrics.bind(payments); // the breaker, the retry, the timeouts in it

        Keyed<String, CircuitBreaker> hosts = Keyed.of(CircuitBreaker::of);
        metrics.bind("hosts", hosts); // one row for all hosts, however many

        shown.close(); // takes out what it has put in
        // @end
        return metrics;
    }

    static void hosts(PolicyMetrics metrics, PolicyLog log) {
        // @start region="hosts"
        ResilientHttpClient http = ResilientHttpClient.of(HttpClient.newHttpClient(), StandardPipeline::of);
        metrics.bind("hosts", http.keyed()); // one row for all hosts
        log.bind(http.keyed()); // a line names the host
        // @end
    }

    static Subscription keys(PolicyMetrics metrics) {
        // @start region="keys"
        KeyedRateLimiter<String> tenants = RateLimiter.builder("tenants")
                .limit(Limit.of(100, Duration.ofSeconds(1)))
                .keyed(10_000);
        Subscription shown = LimiterMetrics.bind(metrics, tenants); // the sum over all keys
        // @end
        return shown;
    }

    static void caches(
            PolicyMetrics metrics, PolicyLog log, PolicyEvents events, Pipeline db, LoadingCache<Long, String> users) {
        // @start region="caches"
        CacheMetrics.bind(metrics, users); // what reads found, what loads did
        CacheLog.bind(log, users); // old answers, failed refreshes, failed writes
        CacheEvents.bind(events, users); // each load, with its time
        metrics.bind(db); // what protects the loads
        // @end
    }

    static void sagas(PolicyMetrics metrics, PolicyLog log, PolicyEvents events, Pipeline payments, SagaEngine engine) {
        // @start region="sagas"
        SagaMetrics.bind(metrics, "orders", engine); // each definition, and the engine as "orders"
        SagaLog.bind(log, engine); // what is parked, undone, in doubt, taken over
        SagaEvents.bind(events, engine); // each step, with its time
        metrics.bind(payments); // what steps run through
        // @end
    }

    static SagaEngine carrying(DataSource dataSource, Saga<String, String> placeOrder) {
        // @start region="carrying"
        SagaEngine engine = SagaEngine.jdbc(dataSource)
                .register(placeOrder)
                .carrying(
                        SagaLog::capture, SagaLog::restore) // your lines within steps: MDC of the starter, saga, sagaId
                .open();
        // @end
        return engine;
    }

    static Pipeline meter() {
        // @start region="meter"
        CallMeter calls = CallMeter.of("payments"); // as callers see them: retried, refused, timed out
        CallMeter attempts = CallMeter.timed("payments-attempts"); // what the dependency does, with its times

        Pipeline payments = Pipeline.of(
                calls,
                Timeout.of("payments-total", Duration.ofSeconds(3)),
                Retry.builder("payments").budget(RetryBudget.of(0.2)).build(),
                CircuitBreaker.of("payments"),
                Timeout.of("payments-attempt", Duration.ofSeconds(1)),
                attempts);
        // @end
        return payments;
    }

    static PolicyLog log(Logger logger, Pipeline payments) {
        // @start region="log"
        PolicyLog log = PolicyLog.to(logger); // or create(), for the logger dev.resilience.policies
        log.bind(payments);
        // @end
        return log;
    }

    static void events(Pipeline payments, Path file) throws IOException {
        // @start region="events"
        PolicyEvents events = PolicyEvents.create();
        events.bind(payments);

        try (Recording recording = new Recording()) { // or jcmd <pid> JFR.start with a settings file
            recording.enable("dev.resilience.Transition");
            recording.enable("dev.resilience.Rejection");
            recording.start();
            payments.run(() -> {}); // the incident
            recording.dump(file);
        }
        // @end
        events.close();
    }
}
