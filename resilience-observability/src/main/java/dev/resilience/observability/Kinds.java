// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static dev.resilience.observability.Series.Folding.LEAST;
import static dev.resilience.observability.Series.Folding.LONGEST;
import static dev.resilience.observability.Series.Folding.MOST;
import static dev.resilience.observability.Series.Folding.SUM;
import static dev.resilience.observability.Series.counter;
import static dev.resilience.observability.Series.gauge;

import dev.resilience.Gate;
import dev.resilience.Policy;
import dev.resilience.RetryBudget;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.CircuitBreaker.Snapshot;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.hedge.Hedge;
import dev.resilience.retry.Retry;
import dev.resilience.retry.Retry.Stopped.Reason;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The table of docs/observability.md as code: every series of every kind of policy. */
final class Kinds {
    private static final Kind<CircuitBreaker, Snapshot> BREAKER =
            new Kind<>("breaker", CircuitBreaker.class, CircuitBreaker::snapshot, breaker());

    private static final Kind<Retry, Retried> RETRY =
            new Kind<>("retry", Retry.class, policy -> new Retried(policy.snapshot(), left(policy.budget())), retry());

    private static final Kind<Timeout, Timeout> TIMEOUT = new Kind<>(
            "timeout",
            Timeout.class,
            policy -> policy,
            List.of(
                    counter("fired", "Calls or attempts that ran out of time", Timeout::fired),
                    gauge(
                            "abandoned",
                            SUM,
                            "Attempts left behind at their deadline that still run",
                            Timeout::abandoned)));

    private static final Kind<Bulkhead, Held> BULKHEAD = new Kind<>(
            "bulkhead", Bulkhead.class, policy -> new Held(policy.snapshot(), policy.rejected()), bulkhead());

    private static final Kind<Hedge, Hedge> HEDGE = new Kind<>(
            "hedge",
            Hedge.class,
            policy -> policy,
            List.of(
                    counter("started", "Hedges started", Hedge::started),
                    counter("won", "Calls that a hedge won", Hedge::won),
                    gauge("budget.available", LEAST, "Hedges that the budget allows now", h -> left(h.budget()))));

    private static final Kind<CallMeter, CallMeter> CALLS =
            new Kind<>("calls", CallMeter.class, policy -> policy, calls());

    /** A third party's, or one without numbers of its own. */
    private static final Kind<Gate, Gate> GATE = new Kind<>(
            "gate", Gate.class, policy -> policy, List.of(counter("rejected", "Calls refused", Gate::rejected)));

    private static final List<Kind<?, ?>> ALL = all();

    private Kinds() {}

    /** A retry's numbers. */
    private record Retried(Retry.Snapshot counts, double left) {}

    /** A bulkhead's numbers. */
    private record Held(Bulkhead.Snapshot now, long rejected) {}

    /** Empty for a driver of a third party, of which nothing is known. */
    static Optional<Kind<?, ?>> of(Policy policy) {
        return ALL.stream().filter(kind -> kind.type().isInstance(policy)).findFirst();
    }

    /** The first that fits counts: any gate comes last. */
    private static List<Kind<?, ?>> all() {
        List<Kind<?, ?>> all = new ArrayList<>(List.of(BREAKER, RETRY, TIMEOUT, BULKHEAD, HEDGE, CALLS));
        all.addAll(Limiters.kinds());
        all.add(GATE);
        return List.copyOf(all);
    }

    private static List<Series<Snapshot>> breaker() {
        List<Series<Snapshot>> rows = new ArrayList<>();
        for (State state : State.values()) {
            String tag = Policies.lower(state);
            rows.add(gauge("state", SUM, "1 for the state it is in", (Snapshot now) -> now.state() == state ? 1 : 0)
                    .tagged("state", tag));
            rows.add(counter("transitions", "How often it went into a state", (Snapshot now) -> now.transitions(state))
                    .tagged("state", tag));
        }
        rows.add(gauge("state.age", LONGEST, "For how long it has not been closed", Kinds::age));
        rows.add(gauge(
                "failure.rate",
                MOST,
                "Share of failures in the window",
                now -> now.failureRate().orElse(Double.NaN)));
        rows.add(gauge(
                "slow.rate",
                MOST,
                "Share of slow calls in the window",
                now -> now.slowRate().orElse(Double.NaN)));
        rows.add(gauge("window.calls", SUM, "Outcomes in the window", Snapshot::calls));
        rows.add(counter("failures", "Calls judged failures", Snapshot::totalFailures));
        rows.add(counter("ignored", "Calls judged neither success nor failure", Snapshot::totalIgnored));
        rows.add(counter("rejected", "Calls refused", Snapshot::rejected));
        return List.copyOf(rows);
    }

    private static double age(Snapshot now) {
        return now.state() == State.CLOSED ? 0 : seconds(now.age());
    }

    private static List<Series<Retried>> retry() {
        List<Series<Retried>> rows = new ArrayList<>();
        rows.add(counter("retries", "Attempts beyond the first", now -> now.counts.retries()));
        String ends = "Calls that were repeated or whose failure surfaced, by how they ended";
        rows.add(counter("ends", ends, (Retried now) -> now.counts.recovered()).tagged("outcome", "recovered"));
        for (Reason reason : Reason.values()) {
            rows.add(counter("ends", ends, (Retried now) -> now.counts.stopped(reason))
                    .tagged("outcome", Policies.lower(reason)));
        }
        rows.add(gauge("budget.available", LEAST, "Retries that the budget allows now", Retried::left));
        return List.copyOf(rows);
    }

    private static List<Series<Held>> bulkhead() {
        return List.of(
                gauge("in.flight", SUM, "Slots taken", held -> held.now.inFlight()),
                gauge("limit", SUM, "Slots there are", held -> held.now.maxConcurrent()),
                gauge("waiting", SUM, "Calls that wait", held -> held.now.waiting()),
                gauge("waiting.limit", SUM, "Calls that may wait", held -> held.now.maxWaiting()),
                gauge(
                        "oldest.wait",
                        LONGEST,
                        "Wait of the call that has waited longest",
                        held -> seconds(held.now.oldestWait())),
                counter("rejected", "Calls refused", Held::rejected));
    }

    private static List<Series<CallMeter>> calls() {
        List<Series<CallMeter>> rows = new ArrayList<>();
        for (CallMeter.End end : CallMeter.End.values()) {
            rows.add(counter("", "Calls that ended", (CallMeter meter) -> meter.ended(end))
                    .tagged("outcome", Policies.lower(end)));
        }
        return List.copyOf(rows);
    }

    private static double left(Optional<RetryBudget> budget) {
        return budget.map(RetryBudget::available).map(Integer::doubleValue).orElse(Double.NaN);
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }
}
