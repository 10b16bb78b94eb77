// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker.State;
import dev.resilience.breaker.CircuitBreaker.Transition;
import dev.resilience.breaker.Regime.Entry;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The state machine: which regime follows which. Pure decisions: time comes in as a parameter.
 *
 * <p>Implementation notes:
 *
 * <ul>
 *   <li>I1: a regime is replaced by one CAS from exactly the regime that was seen, and its successor's generation is one
 *       higher; who loses the CAS has nothing to undo.
 *   <li>I2: guests (backoff rules, hints) run before the CAS, once per look; listeners after it, in {@link Events}.
 *   <li>I3: who installs a regime compares its settings with the latest ones afterwards, and who changes the settings
 *       looks at the regime afterwards: one of the two sees the other (L12).
 * </ul>
 */
final class Circuit {
    private static final VarHandle REGIME;
    private static final VarHandle SETTINGS;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            REGIME = lookup.findVarHandle(Circuit.class, "regime", Regime.class);
            SETTINGS = lookup.findVarHandle(Circuit.class, "settings", Settings.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Events events;
    private final BiConsumer<? super String, ? super Throwable> report;
    private volatile Settings settings;
    private volatile Regime regime;

    Circuit(Settings settings, long now, BiConsumer<? super String, ? super Throwable> report) {
        Transition origin = new Transition(0, State.CLOSED, State.CLOSED, new Opening("built", null, Tally.NONE));
        this.settings = settings;
        this.report = report;
        events = new Events(origin, report);
        regime = new Judging(State.CLOSED, Judging.FULL, new Entry(settings, 0, now, origin), Past.NONE);
    }

    Regime regime() {
        return regime;
    }

    Settings settings() {
        return settings;
    }

    /** The regime that holds now: what time has brought about has been done. */
    Regime look(long now) {
        for (; ; ) {
            Regime seen = regime;
            Finding due = seen.due(now);
            if (due == Finding.NONE || !follow(seen, due, now, null, null)) {
                return seen;
            }
        }
    }

    /**
     * Goes where a finding leads, unless somebody else has left the regime already. {@code value} or {@code thrown} is
     * the outcome that was found, if it was one.
     *
     * @return false if it leads nowhere
     */
    boolean follow(Regime seen, Finding finding, long now, @Nullable Object value, @Nullable Throwable thrown) {
        if (finding.opens()) {
            return open(seen, finding, now, value, thrown);
        }
        switch (finding) {
            case DEADLINE -> replace(seen, new HalfOpen(enter(seen, State.HALF_OPEN, now, probing()), seen.past));
            case PROBES_PASSED, STEP -> advance(seen, now);
            default -> {
                return false;
            }
        }
        return true;
    }

    private static Opening probing() {
        return new Opening("the time to stay open has passed", null, Tally.NONE);
    }

    /** From the probes, or a step of the ramp, to the next step, or CLOSED after the last. */
    private void advance(Regime seen, long now) {
        int step = seen instanceof Judging judging ? judging.step + 1 : 0;
        Entry up = enter(seen, State.HALF_OPEN, now, new Opening("ramp", null, Tally.NONE));
        if (step < up.settings().ramp.length) { // of the settings it will admit by: others may come at any time
            replace(seen, new Judging(State.HALF_OPEN, step, up, seen.past));
            return;
        }
        Past past = new Past(seen.past.streak(), seen.past.delayNanos(), null);
        Opening why = new Opening(step == 0 ? "enough probes succeeded" : "the ramp is done", null, Tally.NONE);
        replace(seen, new Judging(State.CLOSED, Judging.FULL, enter(seen, State.CLOSED, now, why), past));
    }

    private boolean open(Regime seen, Finding finding, long now, @Nullable Object value, @Nullable Throwable thrown) {
        if (seen.state == State.OBSERVING && ((Judging) seen).quiet(now)) {
            return false;
        }
        boolean anew = seen instanceof Judging judging && judging.recovered(now);
        int streak = anew ? 1 : seen.past.nextStreak();
        long delay = delay(streak, seen.past.delayNanos());
        Throwable failure = thrown == null ? seen.past.failure() : thrown;
        Opening opening = new Opening(why(seen, finding, now, thrown), failure, seen.tally(now));
        if (seen.state == State.OBSERVING) {
            replace(seen, wouldHaveOpened(seen, now, new Past(streak, delay, null), opening));
            return true;
        }
        Entry entry = enter(seen, State.OPEN, now, opening);
        long nanos = Math.max(delay, hint(value, thrown));
        replace(seen, new Refusing(State.OPEN, entry, new Past(streak, delay, opening), nanos));
        return true;
    }

    /** OBSERVING starts anew with a transition of its own; it stays quiet for as long as it would have been open. */
    private Regime wouldHaveOpened(Regime seen, long now, Past past, Opening opening) {
        Opening would = new Opening("would have opened: " + opening.why(), opening.failure(), opening.tally());
        Transition arrival = seen.entry.arrival().then(State.OBSERVING, would);
        Entry entry = new Entry(settings, seen.generation() + 1, now, arrival);
        return new Judging(State.OBSERVING, Judging.FULL, entry, past);
    }

    private static String why(Regime seen, Finding finding, long now, @Nullable Throwable thrown) {
        Settings settings = seen.settings();
        Tally tally = seen.tally(now);
        return switch (finding) {
            case PROBES_FAILED -> ((HalfOpen) seen).verdict();
            case FAILURE_RATE ->
                tally.failures() + " of " + tally.calls() + " calls failed, threshold "
                        + Text.percent(settings.failureRate) + ramping(seen);
            case SLOW_RATE -> slow((Judging) seen, tally, now) + ramping(seen);
            case CONSECUTIVE -> ((Judging) seen).consecutiveFailures() + " calls failed in a row" + ramping(seen);
            default ->
                "tripped by " + (thrown == null ? "a result" : thrown.getClass().getName());
        };
    }

    private static String slow(Judging seen, Tally tally, long now) {
        long running = seen.runningSlow(now);
        Settings settings = seen.settings();
        return (tally.slow() + running) + " of " + (tally.calls() + running) + " calls were slower than "
                + Text.duration(settings.slowNanos) + (running == 0 ? "" : " (" + running + " still running)")
                + ", threshold " + Text.percent(settings.slow.rate());
    }

    private static String ramping(Regime seen) {
        return seen.state == State.HALF_OPEN
                ? ", while admitting " + Text.percent(seen.settings().ramp[((Judging) seen).step])
                : "";
    }

    private long delay(int streak, long previous) {
        Settings now = settings;
        if (now.openBackoff != null) {
            return now.openBackoff.delayNanos(streak, streak == 1 ? 0 : previous, ThreadLocalRandom.current());
        }
        return TimeSource.nanos(Objects.requireNonNull(now.openFor));
    }

    /** How long the outcome itself asks to be left alone, bounded by maxOpen; 0 when it does not. */
    private long hint(@Nullable Object value, @Nullable Throwable thrown) {
        long hint = thrown instanceof RejectedException rejected
                ? rejected.retryAfter().map(TimeSource::nanos).orElse(0L)
                : 0;
        Settings now = settings;
        for (Hint<?> from : now.hints) {
            hint = Math.max(hint, hint(from, thrown == null ? value : thrown));
        }
        return Math.min(hint, TimeSource.nanos(now.maxOpen));
    }

    private long hint(Hint<?> from, @Nullable Object outcome) {
        try {
            Duration wish = from.of(outcome);
            return wish == null ? 0 : TimeSource.nanos(wish);
        } catch (Throwable thrown) {
            report.accept("hintFrom", thrown);
            return 0;
        }
    }

    /** An operator's verb: whatever holds is replaced. The ramp after it takes its steps by the first delay at least. */
    void command(State state, String reason, long now, long nanos) {
        boolean refuses = state == State.OPEN || state == State.FORCED_OPEN;
        Past first = refuses ? new Past(1, delay(1, 0), null) : Past.NONE;
        Opening why = new Opening(reason, null, Tally.NONE);
        for (; ; ) {
            Regime seen = regime;
            Past past = refuses && seen.past.streak() > 0 ? seen.past : first;
            Entry entry = enter(seen, state, now, why);
            if (replace(seen, commanded(state, entry, new Past(past.streak(), past.delayNanos(), why), nanos))) {
                return;
            }
        }
    }

    private static Regime commanded(State state, Entry entry, Past past, long nanos) {
        return switch (state) {
            case OPEN, FORCED_OPEN -> new Refusing(state, entry, past, nanos);
            case DISABLED -> new Passing(entry);
            default -> new Judging(state, Judging.FULL, entry, Past.NONE);
        };
    }

    /** Lays what was told over the settings that hold; the evidence of CLOSED and OBSERVING stays. */
    void reconfigure(String name, Told told, long now) {
        for (; ; ) {
            Settings seen = settings;
            Settings next = new Settings(told, seen).checked(name);
            if (next.time != seen.time) {
                throw new IllegalArgumentException(
                        "circuit breaker '" + name + "': timeSource must stay what it was at build, was another");
            }
            if (SETTINGS.compareAndSet(this, seen, next)) {
                adopt(now);
                return;
            }
        }
    }

    private void adopt(long now) {
        for (; ; ) {
            Regime seen = regime;
            Settings latest = settings;
            boolean adopts = seen.state == State.CLOSED || seen.state == State.OBSERVING;
            if (!adopts || seen.settings() == latest) {
                return;
            }
            REGIME.compareAndSet(this, seen, ((Judging) seen).heir(latest, now));
        }
    }

    private Entry enter(Regime seen, State state, long now, Opening why) {
        Transition arrival = seen.state == state
                ? seen.entry.arrival()
                : seen.entry.arrival().then(state, why);
        return new Entry(settings, seen.generation() + 1, now, arrival);
    }

    private boolean replace(Regime seen, Regime next) {
        if (!REGIME.compareAndSet(this, seen, next)) {
            return false;
        }
        adopt(next.entry.since());
        if (next.entry.arrival() != seen.entry.arrival()) {
            events.publish(seen.entry.arrival(), next.entry.arrival());
        }
        return true;
    }
}
