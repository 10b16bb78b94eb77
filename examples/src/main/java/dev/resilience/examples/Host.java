// SPDX-License-Identifier: Apache-2.0
package dev.resilience.examples;

import java.time.Duration;

/**
 * Somebody to call.
 *
 * @param name for people and policies
 * @param service what answers
 * @param staged whether it is called asynchronously ({@code sendAsync}, {@code callAsync}) or blocking
 * @param attempt how long one attempt may take
 * @param total how long a protected call may take with all its attempts
 * @param openFor how long its breaker stays open
 */
record Host(String name, FlakyService service, boolean staged, Duration attempt, Duration total, Duration openFor) {}
