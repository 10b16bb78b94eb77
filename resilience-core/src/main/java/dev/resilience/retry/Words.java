// SPDX-License-Identifier: Apache-2.0
package dev.resilience.retry;

import dev.resilience.Description;
import dev.resilience.retry.Retry.Stopped.Reason;
import java.time.Duration;

/** What people read about a retry that stopped. */
final class Words {
    private Words() {}

    static String why(Reason reason, long asked, long most) {
        return switch (reason) {
            case ATTEMPTS -> "maxAttempts reached";
            case ONCE -> "the call allows one attempt";
            case DEADLINE -> "a pause of " + text(asked) + " does not fit in the remaining " + text(most);
            case BUDGET -> "the retry budget is used up";
            case HINT -> "asked to wait " + text(asked) + ", maxHint is " + text(most);
            case REJECTED ->
                asked == 0
                        ? "rejected, and rejections are not repeated"
                        : "rejected for " + text(asked) + ", waited for is " + text(Math.max(0, most)) + " at most";
            case CANCELLED -> "the call was cancelled";
        };
    }

    private static String text(long nanos) {
        return Description.text(Duration.ofNanos(nanos));
    }
}
