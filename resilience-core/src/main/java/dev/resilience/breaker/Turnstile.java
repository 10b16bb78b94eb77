// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Failures;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import dev.resilience.breaker.CircuitBreaker.State;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Where calls come in and go out: reads the clock when the regime wants it, asks the guests, and hands both to the
 * {@link Circuit}, which decides. The thread matters only as a number that spreads counters.
 */
final class Turnstile {
    /** Spreads neighbouring thread ids over the stripes. */
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** A key's breaker whose outcomes are all older than this holds nothing that matters. */
    private static final long FORGET_NANOS = Duration.ofMinutes(10).toNanos();

    private final Circuit circuit;
    private final TimeSource time;
    private final BiConsumer<? super String, ? super Throwable> report;
    private final LongAdder failures = new LongAdder();
    private final LongAdder ignored = new LongAdder();
    private volatile @Nullable Remembered remembered;

    Turnstile(Circuit circuit, TimeSource time, BiConsumer<? super String, ? super Throwable> report) {
        this.circuit = circuit;
        this.time = time;
        this.report = report;
    }

    Totals totals(long rejected) {
        return new Totals(failures.sum(), ignored.sum(), rejected, circuit.events.counts());
    }

    /**
     * A permit, or a refusal. {@code timed()} and this are two looks, and a regime that wants times may
     * have come in between: a reading of 0 that is not the clock's says so.
     */
    long admit(long reading) {
        long now = reading == 0 ? time.nanoTime() : reading;
        boolean untimed = reading == 0 && now != 0;
        Regime seen = circuit.look(now);
        return seen instanceof Judging judging ? judging.admit(now, untimed) : seen.admit(now);
    }

    /** An admitted call has ended; does nothing if the regime that admitted it has been replaced (L2). */
    void settle(
            long permit, long start, long now, Verdict verdict, @Nullable Object value, @Nullable Throwable thrown) {
        if (verdict != Verdict.SUCCESS) count(verdict);
        Regime seen = circuit.regime();
        if (!seen.admitted(permit)) return;
        if (seen instanceof Judging judging) {
            boolean timed = judging.timed(permit);
            if (timed) judging.left(start);
            if (verdict == Verdict.IGNORED) return;
            int outcome = verdict == Verdict.SUCCESS ? Outcomes.SUCCESS : Outcomes.FAILURE;
            if (timed && judging.slow(now - start)) outcome |= Outcomes.SLOW;
            long at = judging.wantsClock(permit) ? time.nanoTime() : now;
            Finding found = judging.record(outcome, stripe(), at);
            Finding finding = trips(judging, value, thrown) ? Finding.TRIPPED : found;
            if (finding != Finding.NONE) circuit.follow(judging, finding, time.nanoTime(), value, thrown);
        } else if (seen instanceof HalfOpen probing) {
            report(probing, permit, verdict, value, thrown);
        }
    }

    /** Successes are not counted: a healthy circuit writes nothing (docs/observability.md). */
    private void count(Verdict verdict) {
        (verdict == Verdict.FAILURE ? failures : ignored).increment();
    }

    private void report(
            HalfOpen probing, long permit, Verdict verdict, @Nullable Object value, @Nullable Throwable thrown) {
        long now = time.nanoTime();
        boolean counted = probing.report(permit, verdict, now);
        Finding finding = counted && trips(probing, value, thrown) ? Finding.TRIPPED : probing.due(now);
        circuit.follow(probing, finding, now, value, thrown);
    }

    private boolean trips(Regime seen, @Nullable Object value, @Nullable Throwable thrown) {
        Failures tripOn = seen.settings().tripOn;
        return tripOn != null && trips(tripOn, value, thrown);
    }

    private boolean trips(Failures tripOn, @Nullable Object value, @Nullable Throwable thrown) {
        try {
            return tripOn.judge(value, thrown) == Verdict.FAILURE;
        } catch (Throwable broken) {
            report.accept("tripOn", broken);
            return false;
        }
    }

    private static int stripe() {
        return (int) ((Thread.currentThread().getId() * GOLDEN) >>> 56);
    }

    /** CLOSED with nothing to remember, or with nothing new for so long that it no longer matters (S40). */
    boolean forgettable(long now) {
        if (!(circuit.regime() instanceof Judging closed) || closed.state != State.CLOSED) return false;
        if (closed.clean(now)) return true;
        if (!closed.evidence.counting()) return false; // whether there is news would not show
        Remembered seen = new Remembered(closed.generation(), closed.recorded(), now);
        Remembered last = remembered;
        if (last != null && last.same(seen)) return closed.idle() && now - last.at >= FORGET_NANOS;
        remembered = seen;
        return false;
    }

    /** What {@link #forgettable} found when it last found something new. */
    private record Remembered(long generation, long recorded, long at) {
        boolean same(Remembered other) {
            return generation == other.generation && recorded == other.recorded;
        }
    }
}
