// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.bulkhead.BulkheadFullException;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.standard.StandardPipeline;
import dev.resilience.testkit.Attempt;
import dev.resilience.testkit.Face;
import dev.resilience.testkit.ManualTime;
import dev.resilience.testkit.Run;
import dev.resilience.testkit.Scenario;
import dev.resilience.timeout.Timeout;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Policies in an order that is written as one reads it, {@code retry(breaker(timeout))}, played once on one face with one
 * kind of work: what everybody counted and what came out, as a row of a table.
 */
final class NestedOrders {
    private static final Duration NOBODY_ENDS_IT = ofHours(1);

    private final String order;
    private final String work;
    private final Face face;
    private final AtomicInteger asked = new AtomicInteger();
    private final List<Permit> taken = new ArrayList<>();
    private final List<Timeout> timeouts = new ArrayList<>();
    private @Nullable Retry retry;
    private @Nullable Hedge hedge;
    private @Nullable CircuitBreaker breaker;
    private @Nullable Bulkhead bulkhead;

    private NestedOrders(String order, String work, Face face) {
        this.order = order;
        this.work = work;
        this.face = face;
    }

    static String row(String order, String work, Face face) {
        return new NestedOrders(order, work, face).played();
    }

    private String played() {
        Run<Policy> run = scenario().run(face);
        taken.forEach(Permit::success);
        checkPermits();
        String[] cells = {
            "`" + order + "`",
            work,
            String.valueOf(run.attempts()),
            retry == null ? "" : String.valueOf(retry.snapshot().retries()),
            hedge == null ? "" : String.valueOf(hedge.started()),
            timeouts.isEmpty()
                    ? ""
                    : String.valueOf(timeouts.stream().mapToLong(Timeout::fired).sum()),
            breaker == null ? "" : counts(breaker),
            bulkhead == null ? "" : admitted(bulkhead) + "/" + bulkhead.rejected(),
            run.took().equals(NOBODY_ENDS_IT) ? "" : Description.text(run.took()),
            cameOut(run)
        };
        return Arrays.stream(cells).collect(Collectors.joining(" | ", "| ", " |"));
    }

    /** None or all: a call of these that is refused is refused whenever it asks (and then its weight is asked again). */
    private int admitted(Bulkhead bulkhead) {
        return bulkhead.rejected() > 0 ? 0 : asked.get();
    }

    /** Succeeded/failed/ignored/refused. */
    private static String counts(CircuitBreaker breaker) {
        CircuitBreaker.Snapshot seen = breaker.snapshot();
        return (seen.calls() - seen.failures()) + "/" + seen.totalFailures() + "/" + seen.totalIgnored() + "/"
                + seen.rejected();
    }

    /** L1. */
    private void checkPermits() {
        if (bulkhead != null && bulkhead.inFlight() != 0) throw new AssertionError("L1: not all back: " + bulkhead);
    }

    // --- what comes out ---

    private String cameOut(Run<Policy> run) {
        if (run.took().equals(NOBODY_ENDS_IT)) return "nothing: it hangs";
        if (run.outcome().succeeded()) return String.valueOf(run.value());
        if (work.equals("the caller gives up")) return cancelled(run.thrown());
        return blamed(run.thrown());
    }

    /** Whose wait was interrupted is seen on the blocking faces; a future is cancelled. */
    private String cancelled(Throwable thrown) {
        boolean future = face == Face.SUBMIT || face.staged();
        boolean right = future
                ? thrown instanceof CancellationException
                : thrown instanceof InterruptedException || thrown instanceof CallInterruptedException;
        return right ? "the cancellation" : face + ": " + thrown;
    }

    private static String blamed(Throwable thrown) {
        StringBuilder text = new StringBuilder(named(thrown));
        Throwable cause = thrown.getCause();
        if (cause != null) text.append("; cause: ").append(named(cause));
        Map<String, Integer> suppressed = new LinkedHashMap<>();
        for (Throwable each : thrown.getSuppressed()) suppressed.merge(named(each), 1, Integer::sum);
        if (!suppressed.isEmpty()) text.append("; suppressed: ");
        return text
                + suppressed.entrySet().stream()
                        .map(each -> (each.getValue() == 1 ? "" : each.getValue() + " ") + each.getKey())
                        .collect(Collectors.joining(", "));
    }

    private static String named(Throwable thrown) {
        String type = "`" + thrown.getClass().getSimpleName() + "`";
        if (thrown instanceof TimeoutExceededException late) return type + " of " + late.name();
        if (thrown instanceof RejectedException refused)
            return type + " of " + refused.policy().name();
        if (thrown instanceof Retry.Stopped stopped) return "`Stopped` " + stopped.reason();
        return type + " " + thrown.getMessage();
    }

    // --- the work ---

