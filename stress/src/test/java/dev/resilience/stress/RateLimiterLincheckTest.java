// SPDX-License-Identifier: Apache-2.0
package dev.resilience.stress;

import dev.resilience.ratelimit.Limit;
import dev.resilience.ratelimit.RateLimiter;
import dev.resilience.ratelimit.RateLimiter.Carry;
import java.time.Duration;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.junit.jupiter.api.Test;

/** At a frozen time a bucket is a number that only goes down: every history has an order that explains it (P19, S26). */
public class RateLimiterLincheckTest {
    private final RateLimiter limiter = RateLimiter.builder("lincheck")
            .limit(Limit.of(10, Duration.ofSeconds(1)).burst(4))
            .timeSource(new RateLimitStress.Clock())
            .build();

    @Operation
    public boolean one() {
        return limiter.tryAcquire();
    }

    @Operation
    public boolean two() {
        return limiter.tryAcquire(2);
    }

    @Operation
    public long upToThree() {
        return limiter.acquireUpTo(3);
    }

    @Operation
    public long remaining() {
        return limiter.peek(1).remaining();
    }

    @Operation
    public void drain() {
        limiter.drain();
    }

    @Operation
    public void charge() {
        limiter.charge(1);
    }

    @Operation
    public void otherRate() {
        limiter.reconfigure(Limit.of(7, Duration.ofSeconds(1)).burst(4), Carry.KEEP_TOKENS);
    }

    /** What is reserved and given back at once is there again, for others to see in between or not. */
    @Operation
    public boolean reset() {
        limiter.reset();
        return true;
    }

    @Test
    void stress() {
        new StressOptions()
                .iterations(10)
                .invocationsPerIteration(500)
                .threads(2)
                .actorsPerThread(3)
                .check(getClass());
    }

    @Test
    void model_checking() {
        new ModelCheckingOptions()
                .iterations(10)
                .invocationsPerIteration(200)
                .threads(2)
                .actorsPerThread(3)
                .check(getClass());
    }
}
