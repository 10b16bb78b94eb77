// SPDX-License-Identifier: Apache-2.0
package dev.resilience.standard;

import dev.resilience.Backoff;
import dev.resilience.Failures;
import dev.resilience.Gate;
import dev.resilience.Pipeline;
import dev.resilience.RetryBudget;
import dev.resilience.TimeSource;
import dev.resilience.breaker.CircuitBreaker;
import dev.resilience.bulkhead.Bulkhead;
import dev.resilience.retry.Retry;
import dev.resilience.timeout.Timeout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The order that we recommend around a call of a remote dependency, with safe defaults: one line to be well protected.
 *
 * <pre>
 * total timeout( retry( breaker( bulkhead( attempt timeout( call ) ) ) ) )
 * </pre>
 *
 * {@snippet class="dev.resilience.standard.Snippets" region="standard"}
 *
 * <p>Why this order: the total timeout bounds what the caller waits, retries and their delays included. The retry is
 * outside the breaker, so that each attempt is counted and the retry hears when the breaker will let calls through
 * again. The bulkhead is inside both, so that a delay between attempts holds no slot. The attempt timeout is innermost,
 * where the breaker sees it as the failure that it is. To compose differently use {@link Pipeline#of}.
 *
 * <p><b>While the breaker is open</b> a call is refused at once, unless the breaker will let calls through within the
 * retry's cap of 2 s: then it waits for that, as far as the budget goes. With
 * {@code failures(Failures.standard().butNot(RejectedException.class))} on a retry of your own it never waits.
 *
 * <p>Work that must not be done twice is called with {@link dev.resilience.CallContext#once()}; if all of it is such,
 * give it {@code retry(Retry.of(1))}.
 */
public final class StandardPipeline {
    private StandardPipeline() {}

    /**
     * The recommended pipeline with every default.
     *
     * @param name names the pipeline and the policies in it
     * @return the pipeline
     */
    public static Pipeline of(String name) {
        return builder(name).build();
    }

    /**
     * For other settings.
     *
     * @param name names the pipeline and the policies in it
     * @return the builder
     */
    public static Builder builder(String name) {
        return new Builder(Objects.requireNonNull(name, "name"));
    }

    /** Builds the recommended pipeline. Not thread-safe. */
    public static final class Builder {
        private final String name;
        private Duration timeout = Duration.ofSeconds(30);
        private Duration attemptTimeout = Duration.ofSeconds(5);
        private @Nullable Retry retry;
        private @Nullable CircuitBreaker breaker;
        private @Nullable Bulkhead bulkhead;
        private @Nullable Failures failures;
        private TimeSource time = TimeSource.system();

        private Builder(String name) {
            this.name = name;
        }

        /**
         * Bounds the whole call. Default: 30 s.
         *
         * @param total greater than {@link #attemptTimeout}
         * @return this
         */
        public Builder timeout(Duration total) {
            this.timeout = Objects.requireNonNull(total, "total");
            return this;
        }

        /**
         * Bounds each attempt. Default: 5 s.
         *
         * @param each greater than zero
         * @return this
         */
        public Builder attemptTimeout(Duration each) {
            this.attemptTimeout = Objects.requireNonNull(each, "each");
            return this;
        }

        /**
         * The retry. Default: 3 attempts, exponential backoff with full jitter from 100 ms to 2 s, and a budget of its own
         * (one retry for five first attempts, and ten per second). Its cap is well below the breaker's open time, so that
         * callers do not queue up behind an open breaker.
         *
         * @param retry the retry
         * @return this
         */
        public Builder retry(Retry retry) {
            this.retry = Objects.requireNonNull(retry, "retry");
            return this;
        }

        /**
         * The breaker. Default: opens for 5 s when half of the last 100 calls failed, once there were 20.
         *
         * @param breaker the breaker; its clock must be that of {@link #timeSource}
         * @return this
         */
        public Builder breaker(CircuitBreaker breaker) {
            this.breaker = Objects.requireNonNull(breaker, "breaker");
            return this;
        }

        /**
         * The bulkhead. Default: 25 attempts at once, nobody waits.
         *
         * @param bulkhead the bulkhead; its clock must be that of {@link #timeSource}
         * @return this
         */
        public Builder bulkhead(Bulkhead bulkhead) {
            this.bulkhead = Objects.requireNonNull(bulkhead, "bulkhead");
            return this;
        }

        /**
         * The classifier of the policies that have none of their own. Default: {@link Failures#standard()}.
         *
         * @param failures the classifier
         * @return this
         */
        public Builder failures(Failures failures) {
            this.failures = Objects.requireNonNull(failures, "failures");
            return this;
        }

        /**
         * The clock. Default: {@link TimeSource#system()}.
         *
         * @param time the clock
         * @return this
         */
        public Builder timeSource(TimeSource time) {
            this.time = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Makes the pipeline.
         *
         * @return the pipeline
         * @throws IllegalArgumentException naming every problem: a timeout that is not positive, a total that is not longer
         *     than the attempt's, a policy with another clock
         */
        public Pipeline build() {
            check();
            Pipeline.Builder pipeline = Pipeline.builder(name).timeSource(time);
            if (failures != null) pipeline.failures(failures);
            return pipeline.policies(
                            Timeout.builder(name + " total").after(timeout).build(),
                            retry != null ? retry : defaultRetry(),
                            breaker != null
                                    ? breaker
                                    : CircuitBreaker.builder(name)
                                            .timeSource(time)
                                            .build(),
                            bulkhead != null
                                    ? bulkhead
                                    : Bulkhead.builder(name).timeSource(time).build(),
                            Timeout.builder(name + " attempt")
                                    .after(attemptTimeout)
                                    .build())
                    .build();
        }

        private Retry defaultRetry() {
            RetryBudget budget = RetryBudget.builder().timeSource(time).build();
            return Retry.builder(name)
                    .backoff(Backoff.exponential(Duration.ofMillis(100))
                            .cap(Duration.ofSeconds(2))
                            .fullJitter())
                    .budget(budget)
                    .build();
        }

        private void check() {
            List<String> problems = new ArrayList<>();
            positive("timeout", timeout, problems);
            positive("attemptTimeout", attemptTimeout, problems);
            if (problems.isEmpty() && timeout.compareTo(attemptTimeout) <= 0) {
                problems.add("timeout must be longer than attemptTimeout, was " + timeout + " and " + attemptTimeout);
            }
            if (breaker != null) clock("breaker", breaker, problems);
            if (bulkhead != null) clock("bulkhead", bulkhead, problems);
            if (!problems.isEmpty()) {
                throw new IllegalArgumentException("standard pipeline '" + name + "': " + String.join("; ", problems));
            }
        }

        /** What the pipeline would refuse too, but then alone. */
        private void clock(String setting, Gate gate, List<String> problems) {
            try {
                Pipeline.builder(name).timeSource(time).policies(gate).build();
            } catch (IllegalArgumentException another) {
                problems.add(setting + " must have the timeSource of this builder, " + gate + " has another");
            }
        }

        private static void positive(String setting, Duration duration, List<String> problems) {
            if (duration.isZero() || duration.isNegative()) {
                problems.add(setting + " must be positive, was " + duration);
            }
        }
    }
}
