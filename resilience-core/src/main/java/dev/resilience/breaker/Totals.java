// SPDX-License-Identifier: Apache-2.0
package dev.resilience.breaker;

import dev.resilience.breaker.CircuitBreaker.State;
import java.util.Map;

/** What metrics read: counters since the breaker was built; {@code transitions} by the state entered. */
record Totals(long failures, long ignored, long rejected, Map<State, Long> transitions) {}
