// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.breaker.CircuitBreaker.State;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * CLOSED, OBSERVING and the steps of the ramp: gathers evidence and judges it by the rules. A step of the ramp admits a
 * share of the calls, the others admit all.
 */
final class Judging extends Regime {
    /** In a permit: the clock was not read at admission although this regime wants it. */
    static final long UNTIMED = 1;

    /** Not on the ramp. */
    static final int FULL = -1;

    final int step;
    final Evidence evidence;
    final @Nullable Running running;
    private final boolean byTime;
    private final Rules rules;
    private final int consecutiveLimit;
    private final AtomicInteger consecutive = new AtomicInteger();
    private final AtomicLong asked = new AtomicLong();
    private final long recordedBefore;
    /** The next outcome is judged whatever it is; a race judges once more, no more. */
    private boolean fresh;

    Judging(State state, int step, Entry entry, Past past) {
        this(state, step, entry, past, null);
    }

    private Judging(State state, int step, Entry entry, Past past, @Nullable Judging older) {
        super(state, entry, past, admits(step, entry.settings()));
        Settings settings = entry.settings();
        this.step = step;
        evidence = settings.window.evidence();
        byTime = evidence instanceof TimeWindow;
        running = timed ? new Running(settings.slowNanos) : null;
        rules = settings.rules;
        consecutiveLimit = settings.consecutiveFailures;
        recordedBefore = older == null ? 0 : older.recorded();
    }

    /** A step of the ramp with slow calls wants times as well as a decision: the driver reads them, {@link #admit} decides. */
    private static Admits admits(int step, Settings settings) {
        return settings.slow() ? Admits.TIMED : step == FULL ? Admits.ALL : Admits.SOME;
    }

    /** CLOSED or OBSERVING under other settings, with the newest of its outcomes and a new generation. */
    Judging heir(Settings settings, long now) {
        Entry next = new Entry(settings, entry.generation() + 1, entry.since(), entry.arrival());
        Judging heir = new Judging(state, FULL, next, past, this);
        heir.evidence.prefill(evidence, elapsed(now));
        heir.consecutive.set(consecutive.get());
        heir.fresh = true;
        return heir;
    }

    /** A timed call at the full share, unless somebody has to look at what is running first. */
    long enter(long now) {
        return running != null && step == FULL && running.tryEnter(elapsed(now)) ? permit(0) : NO_PERMIT;
    }

    @Override
    long admit(long now) {
        return admit(now, true);
    }

    /** {@code untimed}: nobody took down when this call starts, so it is judged as not slow. */
    long admit(long now, boolean untimed) {
        if (step != FULL && !shared()) {
            return NO_PERMIT;
        }
        if (running == null || untimed) {
            return permit(UNTIMED);
        }
        running.enter(elapsed(now));
        return permit(0);
    }

    private boolean shared() {
        long call = asked.incrementAndGet();
        double share = settings().ramp[step];
        return Math.floor(call * share) > Math.floor((call - 1) * share);
    }

    /** Whether {@link #record} wants to know the time although the call was not timed. */
    boolean wantsClock(long permit) {
        return byTime && !timed(permit);
    }

    /** Whether the driver took down when the call started. */
    boolean timed(long permit) {
        return timed && (permit & UNTIMED) == 0;
    }

    /** A timed call has ended. */
    void left(long startedAt) {
        if (running != null) {
            running.leave(elapsed(startedAt));
        }
    }

    boolean slow(long nanos) {
        return nanos > settings().slowNanos;
    }

    /** Keeps an outcome and answers what it leads to. {@code now} matters to time windows and slow calls only. */
    Finding record(int outcome, int stripe, long now) {
        long elapsed = byTime || timed ? elapsed(now) : 0;
        boolean judge = evidence.record(outcome, stripe, elapsed);
        if (consecutiveLimit > 0 && tooManyInARow(outcome)) {
            return Finding.CONSECUTIVE;
        }
        return judge || fresh ? judge(elapsed) : Finding.NONE;
    }

    private boolean tooManyInARow(int outcome) {
        if (Outcomes.failed(outcome)) {
            return consecutive.updateAndGet(n -> n == Integer.MAX_VALUE ? n : n + 1) >= consecutiveLimit;
        }
        if (consecutive.get() != 0) {
            consecutive.set(0);
        }
        return false;
    }

    private Finding judge(long elapsed) {
        fresh = false;
        Finding finding = evidence.judge(rules, running == null ? 0 : running.slow(elapsed), elapsed);
        boolean done = finding == Finding.NONE && step != FULL && evidence.recorded() >= rules.minimumCalls();
        return done ? Finding.STEP : finding;
    }

    /** The first admission of each bucket looks at the calls that hang: nothing else runs while they do (S32). */
    @Override
    Finding due(long now) {
        long elapsed = elapsed(now);
        if (running != null && running.turned(elapsed)) {
            Finding finding = evidence.judge(rules, running.slow(elapsed), elapsed);
            if (finding != Finding.NONE) {
                return finding;
            }
        }
        return nextChange(now) == 0 ? Finding.STEP : Finding.NONE;
    }

    /** Whether the delays start anew: CLOSED lasted the last one and saw enough outcomes (S31). */
    boolean recovered(long now) {
        return step == FULL && elapsed(now) >= past.delayNanos() && recorded() >= rules.minimumCalls();
    }

    long recorded() {
        return recordedBefore + evidence.recorded();
    }

    /** Still within the time that the circuit would have been open. */
    boolean quiet(long now) {
        return past.streak() > 0 && elapsed(now) < past.delayNanos();
    }

    @Override
    Tally tally(long now) {
        return evidence.tally(elapsed(now));
    }

    long runningSlow(long now) {
        return running == null ? 0 : running.slow(elapsed(now));
    }

    /** Nothing here would change a later answer. */
    boolean clean(long now) {
        Tally tally = tally(now);
        return tally.failures() + tally.slow() + consecutive.get() == 0
                && (past.streak() == 0 || recovered(now))
                && idle();
    }

    /** As far as anybody knows: only timed calls are counted while they run. */
    boolean idle() {
        return running == null || running.count() == 0;
    }

    int consecutiveFailures() {
        return consecutive.get();
    }

    @Override
    long nextChange(long now) {
        return step == FULL ? Long.MAX_VALUE : Math.max(0, past.delayNanos() - elapsed(now));
    }

    @Override
    String why() {
        return step == FULL ? "" : "admitting " + Text.percent(settings().ramp[step]) + " of the calls";
    }
}
