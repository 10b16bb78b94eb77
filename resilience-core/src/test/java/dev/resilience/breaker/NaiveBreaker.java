// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Verdict;
import dev.resilience.breaker.CircuitBreaker.State;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The rules of the breaker as anybody would write them for one thread: lists, maps and numbers that are recomputed. The
 * k-th opening in a row lasts k seconds.
 */
final class NaiveBreaker {
    static final long SECOND = 1_000_000_000;

    record Setup(
            int window,
            int minimum,
            double rate,
            int inARow,
            int probes,
            int required,
            long lease,
            List<Double> ramp) {}

    final Setup setup;
    State state = State.CLOSED;
    long since;
    long openNanos;
    int streak;
    int regime;
    int step = -1;
    long asked;
    long seen;
    int failedInARow;
    final List<Boolean> outcomes = new ArrayList<>();
    /** Probe permits to when they started, or to null when they have ended. */
    final Map<Integer, Long> running = new LinkedHashMap<>();

    int ok;
    int failed;
    private int permits;
    final Map<Integer, Integer> regimeOf = new LinkedHashMap<>();

    NaiveBreaker(Setup setup) {
        this.setup = setup;
    }

    private void enter(State next, long now) {
        state = next;
        since = now;
        regime++;
        step = -1;
        asked = 0;
        seen = 0;
        failedInARow = 0;
        outcomes.clear();
        running.clear();
        ok = 0;
        failed = 0;
    }

    private void open(int k, long now) {
        streak = k;
        enter(State.OPEN, now);
        openNanos = k * SECOND;
    }

    private long lastDelay() {
        return streak * SECOND;
    }

    /** What is due by the clock. */
    void look(long now) {
        boolean refusing = state == State.OPEN || state == State.FORCED_OPEN;
        if (refusing && openNanos != Long.MAX_VALUE && now - since >= openNanos) enter(State.HALF_OPEN, now);
        if (state == State.HALF_OPEN && step < 0) {
            running.values().removeIf(start -> {
                boolean expired = now - start >= setup.lease;
                if (expired) failed++;
                return expired;
            });
            decide(now);
        }
        while (state == State.HALF_OPEN && step >= 0 && now - since >= lastDelay()) advance(now);
    }

    private void decide(long now) {
        if (ok >= setup.required) advance(now);
        else if (failed > setup.probes - setup.required) open(streak + 1, now);
    }

    private void advance(long now) {
        int next = step + 1;
        if (next < setup.ramp.size()) {
            enter(State.HALF_OPEN, now);
            step = next;
        } else {
            enter(State.CLOSED, now);
        }
    }

    /** A permit, or -1. */
    int admit(long now) {
        look(now);
        boolean admitted = switch (state) {
            case OPEN, FORCED_OPEN -> false;
            case HALF_OPEN -> step >= 0 ? share() : running.size() + ok + failed < setup.probes;
            default -> true;
        };
        if (!admitted) return -1;
        int permit = permits++;
        regimeOf.put(permit, regime);
        if (state == State.HALF_OPEN && step < 0) running.put(permit, now);
        return permit;
    }

    private boolean share() {
        asked++;
        double share = setup.ramp.get(step);
        return Math.floor(asked * share) > Math.floor((asked - 1) * share);
    }

    void settle(int permit, Verdict verdict, long now) {
        if (regimeOf.remove(permit) != regime) return;
        if (state == State.HALF_OPEN && step < 0) {
            Long start = running.get(permit);
            look(now);
            boolean mine = start != null && running.remove(permit) != null;
            if (mine && verdict == Verdict.SUCCESS) ok++;
            if (mine && verdict == Verdict.FAILURE) failed++;
            if (state == State.HALF_OPEN && step < 0) decide(now);
        } else if (state != State.DISABLED && verdict != Verdict.IGNORED) {
            record(verdict == Verdict.FAILURE, now);
        }
    }

    private void record(boolean failure, long now) {
        outcomes.add(failure);
        if (outcomes.size() > setup.window) outcomes.remove(0);
        seen++;
        failedInARow = failure ? failedInARow + 1 : 0;
        if ((setup.inARow > 0 && failedInARow >= setup.inARow) || rateReached()) {
            boolean recovered = step < 0 && now - since >= lastDelay() && seen >= setup.minimum;
            open(recovered ? 1 : streak + 1, now);
        } else if (step >= 0 && seen >= setup.minimum) {
            advance(now);
        }
    }

    private boolean rateReached() {
        return outcomes.size() >= setup.minimum && (double) failures() / outcomes.size() >= setup.rate;
    }

    long failures() {
        return state == State.HALF_OPEN && step < 0
                ? failed
                : outcomes.stream().filter(f -> f).count();
    }

    long calls() {
        return state == State.HALF_OPEN && step < 0 ? ok + failed : outcomes.size();
    }

    void force(State next, long nanos, long now) {
        // a verb keeps how often it opened only for states that refuse
        int kept = next == State.FORCED_OPEN ? Math.max(1, streak) : 0;
        enter(next, now);
        streak = kept;
        openNanos = nanos;
    }
}
