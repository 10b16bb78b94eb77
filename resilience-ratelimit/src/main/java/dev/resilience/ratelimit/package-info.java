// SPDX-License-Identifier: Apache-2.0
/**
 * Bounds how many permits pass per time: {@link dev.resilience.ratelimit.RateLimiter} and what it keeps to,
 * {@link dev.resilience.ratelimit.Limit}.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.ratelimit;
