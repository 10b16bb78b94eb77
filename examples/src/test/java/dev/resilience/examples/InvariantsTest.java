// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import static dev.resilience.examples.Script.step;
import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.Outcome;
import dev.resilience.RejectedException;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** An invariant that cannot break shows nothing: each of them is broken here. */
class InvariantsTest {
    private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
    private static final Outcome<HttpResponse<Void>> TIMED_OUT = Outcome.failure(new HttpTimeoutException("test"));

    private final Host host = new Host(
            "shop", new NoService(), false, Duration.ofMillis(100), Duration.ofSeconds(1), Duration.ofHours(1));
    private final Guarded caller = new Guarded(host, HttpClient.newHttpClient(), new Stopwatch());

    @Test
    void all_hold_when_nothing_has_happened_and_the_run_was_stopped() {
        Invariants invariants = invariants(false);
        assertThat(invariants.broken()).isEmpty();
        assertThat(invariants.checked()).isGreaterThan(8);
    }

    @Test
    void a_run_that_does_not_drain() {
        assertThat(Invariants.of(List.of(caller), false, false, Duration.ZERO).broken())
                .containsExactly("all calls under way end in time after the traffic is stopped");
    }

    @Test
    void a_call_that_began_and_never_ended() {
        begin(1);
        assertThat(broken()).containsExactly("shop, guarded: every call ends in exactly one way: began 1, ended 0");
    }

    @Test
    void a_call_that_ended_twice() {
        begin(1);
        end(Phase.HEALTHY, MILLI, TIMED_OUT);
        end(Phase.HEALTHY, MILLI, TIMED_OUT);
        assertThat(broken()).containsExactly("shop, guarded: every call ends in exactly one way: began 1, ended 2");
    }

    @Test
    void a_call_that_ended_in_a_way_nobody_expects() {
        begin(1);
        end(Phase.HEALTHY, MILLI, Outcome.failure(new IllegalStateException("what?")));
        assertThat(broken())
                .singleElement()
                .asString()
                .startsWith("shop, guarded: no call ends in a way nobody expects: Failure[")
                .contains("what?");
    }

    @Test
    void a_call_that_outlasts_its_total_timeout() {
        begin(1);
        end(Phase.HEALTHY, 2001 * MILLI, TIMED_OUT);
        assertThat(broken()).containsExactly("shop, guarded: no call outlasts its total timeout: 2.0 s, limit 2.0 s");
    }

    @Test
    void more_attempts_than_the_retry_allows() {
        begin(1);
        end(Phase.HEALTHY, MILLI, TIMED_OUT);
        for (int i = 0; i < 4; i++) caller.stats().attempt(1);
        assertThat(broken()).containsExactly("shop, guarded: no call has more than 3 attempts: 4 attempts");
    }

    @Test
    void more_repeats_than_the_budget_allows() {
        begin(1000);
        for (int i = 0; i < 1000; i++) end(Phase.HEALTHY, MILLI, TIMED_OUT);
        // a fifth of 1000 and 10 per second: this takes no 20 seconds
        for (int i = 0; i < 500; i++) caller.stats().attempt(2);
        assertThat(broken()).singleElement().asString().startsWith("shop, guarded: repeats stay in the budget: 500, ");
    }

    @Test
    void a_request_that_nobody_attempted() {
        host.service().reply("/guarded");
        assertThat(broken()).containsExactly("shop, guarded: no request without an attempt: 0 attempts, host saw 1");
    }

    @Test
    void a_rejection_that_the_breaker_does_not_know() {
        caller.breaker().forceOpen("test");
        Outcome<HttpResponse<Void>> refused = refused();
        assertThat(broken()).isEmpty();
        begin(10);
        for (int i = 0; i < 10; i++) end(Phase.HEALTHY, MILLI, refused);
        long known = caller.breaker().snapshot().rejected(); // one call, with its retries
        assertThat(known).isBetween(1L, 3L);
        assertThat(broken())
                .containsExactly(
                        "shop, guarded: the breaker knows every call it refused: 10 calls, breaker says " + known);
    }

    @Test
    void a_whole_run_in_which_the_breaker_did_nothing() {
        begin(100);
        for (int i = 0; i < 100; i++) end(Phase.HANGING, 1000 * MILLI, TIMED_OUT);
        assertThat(invariants(true).broken())
                .containsExactly(
                        "shop, guarded: the breaker refuses calls while the host is hanging",
                        "shop, guarded: p99 stays below the total timeout while the host is hanging: 1.0 s",
                        "shop, guarded: the breaker closes when its host has recovered: it is CLOSED",
                        "shop, guarded: some calls succeed");
    }

    @Test
    void a_breaker_is_not_blamed_for_a_machine_on_which_hardly_anybody_called() {
        begin(Invariants.CALLS_TO_JUDGE_BY - 1);
        for (int i = 1; i < Invariants.CALLS_TO_JUDGE_BY; i++) end(Phase.HANGING, MILLI, TIMED_OUT);
        assertThat(invariants(true).broken()).noneMatch(what -> what.contains("refuses calls"));
        begin(1);
        end(Phase.HANGING, MILLI, TIMED_OUT);
        assertThat(invariants(true).broken())
                .contains("shop, guarded: the breaker refuses calls while the host is hanging");
    }

    @Test
    void a_breaker_that_has_not_recovered_at_the_end() {
        caller.breaker().forceOpen("test");
        assertThat(invariants(true).broken())
                .contains("shop, guarded: the breaker closes when its host has recovered: it is FORCED_OPEN");
    }

    @Test
    void nobody_is_blamed_for_a_machine_that_stood_still() {
        begin(2);
        end(Phase.HANGING, 4000 * MILLI, TIMED_OUT);
        assertThat(Invariants.of(List.of(caller), true, true, Duration.ofSeconds(3))
                        .broken())
                .containsExactly("shop, guarded: every call ends in exactly one way: began 2, ended 1");
        assertThat(Invariants.of(List.of(caller), true, true, Duration.ofMillis(250))
                        .broken())
                .hasSizeGreaterThan(3);
    }

    private Outcome<HttpResponse<Void>> refused() {
        Outcome<HttpResponse<Void>> outcome = caller.unrecorded();
        assertThat(caller.stats().attempts()).isZero();
        assertThat(outcome.as(RejectedException.class)).isPresent();
        return outcome;
    }

    private void begin(int calls) {
        for (int i = 0; i < calls; i++) caller.stats().started();
    }

    private void end(Phase phase, long nanos, Outcome<HttpResponse<Void>> outcome) {
        caller.stats().ended(phase, nanos, outcome);
    }

    private List<String> broken() {
        return invariants(false).broken();
    }

    private Invariants invariants(boolean complete) {
        return Invariants.of(List.of(caller), true, complete, Duration.ZERO);
    }

    private static final class NoService extends FlakyService {
        NoService() {
            super(Script.of(Duration.ofSeconds(1), step(Phase.HANGING, 1)), new Stopwatch());
        }

        @Override
        int port() {
            return 9;
        }

        @Override
        public void close() {
            // there is nothing
        }
    }
}
