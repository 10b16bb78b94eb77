// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import dev.resilience.Description;
import dev.resilience.Gate;
import dev.resilience.Outcome;
import dev.resilience.Policy;
import dev.resilience.RejectedException;
import dev.resilience.TimeSource;
import dev.resilience.TimeoutExceededException;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.breaker.CircuitBreaker.Transition;
import dev.resilience.retry.Retry;
import dev.resilience.retry.Retry.Stopped;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/** Speaks for the policies, the cache or the sagas of one binding, and not too much. */
final class Voice {
    private final Logger logger;
    private final Map<Sort, Throttle> throttles = new EnumMap<>(Sort.class);

    /** What lines are about; each sort has a bound of its own, so that many rejections hide no transition. */
    enum Sort {
        TRANSITION,
        REJECTION,
        TIMEOUT,
        RETRY,
        STOP,
        LOAD,
        STALE,
        WRITE,
        INVALIDATION,
        PARKED,
        TURN,
        STEP,
        END,
        TAKEOVER,
        FENCED,
        OPERATOR,
        HEARTBEAT
    }

    Voice(Logger logger, TimeSource time, int burst, long everyNanos) {
        this.logger = logger;
        for (Sort sort : Sort.values()) throttles.put(sort, new Throttle(time, burst, everyNanos));
    }

    void changed(CircuitBreaker breaker, Transition change) {
        LoggingEventBuilder line = line(level(change), Sort.TRANSITION, breaker);
        if (line == null) return;
        Throwable cause = change.cause().orElse(null);
        (cause == null ? line : line.setCause(cause))
                .addKeyValue("from", change.from())
                .addKeyValue("to", change.to())
                .addKeyValue("reason", change.reason())
                .log("{} {}", breaker, words(change));
    }

    private static Level level(Transition change) {
        return switch (change.to()) {
            case OPEN, FORCED_OPEN, DISABLED -> Level.WARN;
            case OBSERVING -> change.from() == change.to() ? Level.WARN : Level.INFO;
            case HALF_OPEN, CLOSED -> Level.INFO;
        };
    }

    private static String words(Transition change) {
        String why = change.reason();
        return switch (change.to()) {
            case OPEN -> "opened and refuses calls: " + why;
            case FORCED_OPEN -> "was forced open and refuses calls: " + why;
            case DISABLED -> "was disabled, calls pass and are not judged: " + why;
            case OBSERVING -> change.from() == change.to() ? why : "observes only, calls pass: " + why;
            case HALF_OPEN -> "lets probes through: " + why;
            case CLOSED -> "closed, calls pass: " + why;
        };
    }

    /** Without DEBUG no exception is made for the log. */
    Gate.RejectionListener rejections() {
        return new Gate.RejectionListener() {
            @Override
            public boolean listening() {
                return logger.isDebugEnabled();
            }

            @Override
            public void rejected(RejectedException rejection) {
                Voice.this.rejected(rejection);
            }
        };
    }

    private void rejected(RejectedException rejection) {
        LoggingEventBuilder line = line(Level.DEBUG, Sort.REJECTION, rejection.policy());
        if (line == null) return;
        Duration after = rejection.retryAfter().orElse(null);
        (after == null ? line : line.addKeyValue("retryAfter", after)).log(rejection.getMessage());
    }

    void timedOut(Policy timeout, TimeoutExceededException late) {
        LoggingEventBuilder line = line(Level.DEBUG, Sort.TIMEOUT, timeout);
        if (line != null) line.log("timeout {}", late.getMessage());
    }

    void retries(Retry retry, Retry.Event event) {
        LoggingEventBuilder line = line(Level.DEBUG, Sort.RETRY, retry);
        if (line == null) return;
        line.addKeyValue("attempt", event.attempt())
                .addKeyValue("delay", event.delay())
                .log(
                        "{}: attempt {} failed, the next begins in {}: {}",
                        retry,
                        event.attempt(),
                        Description.text(event.delay()),
                        failure(event.outcome()));
    }

