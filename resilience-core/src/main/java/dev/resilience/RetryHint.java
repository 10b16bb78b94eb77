// SPDX-License-Identifier: Apache-2.0
package dev.resilience;

import java.time.Duration;
import java.util.Optional;

/**
 * A value or exception that knows when it makes sense to come again, such as the answer of a server that throttles. A
 * retry takes it as a floor of its delay, without being told to; what is written with {@code delayFrom} is asked first.
 * For types that cannot implement it use {@code delayFrom}.
 *
 * {@snippet class="dev.resilience.Snippets" region="hint"}
 *
 * <p>A {@link RejectedException} has an answer of its own to this question, with a rule of its own.
 */
public interface RetryHint {
    /**
     * How long to wait at least, from now. Runs on the thread that ended the attempt; what it throws is reported and
     * counts as no answer.
     *
     * @return empty for no answer; zero and less is no wait
     */
    Optional<Duration> retryAfter();
}
