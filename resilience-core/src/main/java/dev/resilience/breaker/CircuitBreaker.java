// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Backoff;
import dev.resilience.CallContext;
import dev.resilience.Deadline;
import dev.resilience.Failures;
import dev.resilience.Gate;
import dev.resilience.RejectedException;
import dev.resilience.Review;
import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.Verdict;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Stops calling a dependency that fails. While it is CLOSED all calls pass and their outcomes are kept as evidence; when
 * the evidence reaches a rule it is OPEN and refuses all calls with a {@link CircuitOpenException}; when the time to stay
 * open has passed it is HALF_OPEN and lets a few probes through, whose outcomes decide between CLOSED and OPEN.
 *
 * {@snippet class="dev.resilience.breaker.Snippets" region="breaker"}
 * For event loops: {@snippet class="dev.resilience.breaker.Snippets" region="by-hand"}
 *
 * <p>Against overload by your own callers use a bulkhead or a limiter. Put a timeout <em>inside</em> the breaker (after it
 * in {@code Pipeline.of}), so that it learns of calls that hang.
 *
 * <p><b>An outcome counts only under the regime that admitted it:</b> a call that was admitted before the circuit opened
 * and ends while probes run changes nothing. An outcome that the classifier ignores (a cancellation, an interruption, a
 * rejection by an inner policy) is no evidence, and an ignored probe frees its slot. Errors count as failures. A rate is
 * exact when outcomes do not overlap; otherwise it is off by at most the number of calls that report at the very same
 * moment, and an opening is never missed.
 *
 * <p><b>Time</b> comes from the builder's {@link TimeSource}; neither the wall clock nor a timer plays a part: what is due
 * happens when somebody calls or asks for a {@link #snapshot()}. <b>Threads:</b> safe for any number of threads, never blocks. Listeners run on the thread that caused a transition,
 * outside locks and in order; what they and other functions of the user throw is reported and changes nothing. What a
 * probe did happens-before the calls that are admitted because of it.
 *
 * <p><b>Cost.</b> CLOSED: nothing is written while the window is full of successes, otherwise one atomic add; no clock, no
 * allocation; with slow calls two clock readings and two atomic operations more, with a time window one reading. OPEN: one clock reading, and the exception if it is thrown.
 */
public final class CircuitBreaker extends Gate {
    private final Circuit circuit;
    private final Turnstile turnstile;

    private CircuitBreaker(String name, Settings settings) {
        super(name, settings.time);
        circuit = new Circuit(settings, settings.time.nanoTime(), this::report);
        turnstile = new Turnstile(circuit, settings.time, this::report);
    }

    /** What a circuit breaker is doing. */
    public enum State {
        /** Admits all calls and judges their outcomes. */
        CLOSED,
        /** Refuses all calls until its time is over. */
        OPEN,
        /** Admits probes, or a growing share of the calls, to find out. */
        HALF_OPEN,
        /** Refuses all calls because an operator said so. */
        FORCED_OPEN,
        /** Admits all calls and records nothing. */
        DISABLED,
        /** Admits all calls, judges them, and tells listeners when it would have opened. */
        OBSERVING
    }

    /**
     * {@return a new breaker with default settings, CLOSED}
     * @param name what messages, metrics and descriptions call it
     */
    public static CircuitBreaker of(String name) {
        return builder(name).build();
    }

    /**
     * {@return a builder with default settings}
     * @param name what messages, metrics and descriptions call it
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /** {@return what it is doing now} Asking is a look: what is due by the clock happens first, on this thread. */
    public Snapshot snapshot() {
        long now = time().nanoTime();
        Regime seen = circuit.look(now);
        return new Snapshot(seen, now, turnstile.totals(rejected()));
    }

    /**
     * Refuses all calls until another verb says otherwise. FORCED_OPEN has no end of its own.
     * @param reason why, for messages and listeners
     */
    public void forceOpen(String reason) {
        command(State.FORCED_OPEN, reason, Long.MAX_VALUE);
    }

    /**
     * Refuses all calls for a time; then probes decide, as after OPEN.
     *
     * @param reason why, for messages and listeners
     * @param duration how long, positive
     * @throws IllegalArgumentException if the duration is not positive
     */
    public void forceOpen(String reason, Duration duration) {
        command(State.FORCED_OPEN, reason, Text.positive(name(), Objects.requireNonNull(duration, "duration")));
    }

    /**
     * Admits calls again, with no evidence and the first open delay. An ordinary CLOSED: it may open again.
     * @param reason why, for listeners
     */
    public void forceClosed(String reason) {
        command(State.CLOSED, reason, 0);
    }

    /**
     * Admits all calls and records nothing until another verb says otherwise.
     * @param reason why, for listeners
     */
    public void disable(String reason) {
        command(State.DISABLED, reason, 0);
    }

    /**
     * Admits all calls, judges them, and tells listeners when it would have opened (a transition from OBSERVING to
     * OBSERVING), once for as long as it would have stayed open. Ends by another verb.
     *
     * @param reason why, for listeners
     */
    public void observe(String reason) {
        command(State.OBSERVING, reason, 0);
    }

    /** Begins anew: CLOSED, no evidence, the first open delay. */
    public void reset() {
        command(State.CLOSED, "reset", 0);
    }

    private void command(State state, String reason, long nanos) {
        circuit.command(state, Objects.requireNonNull(reason, "reason"), time().nanoTime(), nanos);
    }

    /**
     * Refuses all calls until a deadline; then probes decide. For what the dependency itself announced, for example a
     * maintenance window. Replaces the time to stay open if the circuit is OPEN already. A deadline that has passed lets
     * probes go at once. {@code maxOpen} does not bound it.
     *
     * @param deadline when probes may go, a deadline of the same time source
     * @throws IllegalArgumentException if the deadline never comes: that is {@link #forceOpen(String)}
     */
    public void openUntil(Deadline deadline) {
        command(State.OPEN, "told to stay open", Text.until(name(), Objects.requireNonNull(deadline, "deadline")));
    }

    /**
     * Changes settings while running; what the function does not set stays as it is. CLOSED and OBSERVING keep the newest
     * of their evidence, which the next outcome judges by the new rules; calls in flight are then no evidence. OPEN keeps
     * its end and HALF_OPEN its probes; new values hold from the next state on.
     *
     * @param change sets what is to change, called once, on this thread; the builder must not be used afterwards
     * @throws IllegalArgumentException if the settings make no sense together, or name another time source
     */
    public void reconfigure(Consumer<? super Builder> change) {
        Objects.requireNonNull(change, "change");
        Builder builder = new Builder(name());
        change.accept(builder);
        circuit.reconfigure(name(), builder.told, time().nanoTime());
    }

    /**
     * Subscribes to the transitions to come: each one once, in order, on the thread that caused it or on one that is
     * delivering just then, never under a lock. A slow listener delays the call that caused the transition.
     * {@snippet class="dev.resilience.breaker.Snippets" region="listen"}
     *
     * @param listener told of each transition; may call this breaker; what it throws is reported and changes nothing
     * @return a handle to end it
     */
    public Subscription onTransition(Consumer<? super Transition> listener) {
        return circuit.events.subscribe(Objects.requireNonNull(listener, "listener"));
    }

    @Override
    protected boolean timed() {
        return circuit.regime().timed;
    }

    @Override
    protected @Nullable Failures failures() {
        return circuit.settings().failures;
    }

    @Override
    protected Map<String, String> settings() {
        return circuit.settings().describe();
    }

    @Override
    protected long tryAdmit(CallContext context, long now) {
        Regime regime = circuit.regime();
        long permit = regime.permit;
        if (permit < 0 && now != 0 && regime instanceof Judging judging) permit = judging.enter(now);
        return permit >= 0 ? permit : turnstile.admit(now);
    }

    @Override
    protected void settle(
            long permit,
            long admittedAt,
            long now,
            Verdict verdict,
            @Nullable Object value,
            @Nullable Throwable thrown) {
        turnstile.settle(permit, admittedAt, now, verdict, value, thrown);
    }

    @Override
    protected RejectedException rejection(CallContext context, long refusal) {
        return CircuitOpenException.of(this, refusal, retryAfterNanos(refusal), circuit.regime());
    }

    @Override
    protected void review(Review review) {
        Order.review(this, circuit.settings(), review);
    }

    @Override
    protected boolean forgettable(long now) {
        return turnstile.forgettable(now);
    }

    /** One change of state. */
    public static final class Transition {
        final long number;
        private final State from;
        private final State to;
        private final Opening why;
        /** Set once, by who made this one the latest: see Events. */
        volatile @Nullable Transition next;

        Transition(long number, State from, State to, Opening why) {
            this.number = number;
            this.from = from;
            this.to = to;
            this.why = why;
        }

        Transition then(State next, Opening why) {
            return new Transition(number + 1, to, next, why);
        }

        /** {@return its place among the transitions of this breaker: 1, 2, 3, without gaps} */
        public long number() {
            return number;
        }

        /** {@return the state before; that of {@link #to()} when an observing breaker would have opened} */
        public State from() {
            return from;
        }

        /** {@return the state since} */
        public State to() {
            return to;
        }

        /** {@return why: for example {@code 62 of 100 calls failed, threshold 50 %}, or an operator's reason} */
        public String reason() {
            return why.why();
        }

        /** {@return the exception that opened the circuit, empty when it was none} */
        public Optional<Throwable> cause() {
            return Optional.ofNullable(why.failure());
        }

        @Override
        public String toString() {
            return from + " -> " + to + " (" + why.why() + ")";
        }
    }

    /** A breaker's numbers of one moment. While it is OPEN they are those of the evidence that opened it. */
    public static final class Snapshot {
        private final State state;
        private final String reason;
        private final Tally tally;
        private final Rules rules;
        private final long runningSlow;
        private final Totals totals;
        private final long age;
        private final long nextNanos;

        Snapshot(Regime seen, long now, Totals totals) {
            state = seen.state;
            reason = seen.reason();
            tally = seen.tally(now);
            rules = seen.settings().rules;
            runningSlow = seen instanceof Judging judging ? judging.runningSlow(now) : 0;
            nextNanos = seen.nextChange(now);
            age = seen.elapsed(now);
            this.totals = totals;
        }

        /** {@return what it is doing} */
        public State state() {
            return state;
        }

        /** {@return why, as {@link Transition#reason()} said; "built" at the beginning} */
        public String reason() {
            return reason;
        }

        /** {@return the share of failures in the window, 0 to 1; empty below {@code minimumCalls}} */
        public OptionalDouble failureRate() {
            return rules.rate(tally.failures(), tally.calls());
        }

        /** {@return the share of {@link #slowCalls()}, 0 to 1; empty below {@code minimumCalls}, or without that rule} */
        public OptionalDouble slowRate() {
            return rules.slowRate() == Rules.OFF
                    ? OptionalDouble.empty()
                    : rules.rate(tally.slow() + runningSlow, tally.calls() + runningSlow);
        }

        /** {@return how many outcomes are in the window; while probes are out, how many have ended} */
        public int calls() {
            return Tally.saturated(tally.calls());
        }

        /** {@return how many of them are failures} */
        public int failures() {
            return Tally.saturated(tally.failures());
        }

        /** {@return how many of them were slow, and how many run for too long already} */
        public int slowCalls() {
            return Tally.saturated(tally.slow() + runningSlow);
        }

        /** {@return how many calls were refused since the breaker was built} */
        public long rejected() {
            return totals.rejected();
        }

        /** {@return how many calls were judged failures since the breaker was built, late ones included} */
        public long totalFailures() {
            return totals.failures();
        }

        /** {@return how many calls were judged neither success nor failure since the breaker was built} */
        public long totalIgnored() {
            return totals.ignored();
        }

        /**
         * {@return how often it went into a state since the breaker was built}
         * @param state as in {@link Transition#to()}
         */
        public long transitions(State state) {
            return totals.transitions().getOrDefault(state, 0L);
        }

        /** {@return for how long the state has lasted, a renewed one since it was renewed} */
        public Duration age() {
            return Duration.ofNanos(age);
        }

        /** {@return when time alone can change the state; empty when it never does} */
        public Optional<Duration> nextTransitionIn() {
            return nextNanos == Long.MAX_VALUE ? Optional.empty() : Optional.of(Duration.ofNanos(nextNanos));
        }

        @Override
        public String toString() {
            return state + " (" + reason + "), " + tally.failures() + " of " + tally.calls() + " calls failed";
        }
    }

    /**
     * Settings of a breaker. Setters may be called in any order; the last call wins. Nothing is checked but null before
     * {@link #build()}, which names all that is wrong in one message. Not safe for several threads.
     */
    public static final class Builder {
        private final String name;
        private final Told told = new Told();

        private Builder(String name) {
            this.name = name;
        }

        /**
         * The evidence to judge by.
         *
         * @param window default {@code Window.calls(100)}, judged from 20 calls on
         * @return this
         */
        public Builder window(Window window) {
            told.window = Objects.requireNonNull(window, "window");
            return this;
        }

        /**
         * Opens when at least this share of the window's outcomes are failures. Always in force; other rules come on top.
         *
         * @param rate more than 0, at most 1; default 0.5
         * @return this
         */
        public Builder failureRate(double rate) {
            told.failureRate = rate;
            return this;
        }

        /**
         * Opens after so many failures in a row, whatever the window says.
         *
         * @param failures at least 1; default off
         * @return this
         */
        public Builder consecutiveFailures(int failures) {
            told.consecutiveFailures = failures;
            return this;
        }

        /** {@return this} Switches {@link #consecutiveFailures} off again. */
        public Builder noConsecutiveFailures() {
            told.consecutiveFailures = Settings.OFF;
            return this;
        }

        /**
         * Opens when at least this share of the calls are slow. A call that is still running counts as slow once it has
         * run for longer than the duration (noticed up to a quarter of it later), by the next caller; a probe that is
         * slow fails. Slow failures count in both rates. Costs two clock readings per call.
         *
         * @param slowerThan what is slow, positive; default off
         * @param rate more than 0, at most 1
         * @return this
         */
        public Builder slowCalls(Duration slowerThan, double rate) {
            told.slow = new Settings.Slow(Objects.requireNonNull(slowerThan, "slowerThan"), rate);
            return this;
        }

        /** {@return this} Switches {@link #slowCalls} off again. */
        public Builder noSlowCalls() {
            told.slow = Settings.Slow.OFF;
            return this;
        }

        /**
         * How long it stays OPEN before probes may go.
         *
         * @param duration positive; default 5 s
         * @return this
         */
        public Builder openFor(Duration duration) {
            told.openFor = Objects.requireNonNull(duration, "duration");
            told.openBackoff = null;
            return this;
        }

        /**
         * How long it stays OPEN, by how often it opened in a row: the k-th time waits the k-th delay. The count starts
         * anew when CLOSED has lasted the last delay and {@code minimumCalls} outcomes.
         *
         * @param backoff asked once per opening, by the call that opens; what its rule throws is reported
         * @return this
         */
        public Builder openFor(Backoff backoff) {
            told.openBackoff = Objects.requireNonNull(backoff, "backoff");
            told.openFor = null;
            return this;
        }

        /**
         * Bounds how long the wish of a server may keep it OPEN; nothing else.
         *
         * @param duration positive; default 10 min
         * @return this
         */
        public Builder maxOpen(Duration duration) {
            told.maxOpen = Objects.requireNonNull(duration, "duration");
            return this;
        }

        /**
         * Where to find the wish of a server to be left alone (Retry-After). One in the very outcome that opens the
         * circuit lengthens this opening, up to {@link #maxOpen}; it never shortens one. The {@code retryAfter()} of a
         * {@link RejectedException} is found without this. May be called for several types.
         *
         * @param valueOrExceptionType type of results or exceptions
         * @param hint finds the wish, empty if there is none; what it throws is reported and means none
         * @param <C> that type
         * @return this
         */
        public <C> Builder hintFrom(Class<C> valueOrExceptionType, Function<? super C, Optional<Duration>> hint) {
            Objects.requireNonNull(valueOrExceptionType, "valueOrExceptionType");
            told.hints.add(new Hint<>(valueOrExceptionType, Objects.requireNonNull(hint, "hint")));
            return this;
        }

        /**
         * How many calls HALF_OPEN admits in all to find out.
         *
         * @param probes 1 to 1,000; default 5
         * @return this
         */
        public Builder probes(int probes) {
            told.probes = probes;
            return this;
        }

        /**
         * How many of the probes must succeed. The verdict falls as soon as the remaining ones cannot change it.
         *
         * @param successes 1 to {@code probes}; default the majority, 3 of 5
         * @return this
         */
        public Builder requiredSuccesses(int successes) {
            told.requiredSuccesses = successes;
            return this;
        }

        /**
         * How long a probe may take to report; then it counts as failed and its report is ignored.
         *
         * @param duration positive; default 30 s
         * @return this
         */
        public Builder probeLease(Duration duration) {
            told.probeLease = Objects.requireNonNull(duration, "duration");
            return this;
        }

        /**
         * After the probes, admit a growing share of the calls before all: the next share after {@code minimumCalls}
         * outcomes that reach no rule, or after the time to stay open. A rule that is reached opens the circuit again.
         *
         * @param shares growing, each between 0 and 1; none, the default, switches it off
         * @return this
         */
        public Builder ramp(double... shares) {
            told.ramp = Objects.requireNonNull(shares, "shares").clone();
            return this;
        }

        /**
         * What is a failure here.
         *
         * @param failures default the pipeline's
         * @return this
         */
        public Builder failures(Failures failures) {
            told.failures = Objects.requireNonNull(failures, "failures");
            return this;
        }

        /**
         * Failures that open the circuit at once, whatever the evidence.
         *
         * @param failures default off; only what it calls a failure trips
         * @return this
         */
        public Builder tripOn(Failures failures) {
            told.tripOn = Objects.requireNonNull(failures, "failures");
            return this;
        }

        /**
         * The clock of this breaker.
         *
         * @param time default {@link TimeSource#system()}
         * @return this
         */
        public Builder timeSource(TimeSource time) {
            told.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Checks all settings and makes the breaker.
         *
         * @return a new breaker, CLOSED
         * @throws IllegalArgumentException naming every setting that makes no sense, what was expected, and its value
         */
        public CircuitBreaker build() {
            return new CircuitBreaker(name, new Settings(told, Settings.defaults()).checked(name));
        }
    }
}
