// SPDX-License-Identifier: Apache-2.0
/**
 * Caches in three layers, each usable alone: a table of shared loads, a loading cache, a cache of two levels.
 */
@org.jspecify.annotations.NullMarked
package dev.resilience.cache;
