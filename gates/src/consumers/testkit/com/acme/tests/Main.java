// SPDX-License-Identifier: Apache-2.0
package com.acme.tests;

import dev.resilience.Backoff;
import dev.resilience.Pipeline;
import dev.resilience.retry.Retry;
import dev.resilience.testkit.ManualTime;
import java.io.IOException;
import java.time.Duration;

/** A user's test of an hour of backoff that takes no time. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws IOException {
        ManualTime time = ManualTime.autoAdvancing();
        Retry hourly = Retry.builder("hourly")
                .maxAttempts(2)
                .backoff(Backoff.constant(Duration.ofHours(1)))
                .build();
        Pipeline pipeline =
                Pipeline.builder("consumer").policies(hourly).timeSource(time).build();
        int[] attempts = {0};
        String answer = pipeline.call(() -> {
            if (++attempts[0] == 1) {
                throw new IOException("not yet");
            }
            return "answered";
        });

        System.out.println(answer + " after " + time.elapsed() + " with " + ManualTime.class.getModule());
    }
}
