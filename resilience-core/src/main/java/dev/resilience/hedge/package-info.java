// SPDX-License-Identifier: Apache-2.0
/**
 * Starts a second attempt while the first is slow: {@link dev.resilience.hedge.Hedge}.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.hedge;
