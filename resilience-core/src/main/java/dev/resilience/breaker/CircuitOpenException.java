// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.RejectedException;
import dev.resilience.breaker.CircuitBreaker.State;

/**
 * A {@link CircuitBreaker} refused the call; the user's code has not run.
 *
 * <p>The message says why, and when to try again: {@code circuit breaker 'payments' is open (62 of 100 calls failed,
 * threshold 50 %, opened 1.2 s ago); retry after 3.8 s}. {@link #retryAfter()} is the time until probes may go; it is
 * empty when nobody can know it: while all probes are out, on the ramp, and while the circuit is forced open without an
 * end. {@link #getCause()} is the failure that opened the circuit, the same instance for every call that is refused; null
 * when slow calls, a result or an operator opened it.
 *
 * <p>Each is an instance of its own and, by default, without a stack trace: refusing has to be cheap. The numbers are
 * those of the refusal, the message is made when it is asked for.
 */
public final class CircuitOpenException extends RejectedException {
    private static final long serialVersionUID = 1L;

    /** The name of the circuit breaker. */
    private final String circuit;
    /** The state that refused. */
    private final State state;
    /** Why it refused, in words. */
    private final String why;
    /** How long the state had lasted. */
    private final long sinceNanos;
    /** How long until trying again makes sense, 0 when unknown. */
    private final long leftNanos;

    /** Facts of the refusal as far as it tells: an OPEN that refused with a hint tells all. */
    static CircuitOpenException of(CircuitBreaker breaker, long refusal, long left, Regime seen) {
        long since = left > 0 && seen instanceof Refusing refusing
                ? Math.max(0, refusing.nanos - left)
                : seen.elapsed(seen.settings().time.nanoTime());
        return new CircuitOpenException(breaker, refusal, seen, since);
    }

    CircuitOpenException(CircuitBreaker circuit, long refusal, Regime seen, long sinceNanos) {
        super(circuit, refusal, seen.past.failure());
        this.circuit = circuit.name();
        state = seen.state;
        why = seen.why();
        this.sinceNanos = sinceNanos;
        leftNanos = Math.max(0, ~refusal);
    }

    /**
     * The state that refused: OPEN, FORCED_OPEN, or HALF_OPEN when no probe was free. An exception that is made later than
     * the refusal (of an {@code Outcome} that is asked for it) may find another state by then.
     *
     * @return the state
     */
    public State state() {
        return state;
    }

    /**
     * The circuit's name, why it refuses, since when, and when to try again.
     *
     * @return the message
     */
    @Override
    public String getMessage() {
        String retry = leftNanos == 0 ? "" : "; retry after " + Text.duration(leftNanos);
        return "circuit breaker '" + circuit + "' " + facts() + retry;
    }

    private String facts() {
        return switch (state) {
            case OPEN -> "is open (" + why + ", opened " + Text.duration(sinceNanos) + " ago)";
            case FORCED_OPEN -> "is forced open (" + why + ", forced " + Text.duration(sinceNanos) + " ago)";
            case HALF_OPEN -> "is half-open (" + why + ")";
            default -> "refused the call and admits calls again since";
        };
    }
}
