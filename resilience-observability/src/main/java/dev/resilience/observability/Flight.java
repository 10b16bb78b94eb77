// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Outcome;
import dev.resilience.Policy;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.breaker.CircuitBreaker.Transition;
import dev.resilience.retry.Retry;
import jdk.jfr.Category;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** The events of policies for the flight recorder; with {@link CacheFlight} all that knows it. */
@SuppressWarnings("unused") // JFR reads the fields
final class Flight {
    /** Never committed: JFR puts its answer into the method, and asking a new one each time would allocate. */
    private static final RejectionEvent ASKED = new RejectionEvent();

    private Flight() {}

    /** What they have in common. */
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private abstract static class Told extends Event {
        @Label("Policy")
        String policy = "";
    }

    @Name("dev.resilience.Transition")
    @Label("Breaker Transition")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class TransitionEvent extends Told {
        @Label("From")
        String from = "";

        @Label("To")
        String to = "";

        @Label("Reason")
        String reason = "";
    }

    @Name("dev.resilience.Rejection")
    @Label("Rejection")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class RejectionEvent extends Told {
        @Label("Message")
        String message = "";

        @Label("Retry After")
        @Timespan
        long retryAfter;

        @Label("Left Out Before")
        long suppressed;
    }

    @Name("dev.resilience.Retry")
    @Label("Repeated Attempt")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class RetryEvent extends Told {
        @Label("Failed Attempt")
        int attempt;

        @Label("Delay")
        @Timespan
        long delay;

        @Label("Failure")
        String failure = "";
    }

    @Name("dev.resilience.Stop")
    @Label("Retry Stopped")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class StopEvent extends Told {
        @Label("Reason")
        String reason = "";

        @Label("Attempts")
        int attempts;
    }

    @Name("dev.resilience.Timeout")
    @Label("Timeout")
    @Enabled(false)
    @StackTrace(false)
    @Category("Resilience")
    private static final class TimeoutEvent extends Told {
        @Label("Allowed")
        @Timespan
        long allowed;

        @Label("Elapsed")
        @Timespan
        long elapsed;
    }

    static void transition(Policy breaker, Transition change) {
        TransitionEvent event = new TransitionEvent();
        if (!event.shouldCommit()) return;
        event.policy = breaker.toString();
        event.from = change.from().name();
        event.to = change.to().name();
        event.reason = change.reason();
        event.commit();
    }

    static boolean wantsRejections() {
        return ASKED.isEnabled();
    }

    static void rejection(RejectedException rejection, long suppressed) {
        RejectionEvent event = new RejectionEvent();
        if (!event.shouldCommit()) return;
        event.policy = String.valueOf(rejection.policy());
        event.message = rejection.getMessage();
        event.retryAfter = rejection.retryAfter().map(TimeSource::nanos).orElse(0L);
        event.suppressed = suppressed;
        event.commit();
    }

    static void retry(Policy retry, Retry.Event failed) {
        RetryEvent event = new RetryEvent();
        if (!event.shouldCommit()) return;
        event.policy = retry.toString();
        event.attempt = failed.attempt();
        event.delay = TimeSource.nanos(failed.delay());
        event.failure = failed.outcome() instanceof Outcome.Failure<?> failure
                ? failure.thrown().getClass().getName()
                : Policies.kind(((Outcome.Success<?>) failed.outcome()).value());
        event.commit();
    }

    static void stop(Policy retry, Retry.Stopped why) {
        StopEvent event = new StopEvent();
        if (!event.shouldCommit()) return;
        event.policy = retry.toString();
        event.reason = why.reason().name();
        event.attempts = why.attempts();
        event.commit();
    }

    static void timeout(Policy timeout, TimeoutExceededException late) {
        TimeoutEvent event = new TimeoutEvent();
        if (!event.shouldCommit()) return;
        event.policy = timeout.toString();
        event.allowed = TimeSource.nanos(late.timeout());
        event.elapsed = TimeSource.nanos(late.elapsed());
        event.commit();
    }
}
