// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Description;
import dev.resilience.Policy;
import dev.resilience.Review;
import java.time.Duration;
import java.util.Optional;

/** Where a breaker cannot learn: places in a pipeline that hide from it what happens to the calls. */
final class Order {
    private static final Duration FOR_EVER = Duration.ofNanos(Long.MAX_VALUE);

    private Order() {}

    static void review(CircuitBreaker breaker, Settings settings, Review review) {
        if (review.outside().isEmpty() && review.inside().isEmpty()) return; // alone there is no order to be wrong
        for (Policy inner : review.inside()) {
            if (review.attempts(inner) > 1) review.warn(outside(breaker, inner, review.attempts(inner)));
        }
        boolean timed =
                review.inside().stream().anyMatch(inner -> review.bound(inner).isPresent());
        if (!timed && !seesHangs(settings, review)) review.warn(unbounded(breaker, review));
    }

    private static String outside(CircuitBreaker breaker, Policy retry, int attempts) {
        return breaker + " stands outside " + retry + ": it counts one call for up to " + attempts
                + " attempts, and they go on when it should be open; put the retry outside, as in"
                + " Pipeline.of(retry, breaker, timeout)";
    }

    /** By the rule about slow calls, which notices one that still runs up to a quarter later. */
    private static boolean seesHangs(Settings settings, Review review) {
        if (!settings.slow()) return false;
        Duration slow = Duration.ofNanos(settings.slowNanos);
        return review.endedBefore(slow.plus(slow.dividedBy(4))).isEmpty();
    }

    /** S34: what ends a call from outside is a cancellation for the breaker, and that is ignored. */
    private static String unbounded(CircuitBreaker breaker, Review review) {
        Optional<Policy> outer = review.boundedBy();
        String remedy = "so a dead dependency does not open it; put a timeout of each attempt inside, as in"
                + " Pipeline.of(retry, breaker, timeout)";
        if (outer.isEmpty()) {
            return breaker + " has no timeout inside it: a call that hangs is never counted, " + remedy;
        }
        Duration bound = review.bound(outer.get()).orElseThrow();
        String after = bound.compareTo(FOR_EVER) >= 0 ? "" : " (" + Description.text(bound) + ")";
        return breaker + " has no timeout inside it, only " + outer.get() + after + " outside: a call that hangs is"
                + " cancelled from there, which counts for nothing, " + remedy;
    }
}
