// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Gate;
import dev.resilience.Keyed;
import dev.resilience.Policy;
import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what policies do into the log, in words for somebody who was just woken up, with the same facts as key-values.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="log"}
 *
 * <table>
 * <caption>What is said how loud</caption>
 * <tr><th>level</th><th>what</th></tr>
 * <tr><td>WARN</td><td>a breaker opens, would have opened, was forced open or disabled; a retry budget is used up</td></tr>
 * <tr><td>INFO</td><td>a breaker probes, closes, observes; a retry gives up</td></tr>
 * <tr><td>DEBUG</td><td>each rejection, each timeout, each repeated attempt: the caller gets an exception for these, or
 * an answer after all. While DEBUG is off they cost a question to the logger</td></tr>
 * </table>
 *
 * <p><b>It cannot flood.</b> Of each sort, and for all policies of one binding together, a burst passes and then one line
 * now and again (10, then one in 10 s, unless {@link #to(Logger, int, Duration)} says otherwise); the next one that
 * passes tells how many were held back ({@code suppressed}), and so does closing.
 *
 * <p><b>Key-values:</b> {@code policy} (kind and name), {@code event} ({@code transition}, {@code rejection},
 * {@code timeout}, {@code retry}, {@code stop}), {@code suppressed} when it is not 0; of a transition {@code from},
 * {@code to}, {@code reason}; of a rejection {@code retryAfter}; of a retry {@code attempt}, {@code delay}; of a stop
 * {@code reason}, {@code attempts}.
 *
 * <p><b>Threads.</b> A line is written on the thread of the call that caused it. What the logger throws is reported like
 * the exception of any listener, and changes nothing. {@link #close()} unsubscribes from every policy.
 */
public final class PolicyLog implements AutoCloseable {
    private final Logger logger;
    private final Watching<Voice> watching = new Watching<>(PolicyLog::listen, Voice::close);
    private final int burst;
    private final Duration every;
    private final TimeSource time;

    private PolicyLog(Logger logger, int burst, Duration every, TimeSource time) {
        this.logger = Objects.requireNonNull(logger, "logger");
        this.burst = burst;
        this.every = Objects.requireNonNull(every, "every");
        this.time = Objects.requireNonNull(time, "time");
    }

    /**
     * Writes to the logger {@code dev.resilience.policies}.
     *
     * @return nothing is bound yet
     */
    public static PolicyLog create() {
        return to(LoggerFactory.getLogger("dev.resilience.policies"));
    }

    /**
     * Writes to a logger of yours.
     *
     * @param logger where the lines go
     * @return nothing is bound yet
     */
    public static PolicyLog to(Logger logger) {
        return to(logger, 10, Duration.ofSeconds(10));
    }

    /**
     * Writes to a logger of yours, more or less often.
     *
     * @param logger where the lines go
     * @param burst how many lines of a sort may come at once, at least 1
     * @param every after them one line in this time, positive
     * @return nothing is bound yet
     * @throws IllegalArgumentException naming each of the two that is out of range
     */
    public static PolicyLog to(Logger logger, int burst, Duration every) {
        return to(logger, burst, every, TimeSource.system());
    }

    /** With a clock for the rate. */
    static PolicyLog to(Logger logger, int burst, Duration every, TimeSource time) {
        List<String> problems = new ArrayList<>();
        if (burst < 1) problems.add("burst must be at least 1, was " + burst);
        if (every.isNegative() || every.isZero()) problems.add("every must be positive, was " + every);
        if (!problems.isEmpty()) throw new IllegalArgumentException("policy log: " + String.join("; ", problems));
        return new PolicyLog(logger, burst, every, time);
    }

    /**
     * Writes down what a policy does; of a pipeline, each gate and driver in it. One that is bound twice speaks once.
     *
     * @param policy the policy
     * @return ends this binding
     * @throws IllegalStateException when this is closed
     */
    public Subscription bind(Policy policy) {
        return watching.bind(Objects.requireNonNull(policy, "policy"), voice());
    }

    /**
     * Writes down what all policies of a registry do, those to come too; they share one bound for the number of lines.
     *
     * @param keyed the registry of policies
     * @return ends this binding
     * @throws IllegalStateException when this is closed
     */
    public Subscription bind(Keyed<?, ?> keyed) {
        return watching.bind(Objects.requireNonNull(keyed, "keyed"), voice());
    }

    /** Writes down what something else does, as {@code how} makes it be heard. */
    Subscription bind(Object heard, Function<Voice, Subscription> how) {
        return watching.bind(heard, voice(), how);
    }

    private Voice voice() {
        return new Voice(logger, time, burst, TimeSource.nanos(every));
    }

    private static Subscription listen(Policy policy, Voice voice) {
        List<Subscription> all = new ArrayList<>();
        if (policy instanceof CircuitBreaker breaker) all.add(breaker.onTransition(t -> voice.changed(breaker, t)));
        if (policy instanceof Gate gate) all.add(gate.onRejection(voice.rejections()));
        if (policy instanceof Timeout timeout) all.add(timeout.onTimeout(late -> voice.timedOut(timeout, late)));
        if (policy instanceof Retry retry) {
            all.add(retry.onRetry(event -> voice.retries(retry, event)));
            all.add(retry.onStop((why, outcome) -> voice.stopped(retry, why, outcome)));
        }
        return () -> all.forEach(Subscription::close);
    }

    /** Ends all bindings. No other can be made then. */
    @Override
    public void close() {
        watching.close();
    }
}
