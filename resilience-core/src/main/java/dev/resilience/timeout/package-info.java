// SPDX-License-Identifier: Apache-2.0
/**
 * Ends a call that takes too long: {@link dev.resilience.timeout.Timeout}.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.timeout;
