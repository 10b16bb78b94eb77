// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Gate;
import dev.resilience.Keyed;
import dev.resilience.Policy;
import dev.resilience.RejectedException;
import dev.resilience.Subscription;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * Puts what policies do into JDK Flight Recorder, beside what the JVM did at that moment: a garbage collection, a lock, a
 * socket that was read for long.
 *
 * {@snippet class="dev.resilience.observability.Snippets" region="events"}
 *
 * <table>
 * <caption>Events, all in the category "Resilience"</caption>
 * <tr><th>name</th><th>fields</th></tr>
 * <tr><td>{@code dev.resilience.Transition}</td><td>policy, from, to, reason</td></tr>
 * <tr><td>{@code dev.resilience.Rejection}</td><td>policy, message, retryAfter, suppressed</td></tr>
 * <tr><td>{@code dev.resilience.Retry}</td><td>policy, attempt, delay, failure</td></tr>
 * <tr><td>{@code dev.resilience.Stop}</td><td>policy, reason, attempts</td></tr>
 * <tr><td>{@code dev.resilience.Timeout}</td><td>policy, allowed, elapsed</td></tr>
 * </table>
 *
 * <p><b>They are off</b> until a recording enables them, by name or {@code dev.resilience.*=true} on the command line of
 * {@code jcmd JFR.start}; off they cost nothing: no allocation, and no exception is made for them. Of rejections at most
 * 100 are written at once and then 100 a second for each binding; {@code suppressed} says how many were left out.
 *
 * <p>Needs the module {@code jdk.jfr}, which every JDK has and a trimmed image may not: {@link #create()} says so.
 * Thread-safe; events are written on the thread of the call. {@link #close()} unsubscribes from every policy.
 */
public final class PolicyEvents implements AutoCloseable {
    private static final int BURST = 100;
    private static final long EVERY_NANOS = 10_000_000;

    private final Watching<Throttle> watching = new Watching<>(PolicyEvents::listen, throttle -> {});
    private final TimeSource time;

    private PolicyEvents(TimeSource time) {
        this.time = time;
    }

    /**
     * Events of policies that are to be bound.
     *
     * @return nothing is bound yet
     * @throws IllegalStateException when this Java runtime has no flight recorder
     */
    public static PolicyEvents create() {
        return create(TimeSource.system());
    }

    /** With a clock for the rate of rejections. */
    static PolicyEvents create(TimeSource time) {
        try {
            Class.forName("jdk.jfr.Event");
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(
                    "policy events: need the module jdk.jfr, which this Java runtime does not have; add it to the image,"
                            + " or --add-modules jdk.jfr",
                    e);
        }
        return new PolicyEvents(time);
    }

    /**
     * Records what a policy does; of a pipeline, each gate and driver in it. One that is bound twice is recorded once.
     *
     * @param policy the policy
     * @return ends this binding
     * @throws IllegalStateException when this is closed
     */
    public Subscription bind(Policy policy) {
        return watching.bind(Objects.requireNonNull(policy, "policy"), throttle());
    }

    /**
     * Records what all policies of a registry do, those to come too; they share one bound for rejections.
     *
     * @param keyed the registry of policies
     * @return ends this binding
     * @throws IllegalStateException when this is closed
     */
    public Subscription bind(Keyed<?, ?> keyed) {
        return watching.bind(Objects.requireNonNull(keyed, "keyed"), throttle());
    }

    /** Records what something else does, as {@code how} makes it be heard. */
    Subscription bind(Object heard, Function<Throttle, Subscription> how) {
        return watching.bind(heard, throttle(), how);
    }

    private Throttle throttle() {
        return new Throttle(time, BURST, EVERY_NANOS);
    }

    private static Subscription listen(Policy policy, Throttle throttle) {
        List<Subscription> all = new ArrayList<>();
        if (policy instanceof CircuitBreaker breaker) {
            all.add(breaker.onTransition(change -> Flight.transition(breaker, change)));
        }
        if (policy instanceof Gate gate) all.add(gate.onRejection(new Rejections(throttle)));
        if (policy instanceof Timeout timeout) all.add(timeout.onTimeout(late -> Flight.timeout(timeout, late)));
        if (policy instanceof Retry retry) {
            all.add(retry.onRetry(event -> Flight.retry(retry, event)));
            all.add(retry.onStop((why, outcome) -> Flight.stop(retry, why)));
        }
        return () -> all.forEach(Subscription::close);
    }

    /** Nobody makes an exception for a recording that does not run. */
    private record Rejections(Throttle throttle) implements Gate.RejectionListener {
        @Override
        public boolean listening() {
            return Flight.wantsRejections();
        }

        @Override
        public void rejected(RejectedException rejection) {
            long suppressed = throttle.pass();
            if (suppressed != Throttle.HELD_BACK) Flight.rejection(rejection, suppressed);
        }
    }

    /** Ends all bindings. No other can be made then. */
    @Override
    public void close() {
        watching.close();
    }
}
