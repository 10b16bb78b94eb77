// SPDX-License-Identifier: Apache-2.0
/**
 * Bounds how many calls run at once: {@link dev.resilience.bulkhead.Bulkhead}.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.bulkhead;
