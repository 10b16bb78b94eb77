// SPDX-License-Identifier: Apache-2.0
/**
 * For those who write a store, a second level or a backplane for a cache: the contracts, as tests.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.testkit.cache;
