// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Verdict;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;
import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** The whole state machine against the naive one, step by step. */
class CircuitBreakerPropertyTest {

    enum Kind {
        ADMIT,
        SUCCEED,
        FAIL,
        IGNORE,
        WAIT,
        FORCE_OPEN,
        FORCE_OPEN_FOR,
        FORCE_CLOSED,
        DISABLE,
        RESET
    }

    record Step(Kind kind, int which, long nanos) {}

    @Property(tries = 1_500)
    void the_breaker_does_what_the_naive_one_does(
            @ForAll("setups") NaiveBreaker.Setup setup, @ForAll("steps") List<Step> steps, @ForAll long origin) {
        ManualTime time = ManualTime.startingAt(origin);
        NaiveBreaker naive = new NaiveBreaker(setup);
        CircuitBreaker breaker = breaker(setup, time);
        List<Transition> told = new ArrayList<>();
        breaker.onTransition(told::add);
        List<State> expected = new ArrayList<>();
        Map<Integer, Long> permits = new LinkedHashMap<>();
        long now = 0;
        State before = State.CLOSED;
        for (Step step : steps) {
            switch (step.kind()) {
                case WAIT -> {
                    time.advance(Duration.ofNanos(step.nanos()));
                    now += step.nanos();
                }
                case ADMIT -> admit(breaker, naive, permits, now);
                case SUCCEED, FAIL, IGNORE -> settle(breaker, naive, permits, step, now);
                default -> command(breaker, naive, step, now);
            }
            naive.look(now);
            CircuitBreaker.Snapshot snapshot = breaker.snapshot();
            assertThat(snapshot.state()).as("after %s", step).isEqualTo(naive.state);
            if (naive.state == State.CLOSED || naive.state == State.HALF_OPEN) {
                assertThat((long) snapshot.calls()).isEqualTo(naive.calls());
                assertThat((long) snapshot.failures()).isEqualTo(naive.failures());
            }
            if (naive.state != before) expected.add(naive.state);
            before = naive.state;
        }
        // several transitions may happen in one step: what was told must be a chain that passes the states seen
        State at = State.CLOSED;
        int next = 0;
        for (Transition transition : told) {
            assertThat(transition.from()).isEqualTo(at);
            at = transition.to();
            if (next < expected.size() && expected.get(next) == at) next++;
        }
        assertThat(next).as("%s in %s", expected, told).isEqualTo(expected.size());
        assertThat(at).isEqualTo(before);
    }

    private static CircuitBreaker breaker(NaiveBreaker.Setup setup, ManualTime time) {
        Duration second = Duration.ofSeconds(1);
        CircuitBreaker.Builder builder = CircuitBreaker.builder("payments")
                .timeSource(time)
                .window(Window.calls(setup.window()).minimumCalls(setup.minimum()))
                .failureRate(setup.rate())
                .openFor(Backoff.linear(second, second).noJitter())
                .probes(setup.probes())
                .requiredSuccesses(setup.required())
                .probeLease(Duration.ofNanos(setup.lease()))
                .ramp(setup.ramp().stream().mapToDouble(d -> d).toArray());
        return (setup.inARow() > 0 ? builder.consecutiveFailures(setup.inARow()) : builder).build();
    }

    private static void admit(CircuitBreaker breaker, NaiveBreaker naive, Map<Integer, Long> permits, long now) {
        int expected = naive.admit(now);
        long permit = breaker.tryAdmit(CallContext.root(), 0);
        assertThat(permit >= 0).isEqualTo(expected >= 0);
        if (permit >= 0) permits.put(expected, permit);
        else if (naive.state == State.OPEN) assertThat(~permit).isEqualTo(naive.openNanos - (now - naive.since));
    }

    private static void settle(
            CircuitBreaker breaker, NaiveBreaker naive, Map<Integer, Long> permits, Step step, long now) {
        if (permits.isEmpty()) return;
        int which = new ArrayList<>(permits.keySet()).get(step.which() % permits.size());
        Verdict verdict = step.kind() == Kind.SUCCEED
                ? Verdict.SUCCESS
                : step.kind() == Kind.FAIL ? Verdict.FAILURE : Verdict.IGNORED;
        naive.settle(which, verdict, now);
        Throwable thrown = verdict == Verdict.FAILURE ? new IllegalStateException() : null;
        breaker.settle(permits.remove(which), 0, 0, verdict, null, thrown);
    }

    private static void command(CircuitBreaker breaker, NaiveBreaker naive, Step step, long now) {
        long nanos = step.nanos() + 1;
        switch (step.kind()) {
            case FORCE_OPEN -> {
                breaker.forceOpen("why");
                naive.force(State.FORCED_OPEN, Long.MAX_VALUE, now);
            }
            case FORCE_OPEN_FOR -> {
                breaker.forceOpen("why", Duration.ofNanos(nanos));
                naive.force(State.FORCED_OPEN, nanos, now);
            }
            case DISABLE -> {
                breaker.disable("why");
                naive.force(State.DISABLED, 0, now);
            }
            case RESET -> {
                breaker.reset();
                naive.force(State.CLOSED, 0, now);
            }
            default -> {
                breaker.forceClosed("why");
                naive.force(State.CLOSED, 0, now);
            }
        }
    }

    @Provide
    Arbitrary<NaiveBreaker.Setup> setups() {
        Arbitrary<Integer> window = Arbitraries.integers().between(1, 8);
        Arbitrary<Integer> probes = Arbitraries.integers().between(1, 4);
        return Combinators.combine(
                        window.flatMap(w -> Arbitraries.integers().between(1, w).map(m -> new int[] {w, m})),
                        Arbitraries.of(0.01, 0.25, 0.5, 0.75, 1.0),
                        Arbitraries.of(0, 0, 1, 3),
                        probes.flatMap(p -> Arbitraries.integers().between(1, p).map(r -> new int[] {p, r})),
                        Arbitraries.longs().between(1, 3 * NaiveBreaker.SECOND),
                        Arbitraries.of(List.of(), List.of(), List.of(0.5), List.of(0.1, 0.5), List.of(0.3, 0.6, 0.9)))
                .as((w, rate, inARow, p, lease, ramp) ->
                        new NaiveBreaker.Setup(w[0], w[1], rate, inARow, p[0], p[1], lease, doubles(ramp)));
    }

    private static List<Double> doubles(List<?> ramp) {
        return ramp.stream().map(d -> (Double) d).toList();
    }

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Kind> kind = Arbitraries.frequency(
                Tuple.of(30, Kind.ADMIT),
                Tuple.of(12, Kind.SUCCEED),
                Tuple.of(12, Kind.FAIL),
                Tuple.of(3, Kind.IGNORE),
                Tuple.of(8, Kind.WAIT),
                Tuple.of(1, Kind.FORCE_OPEN),
                Tuple.of(1, Kind.FORCE_OPEN_FOR),
                Tuple.of(1, Kind.FORCE_CLOSED),
                Tuple.of(1, Kind.DISABLE),
                Tuple.of(1, Kind.RESET));
        Arbitrary<Long> nanos = Arbitraries.oneOf(
                Arbitraries.longs().between(0, 4 * NaiveBreaker.SECOND),
                Arbitraries.of(NaiveBreaker.SECOND, 2 * NaiveBreaker.SECOND, NaiveBreaker.SECOND - 1));
        return Combinators.combine(kind, Arbitraries.integers().between(0, 100), nanos)
                .as(Step::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(150);
    }
}
