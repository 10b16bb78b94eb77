// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.Backoff;
import dev.resilience.Failures;
import dev.resilience.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a builder was told, null where it was told nothing: laid over other settings without asking the user again. */
final class Told {
    @Nullable
    Window window;

    @Nullable
    Double failureRate;

    @Nullable
    Integer consecutiveFailures;

    Settings.@Nullable Slow slow;

    @Nullable
    Duration openFor;

    @Nullable
    Backoff openBackoff;

    @Nullable
    Duration maxOpen;

    @Nullable
    Integer probes;

    @Nullable
    Integer requiredSuccesses;

    @Nullable
    Duration probeLease;

    double @Nullable [] ramp;

    @Nullable
    Failures failures;

    @Nullable
    Failures tripOn;

    @Nullable
    TimeSource time;

    final List<Hint<?>> hints = new ArrayList<>();
}
