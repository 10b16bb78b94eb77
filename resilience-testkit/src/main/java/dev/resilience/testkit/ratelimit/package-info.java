// SPDX-License-Identifier: Apache-2.0
/**
 * Checks of what a rate limiter let through: the bound over every window, and what a cancelled reservation is worth.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.testkit.ratelimit;
