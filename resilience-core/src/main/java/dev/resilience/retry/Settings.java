// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import dev.resilience.Backoff;
import dev.resilience.Description;
import dev.resilience.Failures;
import dev.resilience.Policy;
import dev.resilience.RetryBudget;
import dev.resilience.Review;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** What a retry was told, as one immutable object: a call reads it once and keeps it. */
final class Settings {
    static final long OFF = Long.MAX_VALUE;
    static final Settings STANDARD = new Settings();

    final int maxAttempts;
    final Backoff backoff;
    final long within;
    final @Nullable Failures failures;
    final List<Hint<?>> hints;
    final long maxHint;
    final @Nullable RetryBudget budget;
    final @Nullable Consumer<? super Retry.Event> listener;
    final @Nullable Function<? super @Nullable Object, ? extends RuntimeException> exhausted;
    private final @Nullable RandomGenerator random;

    private Settings() {
        maxAttempts = 3;
        backoff = Backoff.exponential(Duration.ofMillis(100))
                .cap(Duration.ofSeconds(10))
                .fullJitter();
        within = OFF;
        failures = null;
        hints = List.of();
        maxHint = TimeSource.nanos(Duration.ofMinutes(1));
        budget = null;
        listener = null;
        exhausted = null;
        random = null;
    }

    /** What was written replaces, what was not stays. */
    private Settings(Settings base, Draft written) {
        maxAttempts = or(written.maxAttempts, base.maxAttempts);
        backoff = or(written.backoff, base.backoff);
        within = written.within == null ? base.within : TimeSource.nanos(written.within);
        failures = written.failures == null ? base.failures : written.failures;
        hints = written.hints.isEmpty() ? base.hints : List.copyOf(written.hints);
        maxHint = written.maxHint == null ? base.maxHint : TimeSource.nanos(written.maxHint);
        budget = written.budget == null ? base.budget : written.budget;
        listener = written.listener == null ? base.listener : written.listener;
        exhausted = written.exhausted == null ? base.exhausted : written.exhausted;
        random = written.random == null ? base.random : written.random;
    }

    private static <V> V or(@Nullable V written, V base) {
        return written == null ? base : written;
    }

    Settings with(Draft written) {
        return new Settings(this, written);
    }

    boolean timed() {
        return within != OFF;
    }

    RandomGenerator random() {
        return random == null ? ThreadLocalRandom.current() : random;
    }

    /** How long a rejection may ask to wait when the next delay is shorter. */
    long longestDelay() {
        return backoff.capNanos() == OFF ? maxHint : backoff.capNanos();
    }

    void review(Retry retry, Review review) {
        if (maxAttempts == 1) return;
        for (Policy policy : review.inside()) {
            if (policy instanceof Retry inner && inner != retry && review.attempts(inner) > 1) {
                review.warn(inner + " stands inside " + retry + ": their attempts multiply, up to "
                        + (long) maxAttempts * review.attempts(inner) + "; keep one of them");
            }
        }
        Duration pause = Duration.ofNanos(backoff.leastNanos());
        String never = retry + " never repeats: its first pause (" + Description.text(pause) + " or more) does not fit";
        if (backoff.leastNanos() >= within) {
            review.warn(never + " into its within (" + Description.text(Duration.ofNanos(within))
                    + "); make the backoff shorter, or within longer");
        }
        review.endedBefore(pause)
                .ifPresent(outer -> review.warn(never + " into " + outer + " ("
                        + Description.text(review.bound(outer).orElseThrow())
                        + ") around it; make the backoff shorter, or the timeout longer"));
    }

    Map<String, String> described() {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("maxAttempts", Integer.toString(maxAttempts));
        all.put("backoff", backoff.toString());
        all.put("within", timed() ? Description.text(Duration.ofNanos(within)) : "off");
        all.put("failures", failures == null ? "the pipeline's" : "own");
        all.put(
                "delayFrom",
                hints.isEmpty()
                        ? "off"
                        : String.join(", ", hints.stream().map(Hint::name).toList()));
        all.put("maxHint", Description.text(Duration.ofNanos(maxHint)));
        all.put("budget", budget == null ? "off" : budget.toString());
        all.put("exhausted", exhausted == null ? "returns the value" : "throws");
        return all;
    }

    /** What a builder was told; null and empty for what it was not. */
    static final class Draft {
        @Nullable
        Integer maxAttempts;

        @Nullable
        Backoff backoff;

        @Nullable
        Duration within;

        @Nullable
        Failures failures;

        final List<Hint<?>> hints = new ArrayList<>(1);

        @Nullable
        Duration maxHint;

        @Nullable
        RetryBudget budget;

        @Nullable
        Consumer<? super Retry.Event> listener;

        @Nullable
        Function<? super @Nullable Object, ? extends RuntimeException> exhausted;

        @Nullable
        RandomGenerator random;

        /** All problems in one message (L11). */
        void check(String name) {
            List<String> problems = new ArrayList<>();
            if (maxAttempts != null && maxAttempts < 1)
                problems.add("maxAttempts must be at least 1, was " + maxAttempts);
            if (within != null && (within.isNegative() || within.isZero()))
                problems.add("within must be positive, was " + within);
            if (maxHint != null && maxHint.isNegative()) problems.add("maxHint must not be negative, was " + maxHint);
            if (!problems.isEmpty())
                throw new IllegalArgumentException("retry '" + name + "': " + String.join("; ", problems));
        }
    }

    /** A function of the user's that reads a delay out of a value or an exception. */
    record Hint<C>(Class<C> type, Function<? super C, Optional<Duration>> function) {
        /** Null when it is not asked or has none. */
        @Nullable
        Duration of(@Nullable Object subject) {
            return type.isInstance(subject) ? function.apply(type.cast(subject)).orElse(null) : null;
        }

        String name() {
            return type.getSimpleName();
        }
    }
}
