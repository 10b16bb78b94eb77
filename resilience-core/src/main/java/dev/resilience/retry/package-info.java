// SPDX-License-Identifier: Apache-2.0
/**
 * Repeats what failed: {@link dev.resilience.retry.Retry}, a driver.
 *
 * <pre>
 *   call ─▶ attempt 1 ─▶ failure ─▶ decide ─▶ pause ─▶ attempt 2 ─▶ … ─▶ success: returned
 *                                     └─▶ stop: the last real failure, with the reason attached
 * </pre>
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.retry;
