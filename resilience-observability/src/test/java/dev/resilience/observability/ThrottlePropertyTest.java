// SPDX-License-Identifier: Apache-2.0
package dev.resilience.observability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.resilience.testkit.ManualTime;
import java.time.Duration;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class ThrottlePropertyTest {
    /** A bucket in whole nanoseconds: what is asked for is let through while there is a token's worth in it. */
    private static final class Bucket {
        final long every;
        final long most;
        long filled;

        Bucket(int burst, long every) {
            this.every = every;
            this.most = burst * every;
            this.filled = most;
        }

        boolean pass(long elapsed) {
            filled = Math.min(most, filled + elapsed);
            if (filled < every) return false;
            filled -= every;
            return true;
        }
    }

    @Property(tries = 300)
    void lets_through_what_a_bucket_lets_through_and_tells_of_all_that_it_held_back(
            @ForAll @IntRange(min = 1, max = 5) int burst,
            @ForAll @IntRange(min = 1, max = 50) int every,
            @ForAll @Size(max = 60) List<@IntRange(min = 0, max = 120) Integer> gaps) {
        ManualTime time = ManualTime.startingAt(Long.MAX_VALUE - 100); // wraps: L10
        Throttle throttle = new Throttle(time, burst, every);
        Bucket model = new Bucket(burst, every);
        long held = 0;
        for (int gap : gaps) {
            time.advance(Duration.ofNanos(gap));
            long answer = throttle.pass();
            if (model.pass(gap)) {
                assertThat(answer).isEqualTo(held);
                held = 0;
            } else {
                assertThat(answer).isEqualTo(Throttle.HELD_BACK);
                held++;
            }
        }
        assertThat(throttle.drain()).isEqualTo(held);
        assertThat(throttle.drain()).isZero();
    }
}
