// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.examples.Stats.Ending;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What has to be true at the end whatever the hosts did: whatever is not fails the run. */
final class Invariants {
    /** What a busy machine may add to a call's total timeout before its thread runs again. */
    static final Duration SLACK = Duration.ofSeconds(1);

    /**
     * So many calls in an outage, and some come after the breaker has learned of it. A machine that stalls for the whole
     * of a short outage makes fewer, and they may all have begun before.
     */
    static final int CALLS_TO_JUDGE_BY = 30;

    private final List<String> broken = new ArrayList<>();
    private final Duration stalled;
    private int checked;

    private Invariants(Duration stalled) {
        this.stalled = stalled;
    }

    /** Whether the machine kept up: one that stood still may have slept through an outage, or through its end. */
    static boolean steady(Duration stalled) {
        return stalled.compareTo(SLACK.dividedBy(4)) <= 0;
    }

    /**
     * Looks at everything.
     *
     * @param drained whether every call under way has ended in time
     * @param complete whether the script was played to its end: only then have the breakers seen all of it
     * @param stalled for how long the machine stood still in between: nobody is blamed for that
     */
    static Invariants of(List<Caller> callers, boolean drained, boolean complete, Duration stalled) {
        Invariants invariants = new Invariants(stalled);
        boolean story = complete && steady(stalled);
        invariants.require(drained, "all calls under way end in time after the traffic is stopped");
        for (Caller caller : callers) {
            invariants.booksOf(caller);
            if (caller instanceof Guarded guarded) {
                invariants.limitsOf(guarded);
                if (story) invariants.storyOf(guarded);
            }
            if (story) invariants.anythingOf(caller);
        }
        return invariants;
    }

    List<String> broken() {
        return List.copyOf(broken);
    }

    int checked() {
        return checked;
    }

    private void booksOf(Caller caller) {
        Stats stats = caller.stats();
        String who = caller.host().name() + ", " + caller.client() + ": ";
        long ok = stats.count(Ending.OK);
        long seen = caller.host().service().seen(caller.path());
        require(
                stats.calls() == stats.ended(),
                who + "every call ends in exactly one way: began " + stats.calls() + ", ended " + stats.ended());
        require(stats.surprise() == null, who + "no call ends in a way nobody expects: " + stats.surprise());
        require(ok <= seen, who + "no success without a request: " + ok + " successes, host saw " + seen);
        require(
                seen <= stats.attempts(),
                who + "no request without an attempt: " + stats.attempts() + " attempts, host saw " + seen);
    }

    private void anythingOf(Caller caller) {
        require(
                caller.stats().count(Ending.OK) > 0,
                caller.host().name() + ", " + caller.client() + ": some calls succeed");
    }

    private void limitsOf(Guarded caller) {
        Stats stats = caller.stats();
        String who = caller.host().name() + ", guarded: ";
        long longest = stats.latencies().max();
        long limit = caller.host().total().plus(SLACK).plus(stalled).toNanos();
        require(
                longest <= limit,
                who + "no call outlasts its total timeout: " + Text.of(longest) + ", limit " + Text.of(limit));
        long mostRepeats = caller.mostRepeats(stats.calls());
        require(
                stats.repeats() <= mostRepeats,
                who + "repeats stay in the budget: " + stats.repeats() + ", budget " + mostRepeats);
        require(
                stats.attempts() <= stats.calls() * Guarded.MAX_ATTEMPTS,
                who + "no call has more than " + Guarded.MAX_ATTEMPTS + " attempts: " + stats.attempts() + " attempts");
        long rejected = stats.count(Ending.REJECTED);
        long refused = caller.breaker().snapshot().rejected();
        require(
                rejected <= refused,
                who + "the breaker knows every call it refused: " + rejected + " calls, breaker says " + refused);
        require(caller.abandoned() == 0, who + "no attempt is left running: " + caller.abandoned());
        require(
                caller.inFlight() == 0,
                who + "the bulkhead has all its permits back: " + caller.inFlight() + " are out");
    }

    private void storyOf(Guarded caller) {
        Stats stats = caller.stats();
        String who = caller.host().name() + ", guarded: ";
        Phase outage = caller.host().service().script().outage();
        long refused = stats.count(outage, Ending.REJECTED);
        if (stats.ended(outage) >= CALLS_TO_JUDGE_BY) {
            require(refused > 0, who + "the breaker refuses calls while the host is " + outage.words);
        }
        long p99 = stats.latencies(outage).percentile(0.99);
        require(
                p99 < caller.host().total().toNanos(),
                who + "p99 stays below the total timeout while the host is " + outage.words + ": " + Text.of(p99));
        long recovery = caller.host().service().script().outageEnds();
        boolean recovered = caller.changes().stream().anyMatch(c -> c.at() >= recovery && c.to() == State.CLOSED);
        State state = caller.breaker().snapshot().state();
        require(recovered, who + "the breaker closes when its host has recovered: it is " + state);
    }

    private void require(boolean held, String what) {
        checked++;
        if (!held) broken.add(what);
    }
}