    void stopped(Retry retry, Stopped why, Outcome<?> outcome) {
        Level level = switch (why.reason()) {
            case BUDGET -> Level.WARN; // a sign of overload, and not of this call alone
            case ATTEMPTS, ONCE, DEADLINE, HINT -> Level.INFO;
            case REJECTED, CANCELLED -> Level.DEBUG; // said by who rejected, or wished for
        };
        LoggingEventBuilder line = line(level, Sort.STOP, retry);
        if (line == null) return;
        line.addKeyValue("reason", Policies.lower(why.reason()))
                .addKeyValue("attempts", why.attempts())
                .log("{}; the call ends with {}", why.getMessage(), failure(outcome));
    }

    private static String failure(Outcome<?> outcome) {
        if (outcome instanceof Outcome.Failure<?> failure)
            return failure.thrown().toString();
        return "a value that is a failure: " + Policies.kind(((Outcome.Success<?>) outcome).value());
    }

    void loadFailed(String cache, Throwable thrown, Duration took, boolean background) {
        LoggingEventBuilder line = line(background ? Level.WARN : Level.DEBUG, Sort.LOAD, "cache", cache);
        if (line == null) return;
        (background ? line.setCause(thrown) : line)
                .addKeyValue("background", background)
                .addKeyValue("took", took)
                .log(
                        "{}: a load{} failed after {}: {}",
                        cache,
                        background ? " in the background" : "",
                        Description.text(took),
                        thrown.toString());
    }

    void servedStale(String cache, Throwable failure) {
        LoggingEventBuilder line = line(Level.WARN, Sort.STALE, "cache", cache);
        if (line != null) line.log("{} answers with a value past its time to live: {}", cache, failure.toString());
    }

    void emptied(String cache) {
        LoggingEventBuilder line = line(Level.INFO, Sort.INVALIDATION, "cache", cache);
        if (line != null) line.log("{}: all was invalidated", cache);
    }

    void writeFailed(String cache, Throwable thrown, int failures) {
        LoggingEventBuilder line = line(Level.WARN, Sort.WRITE, "cache", cache);
        if (line == null) return;
        line.setCause(thrown)
                .addKeyValue("failures", failures)
                .log(
                        "{}: a write behind failed ({} in a row) and is tried again: {}",
                        cache,
                        failures,
                        thrown.toString());
    }

    void writeLate(String cache, Duration age) {
        LoggingEventBuilder line = line(Level.WARN, Sort.WRITE, "cache", cache);
        if (line == null) return;
        line.addKeyValue("age", age)
                .log(
                        "{}: a write behind has not ended after {}; its key is not written again until it does",
                        cache,
                        Description.text(age));
    }

    private @Nullable LoggingEventBuilder line(Level level, Sort sort, Policy policy) {
        return line(level, sort, "policy", policy);
    }

    /** Null when this line is not to be written. */
    @Nullable
    LoggingEventBuilder line(Level level, Sort sort, String what, Object who) {
        if (!logger.isEnabledForLevel(level)) return null;
        long suppressed = throttle(sort).pass();
        if (suppressed == Throttle.HELD_BACK) return null;
        LoggingEventBuilder line =
                logger.atLevel(level).addKeyValue(what, who.toString()).addKeyValue("event", Policies.lower(sort));
        return suppressed == 0 ? line : line.addKeyValue("suppressed", suppressed);
    }

    private Throttle throttle(Sort sort) {
        return Objects.requireNonNull(throttles.get(sort));
    }

    /** Nothing follows that could tell how many were held back. */
    void close() {
        throttles.forEach((sort, throttle) -> {
            long held = throttle.drain();
            if (held == 0) return;
            logger.atInfo()
                    .addKeyValue("event", Policies.lower(sort))
                    .addKeyValue("suppressed", held)
                    .log("{} lines about a {} were held back before the log was closed", held, Policies.lower(sort));
        });
    }
}
