// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.Backoff;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.Window;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.http.ResilientHttpClient;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** The same calls with a client that has a pipeline: total timeout( retry( circuit breaker( bulkhead( attempt timeout( call ))))). */
final class Guarded extends Caller {
    static final int MAX_ATTEMPTS = 3;
    static final double BUDGET_RATIO = 0.2;
    static final int BUDGET_PER_SECOND = 10;
    /** More than there are users of a host: it bounds what a hang could pile up, and refuses nobody here. */
    static final int MAX_CONCURRENT = 64;

    /**
     * A change of the breaker.
     *
     * @param at when, in nanoseconds since the run began
     * @param to what it became
     */
    record Change(long at, State to) {}

    private final Queue<Change> changes = new ConcurrentLinkedQueue<>();
    private final CircuitBreaker breaker;
    private final Bulkhead bulkhead;
    private final Timeout attempt;
    private final long built = TimeSource.system().nanoTime();
    private final Pipeline pipeline;
    private final HttpClient http;

    Guarded(Host host, HttpClient http, Stopwatch watch) {
        super(host, http, Duration.ZERO, watch);
        String name = host.name();
        breaker = CircuitBreaker.builder(name)
                .window(Window.calls(50).minimumCalls(20))
                .failureRate(0.5)
                .consecutiveFailures(8)
                .openFor(host.openFor())
                .probes(3)
                .requiredSuccesses(2)
                .build();
        Retry retry = Retry.builder(name)
                .maxAttempts(MAX_ATTEMPTS)
                .backoff(Backoff.exponential(Duration.ofMillis(20))
                        .cap(Duration.ofMillis(50))
                        .fullJitter())
                .budget(RetryBudget.builder()
                        .ratio(BUDGET_RATIO)
                        .minPerSecond(BUDGET_PER_SECOND)
                        .build())
                .build();
        Timeout total = Timeout.builder(name + " in all").after(host.total()).build();
        bulkhead = Bulkhead.builder(name).maxConcurrent(MAX_CONCURRENT).build();
        attempt = Timeout.builder(name).after(host.attempt()).build();
        pipeline = Pipeline.builder(name)
                .policies(total, retry, breaker, bulkhead, attempt, new Attempts(name, stats()))
                .build();
        // it brings what is a failure in HTTP, and Retry-After; all that this client calls is one host
        this.http = ResilientHttpClient.of(http, origin -> pipeline);
        // for as long as the breaker lives, which is as long as we do: nobody closes the subscription
        Subscription unused = breaker.onTransition(change -> changes.add(new Change(watch.elapsed(), change.to())));
    }

    /** Whether the host says that it cannot just now: a 404 would be our mistake, and no reason to stop calling. */
    static boolean isFailure(HttpResponse<?> response) {
        return ResilientHttpClient.failures().judge(response, null) == Verdict.FAILURE;
    }

    @Override
    String client() {
        return "guarded";
    }

    @Override
    HttpClient http() {
        return http;
    }

    /** The attempts are in the books when they begin: see {@link Attempts}. */
    @Override
    void begins() {}

    @Override
    void warmUp() throws IOException, InterruptedException {
        super.warmUp();
        stats().forgetAttempts();
        breaker.reset();
        changes.clear();
    }

    Pipeline pipeline() {
        return pipeline;
    }

    CircuitBreaker breaker() {
        return breaker;
    }

    /** Attempts that the attempt timeout has given up and that still run: none, once the traffic has ended. */
    long abandoned() {
        return attempt.abandoned();
    }

    /** Calls in the bulkhead: none, once the traffic has ended. */
    int inFlight() {
        return bulkhead.inFlight();
    }

    /** How many attempts beyond the first the budget allows for so many calls, by now. */
    long mostRepeats(long calls) {
        double seconds = (TimeSource.system().nanoTime() - built) / 1e9;
        return (long) Math.ceil(BUDGET_RATIO * (calls + WARM_UPS) + BUDGET_PER_SECOND * (1 + seconds));
    }

    List<Change> changes() {
        return List.copyOf(changes);
    }
}