    private Scenario<Policy> scenario() {
        Scenario<Policy> scenario = Scenario.<Policy>with(time -> refusing(built(order, time)))
                .givesUpAfter(work.equals("the caller gives up") ? ofMillis(1500) : NOBODY_ENDS_IT);
        return switch (work) {
            case "returns" -> scenario.attempts(Attempt.returns("the value"));
            case "fails" ->
                scenario.attempts(
                        Attempt.fails(new IOException("1")),
                        Attempt.fails(new IOException("2")),
                        Attempt.fails(new IOException("3")));
            case "hangs", "the caller gives up" -> scenario.attempts(Attempt.hangs());
            case "fails, then hangs" -> scenario.attempts(Attempt.fails(new IOException("1")), Attempt.hangs());
            case "hangs once" -> scenario.attempts(Attempt.hangs(), Attempt.returns("the value"));
            case "is refused" ->
                scenario.attempts(
                        Attempt.fails(full("inner")), Attempt.fails(full("inner")), Attempt.fails(full("inner")));
            default -> throw new AssertionError(work);
        };
    }

    private static RejectedException full(String name) {
        Bulkhead one = Bulkhead.builder(name).maxConcurrent(1).build();
        one.admit();
        return one.outcome(() -> "").as(BulkheadFullException.class).orElseThrow();
    }

    /** By the gates of the order, or by a policy that the work itself uses where there is none. */
    private Policy refusing(Policy policy) {
        if (!work.equals("is refused")) return policy;
        if (breaker != null) breaker.forceOpen("an operator");
        else if (bulkhead != null) taken.add(bulkhead.admit());
        asked.set(0);
        return policy;
    }

    // --- the policies ---

    private Policy built(String text, ManualTime time) {
        List<Policy> policies = new ArrayList<>();
        String rest = text;
        while (!rest.isEmpty()) {
            int open = rest.indexOf('(');
            String name = open < 0 ? rest : rest.substring(0, open);
            String inner = open < 0 ? "" : rest.substring(open + 1, rest.length() - 1);
            if (name.equals("fallback")) return new Falling(pipeline(time, built(inner, time)));
            if (name.equals("pipeline")) {
                policies.add(built(inner, time));
                break;
            }
            policies.add(policy(name, time));
            rest = inner;
        }
        return pipeline(time, policies.toArray(Policy[]::new));
    }

    private static Pipeline pipeline(ManualTime time, Policy... policies) {
        return Pipeline.builder("pipeline")
                .policies(policies)
                .timeSource(time)
                .onWarning(text -> {})
                .build();
    }

    private Policy policy(String name, ManualTime time) {
        return switch (name) {
            case "total" -> timeout("total", 10);
            case "timeout" -> timeout("timeout", 2);
            case "retry" ->
                retry = Retry.builder("retry")
                        .maxAttempts(3)
                        .backoff(Backoff.constant(ofSeconds(1)))
                        .build();
            case "hedge" -> hedge = Hedge.builder("hedge").delay(ofSeconds(1)).build();
            case "breaker" ->
                breaker = CircuitBreaker.builder("breaker").timeSource(time).build();
            case "bulkhead" ->
                bulkhead = Bulkhead.builder("bulkhead")
                        .maxConcurrent(1)
                        .weight(context -> {
                            asked.incrementAndGet();
                            return 1;
                        })
                        .timeSource(time)
                        .build();
            case "standard" -> standard(time);
            default -> throw new AssertionError(name);
        };
    }

    private Timeout timeout(String name, int seconds) {
        Timeout timeout = Timeout.of(name, ofSeconds(seconds));
        timeouts.add(timeout);
        return timeout;
    }

    private Pipeline standard(ManualTime time) {
        Pipeline standard = StandardPipeline.builder("standard")
                .timeout(ofSeconds(10))
                .attemptTimeout(ofSeconds(2))
                .retry((Retry) policy("retry", time))
                .breaker((CircuitBreaker) policy("breaker", time))
                .bulkhead((Bulkhead) policy("bulkhead", time))
                .timeSource(time)
                .build();
        standard.inner().forEach(policy -> {
            if (policy instanceof Timeout timeout) timeouts.add(timeout);
        });
        return standard;
    }

    /** A typed pipeline is no policy: this one makes its calls by it, so that a scenario can play them. */
    private static final class Falling extends Driver {
        private final TypedPipeline<Object> typed;

        Falling(Pipeline inner) {
            super("fallback");
            typed = inner.orElse("the fallback");
        }

        @Override
        @SuppressWarnings("unchecked") // whatever the test plays
        protected <T extends @Nullable Object> T drive(Next next, ContextOp<T, ?> op, CallContext context)
                throws Exception {
            return (T) typed.call(context, inside -> next.call(op, inside));
        }

        @Override
        @SuppressWarnings("unchecked")
        protected <T extends @Nullable Object> CompletionStage<T> driveAsync(
                Next next, ContextOp<? extends CompletionStage<T>, ?> op, CallContext context) {
            return (CompletionStage<T>)
                    typed.callAsync(context, inside -> (CompletionStage<Object>) next.callAsync(op, inside));
        }
    }
}
